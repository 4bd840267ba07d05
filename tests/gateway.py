"""A gateway on loopback inside the test's own event loop, with the real engines or with fakes."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

from tandem.app import create_app
from tandem.settings import Settings
from tandem.transports.native.together import read_together


@asynccontextmanager
async def listening(app: Any, protocol: type[asyncio.Protocol] | None = None) -> AsyncIterator[str]:
    """Serve the ASGI application on a free port of 127.0.0.1; yield "127.0.0.1:port"."""
    # As the command line opens it: with the protocol named, small frames are not delayed.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    ws = protocol or read_together()
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws=ws, ws_max_size=2**21, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    with listener:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(server._serve(sockets=[listener]))
            try:
                yield f"127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True
                await running


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """Serve `app` with its lifespan; yield "127.0.0.1:port"."""
    async with app.router.lifespan_context(app), listening(app) as address:
        yield address


@asynccontextmanager
async def real_gateway(**settings: object) -> AsyncIterator[str]:
    """Serve the gateway as anybody gets it who has set nothing; yield "127.0.0.1:port"."""
    async with serving(create_app(Settings(_env_file=None, **settings))) as address:  # type: ignore[call-arg, arg-type]
        yield address
