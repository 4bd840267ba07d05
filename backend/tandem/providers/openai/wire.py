"""Between a conversation and chat.completions: what is sent, what a chunk says, and what an error means."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from openai.types.chat import (
    ChatCompletionAssistantMessageParam,
    ChatCompletionChunk,
    ChatCompletionMessageParam,
    ChatCompletionSystemMessageParam,
    ChatCompletionToolMessageParam,
    ChatCompletionUserMessageParam,
)

from tandem.core.errors import Fault
from tandem.core.ports import Completed, Message, Role

# A chat model answers a conversation that ends with its own words in one of three ways: it goes on, it says them again,
# or it starts afresh. This makes the first likely; `Opening` undoes the second.
_GO_ON = (
    "Your last message below was interrupted. Go on exactly where it stops, with the very next word; "
    "do not repeat any of it, and do not mention the interruption."
)


def request_messages(messages: Sequence[Message]) -> list[ChatCompletionMessageParam]:
    """Return the conversation as chat.completions takes it."""
    if begun(messages):
        system = [message.text for message in messages if message.role is Role.SYSTEM]
        others = [message for message in messages if message.role is not Role.SYSTEM]
        # One system message at the top is what every server's chat template accepts.
        messages = [Message(Role.SYSTEM, "\n\n".join([*system, _GO_ON])), *others]
    return [_request_message(message) for message in messages]


def _request_message(message: Message) -> ChatCompletionMessageParam:
    match message.role:
        case Role.SYSTEM:
            return ChatCompletionSystemMessageParam(role="system", content=message.text)
        case Role.USER:
            return ChatCompletionUserMessageParam(role="user", content=message.text)
        case Role.ASSISTANT:
            return ChatCompletionAssistantMessageParam(role="assistant", content=message.text)
        case Role.TOOL:
            return ChatCompletionToolMessageParam(role="tool", content=message.text, tool_call_id=message.call_id)


def begun(messages: Sequence[Message]) -> str:
    """Return what the assistant has already said of the reply that is asked for."""
    return messages[-1].text.strip() if messages and messages[-1].role is Role.ASSISTANT else ""


class Opening:
    """The first words of a reply, held back while they are white space or may be the begun message again."""

    def __init__(self, begun: str) -> None:
        self._begun = begun
        self._held = ""
        self._open = False

    def feed(self, text: str) -> str:
        """Take the reply's next piece; return what of it and of the held back is new."""
        if self._open:
            return text
        self._held += text
        words = self._held.lstrip()
        if not words or (words != self._begun and self._begun.startswith(words)):
            return ""
        self._open = True
        return words[len(self._begun) :] if self._begun and words.startswith(self._begun) else self._held

    def flush(self) -> str:
        """Return what is still held back; the reply has ended."""
        return "" if self._open or not self._held.strip() else self._held


@dataclass(frozen=True, slots=True)
class Piece:
    """What one chunk adds: text, the reason of the end once it is known, and token counts."""

    text: str = ""
    reason: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class UnreadableChunk(ValueError):
    """A chunk is valid JSON, but not of the promised form."""


def read_chunk(chunk: ChatCompletionChunk) -> Piece:
    """Return what `chunk` says; raises UnreadableChunk."""
    try:
        choice = chunk.choices[0] if chunk.choices else None  # the chunk with the token counts has no choices
        usage = chunk.usage
        piece = Piece(
            text=(choice.delta.content or "") if choice else "",
            reason=choice.finish_reason if choice else None,
            prompt_tokens=usage.prompt_tokens if usage else None,
            completion_tokens=usage.completion_tokens if usage else None,
        )
    except (AttributeError, LookupError, TypeError) as error:  # the SDK builds its objects without a check
        raise UnreadableChunk("unknown form") from error
    if not isinstance(piece.text, str):
        raise UnreadableChunk("content that is no text")
    return piece


def completed(pieces: Sequence[Piece]) -> Completed | None:
    """Return the end that `pieces` tell of, in one chunk or in several; None if the reply never said that it ended."""
    reason = next((piece.reason for piece in pieces if piece.reason), None)
    counted = next((piece for piece in reversed(pieces) if piece.completion_tokens is not None), Piece())
    return Completed(reason, counted.prompt_tokens, counted.completion_tokens) if reason else None


_STATUS_FAULTS = {408: Fault.TIMEOUT, 429: Fault.RATE_LIMITED, 498: Fault.UNAVAILABLE}
_STATUS_DETAILS = {
    400: "the request was refused; is the model's name right?",
    401: "the key was refused",
    403: "the key may not use this model",
    404: "no such model, or no such path at this address",
}


def status_fault(status: int) -> tuple[Fault, str]:
    """Return what an HTTP status means, and a detail that quotes nothing of the answer's body."""
    fault = _STATUS_FAULTS.get(status) or (Fault.UNAVAILABLE if status >= 500 else Fault.REJECTED)
    detail = _STATUS_DETAILS.get(status)
    return fault, f"status {status}: {detail}" if detail else f"status {status}"


_CODE_FAULTS = (
    (re.compile(r"rate_?limit|quota|too_?many", re.IGNORECASE), Fault.RATE_LIMITED),
    (re.compile(r"server_?error|overloaded|unavailable|internal|capacity", re.IGNORECASE), Fault.UNAVAILABLE),
    (re.compile(r"invalid|auth|permission|not_?found", re.IGNORECASE), Fault.REJECTED),
)
_PLAIN_CODE = re.compile(r"[a-z_]{1,40}")


def frame_fault(*codes: Any) -> tuple[Fault, str]:
    """Return what an error frame within a stream means by its code and type, in this order."""
    for code in (str(code) for code in codes if code is not None):
        if code.isdecimal() and 400 <= int(code[:4]) < 600:
            return status_fault(int(code))
        fault = next((fault for pattern, fault in _CODE_FAULTS if pattern.search(code)), None)
        if fault:
            return fault, f"error frame: {code}" if _PLAIN_CODE.fullmatch(code) else "error frame"
    return Fault.MALFORMED, "error frame of an unknown kind"


def retry_after_ms(headers: Mapping[str, str]) -> float | None:
    """Return how long the server asks to be left alone, in ms: from retry-after-ms or Retry-After (RFC 9110, 10.2.3).

    A date is taken against the answer's own Date, so that no clock of ours matters.
    """
    for name, factor in (("retry-after-ms", 1), ("retry-after", 1000)):
        try:
            value = float(headers.get(name, "")) * factor
        except ValueError:
            continue
        if math.isfinite(value) and value >= 0:
            return value
    try:
        wait = parsedate_to_datetime(headers["retry-after"]) - parsedate_to_datetime(headers["date"])
    except (KeyError, TypeError, ValueError):  # no such header, a date without a zone, or no date
        return None
    return max(wait.total_seconds() * 1000, 0.0)
