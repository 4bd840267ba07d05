"""Two local voices in one slot, the first of which breaks off, and what the local recogniser hears of them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from fakes import bench, chain, loop_clock
from questions import word_error_rate
from tandem.audio.align import SpeechAligner
from tandem.audio.joint import SmoothJoint
from tandem.audio.resample import make_resampler
from tandem.core.audio import AudioFrame, duration_ms
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import Slot, SpeechMark, SpokenAudio, SttOptions, TextToSpeech, TtsOptions
from tandem.providers.local.moonshine import Moonshine
from tandem.slots.tts import LIMITS, TtsSlot

RATE = 24_000
QUIET = bytes(RATE * 2 * 200 // 1000)  # as a voice detector leaves it around an utterance

SENTENCES = (
    "The meeting starts at nine in the morning, and it will be over before we go to lunch.",
    "Your order of three blue shirts has left our store, and it will be at your door on Thursday.",
    "Please call Robert Miller when the train reaches the station, because he wants to meet you there.",
    "The temperature will rise to twenty five degrees by the weekend, and there will be no rain at all.",
    "I have moved your appointment from Monday to Wednesday, and I have sent a message to the doctor.",
    "Seven times eight is fifty six, and if you take away six, you have fifty left.",
    "The nearest bank is on the corner of Oak Street, right next to the post office.",
    "Alice and David are waiting for you at the front door, and they have brought the keys.",
    "Turn left after the bridge, follow the river for two miles, and you will see the old church.",
    "Your balance is thirty two dollars, and the next payment is due on the first of May.",
    "The library opens at ten, but the reading room on the second floor is closed until Friday.",
    "The first train is full, so I have booked two seats for you on the next one.",
    "My name is Sarah, and I am happy to help you with your questions about the new phone.",
    "The flight to London leaves in forty minutes, so you should go to the gate right now.",
    "There are six eggs, some butter and a bottle of milk in the kitchen, but there is no bread.",
    "He wrote the letter in March and sent it to his brother, who lives in Canada with his family.",
    "The doctor can see you on Friday at half past three, if you can wait until then.",
    "You will need a warm coat, because it may snow in the mountains when you get there.",
    "Water turns to ice at zero degrees, but the salt in the sea keeps it from freezing.",
    "Thank you for calling us today, and please let me know if there is anything else you need.",
)


@dataclass(frozen=True)
class Cut:
    """A voice of `voices` under its own name, without the times of its words unless `timed`; breaks off."""

    name: str
    voices: TextToSpeech
    voice: str
    after_ms: float | None = None
    timed: bool = True

    async def synthesize(self, phrase: str, options: TtsOptions) -> AsyncGenerator[SpokenAudio, None]:
        said_ms = 0.0
        async with aclosing(self.voices.synthesize(phrase, replace(options, voice=self.voice))) as pieces:
            async for piece in pieces:
                words = piece.words if self.timed else ()
                left_ms = float("inf") if self.after_ms is None else self.after_ms - said_ms
                said_ms += duration_ms(len(piece.pcm), piece.sample_rate)
                pcm = piece.pcm[: 2 * int(min(left_ms * piece.sample_rate / 1000, len(piece.pcm) // 2))]
                yield SpokenAudio(pcm, piece.sample_rate, words)
                if self.after_ms is not None and said_ms >= self.after_ms:
                    raise ProviderError(Fault.CUT, self.name, "as asked")


async def said(phrase: str, *voices: TextToSpeech) -> bytes:
    """Return what a caller gets of a phrase, at RATE, who hears it from the first moment on."""
    slot = TtsSlot(
        chain(Slot.TTS, *voices),
        bench(LIMITS),
        output_rate=RATE,
        make_resampler=make_resampler,
        make_joint=SmoothJoint,
        aligner=SpeechAligner(),
    )
    pcm, began = b"", loop_clock()

    def lead_ms() -> float:
        return max(0.0, duration_ms(len(pcm), RATE) - (loop_clock() - began))

    async with aclosing(slot.speak(phrase, TtsOptions(), lead_ms=lead_ms)) as served:
        async for audio in served:
            pcm += audio.item.pcm
    return pcm


async def heard(recogniser: Moonshine, pcm: bytes) -> str:
    """Return what the recogniser understands of audio at RATE."""

    async def stream() -> AsyncIterator[AudioFrame | SpeechMark]:
        resampler = make_resampler(RATE, 16_000)
        yield SpeechMark.STARTED
        yield AudioFrame(resampler.feed(QUIET + pcm + QUIET) + resampler.flush(), 16_000, 0)
        yield SpeechMark.STOPPED

    return " ".join([each.text async for each in recogniser.transcribe(stream(), SttOptions()) if each.final])


async def errors(recogniser: Moonshine, texts: Sequence[str], audio: Sequence[bytes]) -> float:
    """Return the share of words that are heard wrongly."""
    return word_error_rate(list(texts), list(await asyncio.gather(*(heard(recogniser, pcm) for pcm in audio))))
