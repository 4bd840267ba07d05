"""The settings, read from the environment."""

from pathlib import Path

import pytest

from tandem.core.errors import ConfigurationError
from tandem.settings import Settings, read_settings

ROOT = Path(__file__).parent.parent


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STT_CHAIN", " pocketsphinx, moonshine,")
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example,https://b.example")
    settings = read_settings()
    assert settings.stt_chain == ("pocketsphinx", "moonshine")
    assert settings.allowed_origins == {"https://a.example", "https://b.example"}


def test_an_empty_address_is_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_COMPATIBLE_URL", "")
    assert read_settings().openai_compatible_url is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("OPENAI_COMPATIBLE_URL", "not an address"), ("MOST_CALLS", "0"), ("ENGINE_WORKERS", "many")],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name):
        read_settings()


def test_a_key_is_not_shown_where_the_settings_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_COMPATIBLE_KEY", "sk-secret")
    assert "sk-secret" not in repr(read_settings())


def test_every_setting_that_a_person_changes_is_explained_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text()
    missing = [name for name in Settings.model_fields if f"{name.upper()}=" not in example]
    assert missing == ["page_dir"]


def test_the_example_itself_is_a_working_file(tmp_path: Path) -> None:
    copy = tmp_path / ".env"
    copy.write_text((ROOT / ".env.example").read_text())
    assert read_settings(_env_file=copy) == read_settings(_env_file=None)
