"""What a model may write: readable text within bounds, whole tool calls, and an end."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import Completed, Delta, LanguageModel, LlmOptions, Message, ModelOutput, Role

_MOST_CHARS = 20_000  # of one reply; a model that writes more is broken


async def checked(
    model: LanguageModel, messages: Sequence[Message], options: LlmOptions
) -> AsyncGenerator[ModelOutput, None]:
    """Yield a model's output; what a model must not do is a fault, whoever wrote its adapter.

    Text that nobody can read (none at all, white space, zero-width characters) goes out with what follows it: until
    then the model has given nothing.
    """
    begun = bool(messages) and messages[-1].role is Role.ASSISTANT
    text = _Text(model.name)
    spoke = False
    async with aclosing(model.complete(messages, options)) as output:
        async for item in output:
            match item:
                case Delta():
                    if readable := text.add(item.text):
                        spoke = True
                        yield Delta(readable)
                case Completed():
                    if not (spoke or begun):
                        raise ProviderError(Fault.EMPTY, model.name, f"no text, finish_reason {item.reason}")
                    yield item
                    return
                case _:
                    spoke = True
                    yield item
    raise ProviderError(Fault.CUT, model.name, "the reply ended without its end")


class _Text:
    """The text of a reply as it grows."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._taken = 0
        self._held = ""

    def add(self, piece: object) -> str:
        """Take a piece; return what can go out now; raises ProviderError (MALFORMED)."""
        if not isinstance(piece, str):
            raise ProviderError(Fault.MALFORMED, self._model, "a piece of text that is none")
        self._taken += max(1, len(piece))  # nothing, over and over, has an end too
        if self._taken > _MOST_CHARS:
            raise ProviderError(Fault.MALFORMED, self._model, f"a reply of over {_MOST_CHARS} characters")
        self._held += piece
        if not any(char.isprintable() and not char.isspace() for char in piece):
            return ""
        text, self._held = self._held, ""
        return text
