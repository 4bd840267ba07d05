"""A call over simulated vendors through their real SDKs, and over their fallbacks when one of them refuses."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect

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


@pytest.mark.parametrize("kind", [Kind.SILENT, Kind.STALL, Kind.CUT, Kind.RESET])
async def test_a_recogniser_that_fails_in_mid_sentence_costs_no_word(kind: Kind) -> None:
    stage = Stage()
    stage.faults.set("deepgram", Fault(kind, after=0 if kind is Kind.SILENT else 2))
    words = "count to seven please and then tell me what you said before that"
    async with vendors(stage) as (_, url):
        report, _ = await ask(url, words)
    assert plain(report.transcript) == words
    assert report.providers["stt"] == "assemblyai"


async def typed(url: str, text: str) -> dict[str, list[dict[str, Any]]]:
    """Type a line; return what came until its reply was done, by type."""
    came: dict[str, list[dict[str, Any]]] = {}
    async with asyncio.timeout(30), connect(url) as socket:
        await socket.send('{"type":"hello","output":{"framing":"binary"}}')
        await socket.send(json.dumps({"type": "text_message", "text": text}))
        async for message in socket:
            if isinstance(message, str):
                came.setdefault(json.loads(message)["type"], []).append(json.loads(message))
            elif "skill_call" in came and len(came["skill_call"]) > 1 and "response_text" in came:
                await socket.send('{"type":"interrupt"}')  # the rest of the reply need not be waited for
            if "response_done" in came:
                return came
    raise AssertionError("the gateway hung up")


async def test_what_is_new_is_looked_up_and_its_sources_reach_the_captions() -> None:
    async with vendors() as (sim, url):
        came = await typed(url, "what's new about tandem bicycles")
    began, ended = came["skill_call"]
    assert json.loads(began["arguments"]) == {"query": "tandem bicycles"}
    assert "result" not in began
    assert ended["sources"][0].keys() == {"url", "title"}
    assert len(sim.stage.requests.of("tavily")) == 1
    assert {text["provider"] for text in came["response_text"]} <= {"groq", "tandem"}


@pytest.mark.parametrize(
    "fault",
    [Fault(Kind.REFUSED), Fault(Kind.HANG), Fault(Kind.STATUS, status=500), Fault(Kind.EMPTY), Fault(Kind.MALFORMED)],
    ids=lambda fault: fault.kind,
)
async def test_a_search_that_fails_is_told_in_a_sentence_and_the_call_goes_on(fault: Fault) -> None:
    stage = Stage()
    stage.faults.set("tavily", fault)
    async with vendors(stage) as (_, url):
        came = await typed(url, "what's new about tandem bicycles")
    told = came["skill_call"][-1]
    assert "search" in (told.get("error") or told["result"])
    assert told["sources"] == []
    assert "search" in came["response_done"][0]["text"]
