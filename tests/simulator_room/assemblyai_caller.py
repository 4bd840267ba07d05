"""A caller of the simulated AssemblyAI: what the SDK is told, and how it fares."""

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from assemblyai.streaming.v3 import (
    AsyncStreamingClient,
    StreamingClientOptions,
    StreamingError,
    StreamingEvents,
    StreamingParameters,
)

from simulator import Simulator
from simulator_room.asgi_socket import AsgiSocket, asgi_socket
from tandem.simulator import assemblyai
from tandem.simulator.stage import Stage

RATE = 16_000
QUERY = f"sample_rate={RATE}&encoding=pcm_s16le&format_turns=True"
KEY = {"authorization": "k"}
TEXT, PLAIN = "hello, friend", "hello friend"
SPEECH = Stage().voice.say(TEXT, RATE)
CHUNK = RATE * 2 // 10  # 100 ms
PADDED = SPEECH + bytes(-len(SPEECH) % CHUNK)


@dataclass
class Session:
    """What an SDK client was told, and how it fared."""

    events: list[Any] = field(default_factory=list)
    errors: list[StreamingError] = field(default_factory=list)
    reader: BaseException | None = None  # what ended the SDK's read task

    def of(self, kind: str) -> list[Any]:
        return [event for event in self.events if event.type == kind]

    @property
    def codes(self) -> list[int | None]:
        return [error.code for error in self.errors]


async def dictated(sim: Simulator, key: str = "k") -> Session:
    """Speak an utterance through the SDK, and hear what comes until it ends the session."""
    told = Session()
    options = StreamingClientOptions(
        api_host=f"ws://{sim.host('assemblyai')}", api_key=key, max_connection_retries=0, connect_timeout=0.3
    )
    client = AsyncStreamingClient(options)
    for event in (StreamingEvents.Begin, StreamingEvents.SpeechStarted, StreamingEvents.Turn):
        client.on(event, lambda _, event: told.events.append(event))
    client.on(StreamingEvents.Termination, lambda _, event: told.events.append(event))
    client.on(StreamingEvents.Error, lambda _, error: told.errors.append(error))
    parameters: dict[str, Any] = {"sample_rate": RATE, "format_turns": True}
    await client.connect(StreamingParameters(**parameters))
    for first in range(0, len(PADDED), CHUNK):
        await client.stream(PADDED[first : first + CHUNK])
    await client.force_endpoint()
    async with asyncio.timeout(3):
        await client.disconnect(terminate=not told.errors)
    if client._read_task and not client._read_task.cancelled():
        told.reader = client._read_task.exception()
    return told


def session(
    stage: Stage, query: str = QUERY, lead_ms: float = assemblyai.LEAD_MS
) -> AbstractAsyncContextManager[AsgiSocket]:
    return asgi_socket(assemblyai.routes(stage, lead_ms), "/v3/ws", query, KEY)


def say(line: AsgiSocket, pcm: bytes) -> None:
    for first in range(0, len(pcm) // CHUNK * CHUNK, CHUNK):
        line.send(pcm[first : first + CHUNK])
