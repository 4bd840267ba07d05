"""The two kinds of socket to Deepgram, Nova's and Flux's: what is sent goes through the SDK, what comes is JSON."""

import json
import warnings
from typing import Any

from websockets.asyncio.client import ClientConnection

from tandem.core.audio import BYTES_PER_SAMPLE
from tandem.providers.deepgram import wire
from tandem.providers.deepgram.socket import translating
from tandem.providers.stt_ledger import Heard

with warnings.catch_warnings():
    # The SDK takes the name of a type from websockets.legacy; what it is given is a connection of the new kind.
    warnings.simplefilter("ignore", DeprecationWarning)
    from deepgram.listen.v1.socket_client import AsyncV1SocketClient
    from deepgram.listen.v2.socket_client import AsyncV2SocketClient


class NovaLine:
    """A socket of /v1/listen: it is asked for the rest of an utterance by Finalize."""

    chunk_ms = 100.0  # the vendor asks for 20-250
    shortest_ms = 0.0
    keep_alive_ms = 4_000.0  # the vendor asks for 3-5 s, and closes after 10

    def __init__(self, name: str, socket: ClientConnection) -> None:
        self._name = name
        self._connection = socket
        untyped: Any = socket
        self._socket = AsyncV1SocketClient(websocket=untyped)
        self._reading = wire.NovaReading()

    def begin(self, sent_ms: float) -> None:
        self._reading.begin(sent_ms)

    async def send(self, pcm: bytes) -> None:
        with translating(self._name):
            await self._socket.send_media(pcm)

    async def finalise(self, sent_ms: float) -> float:
        self._reading.finalise(sent_ms)
        with translating(self._name):
            await self._socket.send_finalize()
        return 0.0

    async def keep_alive(self) -> float:
        with translating(self._name):
            await self._socket.send_keep_alive()
        return 0.0

    async def receive(self) -> Heard | None:
        with translating(self._name):
            return self._reading.read(await _message(self._connection))

    async def insist(self) -> None:
        """It is asked once: a Finalize without words is settled by what was covered."""

    def settled(self) -> bool:
        return self._reading.settled()

    def silence_ms(self, stall_ms: float) -> float:
        return stall_ms


class FluxLine:
    """A socket of /v2/listen: a turn is ended by ForceEndTurn once the vendor has heard it to its end.

    It has no keep-alive, and tells how far it has heard about every 250 ms of audio; silence serves for both.
    """

    chunk_ms = 80.0  # as the vendor recommends
    shortest_ms = 0.0
    keep_alive_ms = 4_000.0

    _TAIL_MS = 320.0  # 4 chunks, of which the last tells of the first 250 ms and more

    def __init__(self, name: str, socket: ClientConnection, sample_rate: int) -> None:
        self._name = name
        self._connection = socket
        untyped: Any = socket
        self._socket = AsyncV2SocketClient(websocket=untyped)
        self._reading = wire.FluxReading()
        self._chunk = bytes(int(self.chunk_ms * sample_rate / 1000) * BYTES_PER_SAMPLE)

    def begin(self, sent_ms: float) -> None:
        self._reading.begin(sent_ms)

    async def send(self, pcm: bytes) -> None:
        with translating(self._name):
            await self._socket.send_media(pcm)

    async def finalise(self, sent_ms: float) -> float:
        self._reading.finalise(sent_ms)
        for _ in range(round(self._TAIL_MS / self.chunk_ms)):
            await self.send(self._chunk)
        return self._TAIL_MS

    async def keep_alive(self) -> float:
        await self.send(self._chunk)
        return self.chunk_ms

    async def receive(self) -> Heard | None:
        with translating(self._name):
            heard = self._reading.read(await _message(self._connection))
            if self._reading.wants_end():
                await self._socket.send_force_end_turn()
            return heard

    async def insist(self) -> None:
        """It is asked once: TurnInfo tells how far it has heard, words or not."""

    def settled(self) -> bool:
        return self._reading.settled()

    def silence_ms(self, stall_ms: float) -> float:
        return stall_ms


async def _message(connection: ClientConnection) -> Any:
    """Return the next message as it is in JSON, or None for one in binary.

    Not through the SDK: it finds out a message's type by making each of its types of it, which takes it 0.15 ms.
    """
    data = await connection.recv()
    return json.loads(data) if isinstance(data, str) else None
