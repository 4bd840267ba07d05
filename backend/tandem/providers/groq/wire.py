"""Between a conversation and Groq's chat.completions: what is sent, what a chunk says, and what a refusal means."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groq.types.chat import (
    ChatCompletionAssistantMessageParam,
    ChatCompletionChunk,
    ChatCompletionMessageParam,
    ChatCompletionMessageToolCallParam,
    ChatCompletionSystemMessageParam,
    ChatCompletionToolMessageParam,
    ChatCompletionToolParam,
    ChatCompletionUserMessageParam,
)

from tandem.core.errors import Fault
from tandem.core.ports import Completed, Message, Role, Tool, ToolCall


def request_messages(messages: Sequence[Message]) -> list[ChatCompletionMessageParam]:
    """Return the conversation as Groq takes it. A reply that was begun is its last message: Groq goes on from there."""
    return [_request_message(message) for message in messages]


def _request_message(message: Message) -> ChatCompletionMessageParam:
    match message.role:
        case Role.SYSTEM:
            return ChatCompletionSystemMessageParam(role="system", content=message.text)
        case Role.USER:
            return ChatCompletionUserMessageParam(role="user", content=message.text)
        case Role.TOOL:
            return ChatCompletionToolMessageParam(role="tool", content=message.text, tool_call_id=message.call_id)
        case Role.ASSISTANT:
            sent = ChatCompletionAssistantMessageParam(role="assistant", content=message.text)
            if message.calls:
                sent["tool_calls"] = [_request_call(call) for call in message.calls]
            return sent


def _request_call(call: ToolCall) -> ChatCompletionMessageToolCallParam:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}  # type: ignore[typeddict-item]


def request_tools(tools: Sequence[Tool]) -> list[ChatCompletionToolParam]:
    """Return what the model may call as Groq takes it."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
        }
        for tool in tools
    ]


