"""The catalogue: every kind of provider that Tandem can run, how it is opened, and what it lacks on this machine."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import entry_points
from typing import Any

from tandem.core.errors import ConfigurationError, ProviderError
from tandem.core.ports import LanguageModel, Slot, SpeechToText, TextToSpeech
from tandem.providers.local import espeak, flite, moonshine, pocketsphinx, rulebook
from tandem.providers.openai import llm as openai_llm

Provider = SpeechToText | LanguageModel | TextToSpeech
PLUGINS = "tandem.providers"  # entry points of this group are kinds that other packages bring


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
    """One line of the catalogue. `missing` says what is lacking and how to add it, or None."""

    slot: Slot
    name: str
    about: str
    missing: Callable[[Config], str | None]
    open: Callable[[Config], AbstractAsyncContextManager[Provider]]


@dataclass(frozen=True, slots=True)
class Named:
    """A further provider of a kind, under a name of its own."""

    slot: Slot
    kind: str
    config: Config


def _needs_nothing(config: Config) -> str | None:
    return None


def _no_compatible_url(config: Config) -> str | None:
    if config.url:
        return None
    return "set OPENAI_COMPATIBLE_URL (Ollama: http://localhost:11434/v1), and OPENAI_COMPATIBLE_MODEL"


def _compatible(config: Config) -> AbstractAsyncContextManager[Provider]:
    return openai_llm.OpenAIChat.open(
        name=config.name,
        base_url=config.url,
        model=config.model,
        api_key=config.key,
        first_token_ms=config.first_output_ms or 4_000,
    )


def _rulebook(config: Config) -> AbstractAsyncContextManager[Provider]:
    return rulebook.Rulebook.open(now=lambda: datetime.now().astimezone(), model_configured=bool(config.behind))


# In each slot the order is the order of a chain that nobody has set.
CATALOGUE: tuple[Kind, ...] = (
    Kind(
        Slot.STT,
        "moonshine",
        "neural recogniser on this machine, English",
        lambda _: moonshine.missing(),
        lambda config: moonshine.Moonshine.open(config.workers),
    ),
    Kind(
        Slot.STT,
        "pocketsphinx",
        "small recogniser on this machine, English",
        lambda _: pocketsphinx.missing(),
        lambda config: pocketsphinx.Pocketsphinx.open(config.workers),
    ),
    Kind(Slot.LLM, "openai_compatible", "any OpenAI-compatible server", _no_compatible_url, _compatible),
    Kind(Slot.LLM, "rulebook", "rules instead of a model: time, sums, units, memory", _needs_nothing, _rulebook),
    Kind(
        Slot.TTS,
        "flite",
        "clear voice on this machine, English",
        lambda _: flite.missing(),
        lambda _: flite.Flite.open(),
    ),
    Kind(
        Slot.TTS,
        "espeak",
        "robotic voice on this machine, any language",
        lambda _: espeak.missing(),
        lambda config: espeak.Espeak.open(config.workers),
    ),
)


def with_plugins(catalogue: Sequence[Kind] = CATALOGUE) -> tuple[Kind, ...]:
    """Return the catalogue behind the kinds that other packages bring.

    Raises ConfigurationError for a plugin that cannot be loaded or is no Kind.
    """
    brought = []
    for point in entry_points(group=PLUGINS):
        try:
            kind = point.load()
        except (ImportError, AttributeError) as error:
            raise ConfigurationError(f"The plugin {point.value} cannot be loaded: {error}") from error
        if not isinstance(kind, Kind):
            raise ConfigurationError(f"The plugin {point.value} is no tandem.providers.catalogue.Kind.")
        brought.append(kind)
    return (*brought, *catalogue)


@dataclass(frozen=True, slots=True)
class Listed:
    """A provider as it stands here: its place in its chain (None: not in it), what it lacks (None: nothing)."""

    kind: Kind
    config: Config
    place: int | None
    missing: str | None

    @property
    def name(self) -> str:
        return self.config.name


@dataclass(frozen=True, slots=True)
class Plan:
    """What was asked for: the names of each slot's chain (none: all that can run), and what they are opened with.

    `configs` are by slot and kind; `named` are further providers.
    """

    chains: Mapping[Slot, Sequence[str]] = field(default_factory=dict)
    configs: Mapping[tuple[Slot, str], Config] = field(default_factory=dict)
    named: Sequence[Named] = ()


def listing(plan: Plan, catalogue: Sequence[Kind] = CATALOGUE) -> list[Listed]:
    """Return every provider as it stands here; raises ConfigurationError for a chain that cannot be."""
    return [item for slot in Slot for item in _listing_of(slot, plan, catalogue)]


def _listing_of(slot: Slot, plan: Plan, catalogue: Sequence[Kind]) -> list[Listed]:
    known: dict[str, tuple[Kind, Config]] = {}
    for named in plan.named:
        if named.slot is slot:
            known[named.config.name] = (_kind_of(named, catalogue), named.config)
    for kind in catalogue:
        if kind.slot is slot:
            known.setdefault(kind.name, (kind, plan.configs.get((slot, kind.name), Config(kind.name))))
    missing = {name: kind.missing(config) for name, (kind, config) in known.items()}
    chain = list(plan.chains.get(slot, ())) or [name for name, lack in missing.items() if lack is None]
    _check_chain(slot, chain, missing)
    return [
        Listed(
            kind,
            replace(config, behind=tuple(chain[: chain.index(name)]) if name in chain else ()),
            chain.index(name) if name in chain else None,
            missing[name],
        )
        for name, (kind, config) in known.items()
    ]


def _kind_of(named: Named, catalogue: Sequence[Kind]) -> Kind:
    kinds = {kind.name: kind for kind in catalogue if kind.slot is named.slot}
    if named.kind not in kinds:
        raise ConfigurationError(
            f"tandem.toml: {named.config.name} is of kind {named.kind!r}, which {named.slot} does not have. "
            f"There are: {', '.join(kinds)}."
        )
    return kinds[named.kind]


def _check_chain(slot: Slot, names: list[str], missing: Mapping[str, str | None]) -> None:
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
async def open_chains(listed: Sequence[Listed], report: Callable[[str], None]) -> AsyncIterator[Opened]:
    """Open every provider that has a place in a chain, and close them at the exit.

    `report` hears what is being loaded. One that does not start is left out; raises ConfigurationError when a slot
    has none left.
    """
    inside = sorted((item for item in listed if item.place is not None), key=lambda item: item.place or 0)
    opened = Opened([], [], [], {})
    async with AsyncExitStack() as stack:
        for item in inside:
            report(f"loading {item.kind.slot}/{item.name}")
            try:
                provider = await stack.enter_async_context(item.kind.open(item.config))
            except ProviderError as error:
                opened.failed[f"{item.kind.slot}/{item.name}"] = error.detail
                continue
            opened.chain(item.kind.slot).append(provider)
        for slot in Slot:
            if not opened.chain(slot):
                raise ConfigurationError(f"No {slot} provider can run. 'tandem providers' says what each one lacks.")
        yield opened
