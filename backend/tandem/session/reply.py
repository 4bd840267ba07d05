"""One reply: the model writes, the voice speaks, and the ledger keeps what the caller has heard of it."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from tandem.core.audio import duration_ms
from tandem.core.conversation import Entry
from tandem.core.deadline import Deadline
from tandem.core.errors import ChainSpent
from tandem.core.link import CallError, CallMessage, ReplyAudio, ReplyAudioEnded, ReplyDone, ReplyText
from tandem.core.phrases import PhraseCutter, count_letters, split_after
from tandem.core.playback import PlaybackLedger
from tandem.core.ports import (
    Clock,
    LlmOptions,
    Message,
    SpokenAudio,
    Toolbox,
    TtsOptions,
)
from tandem.core.speakable import Writing, said_text, speakable
from tandem.core.turn import Event
from tandem.session.author import Author
from tandem.session.curtain import Curtain
from tandem.session.equipment import Limits, Recorded, Sentences
from tandem.session.stopwatch import Stopwatch
from tandem.slots.llm import LlmSlot
from tandem.slots.request import Served
from tandem.slots.tts import TtsSlot

_PHRASES_AHEAD = 4  # the model may write this many phrases ahead of the voice
_HELD_LEAD_MS = 600  # behind the curtain there is a little time, but none to waste
_LEAST_WAIT_MS = 1  # a remainder of rounding is not worth a wake-up, and may be too small for the clock to move


@dataclass(frozen=True, slots=True)
class Stage:
    """What every reply of a call works with. `tell` feeds the turn machine, `send` queues a message for the caller.

    `note_lead` hears how much audio (ms) the caller has left whenever a further phrase begins to come.
    """

    llm: LlmSlot
    tts: TtsSlot
    output_rate: int
    clock: Clock
    limits: Limits
    stopwatch: Stopwatch
    tell: Callable[[Event], None]
    send: Callable[[CallMessage], None]
    sentences: Sentences
    note_lead: Callable[[float], None]
    toolbox: Toolbox | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """What a reply is to say: `begun` first, then what a model writes to `messages` (None: nothing more)."""

    begun: str
    messages: Sequence[Message] | None
    llm: LlmOptions
    tts: TtsOptions


class Reply:
    """The assistant's part of turn `turn`; its audio is playback epoch `epoch`.

    `entry` is its place in history and holds what was heard. The rest of a reply that was cut is said by another one
    with the same entry. An `eager` reply begins before it is certain that its turn is over: its model writes, its voice
    says the first phrase, and nobody hears of it before `release`.
    """

    def __init__(self, stage: Stage, *, turn: int, entry: Entry, epoch: int = 0, eager: bool = False) -> None:
        self.epoch = epoch
        self.turn = turn
        self.entry = entry
        self.started = False  # its first audio was sent, if only that of a filler
        self.answer_from_ms = 0.0  # where in its audio the answer begins, behind a filler
        self.written = False  # the model has ended its text properly
        self._answered = False  # the first audio of the answer itself was sent
        self._spent = False  # no model could go on
        self._filled = False  # the caller was asked for patience
        self._voiceless = False  # no voice could go on: what is left is read, not heard
        self._stage = stage
        self._before = entry.text  # heard of an earlier part of the same reply
        self._text = ""
        self._ledger = PlaybackLedger()
        self._curtain = Curtain(up=not eager)
        self._author = Author(stage.llm, stage.toolbox, self._curtain, self)
        self._cutter = PhraseCutter()
        self._give_up_at = stage.clock() + stage.limits.first_audio_ms
        self._phrases: asyncio.Queue[str | None] = asyncio.Queue(_PHRASES_AHEAD)

    @property
    def text(self) -> str:
        """What was written of it so far."""
        return self._text

    @property
    def tool_messages(self) -> list[Message]:
        """The calls that were made for it, and their results."""
        return self._author.tool_messages

    def release(self, epoch: int, entry: Entry) -> None:
        """The turn is over: what was prepared may be heard, as this epoch and in this place of history."""
        self.epoch, self.entry = epoch, entry
        self._give_up_at = self._stage.clock() + self._stage.limits.first_audio_ms
        # Not within the transition that releases it: the first audio is one of its own.
        asyncio.get_running_loop().call_soon(self._curtain.rise)

    def end(self) -> None:
        """Its task is being cancelled. What its children still do before they are reached goes nowhere."""
        self._curtain.drop()

    def _tell(self, event: Event) -> None:
        self._curtain.do(partial(self._stage.tell, event))

    def send(self, message: CallMessage) -> None:
        """Send something to the caller, now or when the curtain rises."""
        self._curtain.do(partial(self._stage.send, message))

    def _note(self, lap: Callable[[float], None]) -> None:
        """Take a time of the stopwatch; what was prepared took none of it."""
        self._curtain.do(lambda: lap(self._stage.clock()))

    # --- saying it ---

    async def run(self, script: Script) -> None:
        """Perform the script, and return when the caller has heard it all or no model can go on."""
        self._stage.llm.new_turn()
        self._stage.tts.new_turn()
        async with asyncio.TaskGroup() as work:
            filling = work.create_task(self._fill())
            work.create_task(self._write(script))
            await work.create_task(self._speak(script.tts))
            filling.cancel()
        await self._curtain.risen()
        if self._spent:
            self._tell(Event.REPLY_FAILED)
        else:
            await self._finish()

    async def apologise(self) -> None:
        """Say that it cannot go on."""
        self._ledger.abandon()
        self._text = self._ledger.text
        await self._replay(self._stage.sentences.apology)
        await self._finish()

    async def address(self, sentence: Recorded) -> None:
        """Say this to a caller who has not asked for anything."""
        self.written = True
        await self._replay(sentence, answer=False)
        await self._finish()

    async def _fill(self) -> None:
        """Ask for patience, if there is nothing to hear for too long; once."""
        await self._curtain.risen()
        await asyncio.sleep(self._stage.limits.filler_after_ms / 1000)
        if not self.started:
            await self._ask_for_patience()

    async def keep_company(self) -> None:
        """Ask for patience, if a tool takes long and all that was said until now has been heard."""
        await self._phrases.join()
        await self._until_ahead_by(0)
        await asyncio.sleep(self._stage.limits.filler_after_ms / 1000)
        await self._ask_for_patience()

    async def _ask_for_patience(self) -> None:
        filler = self._stage.sentences.filler
        if filler.audio and not self._filled:
            self._filled = True
            await self._replay(filler, answer=False)

    async def _replay(self, sentence: Recorded, *, answer: bool = True) -> None:
        """Say, or at least show, what was recorded."""
        said = f" {sentence.text} "
        self._text = self._text + said if self.started else said + self._text
        self.send(ReplyText(self.turn, said, "tandem"))
        async with aclosing(self._stage.tts.replay(sentence.audio)) as served:
            self._curtain.do(partial(self._ledger.begin, sentence.text))
            async for audio in served:
                self._send_audio(audio, answer=answer)
        self._curtain.do(self._ledger.complete)

    def deadline(self) -> Deadline | None:
        """Until its first audio, all that is tried for a reply has one deadline."""
        return None if self._answered else Deadline(self._give_up_at, self._stage.clock)

    def lead_ms(self) -> float:
        """How much of it the caller still has to hear."""
        return self._ledger.lead_ms(self._stage.clock()) if self._curtain.up else _HELD_LEAD_MS

    async def _write(self, script: Script) -> None:
        if script.begun:
            self._text = script.begun
            await self._queue(self._cutter.push(self._text))
        try:
            if script.messages is not None:
                await self._author.write(script.messages, script.llm)
            self.written = True
        except ChainSpent:
            self._spent = True
        await self._queue(self._cutter.flush())
        await self._phrases.put(None)

    async def say(self, text: str, provider: str) -> None:
        """The model has written this."""
        self._note(self._stage.stopwatch.first_token)
        await self._say(text, provider)

    async def say_the_rest(self) -> None:
        """The model writes no more for now: nothing of it waits until a phrase is whole."""
        await self._queue(self._cutter.flush())
        if self._text and not self._text[-1].isspace():
            await self._say(" ", "tandem")  # between this and what comes then

    async def _say(self, text: str, provider: str) -> None:
        self._text += text
        self.send(ReplyText(self.turn, text, provider))
        await self._queue(self._cutter.push(text))

    async def _queue(self, phrases: list[str]) -> None:
        for phrase in phrases:
            self._note(self._stage.stopwatch.first_phrase)
            await self._phrases.put(phrase)

    async def _speak(self, options: TtsOptions) -> None:
        while (phrase := await self._phrases.get()) is not None:
            if not self._voiceless:
                await self._speak_or_show(phrase, options)
            self._phrases.task_done()

    async def _speak_or_show(self, phrase: str, options: TtsOptions) -> None:
        try:
            await self._speak_phrase(phrase, options)
        except ChainSpent:
            if self._curtain.dropped:  # history has been settled without it
                return
            self._voiceless = True
            self._curtain.do(self._ledger.abandon)
            self.send(CallError("tts_unavailable", self._stage.sentences.voiceless.text))
            await self._replay(self._stage.sentences.voiceless)
        await self._curtain.risen()

    async def _speak_phrase(self, phrase: str, options: TtsOptions) -> None:
        words = speakable(phrase, options.language)
        said, writing = said_text(words), Writing(words)
        voice = self._stage.tts.speak(said, options, lead_ms=self.lead_ms, deadline=self.deadline())
        begun = False
        async with aclosing(voice) as served:
            async for audio in served:
                await self._until_ahead_by(self._stage.limits.audio_lead_ms)
                if not begun:  # only now: a filler may have come before it
                    begun = True
                    if self._answered:
                        self._stage.note_lead(self.lead_ms())
                    self._curtain.do(partial(self._ledger.begin, phrase))
                first = not self._answered
                self._send_audio(replace(audio, item=replace(audio.item, words=writing.feed(audio.item.words))))
                if first:
                    await asyncio.sleep(0)  # it is on its way before the next piece is looked at
        if not begun:
            self._curtain.do(partial(self._ledger.begin, phrase))
        self._curtain.do(self._ledger.complete)

    async def _until_ahead_by(self, most_ms: float) -> None:
        """Wait until the caller has at most `most_ms` of audio ahead. A player that stands still is not waited for."""
        limits, clock = self._stage.limits, self._stage.clock
        deadline = clock() + self._ledger.lead_ms(clock()) + limits.player_patience_ms
        while (ahead := self._ledger.lead_ms(clock()) - most_ms) > 0 and clock() < deadline:
            await asyncio.sleep(max(ahead, _LEAST_WAIT_MS) / 1000)

    def _send_audio(self, audio: Served[SpokenAudio], *, answer: bool = True) -> None:
        self._curtain.do(partial(self._play, audio, answer))

    def _play(self, audio: Served[SpokenAudio], answer: bool) -> None:
        now, pcm = self._stage.clock(), audio.item.pcm
        # Before anything is made of it: it is what the caller waits for.
        self.send(ReplyAudio(self.epoch, self._ledger.sent_ms, pcm, audio.provider))
        if answer and not self._answered:
            self._answered = True
            self.answer_from_ms = self._ledger.sent_ms
            self._stage.stopwatch.first_audio(now)
            self._tell(Event.REPLY_STARTED)
        elif not self.started:
            self._tell(Event.REPLY_STARTED)
        self.started = True
        self._ledger.sent(duration_ms(len(pcm), self._stage.output_rate), audio.item.words, now)

    async def _finish(self) -> None:
        """Wait until all of it has been heard."""
        self.send(ReplyAudioEnded(self.epoch, self._ledger.sent_ms))
        await self._until_ahead_by(0)
        self._settle_history()
        self.announce_end(interrupted=False)
        self._tell(Event.REPLY_FINISHED)

    # --- what the caller heard of it ---

    def played(self, played_ms: float) -> None:
        """The caller's player says how much of it has sounded."""
        self._ledger.reported(played_ms, self._stage.clock())

    def cut(self) -> float:
        """Playback was cleared: history keeps what was heard, as far as is known by now. Returns the ms heard."""
        self._ledger.stop(self._stage.clock())
        self._settle_history()
        return self._ledger.heard_ms(self._stage.clock())

    def settle_cut(self, played_ms: float) -> None:
        """The player's own word on what had sounded when it was cleared."""
        self._ledger.settle(played_ms)
        self._settle_history()

    def unsaid(self) -> str:
        """Return what was written but not heard, or read where no voice could say it."""
        return "" if self._voiceless else split_after(self._text, self._heard_letters())[1]

    def announce_end(self, *, interrupted: bool) -> None:
        """Tell the caller's screen what the reply was, and what of it history holds."""
        whole = _joined(self._before, self._folded())
        self._stage.send(ReplyDone(self.turn, whole, self.entry.text, interrupted))

    def _settle_history(self) -> None:
        # What no voice could say was read.
        given = self._folded() if self._voiceless else split_after(self._text, self._heard_letters())[0]
        self.entry.text = _joined(self._before, given)

    def _folded(self) -> str:
        return " ".join(self._text.split())

    def _heard_letters(self) -> int:
        return count_letters(self._ledger.split(self._stage.clock())[0])


def _joined(first: str, second: str) -> str:
    return f"{first} {second}" if first and second else first or second
