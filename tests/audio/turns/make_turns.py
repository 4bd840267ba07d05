"""Speaks the turns of turns.json with local voices, with exactly the pauses that the list gives."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from tandem.audio.resample import make_resampler
from tandem.core.ports import TextToSpeech, TtsOptions
from tandem.providers.local import espeak, flite

LISTING = Path(__file__).parent / "turns.json"
RATE = 16_000  # Hz
QUIET_BEFORE_MS = 400
QUIET_AFTER_MS = 2500
PEAK = 10 ** (-6 / 20)
NOISE_FLOOR = 10 ** (-60 / 20)  # a microphone gives no digital zero
VOICE_FLOOR = 10 ** (-50 / 20)  # what is weaker than this belongs to a pause
BLOCK = RATE // 100
# Engines pause at commas and full stops on their own; this is what is left of it, about the closure of a plosive.
LONGEST_QUIET_BLOCKS = 12
VOICES = (("espeak", "en-us"), ("espeak", "en-us+f3"), ("espeak", "en-us+m3"), ("flite", "slt"), ("flite", "rms"))
SLOWEST, FASTEST = 0.85, 1.25

PAUSE_MEDIAN_MS, PAUSE_SIGMA, PAUSE_LIMITS_MS, PAUSE_SEED = 480, 0.5, (200, 1500), 20

Part = Literal["tune", "test", "all"]


@dataclass(frozen=True, slots=True)
class Segment:
    """What a caller says without a pause, as a recogniser writes it that knows nothing but these sounds.

    `pause_ms` follows it within the turn (0 after the last segment), at a `place` that is "open", "digits" or
    "complete" ("" after the last); `wrong_stop` marks a full stop where nothing is finished.
    """

    text: str
    pause_ms: int = 0
    place: str = ""
    wrong_stop: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn; it ends with its last segment. `part` is "tune" or "test"."""

    number: int
    kind: str
    part: str
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        """All of it, with each pause in ms, for people to read."""
        texts = (f"{each.text} [{each.pause_ms}]" if each.pause_ms else each.text for each in self.segments)
        return " ".join(texts)


@dataclass(frozen=True, slots=True)
class Span:
    """Where a segment's voice starts and ends, in ms from the start of the audio."""

    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class SpokenTurn:
    """A turn's audio (mono 16-bit PCM at RATE), and where the voice of each of its segments is."""

    turn: Turn
    pcm: bytes
    spans: tuple[Span, ...]


def listed(part: Part = "all") -> list[Turn]:
    """Return the turns of `part`."""
    turns = [_turn(entry) for entry in json.loads(LISTING.read_text())]
    return [turn for turn in turns if part in ("all", turn.part)]


def drawn_pauses(count: int) -> list[int]:
    """Return the lengths (ms) of the list's `count` pauses, in its order: this is where they come from."""
    normal = np.random.default_rng(PAUSE_SEED).standard_normal(count)
    drawn = np.exp(np.log(PAUSE_MEDIAN_MS) + PAUSE_SIGMA * normal)
    return [round(ms) for ms in np.clip(drawn, *PAUSE_LIMITS_MS)]


def bare(text: str) -> str:
    """Return `text` as a recogniser without case and punctuation writes it."""
    return " ".join(re.sub(r"[^\w' ]", "", re.sub(r"[-:/]", " ", text.lower())).split())


class Studio:
    """Speaks turns, each in a voice and at a speed of its own that are the same each time.

    The engines' own randomness stays: the end of a voice may lie some 10 ms elsewhere in another run.
    """

    def __init__(self, engines: dict[str, TextToSpeech]) -> None:
        self._engines = engines

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        """Start the engines. ProviderError: one of them is not on this machine."""
        async with flite.Flite.open() as with_flite, espeak.Espeak.open(workers=1) as with_espeak:
            yield cls({"flite": with_flite, "espeak": with_espeak})

    async def speak(self, turn: Turn) -> SpokenTurn:
        """Return the audio of `turn`: QUIET_BEFORE_MS, its segments and pauses, QUIET_AFTER_MS."""
        rng = np.random.default_rng(turn.number)
        engine, voice = VOICES[rng.integers(len(VOICES))]
        options = TtsOptions(voice=voice, speed=float(rng.uniform(SLOWEST, FASTEST)))
        pieces, spans = [np.zeros(_samples(QUIET_BEFORE_MS))], []
        for segment in turn.segments:
            start = sum(piece.size for piece in pieces)
            pieces.append(await self._voice(self._engines[engine], segment, options))
            spans.append(Span(start * 1000 / RATE, (start + pieces[-1].size) * 1000 / RATE))
            pieces.append(np.zeros(_samples(segment.pause_ms or QUIET_AFTER_MS)))
        sound = np.concatenate(pieces)
        sound += rng.normal(0, NOISE_FLOOR, sound.size)
        return SpokenTurn(turn, np.round(sound * 32767).astype("<i2").tobytes(), tuple(spans))

    async def _voice(self, engine: TextToSpeech, segment: Segment, options: TtsOptions) -> NDArray[np.float64]:
        pcm, rate = b"", RATE
        async with aclosing(engine.synthesize(_speakable(segment), options)) as pieces:
            async for piece in pieces:
                pcm, rate = pcm + piece.pcm, piece.sample_rate
        resampler = make_resampler(rate, RATE)
        samples = np.frombuffer(resampler.feed(pcm) + resampler.flush(), "<i2") / 32768
        return _without_silence(samples * (PEAK / np.abs(samples).max()))


def _turn(entry: dict[str, Any]) -> Turn:
    segments = tuple(Segment(**each) for each in entry["segments"])
    return Turn(entry["number"], entry["kind"], entry["part"], segments)


def _samples(ms: int) -> int:
    return ms * RATE // 1000


def _speakable(segment: Segment) -> str:
    """Digits are said one by one; where the turn goes on, a comma keeps the engine's tone from falling."""
    text = re.sub(r"\d{3,}", lambda digits: " ".join(digits[0]), segment.text)
    text = re.sub(r"(?<=\b\w)-(?=\w\b)", " ", text)
    return text.rstrip(".,") + "," if segment.place in ("open", "digits") else text


def _without_silence(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut the silence around `samples`, and what lasts too long of the silence within."""
    blocks = samples[: samples.size // BLOCK * BLOCK].reshape(-1, BLOCK)
    loud = np.sqrt(np.mean(blocks**2, axis=1)) > VOICE_FLOOR
    first, last = np.flatnonzero(loud)[[0, -1]]
    kept, quiet = [], 0
    for index in range(first, last + 1):
        quiet = 0 if loud[index] else quiet + 1
        if quiet <= LONGEST_QUIET_BLOCKS:
            kept.append(index)
    return np.asarray(blocks[kept].reshape(-1))
