"""The drill's loudspeaker: sounds a reply in the time of the call, and keeps what was heard, and when."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from tandem.core.audio import BYTES_PER_SAMPLE, duration_ms
from tandem.core.link import PlaybackReported, ReplyAudio
from tandem.core.ports import Clock


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of reply `epoch`, which sounds from `start_ms` of the call on."""

    start_ms: float
    epoch: int
    pcm: bytes
    rate: int

    @property
    def end_ms(self) -> float:
        return self.start_ms + duration_ms(len(self.pcm), self.rate)


class Player:
    """Plays mono s16le of `rate` Hz as it comes, and reports how far it is, as a page does."""

    def __init__(self, clock: Clock, rate: int, report: Callable[[PlaybackReported], None]) -> None:
        self._clock = clock
        self.rate = rate
        self._report = report
        self._resumes_ms = 0.0
        self._sounds: list[Sound] = []

    def take(self, audio: ReplyAudio) -> None:
        """Play this after what is still to be played."""
        ends = self._sounds[-1].end_ms if self._sounds else 0.0
        self._sounds.append(Sound(max(ends, self._resumes_ms, self._clock()), audio.epoch, audio.pcm, self.rate))

    def clear(self, epoch: int) -> None:
        """Drop what has not sounded of a reply, and report what has."""
        now = self._clock()
        cuts = [sound if sound.epoch != epoch else _until(sound, now) for sound in self._sounds]
        self._sounds = [cut for cut in cuts if cut]
        self._tell(epoch)

    def stop_for(self, ms: float) -> None:
        """Stand still for so long, in the middle of whatever is sounding."""
        now, kept = self._clock(), []
        for sound in self._sounds:
            if before := _until(sound, now):
                kept.append(before)
            played = len(before.pcm) if before else 0
            if rest := sound.pcm[played:]:
                start_ms = max(sound.start_ms, now) + ms
                kept.append(replace(sound, start_ms=start_ms, pcm=rest))
        self._sounds, self._resumes_ms = kept, now + ms

    def tick(self) -> None:
        """Report how much of the present reply has sounded, while it sounds."""
        if self._sounds and self._sounds[-1].end_ms > self._clock():
            self._tell(self._sounds[-1].epoch)

    def replies(self) -> Iterator[tuple[Sound, ...]]:
        """Yield the sounds of each reply."""
        for _, sounds in groupby(self._sounds, key=lambda sound: sound.epoch):
            yield tuple(sounds)

    def recording(self) -> bytes:
        """Return all that sounded, from the first moment of the call on."""
        pcm = bytearray()
        for sound in self._sounds:
            at = BYTES_PER_SAMPLE * round(sound.start_ms * self.rate / 1000)
            pcm += bytes(max(0, at - len(pcm)))
            pcm += sound.pcm
        return bytes(pcm)

    def _tell(self, epoch: int) -> None:
        now = self._clock()
        cuts = [cut for sound in self._sounds if sound.epoch == epoch and (cut := _until(sound, now))]
        self._report(PlaybackReported(epoch, sum(duration_ms(len(cut.pcm), cut.rate) for cut in cuts)))


def _until(sound: Sound, now: float) -> Sound | None:
    """Return what of a sound is over at `now`."""
    samples = int((now - sound.start_ms) * sound.rate / 1000)
    return replace(sound, pcm=sound.pcm[: BYTES_PER_SAMPLE * samples]) if samples > 0 else None
