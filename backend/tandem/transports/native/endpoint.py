"""The native WebSocket endpoint: one socket, one call."""

import asyncio
import re
import secrets
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import replace
from urllib.parse import urlsplit

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse

from tandem.core.errors import CallerError, CallRefused
from tandem.core.link import AudioReceived, CallerEvent, CallError, CallMessage, PlaybackCleared, ReplyAudio, ReplyText
from tandem.core.ports import Clock
from tandem.session.registry import Place, Registry
from tandem.transports.native.limits import Allowance
from tandem.transports.native.patience import Patience
from tandem.transports.native.wire import Control, End, Hello, Ping, Writer, event_of, read_audio, read_control

_HELLO_WITHIN_S = 10.0  # a caller who says nothing by then gets the defaults
_IDLE_S = 120.0  # neither audio nor a message for so long: nobody is there
_MOST_QUEUED = 1_000  # messages; some 20 s of a reply, which a live caller never has waiting
_SEND_WITHIN_S = 10.0
# A model writes a word every 5-20 ms, which nobody reads so fast; each message costs both ends more than its words.
_TEXT_WITHIN_S = 0.1
_TEXT_CHARS = 200  # in a message, however long a caller reads none
_SESSION_ID = re.compile(r"^[A-Za-z0-9_-]{1,64}$")


class _CallerGone(Exception):
    """The socket is closed, or its other end does not read."""


class NativeLink:
    """A CallerLink over a WebSocket that speaks the native protocol."""

    def __init__(self, socket: WebSocket, clock: Clock) -> None:
        self._socket = socket
        self._clock = clock
        self._hello = Hello()
        self._writer = Writer(self._hello.output.framing)
        self._allowance = Allowance(self._hello.input.sample_rate, clock())
        self._first: str | bytes | None = None  # a message that came instead of a hello
        self._outgoing: deque[CallMessage | str] = deque()
        self._queued = asyncio.Event()
        self._text_due: asyncio.TimerHandle | None = None
        self._ended = False
        self._until_idle, self._until_stuck = Patience(_IDLE_S), Patience(_SEND_WITHIN_S)
        self.close_code = 1000

    async def negotiate(self) -> Hello:
        """Read the hello, if the caller sends one first; raises CallerError for one that cannot be granted."""
        try:
            async with asyncio.timeout(_HELLO_WITHIN_S):
                message = await self._receive()
        except TimeoutError:
            message = None
        if isinstance(message, str):
            control = read_control(message)
            if isinstance(control, Hello):
                self._hello, message = control, None
        self._first = message
        self._writer = Writer(self._hello.output.framing)
        self._allowance = Allowance(self._hello.input.sample_rate, self._clock())
        return self._hello

    # --- from the caller ---

    async def events(self) -> AsyncGenerator[CallerEvent, None]:
        """Yield what the caller does until they are gone. What is bad is answered here."""
        while True:
            try:
                event = self._understand(await self._next())
            except CallerError as error:
                if error.fatal or self._allowance.strike(self._clock()):
                    self.hang_up(error)
                    return
                self.send(CallError(error.code, error.message))
                continue
            except WebSocketDisconnect:
                return
            if isinstance(event, End):
                return
            if event is not None:
                yield event

    async def _next(self) -> str | bytes:
        if (message := self._first) is not None:
            self._first = None
            return message
        try:
            with self._until_idle:
                return await self._receive()
        except TimeoutError:
            raise CallerError("idle", "Nothing was heard from you for a while.", fatal=True, close_code=1000) from None

    async def _receive(self) -> str | bytes:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text: str | None = message.get("text")
        data: bytes = message.get("bytes") or b""
        return data if text is None else text

    def _understand(self, message: str | bytes) -> CallerEvent | End | None:
        if isinstance(message, bytes):
            pcm = read_audio(message, header=self._hello.input.header)
            self._allowance.audio(len(pcm), self._clock())
            return AudioReceived(pcm) if pcm else None
        self._allowance.control(self._clock())
        control: Control = read_control(message)
        if isinstance(control, End):
            return control
        if isinstance(control, Ping):
            self._queue(self._writer.json({"type": "pong", "t": control.t}))
        if isinstance(control, Hello):
            raise CallerError("late_hello", "A hello is only understood as the first message.")
        return event_of(control)

    # --- to the caller ---

    def send(self, message: CallMessage) -> None:
        """Queue a message; what a cleared reply still has in the queue is dropped.

        The text of a reply may wait for more of it, until any other message goes out; audio goes before it.
        """
        if isinstance(message, ReplyText):
            self._queue_text(message)
            return
        if isinstance(message, PlaybackCleared):
            kept = [m for m in self._outgoing if not (isinstance(m, ReplyAudio) and m.epoch == message.epoch)]
            self._outgoing = deque(kept)
        self._queue(message)

    def _queue(self, message: CallMessage | str) -> None:
        at = len(self._outgoing)
        if isinstance(message, ReplyAudio) and at and isinstance(self._outgoing[-1], ReplyText):
            at -= 1  # the caller waits for audio, and reads when there is time
        self._outgoing.insert(at, message)
        self._queued.set()

    def _queue_text(self, text: ReplyText) -> None:
        match self._outgoing[-1] if self._outgoing else None:
            case ReplyText(text.turn, delta, text.provider) if len(delta) + len(text.delta) <= _TEXT_CHARS:
                self._outgoing[-1] = replace(text, delta=delta + text.delta)
            case _:
                self._outgoing.append(text)
        if self._text_due is None:
            self._text_due = asyncio.get_running_loop().call_later(_TEXT_WITHIN_S, self._queued.set)

    def hang_up(self, error: CallerError) -> None:
        """Tell the caller why the call is over."""
        self.send(CallError(error.code, error.message, fatal=True))
        self.close_code = error.close_code

    def end(self) -> None:
        """Nothing more will be sent."""
        self._ended = True
        self._queued.set()

    async def write(self) -> None:
        """Send what is queued until `end`; raises _CallerGone when the other end does not take it."""
        while True:
            if self._text_due:
                self._text_due.cancel()
                self._text_due = None
            while self._outgoing:
                if len(self._outgoing) > _MOST_QUEUED:
                    raise _CallerGone
                await self._send(self._outgoing.popleft())
            if self._ended:
                return
            self._queued.clear()
            await self._queued.wait()

    async def _send(self, message: CallMessage | str) -> None:
        frame = message if isinstance(message, str) else self._writer.write(message)
        try:
            with self._until_stuck:
                if isinstance(frame, str):
                    await self._socket.send_text(frame)
                else:
                    await self._socket.send_bytes(frame)
        except (TimeoutError, WebSocketDisconnect, RuntimeError) as error:
            # Starlette raises RuntimeError for a send after the close was seen.
            raise _CallerGone from error


