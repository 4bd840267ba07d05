"""A chat completion in the forms of OpenAI's API: as one body, and as the events of a stream."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tandem.simulator.http import Body
from tandem.simulator.scripts import Answer

CREATED = 1_700_000_000  # a date of no meaning, so that recordings are the same every time
_ARGUMENT_PIECE = 8  # characters of a tool call's arguments in one chunk


def frame(body: Body) -> bytes:
    """Return a server-sent event."""
    return b"data: " + json.dumps(body).encode() + b"\n\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of a model, on its way."""

    vendor: str
    number: int
    model: str
    answer: Answer
    tokens: list[str]
    finish: str
    prompt_tokens: int

    @property
    def usage(self) -> Body:
        """Counts of tokens: words, and a quarter of the arguments' characters."""
        call = len(json.dumps(self.answer.call.arguments)) // 4 if self.answer.call else 0
        out = len(self.tokens) + call
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": out,
            "total_tokens": self.prompt_tokens + out,
        }

    @property
    def call(self) -> Body | None:
        """The tool call as a whole message has it."""
        if self.answer.call is None:
            return None
        function = {"name": self.answer.call.name, "arguments": json.dumps(self.answer.call.arguments)}
        return {"id": f"call_{self.number}", "type": "function", "function": function}

    def chunk(self, delta: Body | None, finish: str | None = None, **more: Any) -> bytes:
        """Return one event of the stream; `delta` is None in the one that only counts tokens."""
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
        return frame({**self._head("chat.completion.chunk"), "choices": choices, **more})

    def whole(self) -> bytes:
        """Return the answer as one body."""
        message: Body = {"role": "assistant", "content": "".join(self.tokens) or None}
        if self.call:
            message["tool_calls"] = [self.call]
        choice = {"index": 0, "message": message, "finish_reason": self.finish}
        return json.dumps({**self._head("chat.completion"), "choices": [choice], "usage": self.usage}).encode()

    def deltas(self) -> Iterator[Body]:
        """Yield what each chunk adds: a word, or a piece of the tool call."""
        yield from ({"content": token} for token in self.tokens)
        if call := self.call:
            arguments = call["function"]["arguments"]
            yield {"tool_calls": [{"index": 0, **call, "function": {**call["function"], "arguments": ""}}]}
            for first in range(0, len(arguments), _ARGUMENT_PIECE):
                piece = arguments[first : first + _ARGUMENT_PIECE]
                yield {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}

    def ending(self, *, usage: bool) -> bytes:
        """Return the finish_reason, the token counts where they are asked for, and the terminator."""
        own = {"x_groq": {"id": f"req_{self.number}", "usage": self.usage}} if self.vendor == "groq" else {}
        counts = self.chunk(None, usage=self.usage) if usage else b""
        return self.chunk({}, self.finish, **own) + counts + b"data: [DONE]\n\n"

    def _head(self, kind: str) -> Body:
        return {"id": f"chatcmpl-{self.number}", "object": kind, "created": CREATED, "model": self.model}
