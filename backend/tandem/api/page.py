"""The page: the built web app from the gateway's own origin, and what `/` says to programs."""

import base64
import hashlib
import re
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

_INLINE_SCRIPT = re.compile(rb"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.DOTALL)
_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Tandem</title>
<body style="font: 1.1rem/1.6 system-ui; max-width: 38rem; margin: 15vh auto; padding: 0 1rem">
<h1>Tandem is running</h1>
<p>Its page was not built, because that needs Node 20 or later. Install Node, run <code>make setup</code> and reload.
Calls work without the page: <code>tandem talk question.wav --out reply.wav</code></p>
<p><a href="/docs">API</a> · <a href="/health">Health</a> · <a href="/providers">Providers</a></p>"""


def mount(app: FastAPI, folder: Path, info: dict[str, object]) -> None:
    """Serve the app in `folder` at `/`, and `info` to those who ask for JSON. Mount it last: it takes all paths."""
    router = APIRouter(include_in_schema=False)
    index = folder / "index.html"
    policy = {"Content-Security-Policy": content_security_policy(folder)}

    @router.get("/")
    def page(request: Request) -> Response:
        if _wants_json(request.headers.get("accept", "")):
            return JSONResponse(info)
        return FileResponse(index, headers=policy) if index.is_file() else HTMLResponse(_NOT_BUILT)

    app.include_router(router)
    if index.is_file():
        app.mount("/", _Pages(folder, policy), name="page")


def content_security_policy(folder: Path) -> str:
    """Allow what the app was built with and nothing else: its inline scripts are named by their hashes."""
    hashes = {
        f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"
        for page in sorted(folder.rglob("*.html"))
        for script in _INLINE_SCRIPT.findall(page.read_bytes())
    }
    scripts = " ".join(["'self'", *sorted(hashes)])
    return (
        f"default-src 'self'; script-src {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "connect-src 'self' ws: wss:; media-src 'self' blob:; worker-src 'self' blob:; object-src 'none'; "
        "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )


def _wants_json(accept: str) -> bool:
    """Programs that ask for JSON get it; a browser lists text/html first."""
    return "application/json" in accept and "text/html" not in accept


class _Pages(StaticFiles):
    """The app's files, its pages with the security policy."""

    def __init__(self, folder: Path, headers: dict[str, str]) -> None:
        super().__init__(directory=folder, html=True)
        self._headers = headers

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.headers.get("content-type", "").startswith("text/html"):
            response.headers.update(self._headers)
        return response
