"""Chains: which providers serve each slot, in which order, and their opening and closing."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from tandem.core.errors import ConfigurationError, ProviderError
from tandem.core.ports import LanguageModel, Slot, SpeechToText, TextToSpeech
from tandem.providers.catalogue import CATALOGUE
from tandem.providers.kind import Config, Kind


@dataclass(frozen=True, slots=True)
class Named:
    """A further provider of a kind, under a name of its own."""

    slot: Slot
    kind: str
    config: Config


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
    for further in plan.named:
        if further.slot is slot:
            known[further.config.name] = (_kind_of(further, catalogue), further.config)
    for kind in catalogue:
        if kind.slot is slot:
            known.setdefault(kind.name, (kind, plan.configs.get((slot, kind.name), Config(kind.name))))
    missing = {name: kind.missing(config) for name, (kind, config) in known.items()}
    named = {further.config.name for further in plan.named}
    unasked = [name for name, (kind, _) in known.items() if missing[name] is None and (kind.unasked or name in named)]
    chain = list(plan.chains.get(slot, ())) or unasked
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
    failed: dict[str, str] = field(default_factory=dict)  # "slot/name" -> why it did not start
    local: set[tuple[Slot, str]] = field(default_factory=set)  # slot and name of those that run on this machine

    def last_resorts(self, slot: Slot) -> frozenset[str]:
        """Return the names of those that serve only when the others cannot: the engines on this machine."""
        return frozenset(name for where, name in self.local if where is slot)

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
    opened = Opened([], [], [])
    async with AsyncExitStack() as stack:
        for item in inside:
            report(f"loading {item.kind.slot}/{item.name}")
            try:
                provider = await stack.enter_async_context(item.kind.open(item.config))
            except ProviderError as error:
                opened.failed[f"{item.kind.slot}/{item.name}"] = error.detail
                continue
            opened.chain(item.kind.slot).append(provider)
            if item.kind.local:
                opened.local.add((item.kind.slot, item.name))
        for slot in Slot:
            if not opened.chain(slot):
                raise ConfigurationError(f"No {slot} provider can run. 'tandem providers' says what each one lacks.")
        yield opened
