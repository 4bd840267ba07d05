"""What the caller heard: the words read from the audio that the loudspeaker got, and when they sounded."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from tandem.drill.player import Player, Sound
from tandem.drill.script import words_of
from tandem.simulator.voice import Heard as Read
from tandem.simulator.voice import Voice

_TEAR_MS = 5.0  # of silence within a word, which a listener may notice
_ROUNDING_MS = 0.5
_VOICE = Voice()


@dataclass(frozen=True, slots=True)
class Heard:
    """A word, or a piece of one (then `word` is empty), in ms of the call; `torn_ms` of it were silence."""

    word: str
    start_ms: float
    end_ms: float
    torn_ms: float

    @property
    def torn(self) -> bool:
        return self.torn_ms > _TEAR_MS


def heard(player: Player) -> list[Heard]:
    """Return what was heard, in order.

    A word counts if all of it came, even if the player had to wait in the middle of it: that is dead air, and no loss.
    One that was cut so late that it can still be read does not.
    """
    return [_timed(sounds, word) for sounds in player.replies() for word in _read(_joined(sounds), player.rate)]


@lru_cache(maxsize=256)
def _read(pcm: bytes, rate: int) -> tuple[Read, ...]:
    return tuple(_VOICE.hear(pcm, rate))


def _joined(sounds: Sequence[Sound]) -> bytes:
    return b"".join(sound.pcm for sound in sounds)


def _timed(sounds: Sequence[Sound], read: Read) -> Heard:
    start_ms, end_ms = _when(sounds, read.start_ms), _when(sounds, read.end_ms, end=True)
    torn_ms = max(0.0, end_ms - start_ms - (read.end_ms - read.start_ms))
    whole = read.end_ms <= sum(sound.end_ms - sound.start_ms for sound in sounds) + _ROUNDING_MS
    return Heard("".join(words_of(read.text)) if whole else "", start_ms, end_ms, torn_ms)


def _when(sounds: Sequence[Sound], offset_ms: float, *, end: bool = False) -> float:
    """Return when the sample `offset_ms` into a reply sounded; the `end` of a word is before the sample it names."""
    for sound in sounds:
        length_ms = sound.end_ms - sound.start_ms
        if offset_ms < length_ms or (end and offset_ms <= length_ms):
            return sound.start_ms + max(0.0, offset_ms)
        offset_ms -= length_ms
    return sounds[-1].end_ms
