"""The session: one call. It feeds the turn machine and performs the effects that the machine asks for."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from typing import assert_never

from tandem.core.conversation import Conversation
from tandem.core.errors import ChainSpent, Fault
from tandem.core.events import (
    AttemptFailed,
    AttemptSucceeded,
    CallEnded,
    CallStarted,
    EagerReplyEnded,
    FailedOver,
    Hedged,
    PhraseBegun,
    ReplyInterrupted,
    TurnCompleted,
    TurnHeard,
)
from tandem.core.link import (
    Attempt,
    AudioReceived,
    CallerEvent,
    CallerLink,
    CallError,
    CallMessage,
    CallReady,
    CallSettings,
    MuteChanged,
    PlaybackReported,
    ProviderSwitched,
    SettingsChanged,
    StateChanged,
    StopPressed,
    TalkReleased,
    TextTyped,
    TurnMeasured,
)
from tandem.core.ports import SttOptions
from tandem.core.turn import Effect, Event, State, Turn
from tandem.session.eager import EagerReplies
from tandem.session.equipment import Equipment
from tandem.session.listen import Listener
from tandem.session.reply import Stage
from tandem.session.silence import SilenceWatch, Step
from tandem.session.speak import Speaker
from tandem.session.stopwatch import Stopwatch
from tandem.slots.llm import LlmSlot
from tandem.slots.request import Bench, SlotLimits
from tandem.slots.stt import SttSlot
from tandem.slots.tts import TtsSlot

# What makes the caller's next words another turn.
_ANSWERS = (Event.REPLY_STARTED, Event.REPLY_FINISHED, Event.REPLY_FAILED)
# While a reply may be prepared.
_TURN_MAY_END = (State.HEARING, State.PAUSED)


class Session:
    """One caller's conversation, from the first message to the last."""

    def __init__(self, session_id: str, settings: CallSettings, link: CallerLink, equipment: Equipment) -> None:
        self.id = session_id
        self.turn_number = 1  # of the caller's next words
        self._measured_turn = 0
        self._unheard: tuple[TurnMeasured, float] | None = None  # and when its first audio was sent
        self._settings = settings
        self._link = link
        self._equipment = equipment
        self._clock = equipment.clock
        self._turn = Turn()
        self._conversation = Conversation(equipment.instructions)
        self._stopwatch = Stopwatch()
        self._tasks = asyncio.TaskGroup()
        self._stt = SttSlot(equipment.stt, self._bench(equipment.limits.stt), options=self._stt_options)
        self._listener = Listener(equipment, self._stt, self, self._stopwatch, input_rate=settings.input_rate)
        self._listener.push_to_talk(settings.push_to_talk)
        self._silence = SilenceWatch(equipment.limits.silence, self._silent)
        self._address = equipment.sentences.still_there
        self._attending: asyncio.Task[None] | None = None
        self._speaker = Speaker(
            self._stage(),
            self._conversation,
            settings=lambda: self._settings,
            eager=EagerReplies(equipment.eager, lambda used: equipment.notify(EagerReplyEnded(session_id, used))),
            start=lambda work: self._tasks.create_task(work),
        )

    def _stage(self) -> Stage:
        equipment, limits, rate = self._equipment, self._equipment.limits, self._settings.output_rate
        llm = LlmSlot(equipment.llm, self._bench(limits.llm))
        tts = TtsSlot(
            equipment.tts,
            self._bench(limits.tts),
            output_rate=rate,
            make_resampler=equipment.make_resampler,
            make_joint=equipment.make_joint,
            aligner=equipment.aligner,
        )
        return Stage(
            llm,
            tts,
            rate,
            self._clock,
            limits,
            self._stopwatch,
            self.tell,
            self.send,
            equipment.sentences,
            lambda lead_ms: equipment.notify(PhraseBegun(self.id, lead_ms)),
            equipment.toolbox,
        )

    def _bench(self, limits: SlotLimits) -> Bench:
        return Bench(limits, self._noticed, self._clock, self._tasks.create_task)

    async def run(self) -> None:
        """Serve the call until the caller is gone."""
        began = self._clock()
        self._equipment.notify(CallStarted(self.id))
        self.send(CallReady(self.id, self._settings, self._equipment.chains()))
        self.send(StateChanged(self.state, "idle"))
        self._silence.state(self.state)
        try:
            async with self._tasks:
                recognising = self._tasks.create_task(self._recognise())
                self._attending = self._tasks.create_task(self._attend())
                try:
                    await asyncio.wait({self._attending})
                finally:
                    recognising.cancel()
                    self._silence.close()
                    self._speaker.close()
                    self._listener.close()
        finally:
            self._equipment.notify(CallEnded(self.id, self._clock() - began))

    async def _attend(self) -> None:
        async with aclosing(self._link.events()) as events:
            async for event in events:
                self._take(event)

    # --- the floor, as listener and speaker see it ---

    @property
    def state(self) -> State:
        return self._turn.state

    @property
    def unanswered(self) -> bool:
        return self._conversation.unanswered

    @property
    def reply_was_cut(self) -> bool:
        return self._speaker.was_interrupted

    @property
    def reply_text(self) -> str:
        return self._speaker.text

    def send(self, message: CallMessage) -> None:
        self._link.send(message)

    def tell(self, event: Event) -> None:
        """Feed the turn machine and do what it asks for."""
        before = self.state
        for effect in self._turn.receive(event):
            self._perform(effect)
        if self.state not in _TURN_MAY_END:
            self._speaker.withdraw()
        if self.state is not before:
            self.send(StateChanged(self.state, before))
            self._silence.state(self.state)
        if before is State.THINKING and event in _ANSWERS:
            self.turn_number = self._speaker.turn + 1
        if event is Event.REPLY_STARTED and self._stopwatch.answered and self._measured_turn < self._speaker.turn:
            self._measured_turn = self._speaker.turn
            measured = self._stopwatch.read(self._speaker.turn)
            self.send(measured)
            self._equipment.notify(TurnCompleted(self.id, measured))
            self._unheard = measured, self._clock()

    def prepare(self, text: str) -> None:
        """The turn may be over with these words: begin the reply to them."""
        if not self._equipment.busy():
            self._speaker.prepare(self.turn_number, text)

    def withdraw(self, unless_to: str) -> None:
        """The turn goes on, or its words have changed: throw away a reply to other words than these."""
        self._speaker.withdraw(unless_to)

    def _perform(self, effect: Effect) -> None:
        match effect:
            case Effect.START_REPLY:
                self._silence.caller_spoke()
                self._stt.new_turn()
                if words := self._listener.take_text():
                    self._conversation.caller_said(words)
                self._speaker.reply(self.turn_number)
            case Effect.CANCEL_REPLY:
                self._speaker.cancel()
            case Effect.CLEAR_PLAYBACK:
                self._speaker.clear_playback()
            case Effect.CUT_CONVERSATION:
                self._equipment.notify(ReplyInterrupted(self.id, self._speaker.cut()))
            case Effect.RESUME_REPLY:
                self._speaker.resume()
            case Effect.SAY_APOLOGY:
                self._speaker.apologise()
            case Effect.ADDRESS_CALLER:
                self._measured_turn = self.turn_number  # there is nothing to measure: nobody waited for it
                self._speaker.address(self.turn_number, self._address)
                self.turn_number += 1
            case _:
                assert_never(effect)

    def _silent(self, step: Step) -> None:
        sentences = self._equipment.sentences
        if step is Step.HANG_UP:
            self.send(CallError("silent", "Nothing was heard from you for a while; the call has ended.", fatal=True))
            if self._attending:
                self._attending.cancel()
            return
        self._address = sentences.still_there if step is Step.ASK else sentences.goodbye
        self.tell(Event.SILENCE_LASTED)

    # --- what the caller does ---

    def _take(self, event: CallerEvent) -> None:
        match event:
            case AudioReceived(pcm):
                self._listener.hear(pcm)
            case TextTyped(text):
                self._typed(text)
            case StopPressed():
                self.tell(Event.STOP_REQUESTED)
                self._speaker.drop_interrupted()
                self._conversation.dismiss()
            case PlaybackReported(epoch, played_ms):
                self._note_heard(self._speaker.sounded_ms(epoch, played_ms))
                self._speaker.played(epoch, played_ms)
            case TalkReleased():
                self._listener.release()
            case MuteChanged(muted):
                self._listener.mute(muted)
                self._silence.mute(muted)
            case SettingsChanged():
                self._change(event)
            case _:
                assert_never(event)

    def _note_heard(self, sounded_ms: float) -> None:
        """The player tells that so much of an answer has sounded: now it is known when that began."""
        if self._unheard and sounded_ms > 0:
            (measured, sent_at), self._unheard = self._unheard, None
            measured = replace(measured, heard_ms=round(max(0.0, self._clock() - sounded_ms - sent_at), 1))
            self.send(measured)
            self._equipment.notify(TurnHeard(self.id, measured))

    def _typed(self, text: str) -> None:
        if words := self._listener.take_text():
            self._conversation.caller_said(words)
        self.send(self._listener.typed(text))
        self._conversation.caller_said(text)
        self._stopwatch.turn_ended(self._clock())
        self.tell(Event.TEXT_RECEIVED)

    def _change(self, change: SettingsChanged) -> None:
        self._speaker.withdraw()
        self._settings = replace(
            self._settings,
            language=change.language or self._settings.language,
            voice=change.voice or self._settings.voice,
        )
        if change.push_to_talk is not None:
            self._settings = replace(self._settings, push_to_talk=change.push_to_talk)
            self._listener.push_to_talk(change.push_to_talk)

    # --- what the providers do ---

    async def _recognise(self) -> None:
        while True:
            self._listener.speech.clear()
            try:
                async with aclosing(self._stt.transcripts()) as transcripts:
                    async for transcript in transcripts:
                        self._listener.heard(transcript)
            except ChainSpent:
                self.send(CallError("stt_unavailable", "You cannot be heard at the moment. Please type instead."))
                self._listener.deaf()
            # The recognisers are tried again when there is something to recognise.
            await self._listener.speech.wait()

    def _stt_options(self) -> SttOptions:
        return SttOptions(self._settings.language)

    def _noticed(self, event: object) -> None:
        """Pass on what the slots announce; what concerns this turn or its caller is noted first."""
        match event:
            case AttemptSucceeded(slot, provider, first_output_ms):
                self._stopwatch.attempted(Attempt(slot, provider, "ok", round(first_output_ms, 1)))
            case AttemptFailed(slot, provider, fault):
                self._stopwatch.attempted(Attempt(slot, provider, fault, None))
            case Hedged(slot, late, provider, won=True):
                self._stopwatch.attempted(Attempt(slot, late, Fault.TIMEOUT, None))
                self.send(ProviderSwitched(slot, late, provider, Fault.TIMEOUT, "before_output", 0.0))
            case FailedOver(slot, previous, provider, fault, after_output, gap_ms):
                phase = "after_output" if after_output else "before_output"
                self.send(ProviderSwitched(slot, previous, provider, fault, phase, round(gap_ms, 1)))
        self._equipment.notify(event)
