"""The drill by the wall clock: real SDKs, real sockets, simulated vendors, and the same promise."""

import asyncio

import pytest
from typer.testing import CliRunner

from tandem.cli import cli
from tandem.core.ports import Slot
from tandem.drill.cells import Cell, Clock, Row, Selection, cells
from tandem.drill.faults import Point, Trouble
from tandem.drill.measure import Result
from tandem.drill.wall import drill, wall_cells, wall_omissions

pytestmark = pytest.mark.alone

SEED = 1
CELLS = [
    Cell(Row.SINGLE, SEED, slot, trouble, point, clock=Clock.WALL)
    for slot, trouble, point in (
        (Slot.STT, Trouble.CUT, Point.HALF),
        (Slot.LLM, Trouble.CUT, Point.HALF),
        (Slot.TTS, Trouble.CUT, Point.HALF),
        (Slot.LLM, Trouble.SILENT, Point.BEFORE_FIRST),
    )
]


@pytest.fixture(scope="module")
def outcome() -> dict[Cell, Result]:
    """All cells, at the same time."""
    found: dict[Cell, Result] = {}
    asyncio.run(drill(CELLS, lambda result, _: found.update({result.cell: result}), at_a_time=len(CELLS) + 1))
    return found


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.label)
def test_the_promise_is_kept_over_real_sockets(outcome: dict[Cell, Result], cell: Cell) -> None:
    result = outcome[cell]
    assert (result.caller.lost, result.caller.repeated) == (0, 0)
    assert (result.reply.lost, result.reply.repeated) == (0, 0)
    assert (result.history, result.dropped) == ("", "")


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.label)
def test_the_fault_really_struck(outcome: dict[Cell, Result], cell: Cell) -> None:
    assert outcome[cell].detect_ms is not None


def test_every_single_failure_is_drilled_or_left_out_with_a_reason() -> None:
    wanted = Selection(seeds=(SEED,))
    drilled = {(cell.slot, cell.trouble, cell.point) for cell in wall_cells(wanted, quick=False)}
    left_out = {(omission.slot, omission.trouble, omission.point) for omission in wall_omissions(wanted)}
    assert drilled | left_out == {(slot, trouble, point) for slot in Slot for trouble in Trouble for point in Point}
    assert not drilled & left_out
    assert len(drilled) < len(cells(Selection(rows=(Row.SINGLE,), seeds=(SEED,))))


def test_a_quick_drill_has_every_fault_of_every_slot() -> None:
    wanted = Selection(seeds=(SEED,))
    quick, whole = wall_cells(wanted, quick=True), wall_cells(wanted, quick=False)
    assert {(cell.slot, cell.trouble) for cell in quick} == {(cell.slot, cell.trouble) for cell in whole}
    assert len(quick) < len(whole)


def test_rows_that_need_a_virtual_clock_are_refused() -> None:
    done = CliRunner().invoke(cli, ["drill", "--clock", "wall", "--row", "flap"], env={"COLUMNS": "200"})
    assert done.exit_code == 2
    assert "single failures" in done.output


def test_a_cell_tells_how_it_is_replayed() -> None:
    assert CELLS[0].replay == "tandem drill --clock wall --slot stt --fault cut --point 50% --seed 1"
