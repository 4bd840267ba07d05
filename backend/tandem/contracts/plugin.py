"""The pytest plugin that runs a port's suite over a provider of the catalogue: `--provider tts/espeak`."""

from pathlib import Path

import pytest

from tandem.core.errors import ConfigurationError
from tandem.plan import listing_of
from tandem.providers.chains import Listed
from tandem.settings import read_settings

CHOSEN = pytest.StashKey[Listed]()
_SUITES = {f"test_{slot}.py": slot for slot in ("stt", "llm", "tts")}
# The suites are no test files themselves: without this their asserts would not show what they compared.
pytest.register_assert_rewrite(*(f"tandem.contracts.{name}" for name in ("stt", "llm", "tts", "refusing")))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("tandem").addoption(
        "--provider", metavar="SLOT/NAME", help="The provider that 'tandem.contracts' examines, as in tts/espeak."
    )


def pytest_configure(config: pytest.Config) -> None:
    """Find the provider; raises UsageError for one that is not there or cannot run here."""
    if (asked := config.getoption("--provider")) is not None:
        config.stash[CHOSEN] = choose(asked)


def choose(asked: str) -> Listed:
    """Return the provider that `asked` names as "slot/name", configured as `tandem providers` shows it."""
    listed = providers()
    if asked not in listed:
        raise pytest.UsageError(f"--provider names {asked!r}, which is not a provider. There are: {', '.join(listed)}.")
    if lack := listed[asked].missing:
        able = ", ".join(name for name, item in listed.items() if item.missing is None)
        raise pytest.UsageError(f"--provider names {asked}, which cannot run here: {lack}. These can: {able}.")
    return listed[asked]


def providers() -> dict[str, Listed]:
    """Return every provider by its slot and name."""
    try:
        return {f"{item.kind.slot}/{item.name}": item for item in listing_of(read_settings())}
    except ConfigurationError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_report_header(config: pytest.Config) -> str | None:
    chosen = config.stash.get(CHOSEN, None)
    return None if chosen is None else f"provider: {chosen.kind.slot}/{chosen.name} ({chosen.kind.about})"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the suites of the other slots."""
    chosen = config.stash.get(CHOSEN, None)
    if chosen is None or collection_path.parent != Path(__file__).parent or collection_path.name not in _SUITES:
        return None
    return _SUITES[collection_path.name] != chosen.kind.slot or None


@pytest.fixture(scope="session")
def chosen(pytestconfig: pytest.Config) -> Listed:
    """The provider that `--provider` names."""
    return pytestconfig.stash[CHOSEN]
