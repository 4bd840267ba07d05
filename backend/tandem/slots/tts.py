"""The text-to-speech slot: one phrase from the first voice of the chain that begins it, at the call's rate."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from tandem.core.ports import (
    Clock,
    MakeResampler,
    Notify,
    Resampler,
    Slot,
    SpokenAudio,
    TextToSpeech,
    TtsOptions,
)
from tandem.slots.failover import Failover, Served


class TtsSlot:
    """Speaks phrases over its chain of voices; whatever rate a voice speaks at, the output is at `output_rate` Hz."""

    def __init__(
        self,
        chain: Sequence[TextToSpeech],
        *,
        output_rate: int,
        make_resampler: MakeResampler,
        notify: Notify,
        clock: Clock,
        first_output_ms: float,
    ) -> None:
        self._output_rate = output_rate
        self._make_resampler = make_resampler
        self._failover: Failover[TextToSpeech] = Failover(
            Slot.TTS, chain, notify=notify, clock=clock, first_output_ms=first_output_ms
        )

    async def speak(self, phrase: str, options: TtsOptions) -> AsyncGenerator[Served[SpokenAudio], None]:
        """Yield the phrase's audio as it is made; raises ChainSpent."""
        resampler: Resampler | None = None
        provider = ""
        async with aclosing(self._failover.run(lambda voice: voice.synthesize(phrase, options))) as served:
            async for audio in served:
                provider = audio.provider
                if resampler is None:
                    resampler = self._make_resampler(audio.item.sample_rate, self._output_rate)
                pcm, words = resampler.feed(audio.item.pcm), audio.item.words
                if pcm or words:
                    yield Served(SpokenAudio(pcm, self._output_rate, words), provider)
        if resampler is not None and (tail := resampler.flush()):
            yield Served(SpokenAudio(tail, self._output_rate), provider)

    async def replay(self, recording: SpokenAudio) -> AsyncGenerator[Served[SpokenAudio], None]:
        """Yield audio that was made ahead of time, at the call's rate; it may be empty."""
        resampler = self._make_resampler(recording.sample_rate, self._output_rate)
        pcm = resampler.feed(recording.pcm) + resampler.flush()
        if pcm:
            yield Served(SpokenAudio(pcm, self._output_rate), "recording")
