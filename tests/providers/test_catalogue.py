"""The catalogue: chains from names, and from what can run here."""

from contextlib import AbstractAsyncContextManager

import pytest

from tandem.core.errors import ConfigurationError, Fault, ProviderError
from tandem.core.ports import Slot
from tandem.providers.catalogue import CATALOGUE, Chains, Entry, Means, Provider, listing, open_chains


def chain(slot: Slot, chains: Chains, means: Means | None = None) -> list[str]:
    listed = [item for item in listing(chains, means or Means()) if item.entry.slot is slot and item.place is not None]
    return [item.entry.name for item in sorted(listed, key=lambda item: item.place or 0)]


def test_a_chain_that_nobody_set_holds_what_can_run_here() -> None:
    assert chain(Slot.LLM, Chains()) == ["rulebook"]


def test_a_configured_server_comes_before_the_rulebook() -> None:
    means = Means(openai_compatible_url="http://localhost:11434/v1")
    assert chain(Slot.LLM, Chains(), means) == ["openai_compatible", "rulebook"]


def test_a_chain_keeps_the_order_it_was_given() -> None:
    assert chain(Slot.STT, Chains(stt=("pocketsphinx", "moonshine"))) == ["pocketsphinx", "moonshine"]


@pytest.mark.parametrize(
    ("chains", "told"),
    [
        (Chains(stt=("whisperer",)), "STT_CHAIN names 'whisperer'.*There are: moonshine, pocketsphinx"),
        (Chains(llm=("rulebook", "rulebook")), "LLM_CHAIN names a provider twice"),
        (Chains(llm=("openai_compatible",)), "cannot run here: set OPENAI_COMPATIBLE_URL"),
    ],
)
def test_a_chain_that_cannot_be_is_refused_with_what_to_change(chains: Chains, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        listing(chains, Means())


def test_every_line_of_the_catalogue_has_a_name_of_its_own_in_its_slot() -> None:
    names = [(entry.slot, entry.name) for entry in CATALOGUE]
    assert len(set(names)) == len(names)


def test_a_key_is_not_shown_where_the_means_are() -> None:
    assert "secret" not in repr(Means(openai_compatible_key="secret"))


class Broken(AbstractAsyncContextManager[Provider]):
    """A provider whose engine does not start."""

    async def __aenter__(self) -> Provider:
        raise ProviderError(Fault.REFUSED, "broken", "the model did not load")

    async def __aexit__(self, *_: object) -> None:
        """Nothing was opened."""


def broken(means: Means) -> AbstractAsyncContextManager[Provider]:
    return Broken()


async def test_a_provider_that_does_not_start_is_left_out_and_the_next_one_serves() -> None:
    rulebook = next(entry for entry in CATALOGUE if entry.name == "rulebook")
    entries = (
        Entry(Slot.STT, "ear", "", lambda _: None, rulebook.open),
        Entry(Slot.LLM, "broken", "", lambda _: None, broken),
        rulebook,
        Entry(Slot.TTS, "mouth", "", lambda _: None, rulebook.open),
    )
    steps: list[str] = []
    async with open_chains(Chains(), Means(), steps.append, entries) as opened:
        assert [model.name for model in opened.llm] == ["rulebook"]
        assert opened.failed == {"llm/broken": "the model did not load"}
    assert "loading llm/broken" in steps


async def test_a_slot_without_any_provider_stops_the_start() -> None:
    entries = (Entry(Slot.STT, "broken", "", lambda _: None, broken),)
    with pytest.raises(ConfigurationError, match="No stt provider can run"):
        async with open_chains(Chains(), Means(), lambda _: None, entries):
            pass
