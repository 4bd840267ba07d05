"""Many cells on many cores: each worker keeps what is pure, and a seed's cells go to the same worker."""

import multiprocessing
from collections.abc import Iterator, Sequence
from functools import lru_cache

from tandem.audio.blas import multiply_in_one_thread
from tandem.drill.cells import Cell
from tandem.drill.measure import Result, measure
from tandem.drill.virtual import run
from tandem.simulator.wav import whole

_BATCH = 8  # cells that a worker takes at once


@lru_cache(maxsize=64)
def _healthy(cell: Cell) -> Result:
    return measure(run(cell))


def result_of(cell: Cell) -> Result:
    """Run one cell, and the same call without a fault, in virtual time."""
    healthy = _healthy(cell.healthy)
    return (healthy if cell == cell.healthy else measure(run(cell))).beside(healthy)


def recording(cell: Cell) -> bytes:
    """Run one cell again and return what the caller heard, as a WAV file."""
    player = run(cell).caller.player
    return whole(player.recording(), player.rate)


def results(cells: Sequence[Cell], jobs: int) -> Iterator[Result]:
    """Yield the results of all cells as they come, from up to `jobs` processes."""
    if jobs == 1 or len(cells) <= _BATCH:
        yield from map(result_of, cells)
        return
    with multiprocessing.get_context("spawn").Pool(min(jobs, len(cells)), multiply_in_one_thread) as pool:
        yield from pool.imap_unordered(result_of, cells, chunksize=_BATCH)
        pool.close()
        pool.join()
