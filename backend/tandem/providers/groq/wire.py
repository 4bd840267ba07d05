"""Between a conversation and Groq's chat.completions: what is sent, what a chunk says, and what a refusal means."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from groq.types.chat import (
    ChatCompletionAssistantMessageParam,
    ChatCompletionMessageParam,
    ChatCompletionMessageToolCallParam,
    ChatCompletionSystemMessageParam,
    ChatCompletionToolMessageParam,
    ChatCompletionToolParam,
    ChatCompletionUserMessageParam,
)

from tandem.core.errors import Fault
from tandem.core.ports import Completed, LlmOptions, Message, Role, Tool, ToolCall


def request(model: str, messages: Sequence[Message], options: LlmOptions) -> dict[str, object]:
    """Return the body of a request for a streamed reply."""
    body: dict[str, object] = {"model": model, "messages": request_messages(messages), "stream": True}
    if options.tools:
        body["tools"] = request_tools(options.tools)
    if options.max_tokens is not None:
        body["max_completion_tokens"] = options.max_tokens
    return body


def request_messages(messages: Sequence[Message]) -> list[ChatCompletionMessageParam]:
    """Return the conversation as Groq takes it. A reply that was begun is its last message: Groq goes on from there."""
    return [_request_message(message) for message in messages]


def begun(messages: Sequence[Message]) -> bool:
    """Tell whether the assistant has already said a part of the reply that is asked for."""
    return bool(messages) and messages[-1].role is Role.ASSISTANT and bool(messages[-1].text.strip())


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


def read_chunk(chunk: Any) -> Piece:
    """Return what a chunk, as it is in JSON, says; raises UnreadableAnswer."""
    try:
        choices = chunk["choices"]
        choice = choices[0] if len(choices) else None  # none at all would be a lost word, and is a TypeError
        delta = {} if choice is None else choice["delta"]
        own = chunk.get("x_groq") or {}  # Groq's own place for the token counts, and for why it stopped early
        usage = own.get("usage") or chunk.get("usage") or {}
        return Piece(
            text=_text(delta.get("content")),
            calls=_read_calls(delta.get("tool_calls")),
            reason=None if choice is None else choice.get("finish_reason"),
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
            broken_off=bool(own.get("error")),
        )
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # nothing was checked before
        raise UnreadableAnswer("unknown form") from error


def _read_calls(calls: Sequence[Any] | None) -> tuple[CallPiece, ...]:
    return tuple(
        CallPiece(
            int(call["index"]),
            _text(call.get("id")),
            _text(call["function"].get("name")),
            _text(call["function"].get("arguments")),
        )
        for call in calls or ()
    )


def _text(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise UnreadableAnswer("no text where text belongs")
    return value or ""


class Reply:
    """What the pieces of a reply make beside its text: its tool calls, and its end."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._calls: dict[int, list[CallPiece]] = {}
        self._end = Piece()
        self._counts = Piece()

    def feed(self, piece: Piece) -> None:
        for part in piece.calls:
            self._calls.setdefault(part.index, []).append(part)
        self._end = piece if piece.reason else self._end
        self._counts = piece if piece.completion_tokens is not None else self._counts

    def ended(self) -> bool:
        """Tell whether the reply said that it ended."""
        return self._end.reason is not None

    def counted(self) -> bool:
        """Tell whether the reply's token counts are known."""
        return self._counts.completion_tokens is not None

    def completed(self) -> Completed:
        """Return the end of a reply that has ended."""
        return Completed(self._end.reason or "", self._counts.prompt_tokens, self._counts.completion_tokens)

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


# 498: Groq's flex tier has no capacity left just now. 413: more tokens than the account may send in a minute.
_STATUS_FAULTS = {
    400: Fault.INVALID,
    408: Fault.TIMEOUT,
    413: Fault.INVALID,
    422: Fault.INVALID,
    429: Fault.RATE_LIMITED,
    498: Fault.UNAVAILABLE,
}
# These come as 400, and what they say is more than that.
_TELLING_CODES = {
    "tool_use_failed": Fault.MALFORMED,  # the model wrote a call that cannot be read
    "model_decommissioned": Fault.REJECTED,
    "organization_restricted": Fault.REJECTED,
}
_FRAME_CODES = {
    **_TELLING_CODES,
    "rate_limit_exceeded": Fault.RATE_LIMITED,
    "over_capacity": Fault.UNAVAILABLE,
    "internal_server_error": Fault.UNAVAILABLE,
    "invalid_request_error": Fault.INVALID,
}


def refusal(status: int | None, body: object) -> tuple[Fault, str]:
    """Return what an HTTP status (None: an error frame) and its body mean, and a detail that quotes nothing of it."""
    codes = _FRAME_CODES if status is None else _TELLING_CODES
    error = body.get("error", body) if isinstance(body, Mapping) else None
    told = [error.get(key) for key in ("code", "type")] if isinstance(error, Mapping) else []
    known = next((code for code in told if isinstance(code, str) and code in codes), None)
    where = "error frame" if status is None else f"status {status}"
    if known:
        return codes[known], f"{where}: {known}"
    if status is None:
        return Fault.UNAVAILABLE, where
    return _STATUS_FAULTS.get(status) or (Fault.UNAVAILABLE if status >= 500 else Fault.REJECTED), where


def retry_after_ms(headers: Mapping[str, str]) -> float | None:
    """Return how long Groq asks to be left alone, in ms: its retry-after is in seconds."""
    try:
        value = float(headers.get("retry-after", "")) * 1000
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
