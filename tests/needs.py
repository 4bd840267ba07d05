"""What a test needs of the machine: it skips loudly where that is missing, and fails where CI must have it."""

import os

import pytest


def require(condition: bool, why: str) -> None:
    """Skip the test unless `condition`; with CI=true in the environment a missing need is a failure."""
    if condition:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have it: {why}")
    pytest.skip(why)
