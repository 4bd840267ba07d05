"""The skill of telling the time, here and in other places."""

import zoneinfo
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from pydantic import BaseModel, Field

from tandem.core.errors import ConfigurationError
from tandem.core.ports import ToolResult
from tandem.skills.toolbox import Skill

_MISSING = "This machine has no time zone data; I only know the time in UTC."


class Place(BaseModel):
    """Whose time the model asks for."""

    place: str = Field(
        default="",
        max_length=100,
        description="A city, or better the IANA time zone of the place, such as America/Los_Angeles; empty for here.",
    )


def missing() -> str | None:
    """Say what telling the time elsewhere lacks on this machine and how to add it; None if nothing."""
    if not zoneinfo.available_timezones():
        return "there is no time zone data: install the system's tzdata, or add it with 'pip install tzdata'"
    return None


def clock(now: Callable[[], datetime], home: str = "UTC") -> Skill[Place]:
    """Return the skill; `now` gives an aware time, `home` is the IANA zone that "here" means.

    It reads the machine's list of zones, which takes some 10 ms: call it at the start. ConfigurationError if `home` is
    not on it.
    """
    zones = _zones()
    here = zones.get(_plain(home), "UTC")
    if here == "UTC" != home:
        raise ConfigurationError(f"there is no time zone {home}: take a name of the IANA list, such as Europe/Berlin")

    async def run(arguments: Place) -> ToolResult:
        asked = _plain(arguments.place)
        zone = zones.get(asked) if asked else here
        if zone is None:
            return ToolResult(_unknown(arguments.place) if zones else f"{_MISSING} {_told(now(), 'UTC')}")
        return ToolResult(_told(now(), zone))

    return Skill(
        name="clock",
        description="Tell the current time, date and weekday, here or in another place of the world.",
        arguments=Place,
        run=run,
    )


def _zones() -> Mapping[str, str]:
    """Return IANA zones by their names and by the last part of these, which mostly is a city."""
    names = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})
    cities = {_plain(name.rpartition("/")[2]): name for name in reversed(names) if "/" in name}
    return cities | {_plain(name): name for name in names}


def _plain(place: str) -> str:
    return " ".join(place.replace("_", " ").split()).casefold()


def _unknown(place: str) -> str:
    return f"I do not know the time zone of {' '.join(place.split())}; ask with a name of the IANA list."


def _told(now: datetime, zone: str) -> str:
    there = now.astimezone(UTC if zone == "UTC" else zoneinfo.ZoneInfo(zone))
    offset = f"{there:%z}"
    return f"It is {there:%H:%M} on {there:%A}, {there.day} {there:%B %Y} ({zone}, UTC{offset[:3]}:{offset[3:5]})."
