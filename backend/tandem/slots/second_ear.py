"""A second ear: another recogniser hears one utterance again, because the first is late with it or heard no word."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from tandem.core.audio import AudioFrame
from tandem.core.chain import Lease
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechMark, SpeechToText, SttOptions, Transcript
from tandem.slots.attempt import Attempt
from tandem.slots.pump import StreamEnded
from tandem.slots.request import Bench

_MOST_MS = 1_500  # for the whole utterance, which it gets at once


class SecondEar:
    """One utterance, heard by the provider of `lease`; `news` is set when there is more to know."""

    def __init__(
        self,
        lease: Lease[SpeechToText],
        utterance: Sequence[AudioFrame | SpeechMark],
        options: SttOptions,
        bench: Bench,
        news: asyncio.Event,
    ) -> None:
        self._bench = bench
        self._attempt: Attempt[SpeechToText, Transcript] = Attempt(
            lease, lease.member.provider.transcribe(playing(utterance), options), clock=bench.clock, news=news
        )
        lease.member.record.attempts += 1

    @property
    def name(self) -> str:
        return self._attempt.name

    @property
    def left_ms(self) -> float:
        """How long it still has."""
        return max(0.0, self._attempt.began + _MOST_MS - self._bench.clock())

    def take(self) -> Transcript | None:
        """Return its final transcript, or None while there is none; raises ProviderError."""
        try:
            final = self._final()
        except ProviderError as error:
            self._attempt.lease.failed(error)
            raise
        if final:
            self._attempt.lease.succeeded(slow=False)
        return final

    def _final(self) -> Transcript | None:
        try:
            while (transcript := self._attempt.take()) is not None:
                if transcript.ends_utterance:
                    return transcript
        except StreamEnded:
            raise ProviderError(Fault.CUT, self.name, "the stream ended without a final") from None
        if self.left_ms > 0:
            return None
        raise ProviderError(Fault.STALLED, self.name, f"no final within {_MOST_MS} ms")

    async def close(self) -> None:
        """It is not needed any more, by nobody's fault."""
        self._attempt.lease.released()
        await self._attempt.close()


async def playing(items: Sequence[AudioFrame | SpeechMark]) -> AsyncGenerator[AudioFrame | SpeechMark, None]:
    """Give what was recorded."""
    for item in items:
        yield item