class UnreadableAnswer(ValueError):
    """What came is not of the promised form."""


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A piece of the tool call at `index`; the first one has its id and name."""

    index: int
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Piece:
    """What one chunk adds. The last one has the reason of the end, and mostly the token counts beside it."""

    text: str = ""
    calls: tuple[CallPiece, ...] = ()
    reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    broken_off: bool = False


def read_chunk(chunk: ChatCompletionChunk) -> Piece:
    """Return what `chunk` says; raises UnreadableAnswer."""
    try:
        choices: Sequence[Any] | None = chunk.choices
        if choices is None:  # as the SDK has it where the field is missing: a lost word
            raise UnreadableAnswer("a chunk without choices")
        choice = choices[0] if choices else None
        own = chunk.x_groq  # Groq's own place for the token counts, and for why it stopped early
        usage = (own and own.usage) or chunk.usage
        return Piece(
            text=_text(choice.delta.content) if choice else "",
            calls=_read_calls(choice.delta.tool_calls) if choice else (),
            reason=choice.finish_reason if choice else None,
            prompt_tokens=usage.prompt_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
            broken_off=bool(own and own.error),
        )
    except (AttributeError, LookupError, TypeError) as error:  # the SDK builds its objects without a check
        raise UnreadableAnswer("unknown form") from error


def _read_calls(calls: Sequence[Any] | None) -> tuple[CallPiece, ...]:
    return tuple(
        CallPiece(int(call.index), _text(call.id), _text(call.function.name), _text(call.function.arguments))
        for call in calls or ()
    )


def _text(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise UnreadableAnswer("no text where text belongs")
    return value or ""


class Reply:
    """A reply as its pieces make it: which of its text is new, its tool calls, and its end."""

    def __init__(self, messages: Sequence[Message], tools: Sequence[Tool]) -> None:
        last = messages[-1] if messages else None
        self._begun = last.text.strip() if last and last.role is Role.ASSISTANT else ""
        self._held: str | None = ""  # what may be the begun words again, or white space; None once neither can be
        self._tools = {tool.name: tool for tool in tools}
        self._calls: dict[int, list[CallPiece]] = {}
        self._end = Piece()
        self._counts = Piece()

    def feed(self, piece: Piece) -> str:
        """Take the next piece; return the text that is new in it and in what was held back."""
        for part in piece.calls:
            self._calls.setdefault(part.index, []).append(part)
        self._end = piece if piece.reason else self._end
        self._counts = piece if piece.completion_tokens is not None else self._counts
        if self._held is None:
            return piece.text
        self._held += piece.text
        if not (words := self._held.lstrip()) or (self._begun.startswith(words) and words != self._begun):
            return ""
        text, self._held = self._held, None
        return words.removeprefix(self._begun) if self._begun and words.startswith(self._begun) else text

    def flush(self) -> str:
        """Return what is still held back; the stream has ended."""
        text, self._held = self._held or "", None
        return text if text.strip() else ""

    def ended(self) -> bool:
        """Tell whether the reply said that it ended."""
        return self._end.reason is not None

    def counted(self) -> bool:
        """Tell whether the reply's token counts are known."""
        return self._counts.completion_tokens is not None

    def completed(self) -> Completed:
        """Return the end of a reply that has ended."""
        return Completed(self._end.reason or "", self._counts.prompt_tokens, self._counts.completion_tokens)

    def may_be_empty(self) -> bool:
        """Nothing is left to say of a reply that was begun."""
        return bool(self._begun)

    def calls(self) -> list[ToolCall]:
        """Return the tool calls of a reply that has ended; raises UnreadableAnswer if one is not whole."""
        return [self._whole(parts) for _, parts in sorted(self._calls.items())]

    def _whole(self, parts: Sequence[CallPiece]) -> ToolCall:
        first, arguments = parts[0], "".join(part.arguments for part in parts)
        tool = self._tools.get(first.name)
        if tool is None or not first.id:
            raise UnreadableAnswer("a call of a tool that was not offered")
        if not arguments.strip() and not tool.parameters.get("required"):
            arguments = "{}"
        try:
            readable = isinstance(json.loads(arguments), dict)
        except (ValueError, RecursionError):
            readable = False
        if not readable:
            raise UnreadableAnswer("a call whose arguments are no JSON object")
        return ToolCall(first.id, first.name, arguments)


# 498: Groq's flex tier has no capacity left just now.
_STATUS_FAULTS = {408: Fault.TIMEOUT, 429: Fault.RATE_LIMITED, 498: Fault.UNAVAILABLE}
_CODE_FAULTS = {
    "tool_use_failed": Fault.MALFORMED,  # comes as 400: the model wrote a call that cannot be read
    "rate_limit_exceeded": Fault.RATE_LIMITED,
    "over_capacity": Fault.UNAVAILABLE,
    "internal_server_error": Fault.UNAVAILABLE,
}


def refusal(status: int | None, body: object) -> tuple[Fault, str]:
    """Return what an HTTP status (None: an error frame) and its body mean, and a detail that quotes nothing of it."""
    error = body.get("error", body) if isinstance(body, Mapping) else None
    told = [error.get(key) for key in ("code", "type")] if isinstance(error, Mapping) else []
    known = next((code for code in told if isinstance(code, str) and code in _CODE_FAULTS), None)
    if status is None:
        return (_CODE_FAULTS[known], f"error frame: {known}") if known else (Fault.UNAVAILABLE, "error frame")
    if known == "tool_use_failed":
        return Fault.MALFORMED, f"status {status}: {known}"
    fault = _STATUS_FAULTS.get(status) or (Fault.UNAVAILABLE if status >= 500 else Fault.REJECTED)
    return fault, f"status {status}"


def retry_after_ms(headers: Mapping[str, str]) -> float | None:
    """Return how long Groq asks to be left alone, in ms: its retry-after is in seconds."""
    try:
        value = float(headers.get("retry-after", "")) * 1000
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
