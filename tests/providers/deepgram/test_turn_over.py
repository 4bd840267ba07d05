"""Whether Flux thinks that the caller's turn is over reaches the call; Nova does not say."""

from contracts.numbered_speech import NUMBERED_UNITS
from simulator import simulator
from tandem.contracts.stt import RATE, heard, utterance
from tandem.core.ports import Transcript
from tandem.providers.deepgram.stt import DeepgramStt

_QUIET = bytes(RATE * 2 * 256 // 1000)  # as much as a detector needs to call it a pause


async def _told(model: str) -> list[Transcript]:
    async with simulator() as vendor, DeepgramStt.open(api_key="k", model=model, base_url=vendor.http) as provider:
        return await heard(provider, utterance(NUMBERED_UNITS.pcm + _QUIET))


async def test_flux_is_surer_that_a_turn_is_over_the_longer_it_is_quiet() -> None:
    *interim, final = await _told("flux-general-en")
    first, last = interim[0].turn_over, interim[-1].turn_over
    assert first is not None
    assert last is not None
    assert first < 0.2
    assert last > 0.6
    assert interim[-1].text == final.text
    assert final.turn_over == last


async def test_nova_says_nothing_about_turns() -> None:
    assert {transcript.turn_over for transcript in await _told("nova-3")} == {None}
