"""The virtual clock: a call of a minute takes a fraction of a second, and the same one again is the same to the bit."""

import asyncio

import looptime

from tandem.drill.calls import Evidence, MakeSession, call
from tandem.drill.cells import Cell
from tandem.session.session import Session


def run(cell: Cell, make_session: MakeSession = Session) -> Evidence:
    """Make the cell's call in virtual time."""
    loop_class = looptime.make_event_loop_class(asyncio.SelectorEventLoop)
    # Whatever is ready runs before time moves, so that no idle rounds are needed between two moments.
    with asyncio.Runner(loop_factory=lambda: loop_class(noop_cycles=0)) as runner:
        return runner.run(call(cell, make_session))
