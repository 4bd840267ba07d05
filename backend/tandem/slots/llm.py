"""The language-model slot: one reply from the first model of the chain that begins one."""

from collections.abc import AsyncGenerator, Sequence

from tandem.core.ports import (
    Clock,
    LanguageModel,
    LlmOptions,
    Message,
    ModelOutput,
    Notify,
    Slot,
)
from tandem.slots.failover import Failover, Served


class LlmSlot:
    """Completes conversations over its chain of models."""

    def __init__(self, chain: Sequence[LanguageModel], *, notify: Notify, clock: Clock, first_output_ms: float) -> None:
        self._failover: Failover[LanguageModel] = Failover(
            Slot.LLM, chain, notify=notify, clock=clock, first_output_ms=first_output_ms
        )

    def reply(self, messages: Sequence[Message], options: LlmOptions) -> AsyncGenerator[Served[ModelOutput], None]:
        """Yield the reply piece by piece; raises ChainSpent."""
        return self._failover.run(lambda model: model.complete(messages, options))
