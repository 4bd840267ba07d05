"""The last calls, for operators: what each turn took, and how the microphone sounded."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, ConfigDict

from tandem.api.operators import guarded
from tandem.core.audio import AudioQuality
from tandem.core.call_record import CallRecord, TurnRecord


class CallSummary(BaseModel):
    """A call; `lasted_ms` is null while it is up."""

    model_config = ConfigDict(from_attributes=True)

    session_id: str
    began_at: datetime
    lasted_ms: float | None
    interruptions: int
    microphone: AudioQuality | None


class CallDetails(CallSummary):
    """A call with its turns, the latest 100 of them, as `turn_metrics` told them."""

    turns: list[TurnRecord]


def routes(
    listing: Callable[[], Sequence[CallRecord]], find: Callable[[str], CallRecord | None], admin_token: str
) -> APIRouter:
    """Return the routes of calls, for operators only."""
    router = APIRouter(tags=["calls"], route_class=guarded(admin_token))

    @router.get("/calls", summary="The last calls, the latest first")
    async def calls() -> list[CallSummary]:
        return [CallSummary.model_validate(call) for call in listing()]

    @router.get("/calls/{session_id}", summary="One call, turn by turn", responses={404: {"description": "Not kept"}})
    async def call(session_id: Annotated[str, Path(max_length=64)]) -> CallDetails:
        if (found := find(session_id)) is None:
            raise HTTPException(404, "No such call is kept; GET /calls lists those that are.")
        return CallDetails.model_validate(found)

    return router
