"""A listener of the simulated Cartesia: its requests, and what the SDK makes of the answers."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from cartesia import AsyncCartesia

from simulator import Simulator
from simulator_room.asgi_socket import AsgiSocket, asgi_socket
from tandem.simulator import cartesia as simulated
from tandem.simulator.stage import Stage
from tandem.simulator.voice import Voice

TEXT = "Six times seven is forty two."
KEY = {"authorization": "Bearer k"}
RATE = 24_000


def connected(sim: Simulator, key: str = "k") -> AsyncCartesia:
    host = sim.host("cartesia")
    return AsyncCartesia(api_key=key, base_url=f"http://{host}", websocket_base_url=f"ws://{host}", max_retries=0)


def request(
    transcript: str = TEXT, *, encoding: str = "pcm_s16le", rate: int = RATE, more: bool = False, **fields: Any
) -> Any:
    """Return a request of either kind; with `more`, its context goes on."""
    return {
        "model_id": "sonic-3",
        "transcript": transcript,
        "voice": {"mode": "id", "id": "v"},
        "output_format": {"container": "raw", "encoding": encoding, "sample_rate": rate},
        **({"continue": True} if more else {}),
        **fields,
    }


async def frames(client: AsyncCartesia, *requests: Any, done: int = 1) -> list[Any]:
    """Send requests on one socket; return what came until so many contexts were over, or the socket was."""
    came: list[Any] = []
    async with asyncio.timeout(3), client.tts.websocket_connect() as line:
        for each in requests:
            await line.send({"context_id": "a", "add_timestamps": True} | each)
        async for event in line:
            came.append(event)
            if sum(bool(event.done) for event in came if hasattr(event, "done")) == done:
                break
    return came


def audio(events: Sequence[Any], context: str = "a") -> bytes:
    return b"".join(event.audio for event in events if event.type == "chunk" and event.context_id == context)


def words(pcm: bytes, rate: int = RATE) -> str:
    return " ".join(word.text for word in Voice().hear(pcm, rate) if word.whole)


def session(stage: Stage) -> AbstractAsyncContextManager[AsgiSocket]:
    return asgi_socket(simulated.routes(stage), "/tts/websocket", headers=KEY)
