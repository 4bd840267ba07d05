"""The wall clock: calls in real time, through the vendors' own SDKs, over real sockets, against the simulator."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import chain, islice

from tandem.core.ports import Notify, Slot
from tandem.drill.calls import Evidence, call
from tandem.drill.cells import Cell, Clock, Omission, Row, Selection, cells, omissions
from tandem.drill.faults import Point, Trouble
from tandem.drill.health import Scene
from tandem.drill.measure import Result, measure
from tandem.drill.vendors import Case, Vendors
from tandem.drill.wall_faults import why_not_here
from tandem.session.equipment import Equipment
from tandem.simulator.wav import whole

AT_A_TIME = 8  # calls that share one event loop without keeping each other waiting
_APART_S = 0.4  # so that they do not all work at the same words
_QUICK_POINTS = 2  # of each fault of each slot, those in the middle first
_MIDDLE_FIRST = (Point.HALF, Point.BEFORE_FIRST, Point.BEFORE_SEND, Point.UNIT_1, Point.QUARTER, Point.LAST_UNIT)

Take = Callable[[Result, bytes], None]


def wall_cells(selection: Selection, *, quick: bool) -> list[Cell]:
    """Return the single failures that are wanted and that the simulator can play; `quick` leaves two points of each."""
    found = [replace(cell, clock=Clock.WALL) for cell in cells(replace(selection, rows=(Row.SINGLE,)))]
    found = [cell for cell in found if not _why_not(cell)]
    if not quick:
        return found
    kept: dict[tuple[Slot | None, Trouble | None, int], list[Cell]] = {}
    for cell in sorted(found, key=_middle_first):
        kept.setdefault((cell.slot, cell.trouble, cell.seed), []).append(cell)
    wanted = set(chain.from_iterable(islice(group, _QUICK_POINTS) for group in kept.values()))
    return [cell for cell in found if cell in wanted]


def wall_omissions(selection: Selection) -> list[Omission]:
    """Return the wanted combinations that the simulator cannot play, or that make no sense, each with its reason."""
    single = replace(selection, rows=(Row.SINGLE,), seeds=(1,))
    ours = [(cell, _why_not(cell)) for cell in cells(single)]
    left = [
        Omission(cell.slot, cell.trouble, cell.point, reason)
        for cell, reason in ours
        if reason and cell.slot and cell.trouble and cell.point
    ]
    return [*omissions(single), *left]


def _why_not(cell: Cell) -> str:
    if cell.slot is None or cell.trouble is None or cell.point is None:
        return ""
    return why_not_here(cell.slot, cell.trouble, cell.point)


def _middle_first(cell: Cell) -> int:
    return _MIDDLE_FIRST.index(cell.point) if cell.point in _MIDDLE_FIRST else len(_MIDDLE_FIRST)


async def run(cell: Cell, vendors: Vendors) -> Evidence:
    """Make the cell's call in real time."""
    following: list[asyncio.Task[None]] = []

    def equipped(cell: Cell, scene: Scene, notify: Notify) -> Equipment:
        case: Case | None = vendors.case(cell, scene)
        if case is not None:
            following.append(group.create_task(case.follow()))
        return vendors.equipment(cell, scene, notify)

    async with asyncio.TaskGroup() as group:
        evidence = await call(cell, equip=equipped)
        for task in following:
            task.cancel()
    evidence.scene.asked += vendors.asked()
    return evidence


async def drill(wanted: Sequence[Cell], take: Take, at_a_time: int = AT_A_TIME) -> None:
    """Run the cells, and each seed's call without a fault; `take` gets each result, and a WAV file if it is broken."""
    results = _Results(take)
    waiting = deque(wanted)
    for healthy in dict.fromkeys(cell.healthy for cell in wanted):
        # Not among the first, which find nothing warm and would make all others look fast.
        waiting.insert(min(at_a_time, len(waiting)), healthy)
    async with AsyncExitStack() as stack:
        # All are open before the first call: opening an SDK's client keeps the event loop for a while.
        casts = [await stack.enter_async_context(Vendors.open()) for _ in range(min(at_a_time, len(waiting)))]
        async with asyncio.TaskGroup() as lanes:
            for place, vendors in enumerate(casts):
                lanes.create_task(_lane(waiting, vendors, results, place * _APART_S))


async def _lane(waiting: "deque[Cell]", vendors: Vendors, results: "_Results", begins_s: float) -> None:
    await asyncio.sleep(begins_s)
    while waiting:
        cell = waiting.popleft()
        results.add(cell, await run(cell, vendors))


class _Results:
    """Results wait for that of the same call without a fault."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._healthy: dict[Cell, Result] = {}
        self._early: list[tuple[Result, bytes]] = []

    def add(self, cell: Cell, evidence: Evidence) -> None:
        result = measure(evidence)
        player = evidence.caller.player
        if cell == cell.healthy:
            self._healthy[cell] = result
        else:
            self._early.append((result, whole(player.recording(), player.rate) if result.broken else b""))
        ready = [early for early in self._early if early[0].cell.healthy in self._healthy]
        self._early = [early for early in self._early if early[0].cell.healthy not in self._healthy]
        for one, recording in ready:
            self._take(one.beside(self._healthy[one.cell.healthy]), recording)
