"""The servers that speak OpenAI's chat.completions, and where their dialects differ."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Kind:
    """One dialect of chat.completions; an empty address or model has no default and must be given.

    `limit` is the parameter that bounds a reply's length. `token_counts` says whether `stream_options` may ask for
    the counts; a server that does not know the parameter may refuse the request. With an
    `api_version` it is Azure: the address ends before /openai, and the model is the name of a deployment.
    """

    base_url: str = ""
    model: str = ""
    needs_key: bool = False
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    token_counts: bool = True
    api_version: str = ""
    # Gemini 3 refuses a conversation with a tool call that does not carry the signature of the thought behind it. A
    # call that another model made has none; this is the value that Google's documentation gives for that case.
    call_signature: str = ""


COMPATIBLE = Kind(model="default")  # a server of one model mostly takes any name
KINDS: Mapping[str, Kind] = {
    "openai": Kind(
        base_url="https://api.openai.com/v1", model="gpt-4.1-mini", needs_key=True, limit="max_completion_tokens"
    ),
    "gemini": Kind(
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        model="gemini-flash-lite-latest",
        needs_key=True,
        call_signature="skip_thought_signature_validator",
    ),
    "deepseek": Kind(base_url="https://api.deepseek.com/v1", model="deepseek-chat", needs_key=True),
    # 2024-10-21 is the oldest version without "preview" that takes stream_options and max_completion_tokens.
    "azure": Kind(needs_key=True, limit="max_completion_tokens", api_version="2024-10-21"),
    "ollama": Kind(base_url="http://localhost:11434/v1", model="llama3.2"),
    "llamacpp": Kind(base_url="http://localhost:8080/v1", model="default"),
    "vllm": Kind(base_url="http://localhost:8000/v1"),
    "openai_compatible": COMPATIBLE,
}


def missing(kind: Kind, *, base_url: str = "", model: str = "", api_key: str = "") -> str | None:
    """Say what a server of this kind still needs: its address, a key or the name of a model; None if nothing."""
    if not (base_url or kind.base_url):
        return "it needs an address"
    if kind.needs_key and not api_key:
        return "it needs a key"
    if not (model or kind.model):
        return "it needs the name of a model"
    return None
