"""The simulator's own routes: faults are hung up and taken down, and what was asked is read."""

from dataclasses import asdict, dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tandem.simulator.faults import ANY, Fault, UnreadableFault, parse_target
from tandem.simulator.http import Body, read_json
from tandem.simulator.stage import Asked, Stage


def routes(stage: Stage) -> list[BaseRoute]:
    """Return /faults (GET lists, POST adds one, DELETE clears) and /requests (GET lists, DELETE forgets).

    A fault is posted as `{"vendor": "openai", "route": "chat", "kind": "stall", "after": 3}`; the route and all numbers
    may be left out. DELETE takes `?vendor=`; /requests takes `?vendor=` and `?route=`.
    """
    desk = _Desk(stage)
    return [
        Route("/faults", desk.show_faults, methods=["GET"]),
        Route("/faults", desk.set_fault, methods=["POST"]),
        Route("/faults", desk.clear_faults, methods=["DELETE"]),
        Route("/requests", desk.show_requests, methods=["GET"]),
        Route("/requests", desk.forget_requests, methods=["DELETE"]),
    ]


@dataclass(frozen=True, slots=True)
class _Desk:
    stage: Stage

    async def show_faults(self, request: Request) -> Response:
        return JSONResponse([_fault(vendor, route, fault) for vendor, route, fault in self.stage.faults.all()])

    async def set_fault(self, request: Request) -> Response:
        try:
            vendor, route, fault = parse_target(_written(await read_json(request) or {}))
        except UnreadableFault as error:
            return JSONResponse({"error": str(error)}, 400)
        self.stage.faults.set(vendor, fault, route)
        return JSONResponse(_fault(vendor, route, fault), 201)

    async def clear_faults(self, request: Request) -> Response:
        self.stage.faults.clear(request.query_params.get("vendor", ANY))
        return Response(status_code=204)

    async def show_requests(self, request: Request) -> Response:
        query = request.query_params
        shown = self.stage.requests.of(query.get("vendor"), query.get("route"))
        return JSONResponse([_asked(asked) for asked in shown])

    async def forget_requests(self, request: Request) -> Response:
        self.stage.requests.clear()
        return Response(status_code=204)


def _written(body: Body) -> str:
    """Return a posted fault as the command line writes it, so that one reader checks both."""
    named = ("vendor", "route", "kind")
    numbers = ",".join(f"{name}={value}" for name, value in body.items() if name not in named and value is not None)
    return f"{body.get('vendor', ANY)}:{body.get('route', ANY)}:{body.get('kind', '')}:{numbers}"


def _fault(vendor: str, route: str, fault: Fault) -> Body:
    return {"vendor": vendor, "route": route, **asdict(fault)}


def _asked(asked: Asked) -> Body:
    """Return an entry as JSON; what is no JSON in a body or a note is shown as text."""
    shown = {name: getattr(asked, name) for name in ("vendor", "route", "at", "disconnected_at")}
    return {
        **shown,
        "headers": dict(asked.headers),
        "query": dict(asked.query),
        "body": _plain(asked.body),
        "notes": [_plain(note) for note in asked.notes],
        "sent_at": asked.sent_at,
        "fault": asdict(asked.fault) if asked.fault else None,
    }


def _plain(value: object) -> object:
    return value if isinstance(value, dict | list | str | int | float | None) else repr(value)
