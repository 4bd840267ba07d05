"""Faults that a base URL carries, for every route of every vendor."""

import asyncio
import json
from typing import Any

import httpx
import openai
import pytest
from cartesia import AsyncCartesia
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from simulator import Simulator
from simulator_room.cartesia_listener import frames, request
from tandem.simulator import wav
from tandem.simulator.faults import HEADER, Fault, Kind
from tandem.simulator.voice import Voice

_FILE = {"file": ("a.wav", wav.whole(Voice().say("one", 16_000), 16_000), "audio/wav")}
_CHAT: dict[str, Any] = {"json": {"model": "m", "messages": []}}
_SPEECH: dict[str, Any] = {"json": {"input": "one", "response_format": "pcm"}}
_HTTP = [
    ("openai", "chat", "/v1/chat/completions", _CHAT),
    ("openai", "speech", "/v1/audio/speech", _SPEECH),
    ("openai", "transcriptions", "/v1/audio/transcriptions", {"files": _FILE}),
    ("groq", "chat", "/openai/v1/chat/completions", _CHAT),
    ("groq", "speech", "/openai/v1/audio/speech", _SPEECH),
    ("groq", "transcriptions", "/openai/v1/audio/transcriptions", {"files": _FILE}),
    ("cartesia", "sse", "/tts/sse", {"json": request()}),
    ("cartesia", "bytes", "/tts/bytes", {"json": request()}),
    ("tavily", "search", "/search", {"json": {"query": "Mars"}}),
]
_SOCKETS = [
    ("deepgram", "v1", "/v1/listen?encoding=linear16&sample_rate=16000"),
    ("deepgram", "v2", "/v2/listen?encoding=linear16&sample_rate=16000&model=flux-general-en"),
    ("assemblyai", "v3", "/v3/ws?sample_rate=16000"),
    ("cartesia", "websocket", "/tts/websocket"),
]


@pytest.mark.parametrize(("vendor", "route", "path", "given"), _HTTP, ids=lambda value: str(value)[:24])
async def test_a_path_carries_a_fault_to_each_http_route(
    sim: Simulator, vendor: str, route: str, path: str, given: dict[str, Any]
) -> None:
    async with httpx.AsyncClient(base_url=sim.http, headers={"authorization": "Bearer key"}, timeout=5) as client:
        struck = await client.post(f"/with/status,status=429,retry_after_s=3{path}", **given)
        assert (struck.status_code, struck.headers["retry-after"]) == (429, "3")
        assert (await client.post(path, **given)).status_code == 200
    assert [asked.fault for asked in sim.stage.requests.of(vendor, route)] == [
        Fault(Kind.STATUS, status=429, retry_after_s=3),
        None,
    ]


@pytest.mark.parametrize(("vendor", "route", "path"), _SOCKETS)
async def test_a_path_carries_a_fault_to_each_socket(sim: Simulator, vendor: str, route: str, path: str) -> None:
    key = {"authorization": "Token key" if vendor == "deepgram" else "Bearer key"}
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{sim.ws}/with/kind=status;status=503{path}", additional_headers=key)
    assert refused.value.response.status_code == 503
    async with connect(sim.ws + path, additional_headers=key):
        pass
    assert len(sim.stage.requests.of(vendor, route)) == 2


async def test_a_fault_of_the_output_strikes_through_the_path(sim: Simulator) -> None:
    base = f"http://{sim.host('openai')}/with/early-end,after=2/v1"
    async with openai.AsyncOpenAI(api_key="key", base_url=base, max_retries=0, timeout=5) as client:
        answer = await client.audio.speech.create(model="m", voice="alloy", input="one two", response_format="pcm")
    assert len(answer.content) == 2 * 4_800


async def test_a_context_of_a_socket_has_the_fault_of_its_path(sim: Simulator) -> None:
    base = f"{sim.host('cartesia')}/with/error-close,after=1,status=500"
    async with AsyncCartesia(api_key="k", base_url=f"http://{base}", websocket_base_url=f"ws://{base}") as client:
        came = await frames(client, request())
    assert [event.type for event in came if event.type != "timestamps"] == ["chunk", "error"]


async def test_a_reset_of_the_path_reaches_the_connection(sim: Simulator) -> None:
    async with httpx.AsyncClient(headers={"authorization": "Bearer key"}, timeout=5) as client:
        with pytest.raises(httpx.ReadError):
            await client.post(f"{sim.http}/with/reset,after=1/v1/audio/speech", **_SPEECH)


async def test_a_header_counts_more_than_the_path_and_a_path_more_than_the_board(sim: Simulator) -> None:
    sim.stage.faults.set("tavily", Fault(Kind.STATUS, status=500))
    async with httpx.AsyncClient(base_url=sim.http, headers={"authorization": "Bearer key"}, timeout=5) as client:
        path, given = "/with/status,status=501/search", {"query": "Mars"}
        assert (await client.post(path, json=given)).status_code == 501
        more = {HEADER: "status;status=502"}
        assert (await client.post(path, json=given, headers=more)).status_code == 502
        assert (await client.post("/search", json=given)).status_code == 500


@pytest.mark.parametrize("path", ["/with/nonsense/search", "/with/stall,colour=3/search"])
async def test_a_path_that_cannot_be_read_is_told(sim: Simulator, path: str) -> None:
    async with httpx.AsyncClient(base_url=sim.http, headers={"authorization": "Bearer key"}, timeout=5) as client:
        answer = await client.post(path, json={"query": "Mars"})
    assert answer.status_code == 400
    assert "write" in json.loads(answer.content)["error"]


async def test_a_path_that_hangs_ends_with_its_client(sim: Simulator) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await connect(f"{sim.ws}/with/hang/v3/ws?sample_rate=16000", additional_headers={"authorization": "k"})
