"""A caller for session tests: speaks coded words in real time of the test's clock, and keeps all that comes back."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

from fakes import (
    RATE,
    CodedSpeech,
    FakeDetector,
    FakeModel,
    FakeRecogniser,
    FakeVoice,
    Recorder,
    chain,
    loop_clock,
    tone,
)
from tandem.audio.align import SpeechAligner, at_once
from tandem.audio.joint import SmoothJoint
from tandem.audio.quality import MicrophoneMeter
from tandem.audio.resample import make_resampler
from tandem.core.hedge import Budget
from tandem.core.link import (
    AudioReceived,
    CallerCaption,
    CallerEvent,
    CallMessage,
    CallSettings,
    ReplyAudio,
    ReplyDone,
    StateChanged,
)
from tandem.core.ports import LanguageModel, MakeDetector, Slot, SpeechToText, SpokenAudio, TextToSpeech, Toolbox
from tandem.session.equipment import Equipment, Limits, Recorded, Sentences
from tandem.session.session import Session

M = TypeVar("M", bound=CallMessage)
FRAME_MS = 20
APOLOGY = "Sorry, not now."
FILLER = "One moment, please."
STILL_THERE = "Are you there?"
GOODBYE = "Goodbye then."
VOICELESS = "I have lost my voice."


class Caller:
    """A CallerLink whose other end is the test."""

    session: Session

    def __init__(self, speech: CodedSpeech) -> None:
        self.speech = speech
        self.received: list[tuple[float, CallMessage]] = []
        self.notified = Recorder()
        self._events: asyncio.Queue[CallerEvent | None] = asyncio.Queue()
        self.over = False  # the session has ended
        self._came = asyncio.Event()

    # --- the link, as the session sees it ---

    async def events(self) -> AsyncGenerator[CallerEvent, None]:
        while (event := await self._events.get()) is not None:
            yield event

    def send(self, message: CallMessage) -> None:
        self.received.append((loop_clock(), message))
        self._came.set()

    # --- what the caller does ---

    def does(self, event: CallerEvent) -> None:
        self._events.put_nowait(event)

    def hang_up(self) -> None:
        self._events.put_nowait(None)

    async def say(self, text: str) -> None:
        """Speak these words in real time, 200 ms each."""
        await self.sound(self.speech.say(text))

    async def silence(self, ms: float) -> None:
        await self.sound(bytes(int(ms * RATE / 1000) * 2))

    async def sound(self, pcm: bytes) -> None:
        size = FRAME_MS * RATE // 1000 * 2
        for at in range(0, len(pcm), size):
            await asyncio.sleep(FRAME_MS / 1000)
            self.does(AudioReceived(pcm[at : at + size]))

    # --- what the caller got ---

    def all(self, kind: type[M]) -> list[M]:
        return [message for _, message in self.received if isinstance(message, kind)]

    async def until(self, kind: type[M], which: Callable[[M], bool] = lambda _: True, count: int = 1) -> M:
        """Wait for the `count`th message of this kind, sending silence as a microphone does."""
        async with asyncio.timeout(60):
            while len(found := [message for message in self.all(kind) if which(message)]) < count:
                self._came.clear()
                await self.silence(FRAME_MS)
        return found[count - 1]

    async def until_state(self, state: str, count: int = 1) -> None:
        await self.until(StateChanged, lambda message: message.state == state, count)

    def states(self) -> list[str]:
        return [message.state for message in self.all(StateChanged)]

    def finals(self) -> list[str]:
        return [caption.text for caption in self.all(CallerCaption) if caption.final and caption.text]

    def replies(self) -> list[ReplyDone]:
        return self.all(ReplyDone)

    def audio_of(self, epoch: int) -> bytes:
        return b"".join(audio.pcm for audio in self.all(ReplyAudio) if audio.epoch == epoch)


@asynccontextmanager
async def call(
    *,
    stt: Callable[[CodedSpeech], Sequence[SpeechToText]] | None = None,
    llm: Sequence[LanguageModel] | None = None,
    tts: Sequence[TextToSpeech] | None = None,
    limits: Limits | None = None,
    settings: CallSettings | None = None,
    make_detector: MakeDetector = FakeDetector,
    toolbox: Toolbox | None = None,
    fills: bool = False,
    eager: Budget | None = None,
    busy: bool = False,
) -> AsyncIterator[Caller]:
    """Run a session over these chains (by default one healthy fake each) until the test is done with it.

    It `fills` a long silence, and has `eager` replies, only if asked to.
    """
    speech = CodedSpeech()
    caller = Caller(speech)
    equipment = Equipment(
        stt=chain(Slot.STT, *(stt(speech) if stt else [FakeRecogniser(hear=speech.hear)]), told=caller.notified),
        llm=chain(Slot.LLM, *(llm or [FakeModel()]), told=caller.notified),
        tts=chain(Slot.TTS, *(tts or [FakeVoice()]), told=caller.notified),
        make_detector=make_detector,
        make_meter=lambda: MicrophoneMeter(RATE),
        make_resampler=make_resampler,
        make_joint=SmoothJoint,
        aligner=SpeechAligner(at_once),
        notify=caller.notified,
        clock=loop_clock,
        instructions="Be brief.",
        toolbox=toolbox,
        sentences=Sentences(
            apology=_recorded(APOLOGY),
            filler=_recorded(FILLER, really=fills),
            voiceless=_recorded(VOICELESS),
            still_there=_recorded(STILL_THERE),
            goodbye=_recorded(GOODBYE),
        ),
        limits=limits or Limits(),
        eager=eager,
        busy=lambda: busy,
    )
    chosen = replace(settings or CallSettings(), output_rate=RATE)
    caller.session = Session("test", chosen, caller, equipment)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(caller.session.run())
        running.add_done_callback(lambda _: setattr(caller, "over", True))
        yield caller
        caller.hang_up()
        await running


def _recorded(text: str, *, really: bool = True) -> Recorded:
    return Recorded(text, {"voice": SpokenAudio(tone(900), RATE)} if really else {})
