"""Who may change what concerns every caller: people at the gateway's own machine, and those who hold its token."""

import hmac
from collections.abc import Callable, Coroutine
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute

_HOW = (
    "Ask from the gateway's own machine, as 127.0.0.1 or localhost; or set TANDEM_ADMIN_TOKEN in its .env and send "
    "'Authorization: Bearer <the token>'."
)
_FOREIGN_PAGE = "A page of another origin may not do this. "
# With one of these the request came through a proxy: that this is at home says nothing about who asks.
_PROXY_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def guarded(admin_token: str) -> type[APIRoute]:
    """Return the class of routes that answer 403 to strangers, before they read what is sent. An empty token is none.

    A browser may ask from the gateway's own page only, whatever it holds.
    """

    class Guarded(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            serve = super().get_route_handler()

            async def check_and_serve(request: Request) -> Response:
                _check(request, admin_token)
                return await serve(request)

            return check_and_serve

    return Guarded


def _check(request: Request, admin_token: str) -> None:
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, _FOREIGN_PAGE + _HOW)
    if not _holds(request, admin_token) and not _is_local(request):
        raise HTTPException(403, _HOW)


def _holds(request: Request, admin_token: str) -> bool:
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    # Headers are read as Latin-1; a token with other letters is sent as UTF-8.
    same = hmac.compare_digest(given.strip().encode("latin-1"), admin_token.encode())
    return bool(admin_token) and scheme.lower() == "bearer" and same


def _is_local(request: Request) -> bool:
    """Tell whether somebody on this machine asks this machine.

    The name that they asked for counts too: a page whose name was made to point here would be of the same origin.
    """
    if request.client is None or any(header in request.headers for header in _PROXY_HEADERS):
        return False
    return _is_loopback(request.client.host) and _is_loopback(_host_of(request))


def _host_of(request: Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
