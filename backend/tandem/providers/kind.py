"""What a provider is made of: its kind, a line of the catalogue, and its configuration."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from tandem.core.ports import LanguageModel, Slot, SpeechToText, TextToSpeech

Provider = SpeechToText | LanguageModel | TextToSpeech


@dataclass(frozen=True, slots=True)
class Config:
    """What a provider is opened with; an empty value is the kind's own choice.

    `name` is what chains call it. `workers` bounds the threads or processes of a local engine. `behind` names the
    providers that come before it in its chain.
    """

    name: str
    key: str = field(default="", repr=False)
    url: str = ""
    model: str = ""
    voice: str = ""
    first_output_ms: float | None = None
    workers: int = 2
    behind: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """One line of the catalogue. `missing` says what is lacking and how to add it, or None.

    One that does not serve `unasked` has no place in a chain that nobody has set. A `local` one runs on this machine:
    others are preferred to it even where they are slower.
    """

    slot: Slot
    name: str
    about: str
    missing: Callable[[Config], str | None]
    open: Callable[[Config], AbstractAsyncContextManager[Provider]]
    unasked: bool = True
    local: bool = False
