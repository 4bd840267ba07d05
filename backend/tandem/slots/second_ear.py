"""A second ear: another recogniser hears one utterance again, because the first is late with it or heard no word."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from tandem.core.audio import AudioFrame
from tandem.core.chain import Lease
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechMark, SpeechToText, SttOptions, Transcript
from tandem.slots.attempt import Attempt
from tandem.slots.heard import checked
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
            lease, checked(lease.member.provider, playing(utterance), options), clock=bench.clock, news=news
        )
        self._finals: list[Transcript] = []
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
                self._finals += [transcript] if transcript.final else []
                if transcript.ends_utterance:
                    return _whole(self._finals)
        except StreamEnded:
            raise ProviderError(Fault.CUT, self.name, "the stream ended without a final") from None
        if self.left_ms > 0:
            return None
        raise ProviderError(Fault.STALLED, self.name, f"no final within {_MOST_MS} ms")

    async def close(self) -> None:
        """It is not needed any more, by nobody's fault."""
        self._attempt.lease.released()
        await self._attempt.close()


def _whole(finals: Sequence[Transcript]) -> Transcript:
    """Return as one what a recogniser said of an utterance piece by piece."""
    text = " ".join(final.text for final in finals if final.text)
    words = tuple(word for final in finals for word in final.words)
    return replace(finals[-1], text=text, start_ms=finals[0].start_ms, words=words)


async def playing(items: Sequence[AudioFrame | SpeechMark]) -> AsyncGenerator[AudioFrame | SpeechMark, None]:
    """Give what was recorded."""
    for item in items:
        yield item
