"""The clock: here, in the cities of the IANA list, and an honest answer where it does not know."""

import json
from datetime import UTC, datetime

import pytest

import needs
from tandem.core.errors import ConfigurationError
from tandem.core.ports import ToolCall
from tandem.skills.clock import clock, missing
from tandem.skills.toolbox import Toolbox

NOW = datetime(2026, 11, 20, 15, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _zones() -> None:
    needs.require(missing() is None, str(missing()))


async def asked(place: str | None, home: str = "UTC", now: datetime = NOW) -> str:
    box = Toolbox([clock(lambda: now, home)], lambda _event: None)
    arguments = "{}" if place is None else json.dumps({"place": place})
    return (await box.run(ToolCall("1", "clock", arguments))).text


@pytest.mark.parametrize("place", [None, "", "  "])
async def test_no_place_means_here(place: str | None) -> None:
    assert await asked(place) == "It is 15:05 on Friday, 20 November 2026 (UTC, UTC+00:00)."
    assert await asked(place, "America/New_York") == (
        "It is 10:05 on Friday, 20 November 2026 (America/New_York, UTC-05:00)."
    )


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("Tokyo", "It is 00:05 on Saturday, 21 November 2026 (Asia/Tokyo, UTC+09:00)."),
        ("  new   YORK ", "It is 10:05 on Friday, 20 November 2026 (America/New_York, UTC-05:00)."),
        ("Asia/Kolkata", "It is 20:35 on Friday, 20 November 2026 (Asia/Kolkata, UTC+05:30)."),
        ("america/argentina/buenos_aires", "It is 12:05 on Friday, 20 November 2026 (America/Argentina/Buenos_Aires"),
        ("Japan", "It is 00:05 on Saturday, 21 November 2026 (Japan, UTC+09:00)."),
        ("UTC", "It is 15:05 on Friday, 20 November 2026 (UTC, UTC+00:00)."),
    ],
)
async def test_a_city_or_zone_of_the_iana_list_has_its_time(place: str, told: str) -> None:
    assert (await asked(place)).startswith(told)


async def test_summer_time_is_known() -> None:
    summer = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    assert "14:00" in await asked("Berlin", now=summer)
    assert "13:00" in await asked("Berlin", now=summer.replace(month=1))


@pytest.mark.parametrize("place", ["Atlantis", "../../etc/passwd", "/etc/localtime", "a\x00b", "localtime"])
async def test_an_unknown_place_is_told(place: str) -> None:
    assert (await asked(place)).startswith("I do not know the time zone of")


def test_a_home_that_is_no_zone_is_refused_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match="Mars"):
        clock(lambda: NOW, "Mars/Olympus")
