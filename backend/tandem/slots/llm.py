"""The language-model slot: one reply, begun by the first model that can and ended by whoever can."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from tandem.core.chain import Chain
from tandem.core.deadline import Deadline
from tandem.core.hedge import HedgeLimits
from tandem.core.pace import Pace
from tandem.core.ports import (
    Completed,
    Delta,
    LanguageModel,
    LlmOptions,
    Message,
    ModelOutput,
    Role,
    ToolCall,
)
from tandem.core.seam import Seam, WholeWords
from tandem.slots.failover import Failover
from tandem.slots.request import Bench, Request, Served, SlotLimits
from tandem.slots.written import checked

LIMITS = SlotLimits(slow_ms=700, hard_ms=1_200, give_up_ms=6_000, last_resort_ms=4_000, hedge=HedgeLimits(350, 600))
# Some 8 tokens a second, twice as fast as speech; judged by the last 500 ms, while the caller has less than 1 s ahead.
_PACE_FLOOR, _PACE_WINDOW_MS, _LEAST_LEAD_MS = 0.032, 500, 1_000


class LlmSlot:
    """Completes conversations over its chain of models."""

    def __init__(self, chain: Chain[LanguageModel], bench: Bench) -> None:
        self._failover = Failover(chain, bench)
        self._clock = bench.clock

    def new_turn(self) -> None:
        """The preferred model may serve again."""
        self._failover.new_turn()

    async def reply(
        self,
        messages: Sequence[Message],
        options: LlmOptions,
        *,
        lead_ms: Callable[[], float] = lambda: 0.0,
        deadline: Deadline | None = None,
    ) -> AsyncGenerator[Served[ModelOutput], None]:
        """Yield the reply in whole words, its tool calls after its text, and its end; raises ChainSpent.

        A model that fails is followed by the next one, which goes on where the text stops. Tool calls are given only
        with the end of the reply that holds them, so that none is made of half of one. `lead_ms` says how much audio
        the caller still has to hear.
        """
        reply, pace = _Reply(messages, options), Pace(self._clock, _PACE_WINDOW_MS, _PACE_FLOOR)
        request = Request(
            open_stream=reply.ask,
            stall_ms=lambda: min(max(lead_ms() - 300, 300), 1_200),
            too_slow=lambda: pace.too_slow and lead_ms() < _LEAST_LEAD_MS,
            done=lambda: reply.completed,
            given=lambda: reply.length,
            may_be_empty=False,
            urgent=lambda: lead_ms() <= 0,
            deadline=deadline,
        )
        self._failover.shadow(replace(request, open_stream=lambda model: checked(model, messages, options)))
        async with aclosing(self._failover.run(request)) as served:
            async for piece in served:
                pace.took(piece.attempt, len(piece.item.text) if isinstance(piece.item, Delta) else 0)
                for item in reply.take(piece):
                    yield Served(item, piece.provider, piece.attempt)


class _Reply:
    """What has been written of one reply, by however many models."""

    def __init__(self, messages: Sequence[Message], options: LlmOptions) -> None:
        self.completed = False
        self._messages = messages
        self._options = options
        self._begun = messages[-1].text if messages and messages[-1].role is Role.ASSISTANT else ""
        self._text = ""
        self._attempt = 0
        self._words = WholeWords()
        self._seam = Seam("")
        self._calls: list[ToolCall] = []

    @property
    def length(self) -> int:
        """How many characters there are."""
        return len(self._text)

    def ask(self, model: LanguageModel) -> AsyncGenerator[ModelOutput, None]:
        """Ask a model for the reply, or for what is missing of it."""
        messages = self._messages
        if self._text:
            before = messages[:-1] if self._begun else messages
            messages = [*before, Message(Role.ASSISTANT, self._begun + self._text)]
        return checked(model, messages, self._options)

    def take(self, piece: Served[ModelOutput]) -> list[ModelOutput]:
        """Return what a model's next output adds to the reply."""
        if piece.attempt != self._attempt:
            self._attempt, self._words, self._calls = piece.attempt, WholeWords(), []
            self._seam = Seam(self._begun + self._text)
        match piece.item:
            case Delta(text):
                return self._grown(self._seam.feed(self._words.feed(text)))
            case ToolCall() as call:
                self._calls.append(call)
                return []
            case Completed() as end:
                self.completed = True
                text = self._seam.feed(self._words.flush()) + self._seam.flush()
                return [*self._grown(text), *self._calls, end]

    def _grown(self, text: str) -> list[ModelOutput]:
        self._text += text
        return [Delta(text)] if text else []
