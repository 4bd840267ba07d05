"""The drill itself: one seed of every fault at every point keeps the promise, and the same call again is the same."""

from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from tandem.cli import cli
from tandem.core.ports import Slot
from tandem.drill.cells import Cell, Row, Selection, cells, omissions
from tandem.drill.faults import Point, Trouble
from tandem.drill.measure import Result
from tandem.drill.pool import recording, result_of, results
from tandem.simulator.voice import Voice
from tandem.simulator.wav import samples

SEED = 1
EAGER = Selection(rows=[Row.SINGLE, Row.EARLY_BARGE_IN, Row.INTERRUPTION], seeds=[SEED + 1], eager=True)
CELLS = [*cells(Selection(seeds=[SEED])), *cells(EAGER)]


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["drill", *arguments], env={"COLUMNS": "200"})
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def matrix() -> dict[Cell, Result]:
    """Every row, slot, fault and point with one seed; and single failures of eager replies with another."""
    return {result.cell: result for result in results(CELLS, jobs=2)}


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.label)
def test_the_promise_is_kept(matrix: dict[Cell, Result], cell: Cell) -> None:
    assert matrix[cell].broken == (), cell.replay


def test_every_combination_is_either_drilled_or_left_out_with_a_reason() -> None:
    drilled = {(c.slot, c.trouble, c.point) for c in cells(Selection(rows=[Row.SINGLE], seeds=[SEED]))}
    left_out = {(o.slot, o.trouble, o.point) for o in omissions(Selection()) if o.reason}
    every = {(slot, trouble, point) for slot in Slot for trouble in Trouble for point in Point}
    assert drilled | left_out == every
    assert not drilled & left_out


def test_the_same_seed_gives_the_same_result() -> None:
    cell = Cell(Row.SINGLE, SEED, Slot.TTS, Trouble.STALL, Point.HALF)
    assert result_of(cell) == result_of(cell)


def test_a_replayed_cell_is_the_one_that_is_named(tmp_path: Path) -> None:
    cell = Cell(Row.SINGLE, SEED, Slot.LLM, Trouble.CUT, Point.HALF)
    file = tmp_path / "cell.json"
    run(*cell.replay.split()[2:], "--json", str(file))
    (found,) = orjson.loads(file.read_bytes())["cells"]
    assert (found["cell"]["slot"], found["cell"]["trouble"], found["cell"]["point"], found["cell"]["seed"]) == (
        cell.slot,
        cell.trouble,
        cell.point,
        SEED,
    )
    assert found["replay"] == cell.replay


def test_processes_give_the_results_that_one_gives(tmp_path: Path) -> None:
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    for jobs, file in enumerate(files, 1):
        code, _ = run("--slot", "tts", "--fault", "cut", "--seeds", "2", "--jobs", str(jobs), "--json", str(file))
        assert code in (0, 1)
    one, two = (orjson.loads(file.read_bytes())["cells"] for file in files)
    assert one == two


def test_the_page_stands_alone(tmp_path: Path) -> None:
    file = tmp_path / "drill.html"
    code, output = run(
        "--slot", "llm", "--fault", "refused", "--fault", "cut", "--seed", str(SEED), "--html", str(file)
    )
    page = file.read_text()
    assert code == 0, output
    assert all(f"<th>{trouble}" in page for trouble in (Trouble.REFUSED, Trouble.CUT))
    assert all(str(point) in page for point in Point)
    assert "http" not in page
    assert "Not applicable" in page


def test_what_makes_no_sense_is_refused_with_the_reason() -> None:
    code, output = run("--fault", "refused", "--point", "50%")
    assert code == 2
    assert "cannot be refused" in " ".join(output.split())


def test_a_recording_holds_the_words_that_the_caller_heard() -> None:
    pcm, rate = samples(recording(Cell(Row.SINGLE, SEED)))
    words = [word.text for word in Voice().hear(pcm, rate)]
    assert len(words) == 32
    assert words[0] == "m101w"