def routes(registry: Registry, clock: Clock, allowed_origins: frozenset[str]) -> APIRouter:
    """Return the endpoint's routes. Browsers may call from the gateway's own origin or one of `allowed_origins`."""
    router = APIRouter()

    @router.websocket("/voice/{session_id}")
    async def voice(socket: WebSocket, session_id: str) -> None:
        await _answer_call(socket, session_id)

    @router.websocket("/api/v1/ws/stream")
    async def stream(socket: WebSocket) -> None:
        await _answer_call(socket, "new")

    async def _answer_call(socket: WebSocket, session_id: str) -> None:
        try:
            _check_origin(socket, allowed_origins)
            with registry.place(_checked_id(session_id)) as place:
                await socket.accept()
                await _serve(socket, NativeLink(socket, clock), place)
        except CallRefused as refusal:
            headers = {"Retry-After": str(refusal.retry_after_s)} if refusal.retry_after_s else None
            body = {"error": refusal.message}
            await socket.send_denial_response(JSONResponse(body, refusal.status, headers))

    return router


def _check_origin(socket: WebSocket, allowed: frozenset[str]) -> None:
    """Refuse a page of another site: a browser would let it use the microphone's owner's gateway unasked."""
    origin = socket.headers.get("origin")
    if origin is None or origin in allowed or urlsplit(origin).netloc == socket.headers.get("host"):
        return
    raise CallRefused(403, "This page's origin may not call here.")


def _checked_id(session_id: str) -> str:
    if session_id == "new":
        return secrets.token_urlsafe(12)
    if not _SESSION_ID.match(session_id):
        raise CallRefused(404, "A session id has 1-64 letters, digits, '-' or '_'.")
    return session_id


async def _serve(socket: WebSocket, link: NativeLink, place: Place) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(link.write())
            try:
                await place.serve(link, (await link.negotiate()).settings())
            except CallerError as error:  # a hello that cannot be granted
                link.hang_up(error)
            finally:
                link.end()
        await socket.close(link.close_code)
    except* (_CallerGone, WebSocketDisconnect):
        pass  # there is nobody left to tell
