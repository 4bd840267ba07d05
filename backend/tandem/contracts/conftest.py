"""Stops a run of the suites that does not say over which provider."""

import pytest

from tandem.contracts.plugin import CHOSEN, providers


def pytest_collection_modifyitems(config: pytest.Config) -> None:
    if CHOSEN not in config.stash:
        raise pytest.UsageError(
            "Say which provider: pytest -p tandem.contracts.plugin --pyargs tandem.contracts --provider SLOT/NAME. "
            f"There are: {', '.join(providers())}."
        )
