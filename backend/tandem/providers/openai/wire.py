"""Between a conversation and chat.completions: what is sent, what a chunk says, and when a tool call is whole."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from openai.types.chat import (
    ChatCompletionAssistantMessageParam,
    ChatCompletionFunctionToolParam,
    ChatCompletionMessageFunctionToolCallParam,
    ChatCompletionMessageParam,
    ChatCompletionSystemMessageParam,
    ChatCompletionToolMessageParam,
    ChatCompletionUserMessageParam,
)

from tandem.core.ports import Completed, LlmOptions, Message, Role, Tool, ToolCall
from tandem.providers.openai.kinds import Kind

# A chat model answers a conversation that ends with its own words in one of three ways: it goes on, it says them again,
# or it starts afresh. This makes the first likely; whoever joins the two undoes the second (tandem.core.seam).
_GO_ON = (
    "Your last message below was interrupted. Go on exactly where it stops, with the very next word; "
    "do not repeat any of it, and do not mention the interruption."
)


def request(kind: Kind, model: str, messages: Sequence[Message], options: LlmOptions) -> dict[str, object]:
    """Return the body of a request for a streamed reply."""
    body: dict[str, object] = {
        "model": model,
        "messages": request_messages(messages, kind.call_signature),
        kind.limit: options.max_tokens,
        "stream": True,
    }
    if options.tools:
        body["tools"] = request_tools(options.tools)
    if kind.token_counts:
        body["stream_options"] = {"include_usage": True}
    return body


def request_messages(messages: Sequence[Message], call_signature: str = "") -> list[ChatCompletionMessageParam]:
    """Return the conversation as chat.completions takes it; `call_signature` goes with each tool call in it."""
    if begun(messages):
        system = [message.text for message in messages if message.role is Role.SYSTEM]
        others = [message for message in messages if message.role is not Role.SYSTEM]
        # One system message at the top is what every server's chat template accepts.
        messages = [Message(Role.SYSTEM, "\n\n".join([*system, _GO_ON])), *others]
    return [_request_message(message, call_signature) for message in messages]


def _request_message(message: Message, call_signature: str) -> ChatCompletionMessageParam:
    match message.role:
        case Role.SYSTEM:
            return ChatCompletionSystemMessageParam(role="system", content=message.text)
        case Role.USER:
            return ChatCompletionUserMessageParam(role="user", content=message.text)
        case Role.ASSISTANT:
            if not message.calls:
                return ChatCompletionAssistantMessageParam(role="assistant", content=message.text)
            calls = [_request_call(call, call_signature) for call in message.calls]
            return ChatCompletionAssistantMessageParam(role="assistant", content=message.text or None, tool_calls=calls)
        case Role.TOOL:
            return ChatCompletionToolMessageParam(role="tool", content=message.text, tool_call_id=message.call_id)


def _request_call(call: ToolCall, signature: str) -> ChatCompletionMessageFunctionToolCallParam:
    sent = ChatCompletionMessageFunctionToolCallParam(
        id=call.id, type="function", function={"name": call.name, "arguments": call.arguments}
    )
    if signature:
        sent["extra_content"] = {"google": {"thought_signature": signature}}  # type: ignore[typeddict-unknown-key]
    return sent


def request_tools(tools: Sequence[Tool]) -> list[ChatCompletionFunctionToolParam]:
    """Return what the model may call as chat.completions takes it."""
    return [
        ChatCompletionFunctionToolParam(
            type="function",
            function={"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
        )
        for tool in tools
    ]


def begun(messages: Sequence[Message]) -> bool:
    """Tell whether the assistant has already said a part of the reply that is asked for."""
    return bool(messages) and messages[-1].role is Role.ASSISTANT and bool(messages[-1].text.strip())


class UnreadableAnswer(ValueError):
    """What came is not of the promised form."""


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A piece of a tool call. Its id and name mostly come once; its arguments are cut anywhere."""

    index: int | None
    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Piece:
    """What one chunk adds: text, pieces of tool calls, the reason of the end once it is known, and token counts."""

    text: str = ""
    calls: tuple[CallPiece, ...] = ()
    reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


