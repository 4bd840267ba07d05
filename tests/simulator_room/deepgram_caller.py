"""A caller of the simulated Deepgram, through the vendor's SDK and without a network."""

import asyncio
import warnings
from contextlib import AbstractAsyncContextManager
from typing import Any

from simulator import Simulator
from simulator_room.asgi_socket import AsgiSocket, asgi_socket

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the SDK still uses the legacy client of websockets
    import deepgram.listen.v1.client
    import deepgram.listen.v2.client  # noqa: F401
    from deepgram import AsyncDeepgramClient, DeepgramClientEnvironment

from tandem.simulator import deepgram as simulated
from tandem.simulator.stage import Stage

RATE = 16_000
TEXT = "Hello there, my good friend."
PLAIN = "hello there my good friend"
WORDS = PLAIN.split()
NOVA: dict[str, Any] = {"model": "nova-3", "encoding": "linear16", "sample_rate": RATE, "interim_results": True}
QUERY = f"encoding=linear16&sample_rate={RATE}&model=nova-3&interim_results=true&endpointing=300"
FLUX = f"encoding=linear16&sample_rate={RATE}&model=flux-general-en"
KEY = {"authorization": "Token k"}
SECOND = bytes(RATE * 2)
SPEECH = Stage().voice.say(TEXT, RATE)


def client(sim: Simulator, key: str = "k") -> AsyncDeepgramClient:
    ws = f"ws://{sim.host('deepgram')}"
    where = DeepgramClientEnvironment(base=sim.http, production=ws, agent=ws, agent_rest=sim.http)
    return AsyncDeepgramClient(api_key=key, environment=where)


async def dictated(sim: Simulator, key: str = "k") -> list[Any]:
    """Speak an utterance through the SDK; return all that came, as dictionaries or None."""
    async with client(sim, key).listen.v1.connect(**NOVA, endpointing=300) as line:
        for first in range(0, len(SPEECH), 640):
            await line.send_media(SPEECH[first : first + 640])
        await line.send_finalize()
        await line.send_close_stream()
        async with asyncio.timeout(3):
            return [message and message.model_dump() async for message in line]


def transcript(results: Any) -> str:
    text: str = results["channel"]["alternatives"][0]["transcript"]
    return text


def nova(stage: Stage, query: str = QUERY) -> AbstractAsyncContextManager[AsgiSocket]:
    return asgi_socket(simulated.routes(stage), "/v1/listen", query, KEY)


def flux(stage: Stage, query: str = FLUX) -> AbstractAsyncContextManager[AsgiSocket]:
    return asgi_socket(simulated.routes(stage), "/v2/listen", query, KEY)
