"""A caller at the command line: speaks a WAV file in real time, hears the reply, and measures what a caller feels."""

import asyncio
import time
import wave
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from tandem.core.errors import TandemError

OUTPUT_RATE = 24_000  # Hz
_FRAME_MS = 20
_REPORT_EVERY_MS = 250
_HEADER_BYTES = 16
_CONNECT_WITHIN_S = 10
_QUIET_BELOW = 0.03  # of the loudest frame (-30 dB): the recording's own noise, not speech


class TalkError(TandemError):
    """The call could not be made, or brought no reply; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What the caller says: mono 16-bit samples at `rate` Hz."""

    samples: NDArray[np.int16]
    rate: int

    @classmethod
    def read(cls, file: Path | BinaryIO) -> "Recording":
        """Read a PCM WAV file with any number of channels, which are mixed; raises TalkError."""
        try:
            with wave.open(str(file) if isinstance(file, Path) else file, "rb") as source:
                width, channels, rate = source.getsampwidth(), source.getnchannels(), source.getframerate()
                data = source.readframes(source.getnframes())
        except FileNotFoundError as error:
            raise TalkError(f"There is no file {file}.") from error
        except (wave.Error, EOFError, IsADirectoryError) as error:
            raise TalkError(f"{file} is not a PCM WAV file: {error}. Convert it to 16-bit PCM first.") from error
        if width != 2 or not 8_000 <= rate <= 48_000:
            raise TalkError(f"{file} has {8 * width} bits at {rate} Hz; it should have 16 bits at 8,000-48,000 Hz.")
        samples = np.frombuffer(data, dtype="<i2").reshape(-1, channels)
        return cls(samples.mean(axis=1).astype("<i2") if channels > 1 else samples[:, 0], rate)

    def frames(self) -> list[bytes]:
        """Return the audio in frames of 20 ms, the last one filled up with silence."""
        size = self.rate * _FRAME_MS // 1000
        count = -(-len(self.samples) // size)
        padded = np.zeros(count * size, dtype="<i2")
        padded[: len(self.samples)] = self.samples
        return [padded[at : at + size].tobytes() for at in range(0, len(padded), size)]

    def last_voiced_frame(self) -> int:
        """Return the index of the last frame that is louder than the recording's noise; -1 for a silent one."""
        levels = [float(np.abs(np.frombuffer(frame, "<i2").astype(np.int32)).max()) for frame in self.frames()]
        loudest = max(levels, default=0.0)
        return max((i for i, level in enumerate(levels) if level > loudest * _QUIET_BELOW), default=-1)


@dataclass(slots=True)
class Player:
    """Stands in for a loudspeaker: plays what arrives in real time, and knows at any moment what has sounded."""

    clock: Callable[[], float]
    epoch: int = 0
    heard: bytearray = field(default_factory=bytearray)  # of replies that are over
    _queue: bytearray = field(default_factory=bytearray)  # of the current reply, from its start
    _cleared: int = 0  # the last reply that was cleared: what still comes of it is late
    _began_ms: float = 0.0
    _stalled_ms: float = 0.0  # time in which there was nothing to play

    def take(self, epoch: int, pcm: bytes) -> None:
        """Audio of a reply arrived."""
        if epoch < self.epoch or epoch == self._cleared:
            return
        now = self.clock()
        if epoch > self.epoch:
            self.finish()
            self.epoch, self._began_ms, self._stalled_ms = epoch, now, 0.0
        elapsed = now - self._began_ms - self._stalled_ms
        self._stalled_ms += max(0.0, elapsed - self._length_ms())
        self._queue += pcm

    def played_ms(self) -> float:
        """How much of the current reply has sounded."""
        return min(self._length_ms(), self.clock() - self._began_ms - self._stalled_ms) if self._queue else 0.0

    def clear(self) -> float:
        """Drop what has not sounded; return the ms that have."""
        played = self.played_ms()
        self._cleared = self.epoch
        del self._queue[int(played / 1000 * OUTPUT_RATE) * 2 :]
        self.finish()
        return played

    def finish(self) -> None:
        """The current reply is over."""
        self.heard += self._queue
        self._queue.clear()

    def _length_ms(self) -> float:
        return len(self._queue) / 2 / OUTPUT_RATE * 1000


@dataclass(slots=True)
class Report:
    """What the call came to; `providers` are those that served each slot, the times are in ms.

    `turn_latency_ms` is measured here: from the last sound of the recording to the arrival of the first reply audio.
    `parts` are the gateway's own figures: endpoint_ms, stt_ms, llm_ttft_ms, tts_ttfb_ms.
    """

    transcript: str = ""
    reply: str = ""
    heard: str = ""
    providers: dict[str, str] = field(default_factory=dict)
    turn_latency_ms: float | None = None
    parts: dict[str, float | None] = field(default_factory=dict)
    audio_ms: float = 0.0

    def as_json(self) -> str:
        return orjson.dumps(asdict(self)).decode()


class Call:
    """One call to a gateway. `show` gets the report whenever it changed, with the text that is still interim."""

    def __init__(self, socket: ClientConnection, show: Callable[[Report, str], None], patience_s: float) -> None:
        self._socket = socket
        self._show = show
        self._patience_s = patience_s
        self._report = Report()
        self._player = Player(lambda: time.monotonic() * 1000)
        self._segments: dict[tuple[int, int], str] = {}
        self._speech_ended_ms: float | None = None
        self._said_all = False
        self._replied = asyncio.Event()
        self._progressed = asyncio.Event()

    async def speak(self, recording: Recording) -> Report:
        """Say the recording and return when its reply has been heard."""
        await self._begin(recording.rate)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._listen()), group.create_task(self._report_playback())]
            tasks.append(group.create_task(self._microphone(recording)))
            await self._until_answered()
            for task in tasks:
                task.cancel()
        return await self._end()

    async def type(self, text: str) -> Report:
        """Type a line and return when its reply has been heard."""
        await self._begin(16_000)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._listen()), group.create_task(self._report_playback())]
            self._speech_ended_ms = time.monotonic() * 1000
            await self._send({"type": "text_message", "text": text})
            self._said_all = True
            await self._until_answered()
            for task in tasks:
                task.cancel()
        return await self._end()

    async def _begin(self, rate: int) -> None:
        hello = {
            "type": "hello",
            "protocol": 1,
            "input": {"encoding": "pcm_s16le", "sample_rate": rate},
            "output": {"encoding": "pcm_s16le", "sample_rate": OUTPUT_RATE, "framing": "binary"},
        }
        await self._send(hello)

    async def _end(self) -> Report:
        self._player.finish()
        await self._send({"type": "end"})
        return self._report

    @property
    def heard_pcm(self) -> bytes:
        """What the loudspeaker played: mono 16-bit PCM at OUTPUT_RATE."""
        return bytes(self._player.heard)

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send(orjson.dumps(message).decode())

    async def _microphone(self, recording: Recording) -> None:
        """Send a frame every 20 ms as a microphone does, and silence after the recording's end."""
        frames, last_voiced = recording.frames(), recording.last_voiced_frame()
        silence = bytes(recording.rate * _FRAME_MS // 1000 * 2)
        began, sent = time.monotonic(), 0
        while True:
            sent += 1
            await asyncio.sleep(max(0.0, began + sent * _FRAME_MS / 1000 - time.monotonic()))
            await self._socket.send(frames[sent - 1] if sent <= len(frames) else silence)
            if sent - 1 == last_voiced:
                self._speech_ended_ms = time.monotonic() * 1000
            self._said_all = sent >= len(frames)

    async def _until_answered(self) -> None:
        while not self._replied.is_set():
            self._progressed.clear()
            try:
                async with asyncio.timeout(self._patience_s):
                    await self._progressed.wait()
            except TimeoutError:
                raise TalkError(f"No reply came within {self._patience_s:.0f} s.") from None

    async def _report_playback(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_EVERY_MS / 1000)
            if self._player.epoch:
                await self._tell_played(self._player.epoch, self._player.played_ms())

    async def _tell_played(self, epoch: int, played_ms: float) -> None:
        await self._send({"type": "playback", "epoch": epoch, "played_ms": round(played_ms, 1)})

    async def _listen(self) -> None:
        async for message in self._socket:
            if isinstance(message, bytes):
                self._audio(message)
            else:
                await self._message(orjson.loads(message))
            self._progressed.set()

    def _audio(self, message: bytes) -> None:
        if self._report.turn_latency_ms is None and self._speech_ended_ms is not None:
            self._report.turn_latency_ms = round(time.monotonic() * 1000 - self._speech_ended_ms, 1)
        pcm = message[_HEADER_BYTES:]
        self._player.take(int.from_bytes(message[4:8], "little"), pcm)
        self._report.audio_ms = round(self._report.audio_ms + len(pcm) / 2 / OUTPUT_RATE * 1000, 1)

    async def _message(self, message: dict[str, Any]) -> None:
        report = self._report
        match message["type"]:
            case "transcript_update":
                self._caption(message)
            case "response_text":
                report.providers["llm"] = message["provider"]
                report.reply += message["delta"]
            case "response_done":
                report.reply, report.heard = message["text"], message["heard_text"]
            case "turn_metrics":
                self._measured(message)
            case "clear_audio":
                await self._tell_played(message["epoch"], self._player.clear())
            case "state_change" if message["previous"] == "speaking" and message["state"] == "listening":
                if self._said_all:
                    self._replied.set()
            case "error" if message["fatal"]:
                raise TalkError(f"The gateway ended the call: {message['message']}")
        self._show(report, self._interim())

    def _caption(self, message: dict[str, Any]) -> None:
        key = (message["turn"], message["segment"])
        self._report.providers["stt"] = message["provider"]
        if message["final"]:
            self._segments.pop(key, None)
            self._report.transcript = f"{self._report.transcript} {message['text']}".strip()
            self._report.reply = ""
        else:
            self._segments[key] = message["text"]

    def _interim(self) -> str:
        return " ".join(self._segments.values())

    def _measured(self, message: dict[str, Any]) -> None:
        names = ("endpoint_ms", "stt_ms", "llm_ttft_ms", "tts_ttfb_ms")
        self._report.parts = {name: message[name] for name in names}
        for attempt in message["attempts"]:
            if attempt["outcome"] == "ok":
                self._report.providers[attempt["slot"]] = attempt["provider"]


async def talk(
    url: str,
    said: Recording | str,
    *,
    show: Callable[[Report, str], None] = lambda report, interim: None,
    patience_s: float = 30.0,
) -> tuple[Report, bytes]:
    """Call `url`, say a recording or type a text, and return the report and what was heard (PCM at OUTPUT_RATE).

    Raises TalkError when no gateway answers, it refuses or breaks off, or nothing happens for `patience_s` seconds.
    """
    try:
        async with connect(url, open_timeout=_CONNECT_WITHIN_S, max_size=2**20, compression=None) as socket:
            call = Call(socket, show, patience_s)
            report = await (call.type(said) if isinstance(said, str) else call.speak(said))
            return report, call.heard_pcm
    except* (OSError, TimeoutError) as group:
        raise TalkError(f"No gateway answers at {url} ({_first(group)}). Start one with 'make run'.") from None
    except* (InvalidURI, InvalidHandshake) as group:
        raise TalkError(f"{url} does not take the call: {_first(group)}.") from None
    except* ConnectionClosed as group:
        raise TalkError(f"The gateway hung up: {_first(group)}.") from None
    except* TalkError as group:
        raise _first(group) from None


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def write_wav(file: Path, pcm: bytes) -> None:
    """Write mono 16-bit PCM at OUTPUT_RATE as a WAV file; raises TalkError if it cannot be written."""
    try:
        with file.open("wb") as opened, wave.open(opened, "wb") as sink:
            sink.setnchannels(1)
            sink.setsampwidth(2)
            sink.setframerate(OUTPUT_RATE)
            sink.writeframes(pcm)
    except OSError as error:
        raise TalkError(f"{file} cannot be written: {error.strerror}.") from error