def read_chunk(chunk: Any) -> Piece:
    """Return what a chunk, as it is in JSON, says; raises UnreadableAnswer."""
    try:
        choices, usage = chunk.get("choices"), chunk.get("usage") or {}
        if (
            choices is None and not usage
        ):  # the chunk with the token counts has no choices; in any other it is a lost word
            raise UnreadableAnswer("a chunk without choices")
        choice = choices[0] if choices else None
        delta = {} if choice is None else choice["delta"]
        return Piece(
            text=_text(delta.get("content")),
            calls=_read_calls(delta.get("tool_calls")),
            reason=None if choice is None else choice.get("finish_reason"),
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
        )
    except (AttributeError, LookupError, TypeError) as error:  # nothing was checked before
        raise UnreadableAnswer("unknown form") from error


def _read_calls(calls: Iterable[Any] | None) -> tuple[CallPiece, ...]:
    pieces = []
    for call in calls or ():
        function, index = call.get("function") or {}, call.get("index")  # Gemini leaves the index out
        pieces.append(
            CallPiece(
                index=index if isinstance(index, int) else None,
                id=_text(call.get("id")),
                name=_text(function.get("name")),
                arguments=_text(function.get("arguments")),
            )
        )
    return tuple(pieces)


def _text(value: Any) -> str:
    if value is not None and not isinstance(value, str):
        raise UnreadableAnswer("no text where text belongs")
    return value or ""


@dataclass(slots=True)
class _Gathered:
    id: str
    name: str
    arguments: list[str] = field(default_factory=list)


class Calls:
    """Gathers tool calls from their pieces."""

    def __init__(self) -> None:
        self._calls: list[_Gathered] = []
        self._at: dict[int | None, _Gathered] = {}

    def feed(self, pieces: Sequence[CallPiece]) -> None:
        for piece in pieces:
            call = self._at.get(piece.index) or (self._calls[-1] if piece.index is None and self._calls else None)
            # Gemini numbers every call 0; some servers name a call, or number it anew, with each of its pieces.
            if call is None or (piece.id and piece.name and piece.id != call.id):
                call = _Gathered(piece.id, piece.name)
                self._calls.append(call)
                self._at[piece.index] = call
            call.id = call.id or piece.id
            call.name = call.name or piece.name
            call.arguments.append(piece.arguments)

    def whole(self, tools: Sequence[Tool]) -> list[ToolCall]:
        """Return the calls in order, now that the reply has ended; raises UnreadableAnswer if one is none of `tools`.

        Arguments that are not a JSON object are refused too. None at all are an empty object, as some servers write
        it, where the tool requires none.
        """
        known = {tool.name: tool for tool in tools}
        calls = []
        for number, gathered in enumerate(self._calls, 1):
            tool, arguments = known.get(gathered.name), "".join(gathered.arguments)
            if tool is None:
                raise UnreadableAnswer("a call of a tool that was not offered")
            if not arguments.strip() and not tool.parameters.get("required"):
                arguments = "{}"
            if not _is_object(arguments):
                raise UnreadableAnswer("a call whose arguments are no JSON object")
            calls.append(ToolCall(gathered.id or f"call_{number}", gathered.name, arguments))
        return calls


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def completed(pieces: Sequence[Piece]) -> Completed | None:
    """Return the end that `pieces` tell of, in one chunk or in several; None if the reply never said that it ended."""
    reason = next((piece.reason for piece in pieces if piece.reason), None)
    counted = next((piece for piece in reversed(pieces) if piece.completion_tokens is not None), Piece())
    return Completed(reason, counted.prompt_tokens, counted.completion_tokens) if reason else None
