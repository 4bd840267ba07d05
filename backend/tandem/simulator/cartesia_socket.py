"""Cartesia's /tts/websocket: several contexts at once on one socket, each a text that is still being written."""

import asyncio
import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from tandem.simulator.cartesia_speech import BadRequest, Speech, checked
from tandem.simulator.faults import Fault, Kind
from tandem.simulator.latency import Slot
from tandem.simulator.stage import Asked, ClientLeft, Stage, Stride
from tandem.simulator.websocket import Body, Line, Output, Over, Wording, later_strike

IDLE_S = 300.0
_EXPIRES_S = 1.0  # after its last audio
_MOST_WAITING = 1_000  # texts of one context
_CHANGING = ("transcript", "continue", "flush", "duration", "context_id", "cancel")


def error_frame(status: int, message: str, context_id: str | None = None) -> Body:
    """Return an error; without `context_id` it is nobody's."""
    title = "Bad request" if status < 500 else "Internal server error"
    frame = {"type": "error", "done": True, "status_code": status, "title": title, "message": message}
    return frame if context_id is None else {**frame, "context_id": context_id}


def _output(stage: Stage, line: Line, asked: Asked, context_id: str) -> Output:
    """Return the output of a context with its fault. On an open socket a STATUS is an error of the context.

    Of the other errors those with a status below 500 are the context's own, and the others name none.
    """
    fault = later_strike(stage, line, asked, refusable=True)
    refused = fault is not None and fault.kind is Kind.STATUS
    if fault is not None and refused:
        fault = dataclasses.replace(fault, kind=Kind.ERROR_FRAME, after=0)

    def error(fault: Fault) -> Body:
        named = refused or fault.status < 500
        return error_frame(fault.status, "Simulated failure.", context_id if named else None)

    return Output(stage, line, fault, Wording(error, needed="data"))


class Context:
    """One context: what is to be spoken comes in, and frames go out."""

    def __init__(self, stage: Stage, line: Line, asked: Asked, first: Mapping[str, Any]) -> None:
        """Take the first request; raises BadRequest."""
        checked(first)
        self._id = str(first["context_id"])
        self._fixed = _fixed(first)
        self._speech = Speech(stage.speaker, first)
        self._timestamps = bool(first.get("add_timestamps"))
        self._stage, self._line, self._asked = stage, line, asked
        self._output = _output(stage, line, asked, self._id)
        self._texts: asyncio.Queue[tuple[str, bool, bool]] = asyncio.Queue(_MOST_WAITING)
        self._flushes = 0
        self._begun = False
        self._first = Stride()  # from here on the client waits
        self._closing = False

    def add(self, request: Mapping[str, Any]) -> None:
        """Take a request of this context; raises BadRequest."""
        checked(request)
        if self._closing or _fixed(request) != self._fixed:
            raise BadRequest("Only transcript and continue may change within a context.")
        more = bool(request.get("continue"))
        if self._texts.full():
            raise BadRequest("Too many transcripts are waiting.")
        self._closing = not more
        self._texts.put_nowait((request["transcript"], more, bool(request.get("flush"))))

    def cancel(self) -> None:
        """Drop what has not been begun; what has is spoken to its end."""
        while not self._texts.empty():
            self._texts.get_nowait()
        self._closing = True
        self._texts.put_nowait(("", False, False))

    async def speak(self) -> None:
        """Speak all that comes, and say that it is done; raises ClientLeft and Over."""
        more = True
        while more and not self._output.silenced:
            try:
                async with asyncio.timeout(_EXPIRES_S if self._begun else None):
                    text, more, flush = await self._texts.get()
            except TimeoutError:
                break
            if not self._output.empty:
                await self._say(text, more=more and not flush)
            if flush:
                self._flushes += 1
                flushed = {"type": "flush_done", "done": False, "flush_done": True, "flush_id": self._flushes}
                await self._send({**flushed, "status_code": 206})
        await self._output.put(self._named({"type": "done", "done": True, "status_code": 206}))

    async def _say(self, text: str, *, more: bool) -> None:
        stride = Stride() if self._begun else self._first
        await self._speech.add(text, more=more)
        for spoken in self._speech.chunks():
            latency, ms = self._stage.latency, self._speech.form.ms(spoken.audio)
            step_ms = latency.unit_ms(Slot.TTS, ms) if self._begun else latency.first_ms(Slot.TTS)
            self._begun = True
            await stride.wait_ms(step_ms)
            if spoken.words and self._timestamps:
                await self._send(spoken.timestamps())
            await self._output.put(self._named(spoken.chunk(step_ms)))
            self._asked.sent()
            await asyncio.sleep(0)  # the other contexts' turn

    async def _send(self, body: Body) -> None:
        if not self._output.silenced:
            await self._line.send(json.dumps(self._named(body)))

    def _named(self, body: Body) -> Body:
        return {**body, "context_id": self._id}


def _fixed(request: Mapping[str, Any]) -> Body:
    return {name: value for name, value in request.items() if name not in _CHANGING}


class Contexts:
    """The contexts of one socket."""

    def __init__(self, stage: Stage, line: Line, door: Asked) -> None:
        self._stage, self._line, self._door = stage, line, door
        self._open: dict[str, tuple[Context, Asked]] = {}

    async def serve(self) -> None:
        """Read and speak until either side ends it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    await self._take(await self._next(), tasks)
        except* ClientLeft:
            for asked in (self._door, *(asked for _, asked in self._open.values())):
                asked.leave()
        except* Over:
            pass

    async def _next(self) -> str | bytes:
        while True:
            try:
                async with asyncio.timeout(IDLE_S):
                    return await self._line.receive()
            except TimeoutError:
                if not self._open:
                    await self._line.close(1000, "idle")

    async def _take(self, message: str | bytes, tasks: asyncio.TaskGroup) -> None:
        context_id = None
        try:
            request = _read(message)
            context_id = request["context_id"]
            if request.get("cancel"):
                if context_id in self._open:
                    context, asked = self._open[context_id]
                    asked.notes.append(request)
                    context.cancel()
                return
            self._context(request, tasks).add(request)
        except BadRequest as error:
            await self._line.send(json.dumps(error_frame(400, str(error), context_id)))

    def _context(self, request: Body, tasks: asyncio.TaskGroup) -> Context:
        context_id = request["context_id"]
        if context_id not in self._open:
            asked = self._stage.requests.note("cartesia", "websocket", self._line.connection, request)
            self._open[context_id] = Context(self._stage, self._line, asked, request), asked
            tasks.create_task(self._spoken(context_id))
        elif len((asked := self._open[context_id][1]).notes) < _MOST_WAITING:
            asked.notes.append(request)
        return self._open[context_id][0]

    async def _spoken(self, context_id: str) -> None:
        await self._open[context_id][0].speak()
        del self._open[context_id]


def _read(message: str | bytes) -> Body:
    """Return a request; raises BadRequest."""
    try:
        request = json.loads(message)
    except ValueError as error:
        raise BadRequest("The message is not JSON.") from error
    if not isinstance(request, dict) or not isinstance(request.get("context_id"), str):
        raise BadRequest("context_id is required.")
    return request
