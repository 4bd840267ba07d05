"""The simulator as one server: the routes of all vendors and its own, behind its doors."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from tandem.simulator import assemblyai, cartesia, control, deepgram, openai, tavily
from tandem.simulator.faults import ANY, PATH, VENDORS
from tandem.simulator.stage import Stage
from tandem.simulator.tcp import Doors, bound, doors

_GOODBYE_S = 1.0  # how long handlers may take to notice that their client was dropped
_MOST_MESSAGE_BYTES = 2**24

FREE_PORTS: Mapping[str, int] = dict.fromkeys((ANY, *VENDORS), 0)


class _Server(uvicorn.Server):
    """A uvicorn server that leaves signals alone, and that stops at once and drops its clients."""

    def __init__(self, app: Starlette) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                date_header=False,
                ws="websockets-sansio",
                ws_max_size=_MOST_MESSAGE_BYTES,
            )
        )
        self.stop = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.stop.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        if tasks := list(self.server_state.tasks):
            _, slow = await asyncio.wait(tasks, timeout=_GOODBYE_S)
            for task in slow:
                task.cancel()
            await asyncio.gather(*slow, return_exceptions=True)


def create_app(stage: Stage) -> Starlette:
    """Return the app; faults that break a connection need `serving`'s doors in front of it.

    Every vendor's route is there twice: under /with/stall,after=3/ each request asks for that fault, so that a base URL
    alone can carry one.
    """
    vendors = (deepgram, assemblyai, openai, cartesia, tavily)
    routes = [route for vendor in vendors for route in vendor.routes(stage)]
    return Starlette(routes=[*routes, *control.routes(stage), Mount(f"/with/{{{PATH}}}", routes=routes)])


@contextlib.asynccontextmanager
async def serving(stage: Stage, ports: Mapping[str, int] = FREE_PORTS) -> AsyncIterator[Doors]:
    """Serve on loopback: `ports` gives the port of the door for all ("*") and of each vendor's own, 0 for a free one.

    Raises OSError if a port is taken.
    """
    listener = bound(0)
    server = _Server(create_app(stage))
    with listener:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(server.serve(sockets=[listener]))
            try:
                async with doors(stage.lines, stage.faults, listener.getsockname()[:2], ports) as opened:
                    yield opened
            finally:
                server.stop.set()
                await running


async def run(port: int, stage: Stage, opened: Callable[[Doors], None]) -> None:
    """Serve until SIGINT or SIGTERM, all vendors on `port` and each on one of the six that follow (0: free ones).

    `opened` is told the ports once they are open. Raises OSError if one is taken.
    """
    ports = {name: port + place for place, name in enumerate(FREE_PORTS)} if port else FREE_PORTS
    enough = asyncio.Event()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows, where Ctrl-C ends asyncio.run itself
            asyncio.get_running_loop().add_signal_handler(wanted, enough.set)
    async with serving(stage, ports) as listening:
        opened(listening)
        await enough.wait()
