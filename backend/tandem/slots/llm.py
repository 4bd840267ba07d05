"""The language-model slot: one reply, begun by the first model that can and ended by whoever can."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace

from tandem.core.chain import Chain
from tandem.core.deadline import Deadline
from tandem.core.errors import Fault, ProviderError
from tandem.core.hedge import HedgeLimits
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

LIMITS = SlotLimits(slow_ms=700, hard_ms=1_200, give_up_ms=6_000, hedge=HedgeLimits(350, 700))
_MOST_CHARS = 20_000  # of one reply; a model that writes more is broken


class LlmSlot:
    """Completes conversations over its chain of models."""

    def __init__(self, chain: Chain[LanguageModel], bench: Bench) -> None:
        self._failover = Failover(chain, bench)

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
        reply = _Reply(messages, options)
        request = Request(
            open_stream=reply.ask,
            stall_ms=lambda: min(max(lead_ms() - 300, 300), 1_200),
            done=lambda: reply.completed,
            may_be_empty=False,
            urgent=lambda: lead_ms() <= 0,
            deadline=deadline,
        )
        self._failover.shadow(replace(request, open_stream=lambda model: _checked(model, messages, options)))
        async with aclosing(self._failover.run(request)) as served:
            async for piece in served:
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

    def ask(self, model: LanguageModel) -> AsyncGenerator[ModelOutput, None]:
        """Ask a model for the reply, or for what is missing of it."""
        messages = self._messages
        if self._text:
            before = messages[:-1] if self._begun else messages
            messages = [*before, Message(Role.ASSISTANT, self._begun + self._text)]
        return _checked(model, messages, self._options)

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


async def _checked(
    model: LanguageModel, messages: Sequence[Message], options: LlmOptions
) -> AsyncGenerator[ModelOutput, None]:
    """Yield a model's output; what a model must not do is a fault, whoever wrote its adapter."""
    written, spoke = 0, messages[-1:] != [] and messages[-1].role is Role.ASSISTANT
    async with aclosing(model.complete(messages, options)) as output:
        async for item in output:
            if isinstance(item, Completed) and not spoke:
                raise ProviderError(Fault.EMPTY, model.name, f"no text, finish_reason {item.reason}")
            if isinstance(item, Delta):
                written += len(item.text)
                spoke = spoke or not item.text.isspace()
                if written > _MOST_CHARS:
                    raise ProviderError(Fault.MALFORMED, model.name, f"a reply of over {_MOST_CHARS} characters")
            else:
                spoke = True
            yield item
            if isinstance(item, Completed):
                return
    raise ProviderError(Fault.CUT, model.name, "the reply ended without its end")
