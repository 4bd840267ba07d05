"""Why a connection was lost, read from aiohttp's error: the HTTP layers above it take most of them for timeouts."""

import aiohttp

from tandem.core.errors import Fault


def lost_connection(error: BaseException) -> tuple[Fault, str] | None:
    """Return REFUSED or CUT, and a detail; None if `error` is a timeout, or came from one."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TimeoutError):  # some of aiohttp's own are this, too
            return None
        if isinstance(cause, aiohttp.ClientConnectorError):
            return Fault.REFUSED, "no connection"
        cause = cause.__cause__
    return Fault.CUT, "the connection broke"
