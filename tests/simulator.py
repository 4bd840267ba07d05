"""The simulated vendors on loopback inside the test's own event loop."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tandem.simulator.app import serving
from tandem.simulator.faults import ANY
from tandem.simulator.stage import Stage
from tandem.simulator.tcp import HOST, Doors


@dataclass(frozen=True, slots=True)
class Simulator:
    """Where the vendors listen, and the stage they play on."""

    stage: Stage
    doors: Doors

    @property
    def http(self) -> str:
        """Where all vendors listen: "http://127.0.0.1:port"."""
        return f"http://{self.host()}"

    @property
    def ws(self) -> str:
        """The same for WebSockets."""
        return f"ws://{self.host()}"

    def host(self, vendor: str = ANY) -> str:
        """Return "127.0.0.1:port" of the vendor's own door, which refuses connections while the vendor does."""
        return f"{HOST}:{self.doors.ports[vendor]}"


@asynccontextmanager
async def simulator(stage: Stage | None = None) -> AsyncIterator[Simulator]:
    """Serve the simulator on free ports; `stage` brings its own latency or answers."""
    stage = stage or Stage()
    async with serving(stage) as doors:
        yield Simulator(stage, doors)
