"""From settings to providers: keys, chains, tandem.toml and plugins."""

from pathlib import Path

import pytest

from tandem.core.errors import ConfigurationError
from tandem.core.ports import Slot
from tandem.plan import listing_of
from tandem.settings import Settings


def settings_of(**given: object) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[call-arg, arg-type]


def chain(slot: Slot, settings: Settings) -> list[str]:
    listed = [item for item in listing_of(settings) if item.kind.slot is slot and item.place is not None]
    return [item.name for item in sorted(listed, key=lambda item: item.place or 0)]


def write(folder: Path, text: str) -> Path:
    file = folder / "tandem.toml"
    file.write_text(text)
    return file


def test_a_file_defines_two_servers_of_one_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIG_KEY", "sk-big")
    file = write(
        tmp_path,
        """
        [providers.big]
        slot = "llm"
        kind = "openai_compatible"
        base_url = "http://big.example/v1"
        model = "large"
        api_key_env = "BIG_KEY"
        first_output_ms = 9000

        [providers.small]
        slot = "llm"
        kind = "openai_compatible"
        base_url = "http://small.example/v1"
        """,
    )
    settings = settings_of(tandem_toml=file)
    assert chain(Slot.LLM, settings) == ["big", "small", "rulebook"]
    big = next(item for item in listing_of(settings) if item.name == "big").config
    assert (big.key, big.url, big.model, big.first_output_ms) == ("sk-big", "http://big.example/v1", "large", 9000)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[providers", "is not valid TOML"),
        ('[providers.x]\nslot = "llm"', "providers.x.kind: Field required"),
        ('[providers.x]\nslot = "ear"\nkind = "y"', "providers.x.slot"),
        ('[providers.x]\nslot = "llm"\nkind = "y"\ncolour = "red"', "providers.x.colour"),
        ('[providers.x]\nslot = "llm"\nkind = "oracle"', "is of kind 'oracle'"),
        ('[providers."Bad Name"]\nslot = "llm"\nkind = "rulebook"', "Bad Name"),
    ],
)
def test_a_file_that_cannot_work_is_refused_with_the_place_to_change(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        listing_of(settings_of(tandem_toml=write(tmp_path, text)))


def test_without_a_file_there_are_no_further_providers(tmp_path: Path) -> None:
    assert chain(Slot.LLM, settings_of(tandem_toml=tmp_path / "none.toml")) == ["rulebook"]
