"""What espeak does beside the contract: the GPL stays in its process, words keep their times, options travel."""

import sys
from contextlib import aclosing
from pathlib import Path

import pytest

import needs
from tandem.contracts.tts import LONG, length_ms, spoken
from tandem.core.audio import duration_ms
from tandem.core.ports import TtsOptions
from tandem.providers.local import espeak
from tandem.providers.local.espeak import SAMPLE_RATE, Espeak
from tandem.providers.local.frames import Kind


def libraries_of(process: str) -> str:
    return Path(f"/proc/{process}/maps").read_text()


@pytest.fixture(autouse=True)
def _needs_espeak() -> None:
    needs.require(espeak.missing() is None, str(espeak.missing()))


async def test_the_gpl_library_is_loaded_in_its_own_process_only() -> None:
    async with Espeak.open() as provider:
        assert await spoken(provider, "Hello.")
        (worker, *_) = provider._workers._all
        assert "libespeak-ng" in libraries_of(str(worker.pid))
    assert "libespeak-ng" not in libraries_of("self")
    assert "espeakng_loader" not in sys.modules
    assert "tandem.providers.local.espeak_engine" not in sys.modules


async def test_a_written_word_that_is_spoken_as_many_has_one_time() -> None:
    async with Espeak.open() as provider:
        chunks = await spoken(provider, "It costs $74,921.50 at “3:45” pm, doesn't it?")
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == ["It", "costs", "$74,921.50", "at", "“3:45”", "pm,", "doesn't", "it?"]
    lengths = {word.text: word.end_ms - word.start_ms for word in words}
    assert lengths["$74,921.50"] > 5 * lengths["costs"]
    assert words[0].start_ms < 50
    assert words[-1].end_ms == pytest.approx(length_ms(chunks), abs=1)


async def test_a_voice_is_chosen_by_name_or_by_language() -> None:
    async with Espeak.open() as provider:
        # By length, because espeak-ng's breath noise differs from one run to the next.
        async def said(voice: str | None, language: str) -> float:
            return length_ms(await spoken(provider, "No, Maria.", TtsOptions(voice=voice, language=language)))

        assert await said(None, "de-AT") == pytest.approx(await said("de", "en"), abs=5)
        assert await said("de", "en") != pytest.approx(await said("en-us", "en"), abs=5)
        assert await said("nobody", "de") == pytest.approx(await said(None, "de"), abs=5)


async def test_a_slow_listener_holds_one_piece_in_memory() -> None:
    async with Espeak.open(1) as provider:
        (worker,) = provider._workers._all
        async with aclosing(provider.synthesize(LONG, TtsOptions())) as chunks:
            await anext(chunks)
            (job,) = worker._jobs.values()
            await spoken(provider, "Done.")
            held = 0
            while not job._answers.empty():
                answer = job._answers.get_nowait()
                assert answer is not None
                held += len(answer[1]) if answer[0] is Kind.AUDIO else 0
    assert 1_000 < duration_ms(held, SAMPLE_RATE) < 20_000
