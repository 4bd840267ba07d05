"""The providers of each slot: which serve, in which order, and what the others lack."""

from collections.abc import Callable

from fastapi import APIRouter
from pydantic import BaseModel


class ProviderState(BaseModel):
    """`place` is the position in the chain, from 0; None: not in it. `missing` says what to add, None: nothing."""

    slot: str
    name: str
    about: str
    place: int | None
    missing: str | None


def routes(read: Callable[[], list[ProviderState]]) -> APIRouter:
    """Return the provider routes; `read` looks at the process."""
    router = APIRouter(tags=["providers"])

    @router.get("/providers", summary="Every provider, in or out of its chain")
    def providers() -> list[ProviderState]:
        return read()

    return router
