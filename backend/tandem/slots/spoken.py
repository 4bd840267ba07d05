"""What a voice may say: audio that can be played, and an end."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from tandem.core.audio import BYTES_PER_SAMPLE, HIGHEST_RATE, LOWEST_RATE, duration_ms
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpokenAudio, TextToSpeech, TtsOptions

# Several times the slowest speech: a voice that says more does not stop.
_MOST_MS = 5_000
_MOST_MS_A_CHARACTER = 400


async def checked(voice: TextToSpeech, phrase: str, options: TtsOptions) -> AsyncGenerator[SpokenAudio, None]:
    """Yield a voice's audio; what cannot be played, or does not end, is a fault (MALFORMED)."""
    most_ms, rate, size = _MOST_MS + _MOST_MS_A_CHARACTER * len(phrase) / options.speed, 0, 0
    async with aclosing(voice.synthesize(phrase, options)) as pieces:
        async for piece in pieces:
            if not _playable(piece) or rate not in (0, piece.sample_rate):
                raise ProviderError(
                    Fault.MALFORMED, voice.name, f"audio that cannot be played, at {piece.sample_rate} Hz"
                )
            rate, size = piece.sample_rate, size + len(piece.pcm)
            if duration_ms(size, rate) > most_ms:
                raise ProviderError(Fault.MALFORMED, voice.name, "it does not stop")
            if size >= BYTES_PER_SAMPLE or piece.words:
                yield piece


def _playable(piece: SpokenAudio) -> bool:
    return isinstance(piece.pcm, bytes) and LOWEST_RATE <= piece.sample_rate <= HIGHEST_RATE
