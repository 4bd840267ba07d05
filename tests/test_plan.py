"""From settings to providers: keys, chains, tandem.toml and plugins."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tandem.core.errors import ConfigurationError
from tandem.core.ports import Slot, TtsOptions
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


def install_plugin(folder: Path, code: str) -> None:
    """Lay a package into `folder` that announces `plugin:KIND`."""
    (folder / "plugin.py").write_text(code)
    info = folder / "plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tandem.providers]\nplugin = plugin:KIND\n")


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("plugin", None)


async def test_the_provider_of_the_documentation_speaks_as_a_plugin(plugins: Path) -> None:
    page = (Path(__file__).parent.parent / "docs" / "adding-a-provider.md").read_text()
    install_plugin(plugins, page.split("```python\n")[1].split("```")[0])
    assert chain(Slot.TTS, settings_of())[0] == "beeps"
    beeps = next(item for item in listing_of(settings_of()) if item.name == "beeps")
    async with beeps.kind.open(beeps.config) as voice:
        pieces = [piece async for piece in voice.synthesize("hello you", TtsOptions())]  # type: ignore[union-attr]
    assert [word.text for piece in pieces for word in piece.words] == ["hello", "you"]


@pytest.mark.parametrize(("code", "told"), [("KIND = 7", "is no tandem"), ("", "cannot be loaded")])
def test_a_plugin_that_cannot_work_stops_the_start(plugins: Path, code: str, told: str) -> None:
    install_plugin(plugins, code)
    with pytest.raises(ConfigurationError, match=told):
        listing_of(settings_of())
