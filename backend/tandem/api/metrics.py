"""The metrics, for Prometheus to read."""

from collections.abc import Callable

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4


def routes(read: Callable[[], bytes]) -> APIRouter:
    """Return the route of the metrics; `read` gives them in the text format."""
    router = APIRouter(tags=["metrics"])

    @router.get(
        "/metrics",
        summary="Metrics in Prometheus' text format",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}},
    )
    async def metrics() -> Response:
        # In the event loop, as everything that touches a breaker.
        return Response(read(), media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return router
