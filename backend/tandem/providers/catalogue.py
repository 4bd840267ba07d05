"""The catalogue: every provider that Tandem can run, how it is opened, and what it lacks on this machine."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tandem.core.errors import ConfigurationError, ProviderError
from tandem.core.ports import LanguageModel, Slot, SpeechToText, TextToSpeech
from tandem.providers.local import espeak, flite, moonshine, pocketsphinx, rulebook
from tandem.providers.openai import llm as openai_llm

Provider = SpeechToText | LanguageModel | TextToSpeech


@dataclass(frozen=True, slots=True)
class Means:
    """What providers are made from. `workers` bounds the threads or processes of each local engine."""

    openai_compatible_url: str | None = None
    openai_compatible_model: str = ""
    openai_compatible_key: str = field(default="", repr=False)
    workers: int = 2
    llm_first_token_ms: float = 4_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the catalogue. `missing` says what is lacking and how to add it, or None."""

    slot: Slot
    name: str
    about: str
    missing: Callable[[Means], str | None]
    open: Callable[[Means], AbstractAsyncContextManager[Provider]]


def _no_compatible_url(means: Means) -> str | None:
    if means.openai_compatible_url:
        return None
    return "set OPENAI_COMPATIBLE_URL (Ollama: http://localhost:11434/v1), and OPENAI_COMPATIBLE_MODEL"


def _compatible(means: Means) -> AbstractAsyncContextManager[Provider]:
    return openai_llm.OpenAIChat.open(
        name="openai_compatible",
        base_url=means.openai_compatible_url or "",
        model=means.openai_compatible_model,
        api_key=means.openai_compatible_key,
        first_token_ms=means.llm_first_token_ms,
    )


def _rulebook(means: Means) -> AbstractAsyncContextManager[Provider]:
    return rulebook.Rulebook.open(
        now=lambda: datetime.now().astimezone(), model_configured=bool(means.openai_compatible_url)
    )


# In each slot the order is the order of a chain that nobody has set.
CATALOGUE: tuple[Entry, ...] = (
    Entry(
        Slot.STT,
        "moonshine",
        "neural recogniser on this machine, English",
        lambda _: moonshine.missing(),
        lambda means: moonshine.Moonshine.open(means.workers),
    ),
    Entry(
        Slot.STT,
        "pocketsphinx",
        "small recogniser on this machine, English",
        lambda _: pocketsphinx.missing(),
        lambda means: pocketsphinx.Pocketsphinx.open(means.workers),
    ),
    Entry(Slot.LLM, "openai_compatible", "any OpenAI-compatible server", _no_compatible_url, _compatible),
    Entry(Slot.LLM, "rulebook", "rules instead of a model: time, sums, units, memory", lambda _: None, _rulebook),
    Entry(
        Slot.TTS,
        "flite",
        "clear voice on this machine, English",
        lambda _: flite.missing(),
        lambda _: flite.Flite.open(),
    ),
    Entry(
        Slot.TTS,
        "espeak",
        "robotic voice on this machine, any language",
        lambda _: espeak.missing(),
        lambda means: espeak.Espeak.open(means.workers),
    ),
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A catalogue line as it stands here: its place in the chain (None: not in it), what it lacks (None: nothing)."""

    entry: Entry
    place: int | None
    missing: str | None


@dataclass(frozen=True, slots=True)
class Chains:
    """The names asked for, a tuple per slot; an empty one means every provider that can run here."""

    stt: Sequence[str] = ()
    llm: Sequence[str] = ()
    tts: Sequence[str] = ()

    def of(self, slot: Slot) -> Sequence[str]:
        return {Slot.STT: self.stt, Slot.LLM: self.llm, Slot.TTS: self.tts}[slot]


def listing(chains: Chains, means: Means, catalogue: Sequence[Entry] = CATALOGUE) -> list[Listed]:
    """Return the catalogue as it stands here; raises ConfigurationError for a chain that cannot be."""
    listed = []
    for slot in Slot:
        entries = [entry for entry in catalogue if entry.slot is slot]
        missing = {entry.name: entry.missing(means) for entry in entries}
        names = list(chains.of(slot)) or [entry.name for entry in entries if missing[entry.name] is None]
        _check_chain(slot, names, missing)
        listed += [
            Listed(entry, names.index(entry.name) if entry.name in names else None, missing[entry.name])
            for entry in entries
        ]
    return listed


def _check_chain(slot: Slot, names: list[str], missing: dict[str, str | None]) -> None:
    variable = f"{slot.upper()}_CHAIN"
    if unknown := [name for name in names if name not in missing]:
        known = ", ".join(missing)
        raise ConfigurationError(f"{variable} names {unknown[0]!r}, which is not a provider. There are: {known}.")
    if len(set(names)) < len(names):
        raise ConfigurationError(f"{variable} names a provider twice.")
    for name in names:
        if lack := missing[name]:
            raise ConfigurationError(f"{variable} names {name}, which cannot run here: {lack}.")


@dataclass(slots=True)
class Opened:
    """The providers that run, each slot's in the order of its chain."""

    stt: list[SpeechToText]
    llm: list[LanguageModel]
    tts: list[TextToSpeech]
    failed: dict[str, str]  # "slot/name" -> why it did not start

    def chain(self, slot: Slot) -> list[Any]:
        chains: dict[Slot, list[Any]] = {Slot.STT: self.stt, Slot.LLM: self.llm, Slot.TTS: self.tts}
        return chains[slot]


@asynccontextmanager
async def open_chains(
    chains: Chains, means: Means, report: Callable[[str], None], catalogue: Sequence[Entry] = CATALOGUE
) -> AsyncIterator[Opened]:
    """Open every provider of the chains, and close them at the exit.

    `report` hears what is being loaded. One that does not start is left out; raises ConfigurationError when a slot
    has none left.
    """
    inside = sorted(
        (item for item in listing(chains, means, catalogue) if item.place is not None), key=lambda item: item.place or 0
    )
    opened = Opened([], [], [], {})
    async with AsyncExitStack() as stack:
        for item in inside:
            report(f"loading {item.entry.slot}/{item.entry.name}")
            try:
                provider = await stack.enter_async_context(item.entry.open(means))
            except ProviderError as error:
                opened.failed[f"{item.entry.slot}/{item.entry.name}"] = error.detail
                continue
            opened.chain(item.entry.slot).append(provider)
        for slot in Slot:
            if not opened.chain(slot):
                raise ConfigurationError(f"No {slot} provider can run. 'tandem providers' says what each one lacks.")
        yield opened
