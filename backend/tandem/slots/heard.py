"""What a recogniser may say: of audio that it was given, and answers to pauses that there were."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise

from tandem.core.audio import AudioFrame
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechMark, SpeechToText, SttOptions, Transcript

_SLACK_MS = 1_000  # a recogniser's clock may run a little ahead of the audio


async def checked(
    ear: SpeechToText, audio: AsyncIterator[AudioFrame | SpeechMark], options: SttOptions
) -> AsyncGenerator[Transcript, None]:
    """Yield what a recogniser hears; what it must not say is a fault (MALFORMED), whoever wrote its adapter."""
    given = _Given(audio)
    async with aclosing(ear.transcribe(given.items(), options)) as transcripts:
        async for transcript in transcripts:
            if not float("-inf") < transcript.start_ms <= transcript.end_ms <= given.heard_ms + _SLACK_MS:
                raise ProviderError(Fault.MALFORMED, ear.name, "a transcript of what it was not given")
            if transcript.ends_utterance:
                given.pauses -= 1
                if given.pauses < 0:
                    raise ProviderError(Fault.MALFORMED, ear.name, "an answer that nobody asked for")
            yield transcript if _possible(transcript) else replace(transcript, words=())


class _Given:
    """The audio that a recogniser takes, and what it owes for it."""

    def __init__(self, audio: AsyncIterator[AudioFrame | SpeechMark]) -> None:
        self.heard_ms = 0.0  # where in the stream the last frame ends
        self.pauses = 0  # that have no final transcript yet
        self._audio = audio

    async def items(self) -> AsyncIterator[AudioFrame | SpeechMark]:
        async for item in self._audio:
            if isinstance(item, AudioFrame):
                self.heard_ms = item.end_ms
            elif item is SpeechMark.STOPPED:
                self.pauses += 1
            yield item


def _possible(transcript: Transcript) -> bool:
    """Tell whether the times of the words can be: within the transcript, and not backwards."""
    first_ms, last_ms = max(0.0, transcript.start_ms - _SLACK_MS), transcript.end_ms + _SLACK_MS
    within = all(first_ms <= word.start_ms <= word.end_ms <= last_ms for word in transcript.words)
    return within and all(one.start_ms <= other.start_ms for one, other in pairwise(transcript.words))
