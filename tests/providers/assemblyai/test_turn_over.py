"""Whether AssemblyAI thinks that the caller's turn is over reaches the call, but not what it says of a forced end."""

import pytest

from contracts.numbered_speech import NUMBERED_UNITS
from simulator import simulator
from tandem.contracts.stt import RATE, heard, utterance
from tandem.providers.assemblyai.stt import AssemblyAiStt

# The SDK reads properties of websockets' exceptions that have other names now.
pytestmark = [
    pytest.mark.filterwarnings("ignore:ConnectionClosed.code:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:ConnectionClosed.reason:DeprecationWarning"),
]

_QUIET = bytes(RATE * 2 * 256 // 1000)  # as much as a detector needs to call it a pause


async def test_what_is_said_of_the_last_words_before_their_end_is_forced_reaches_the_call() -> None:
    async with simulator() as vendor, AssemblyAiStt.open(api_key="k", base_url=vendor.http) as provider:
        *interim, final = await heard(provider, utterance(NUMBERED_UNITS.pcm + _QUIET))
    said = [transcript.turn_over for transcript in interim]
    assert all(turn_over is not None and 0.1 <= turn_over < 0.9 for turn_over in said)
    assert final.turn_over == said[-1]
