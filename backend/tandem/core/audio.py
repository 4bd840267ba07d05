"""Audio values: PCM frames, the words in them, and what a meter says of their quality."""

from dataclasses import dataclass

BYTES_PER_SAMPLE = 2
LOWEST_RATE, HIGHEST_RATE = 8_000, 48_000  # Hz
_SIGNS = b"\x00\xff"


def duration_ms(byte_count: int, sample_rate: int) -> float:
    """Length in ms of `byte_count` bytes of mono 16-bit PCM at `sample_rate` Hz."""
    return byte_count / BYTES_PER_SAMPLE / sample_rate * 1000


def is_faint(pcm: bytes) -> bool:
    """Tell whether no sample (signed 16-bit little-endian) is louder than -42 dBFS; it takes less than 1 us."""
    return not pcm[1::2].translate(None, _SIGNS)  # the upper byte of each is the sign and nothing else


def faint_tail_bytes(pcm: bytes) -> int:
    """Return the length of what stands behind the last sample louder than -42 dBFS; it takes some 2 us."""
    upper = pcm[1::2]
    return BYTES_PER_SAMPLE * (len(upper) - len(upper.rstrip(_SIGNS)))


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """A stretch of one stream's audio: mono, signed 16-bit little-endian PCM.

    `sample_rate` is in Hz; `start_ms` is the position of the first sample in its stream.
    """

    pcm: bytes
    sample_rate: int
    start_ms: float

    @property
    def duration_ms(self) -> float:
        return duration_ms(len(self.pcm), self.sample_rate)

    @property
    def end_ms(self) -> float:
        return self.start_ms + self.duration_ms


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it sounds, in ms from the start of its stream (or of its phrase, for synthesised speech)."""

    text: str
    start_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class AudioQuality:
    """What the meter read off a caller's microphone.

    `snr_db`, `peak_dbfs` and `rms_dbfs` are in dB (full scale = 0); `clipping` is the share of samples at full
    scale, 0-1; `score` is 0-100; `advice` is a sentence for the caller, empty when nothing is wrong; `lost` is the
    share of audio, 0-1, that never came.
    """

    snr_db: float
    peak_dbfs: float
    rms_dbfs: float
    clipping: float
    score: int
    advice: str
    lost: float = 0.0
