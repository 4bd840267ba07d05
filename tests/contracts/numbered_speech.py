"""Sentences in the simulator's numbered voice, for the providers that it plays."""

from tandem.contracts.stt import RATE, TIME, UNITS, Recording
from tandem.simulator.voice import Voice


def spoken(text: str) -> Recording:
    """Return `text` as the numbered voice speaks it, with a little quiet around it."""
    quiet = bytes(RATE * 2 * 100 // 1000)
    return Recording(text, quiet + Voice().say(text, RATE) + quiet)


NUMBERED_UNITS = spoken(UNITS.text)
NUMBERED_TIME = spoken(TIME.text)
