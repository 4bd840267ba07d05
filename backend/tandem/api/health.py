"""Health: is the process alive, and is it ready to take a call."""

from collections.abc import Callable

from fastapi import APIRouter, Response
from pydantic import BaseModel


class Health(BaseModel):
    """`live`: the process answers. `ready`: a call can begin now; if not, `reasons` says why. `calls` are up."""

    live: bool
    ready: bool
    reasons: list[str]
    calls: int
    calls_capacity: int


def routes(read: Callable[[], Health]) -> APIRouter:
    """Return the health routes; `read` looks at the process."""
    router = APIRouter(tags=["health"])

    @router.get("/health", summary="Live and ready, with reasons", responses={503: {"model": Health}})
    def health(response: Response) -> Health:
        """200 while calls can begin, 503 otherwise."""
        found = read()
        response.status_code = 200 if found.ready else 503
        return found

    return router
