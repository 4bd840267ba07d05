"""The session's voice: at most one reply at a time, which can be cut, taken up again, or end in an apology."""

import asyncio
from collections.abc import Callable, Coroutine

from tandem.core.conversation import Conversation, Entry
from tandem.core.link import CallSettings, PlaybackCleared
from tandem.core.ports import LlmOptions, Message, Role, TtsOptions
from tandem.session.eager import EagerReplies, Prepared
from tandem.session.equipment import Recorded
from tandem.session.reply import Reply, Script, Stage


class Speaker:
    """Starts and stops the replies of one call. `start` runs a coroutine as a child of the call's task group."""

    def __init__(
        self,
        stage: Stage,
        conversation: Conversation,
        *,
        settings: Callable[[], CallSettings],
        eager: EagerReplies,
        start: Callable[[Coroutine[None, None, None]], asyncio.Task[None]],
    ) -> None:
        self._stage = stage
        self._conversation = conversation
        self._settings = settings
        self._eager = eager
        self._start = start
        self._epoch = 0
        self._reply: Reply | None = None
        self._task: asyncio.Task[None] | None = None
        self._interrupted: Reply | None = None  # a reply that goes on if the interruption was a cough
        self._cleared: Reply | None = None  # a reply whose player has not said yet what was heard of it
        self._timer: asyncio.TimerHandle | None = None

    @property
    def was_interrupted(self) -> bool:
        """Whether a reply was cut for what the caller is saying now."""
        return self._interrupted is not None

    @property
    def turn(self) -> int:
        """The turn that the current reply answers; 0 before the first."""
        return self._reply.turn if self._reply else 0

    @property
    def text(self) -> str:
        """What was written so far of the current reply, or of the one that was cut; empty before the first."""
        return self._reply.text if self._reply else ""

    # --- effects of the turn machine ---

    def reply(self, turn: int) -> None:
        """Answer the conversation as it stands, with the reply that was prepared for it if there is one."""
        messages = self._conversation.messages()
        entry, epoch = self._conversation.begin_reply(), self._next_epoch()
        if prepared := self._eager.take(messages):
            self._reply, self._task, self._interrupted = prepared.reply, prepared.task, None
            prepared.reply.release(epoch, entry)
        else:
            self._begin(Reply(self._stage, epoch=epoch, turn=turn, entry=entry), "", messages)

    def prepare(self, turn: int, text: str) -> None:
        """Begin the reply to a turn that may be over with these words; nobody hears of it before `reply`."""
        messages = self._conversation.messages(caller_says=text)

        def begin() -> Prepared:
            reply = Reply(self._stage, turn=turn, entry=Entry(Role.ASSISTANT), eager=True)
            return Prepared(reply, self._start(reply.run(self._script("", messages))), messages)

        self._eager.prepare(messages, begin)

    def withdraw(self, unless_to: str = "") -> None:
        """Throw away what was prepared, unless it is for a turn with these words."""
        self._eager.keep_only(self._conversation.messages(caller_says=unless_to) if unless_to else None)

    def cancel(self) -> None:
        """End the work on the reply. Nothing else is ever cancelled in order to interrupt."""
        if self._task:
            self._task.cancel()
        if self._reply:
            self._reply.end()
            if not self._reply.started:
                self._reply.announce_end(interrupted=True)

    def clear_playback(self) -> None:
        """Have the caller's player drop what it has not sounded yet."""
        self._stage.send(PlaybackCleared(self._epoch))

    def cut(self) -> float:
        """Let history hold what was heard; the player's report may correct it. Returns the ms heard."""
        reply = self._reply
        if reply is None:
            return 0.0
        self._announce_cut()  # of one that was cut just before
        heard_ms = reply.cut()
        self._interrupted = self._cleared = reply
        delay = self._stage.limits.playback_report_ms / 1000
        self._timer = asyncio.get_running_loop().call_later(delay, self._announce_cut)
        return heard_ms

    def resume(self) -> None:
        """Take the cut reply up again at its first unheard word."""
        cut = self._interrupted
        assert cut is not None  # or the call would be speaking, and nobody would speak
        self.withdraw()
        self._announce_cut()
        messages = None if cut.written else self._begun_messages(cut)
        reply = Reply(self._stage, epoch=self._next_epoch(), turn=cut.turn, entry=cut.entry)
        self._begin(reply, cut.unsaid(), messages)

    def apologise(self) -> None:
        """Say, in the reply that failed, that it cannot go on."""
        if self._reply:
            self._task = self._start(self._reply.apologise())

    def address(self, turn: int, sentence: Recorded) -> None:
        """Say this to a caller who has not asked for anything."""
        reply = Reply(self._stage, epoch=self._next_epoch(), turn=turn, entry=self._conversation.begin_reply())
        self._reply, self._interrupted = reply, None
        self._task = self._start(reply.address(sentence))

    # --- what the caller does ---

    def played(self, epoch: int, played_ms: float) -> None:
        """The caller's player has sounded `played_ms` of a reply; of an old one it is no longer of interest."""
        if self._cleared and self._cleared.epoch == epoch:
            self._cleared.settle_cut(played_ms)
            self._announce_cut()
        elif self._reply and self._reply.epoch == epoch:
            self._reply.played(played_ms)

    def sounded_ms(self, epoch: int, played_ms: float) -> float:
        """Return how much of the answer has sounded when `played_ms` of this epoch have."""
        reply = self._reply
        return played_ms - reply.answer_from_ms if reply and reply.epoch == epoch else 0.0

    def drop_interrupted(self) -> None:
        """The caller means it: the reply that was cut is not taken up again."""
        self._interrupted = None

    def close(self) -> None:
        """The call is over: end the work, and let history hold what was heard."""
        self.withdraw()
        if self._task and not self._task.done():
            self._task.cancel()
            if self._reply:
                self._reply.end()
                self._reply.cut()
        self._disarm()

    # --- ---

    def _begin(self, reply: Reply, begun: str, messages: list[Message] | None) -> None:
        self._reply, self._interrupted = reply, None
        self._task = self._start(reply.run(self._script(begun, messages)))

    def _script(self, begun: str, messages: list[Message] | None) -> Script:
        settings = self._settings()
        return Script(
            begun,
            messages,
            LlmOptions(language=settings.language, tools=self._stage.toolbox.tools if self._stage.toolbox else ()),
            TtsOptions(language=settings.language, voice=settings.voice),
        )

    def _begun_messages(self, cut: Reply) -> list[Message]:
        """Return the history with all that was written of the reply as its last message, for a model to go on from."""
        messages = self._conversation.messages()
        if messages[-1].role is Role.ASSISTANT:
            messages.pop()
        begun = " ".join(part for part in (cut.entry.text, cut.unsaid()) if part)
        # A tool that ran does not run again: its result goes along.
        return [*messages, *cut.tool_messages, Message(Role.ASSISTANT, begun)]

    def _announce_cut(self) -> None:
        if self._cleared:
            self._cleared.announce_end(interrupted=True)
            self._cleared = None
        self._disarm()

    def _disarm(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _next_epoch(self) -> int:
        self._epoch += 1
        return self._epoch
