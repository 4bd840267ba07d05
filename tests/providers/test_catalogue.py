"""The catalogue: chains from names, and from what can run here."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager

import pytest

from tandem.core.errors import ConfigurationError, Fault, ProviderError
from tandem.core.ports import Slot
from tandem.providers.catalogue import CATALOGUE
from tandem.providers.chains import Named, Plan, listing, open_chains
from tandem.providers.kind import Config, Kind, Provider

SERVER = {(Slot.LLM, "openai_compatible"): Config("openai_compatible", url="http://localhost:11434/v1")}


def chain(slot: Slot, plan: Plan) -> list[str]:
    listed = [item for item in listing(plan) if item.kind.slot is slot and item.place is not None]
    return [item.name for item in sorted(listed, key=lambda item: item.place or 0)]


def test_a_chain_that_nobody_set_holds_what_can_run_here() -> None:
    assert chain(Slot.LLM, Plan()) == ["rulebook"]


def test_a_configured_server_comes_before_the_rulebook() -> None:
    assert chain(Slot.LLM, Plan(configs=SERVER)) == ["openai_compatible", "rulebook"]


def test_a_chain_keeps_the_order_it_was_given() -> None:
    names = ("pocketsphinx", "moonshine")
    assert chain(Slot.STT, Plan({Slot.STT: names})) == list(names)


def test_a_provider_knows_who_comes_before_it() -> None:
    behind = {item.name: item.config.behind for item in listing(Plan(configs=SERVER))}
    assert behind["rulebook"] == ("openai_compatible",)
    assert behind["openai_compatible"] == ()


def test_further_providers_of_a_kind_come_first_under_their_own_names() -> None:
    named = [
        Named(Slot.LLM, "openai_compatible", Config(name, url="http://localhost:1/v1")) for name in ("big", "small")
    ]
    assert chain(Slot.LLM, Plan(configs=SERVER, named=named)) == ["big", "small", "openai_compatible", "rulebook"]
    assert chain(Slot.LLM, Plan({Slot.LLM: ("small", "rulebook")}, SERVER, named)) == ["small", "rulebook"]


@pytest.mark.parametrize(
    ("chains", "named", "told"),
    [
        ({Slot.STT: ("whisperer",)}, [], "STT_CHAIN names 'whisperer'.*There are: .*moonshine, pocketsphinx"),
        ({Slot.LLM: ("rulebook", "rulebook")}, [], "LLM_CHAIN names a provider twice"),
        ({Slot.LLM: ("openai_compatible",)}, [], "cannot run here: set OPENAI_COMPATIBLE_URL"),
        ({}, [Named(Slot.LLM, "oracle", Config("delphi"))], "delphi is of kind 'oracle', which llm does not have"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_what_to_change(
    chains: Mapping[Slot, Sequence[str]], named: Sequence[Named], told: str
) -> None:
    with pytest.raises(ConfigurationError, match=told):
        listing(Plan(chains, named=named))


def test_every_line_of_the_catalogue_has_a_name_of_its_own_in_its_slot() -> None:
    names = [(kind.slot, kind.name) for kind in CATALOGUE]
    assert len(set(names)) == len(names)


def test_a_key_is_not_shown_where_the_configuration_is() -> None:
    assert "secret" not in repr(Config("openai", key="secret"))


class Broken(AbstractAsyncContextManager[Provider]):
    """A provider whose engine does not start."""

    async def __aenter__(self) -> Provider:
        raise ProviderError(Fault.REFUSED, "broken", "the model did not load")

    async def __aexit__(self, *_: object) -> None:
        """Nothing was opened."""


def broken(config: Config) -> AbstractAsyncContextManager[Provider]:
    return Broken()


async def test_a_provider_that_does_not_start_is_left_out_and_the_next_one_serves() -> None:
    rulebook = next(kind for kind in CATALOGUE if kind.name == "rulebook")
    kinds = (
        Kind(Slot.STT, "ear", "", lambda _: None, rulebook.open),
        Kind(Slot.LLM, "broken", "", lambda _: None, broken),
        rulebook,
        Kind(Slot.TTS, "mouth", "", lambda _: None, rulebook.open),
    )
    steps: list[str] = []
    async with open_chains(listing(Plan(), kinds), steps.append) as opened:
        assert [model.name for model in opened.llm] == ["rulebook"]
        assert opened.failed == {"llm/broken": "the model did not load"}
    assert "loading llm/broken" in steps


async def test_a_slot_without_any_provider_stops_the_start() -> None:
    kinds = (Kind(Slot.STT, "broken", "", lambda _: None, broken),)
    with pytest.raises(ConfigurationError, match="No stt provider can run"):
        async with open_chains(listing(Plan(), kinds), lambda _: None):
            pass
