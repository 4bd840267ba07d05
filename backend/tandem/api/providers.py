"""The providers of each slot: which serve, how they are, what the others lack; and the operators' hand on them."""

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, ConfigDict

from tandem.api.operators import guarded
from tandem.core.breaker import State
from tandem.core.chain import Chain, Member, Record
from tandem.core.errors import Fault
from tandem.core.ports import Slot
from tandem.core.recent import Recent


class Percentiles(BaseModel):
    """Of the last 256 measurements, in ms."""

    p50: float
    p95: float
    p99: float


class ProviderState(BaseModel):
    """`place` is the position in the chain, from 0; None: not in it. `missing` says what to add, None: nothing.

    The rest is of those that run in a chain, since the start. `breaker` is None for the others. `cool_down_left_ms` is
    None unless the breaker is open until a time; `held`: an operator opened it, until an operator closes it.
    `first_output_ms` is None before there is a measurement, and for recognisers, which wait for the caller.
    `took_over` counts how often it went on where another one had failed or was late.
    """

    slot: str
    name: str
    about: str
    place: int | None
    missing: str | None
    breaker: State | None = None
    cool_down_left_ms: float | None = None
    held: bool = False
    last_fault: Fault | None = None
    first_output_ms: Percentiles | None = None
    attempts: int = 0
    failures: int = 0
    took_over: int = 0


class ProvidersHealth(BaseModel):
    """`healthy`: every slot has a provider whose breaker is not open. `serving` names those of each slot, in order."""

    healthy: bool
    serving: dict[str, list[str]]


class Action(StrEnum):
    """What an operator can do to a breaker."""

    OPEN = "open"  # leave the provider alone until one of the others is asked for
    CLOSE = "close"  # let it serve, as if it had never failed
    RESET = "reset"  # the same, and forget its figures


class BreakerOrder(BaseModel):
    model_config = ConfigDict(extra="forbid")

    action: Action


ReadTable = Callable[[], Sequence[ProviderState]]
ReadChains = Callable[[], Sequence[Chain[Any]]]


def routes(table: ReadTable, chains: ReadChains, admin_token: str) -> APIRouter:
    """Return the provider routes. `table` has every provider, `chains` those that run (none before the start).

    Breakers can be changed from the gateway's own machine or with `admin_token` (empty: not with any).
    """
    # All in the event loop, and not in a thread each: breakers are touched there only.
    router = APIRouter(tags=["providers"])
    operators = APIRouter(route_class=guarded(admin_token))

    @router.get("/providers", summary="Every provider, in or out of its chain, and how it is")
    async def providers() -> list[ProviderState]:
        members = _members(chains())
        return [_with_figures(row, members.get((row.slot, row.name))) for row in table()]

    @router.get("/providers/health", summary="Has every slot a provider?", responses={503: {"model": ProvidersHealth}})
    async def health(response: Response) -> ProvidersHealth:
        """200 while every slot has a provider whose breaker is not open, 503 otherwise."""
        found = _health_of(chains())
        response.status_code = 200 if found.healthy else 503
        return found

    @operators.post(
        "/providers/{slot}/{name}/breaker",
        summary="Open, close or reset a provider's breaker, for every caller",
        responses={403: {"description": "Not from here"}, 404: {"description": "Not in a chain"}},
    )
    async def change_breaker(slot: str, name: str, order: BreakerOrder) -> ProviderState:
        """Only from the gateway's own machine, or with TANDEM_ADMIN_TOKEN as the bearer token."""
        members = _members(chains())
        member = members.get((slot, name))
        if member is None:
            known = ", ".join(f"{where}/{who}" for where, who in members) or "none"
            raise HTTPException(404, f"{slot}/{name} is in no chain that runs. There are: {known}.")
        _obey(order.action, member)
        row = next(row for row in table() if (row.slot, row.name) == (slot, name))
        return _with_figures(row, member)

    router.include_router(operators)
    return router


def _members(chains: Sequence[Chain[Any]]) -> dict[tuple[str, str], Member[Any]]:
    return {(chain.slot.value, member.name): member for chain in chains for member in chain.members}


def _health_of(chains: Sequence[Chain[Any]]) -> ProvidersHealth:
    serving: dict[str, list[str]] = {slot.value: [] for slot in Slot}
    for chain in chains:
        serving[chain.slot] = [member.name for member in chain.members if member.breaker.state is not State.OPEN]
    return ProvidersHealth(healthy=all(serving.values()), serving=serving)


def _obey(action: Action, member: Member[Any]) -> None:
    if action is Action.OPEN:
        member.breaker.hold_open()
        return
    member.breaker.close()
    if action is Action.RESET:
        member.record = Record()


def _with_figures(row: ProviderState, member: Member[Any] | None) -> ProviderState:
    if member is None:
        return row
    record, state, left_ms = member.record, member.breaker.state, member.breaker.cool_down_left_ms
    held = math.isinf(left_ms)
    figures = {
        "breaker": state,
        "cool_down_left_ms": None if held or state is not State.OPEN else round(left_ms, 1),
        "held": held,
        "last_fault": record.last_fault,
        "first_output_ms": _percentiles(record.first_outputs),
        "attempts": record.attempts,
        "failures": record.failures,
        "took_over": record.took_over,
    }
    return row.model_copy(update=figures)


def _percentiles(measured: Recent) -> Percentiles | None:
    p50, p95, p99 = (measured.percentile(share) for share in (0.5, 0.95, 0.99))
    if p50 is None or p95 is None or p99 is None:
        return None
    return Percentiles(p50=round(p50, 1), p95=round(p95, 1), p99=round(p99, 1))
