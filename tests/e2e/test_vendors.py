"""A call over simulated vendors through their real SDKs, and over their fallbacks when one of them refuses."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import numpy as np
import pytest

from gateway import real_gateway
from simulator import Simulator, simulator
from tandem.simulator.faults import Fault, Kind
from tandem.simulator.stage import Stage
from tandem.simulator.voice import Voice
from tandem.talk import OUTPUT_RATE, Recording, Report, talk

RATE = 16_000


@asynccontextmanager
async def vendors(stage: Stage | None = None) -> AsyncIterator[tuple[Simulator, str]]:
    """Run the simulator and a gateway with a key for each vendor; yield the simulator and the gateway's address."""
    async with simulator(stage) as sim:
        names = ("deepgram", "assemblyai", "groq", "openai", "cartesia", "tavily")
        keys: Mapping[str, object] = {f"{name}_api_key": f"key-of-{name}" for name in names}
        urls: Mapping[str, object] = {
            f"{name}_base_url": f"http://{sim.host(name)}{'/v1' if name == 'openai' else ''}" for name in names
        }
        async with real_gateway(**keys, **urls, voice_detector="level") as address:
            yield sim, f"ws://{address}/voice/new"


def spoken(text: str) -> Recording:
    """Return what the caller says, in the voice that the simulated recognisers understand."""
    quiet = np.zeros(RATE // 2, dtype=np.int16)
    words = np.frombuffer(Voice().say(text, RATE), "<i2")
    return Recording(np.concatenate([quiet, words, quiet]), RATE)


def heard(pcm: bytes) -> str:
    """Return the words that can be read back from what the caller's loudspeaker played."""
    return " ".join(word.text for word in Voice().hear(pcm, OUTPUT_RATE) if word.whole)


def plain(text: str) -> str:
    """Return a text as it is said: one vendor writes capitals and full stops, the other does not."""
    return text.lower().rstrip(".")


async def ask(url: str, text: str) -> tuple[Report, str]:
    report, pcm = await talk(url, spoken(text))
    return report, heard(pcm)


async def test_a_call_goes_over_deepgram_groq_and_cartesia() -> None:
    async with vendors() as (_, url):
        report, played = await ask(url, "count to seven please")
    assert report.transcript == "count to seven please"
    assert report.providers == {"stt": "deepgram", "llm": "groq", "tts": "cartesia"}
    assert played == report.heard == report.reply
    assert played


@pytest.mark.parametrize(
    ("vendor", "slot", "fallback"),
    [("deepgram", "stt", "assemblyai"), ("groq", "llm", "openai"), ("cartesia", "tts", "openai")],
)
async def test_a_vendor_that_refuses_is_followed_by_its_fallback_and_no_word_is_lost(
    vendor: str, slot: str, fallback: str
) -> None:
    stage = Stage()
    stage.faults.set(vendor, Fault(Kind.REFUSED))
    async with vendors(stage) as (_, url):
        report, played = await ask(url, "count to seven please")
    assert plain(report.transcript) == "count to seven please"
    assert report.providers[slot] == fallback
    assert played == report.heard == report.reply
    assert played


async def test_what_is_new_is_looked_up_and_spoken_with_its_sources() -> None:
    async with vendors() as (sim, url):
        report, played = await ask(url, "what's new about tandem bicycles")
    assert report.providers["llm"] == "groq"
    assert len(sim.stage.requests.of("tavily")) == 1
    assert played == report.heard
