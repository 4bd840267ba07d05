"""The native endpoint's link: what it does with a socket that misbehaves. Time is virtual."""

import asyncio
import json
from collections.abc import MutableMapping
from contextlib import aclosing
from typing import Any

import pytest
from fastapi import WebSocket

from tandem.core.link import AudioReceived, CallerEvent, CallMessage, PlaybackCleared, ReplyAudio, ReplyText, TextTyped
from tandem.transports.native.endpoint import NativeLink, _CallerGone

pytestmark = pytest.mark.looptime

Message = MutableMapping[str, Any]


class Wire:
    """The server's end of a WebSocket: what the caller sends, and what was sent to them."""

    def __init__(self, *messages: str | bytes, hold: bool = True) -> None:
        self._incoming: list[Message] = [
            {"type": "websocket.receive", "text" if isinstance(m, str) else "bytes": m} for m in messages
        ]
        self._hold = hold
        self.sent: list[Message] = []
        self.blocked = False

    async def receive(self) -> Message:
        if self._incoming:
            return self._incoming.pop(0)
        if self._hold:
            await asyncio.Event().wait()
        return {"type": "websocket.disconnect", "code": 1006}

    async def send(self, message: Message) -> None:
        if self.blocked:
            await asyncio.Event().wait()
        self.sent.append(message)

    def json(self) -> list[dict[str, Any]]:
        return [json.loads(message["text"]) for message in self.sent if message.get("text")]

    async def link(self) -> NativeLink:
        socket = WebSocket({"type": "websocket", "headers": []}, self._connected, self.send)
        await socket.accept()
        socket._receive = self.receive
        self.sent.clear()
        return NativeLink(socket, lambda: asyncio.get_running_loop().time() * 1000)

    async def _connected(self) -> Message:
        return {"type": "websocket.connect"}


async def events(link: NativeLink) -> list[CallerEvent]:
    async with aclosing(link.events()) as stream:
        return [event async for event in stream]


async def told(wire: Wire, link: NativeLink) -> list[dict[str, Any]]:
    link.end()
    await link.write()
    return wire.json()


async def test_a_caller_who_only_sends_audio_gets_the_defaults_and_is_heard() -> None:
    link = await Wire(b"\1\2", hold=False).link()
    assert (await link.negotiate()).output.framing == "base64"
    assert await events(link) == [AudioReceived(b"\1\2")]


async def test_a_caller_who_sends_nothing_gets_the_defaults_and_is_hung_up_on_at_last() -> None:
    wire = Wire()
    link = await wire.link()
    await link.negotiate()
    assert await events(link) == []
    (error,) = await told(wire, link)
    assert (error["code"], error["fatal"], link.close_code) == ("idle", True, 1000)


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"\1", "malformed_audio"),
        (b"\0" * 2**20, "too_large"),
        ("x" * 2**20, "too_large"),
        ("not json", "invalid_json"),
        ('{"type":"sing"}', "unknown_type"),
        ('{"type":"hello"}', "late_hello"),
    ],
)
async def test_bad_input_gets_a_clear_error_and_the_call_goes_on(bad: str | bytes, code: str) -> None:
    wire = Wire('{"type":"hello"}', bad, '{"type":"text_message","text":"hi"}', hold=False)
    link = await wire.link()
    await link.negotiate()
    assert await events(link) == [TextTyped("hi")]
    (error,) = await told(wire, link)
    assert (error["type"], error["code"], error["fatal"]) == ("error", code, False)
    assert error["message"]


async def test_a_caller_who_goes_on_sending_bad_input_is_hung_up_on() -> None:
    wire = Wire('{"type":"hello"}', *[b"\1"] * 200)
    link = await wire.link()
    await link.negotiate()
    assert await events(link) == []
    assert (await told(wire, link))[-1]["fatal"]
    assert link.close_code == 4400


async def test_too_many_control_messages_are_refused_with_a_code_of_their_own() -> None:
    wire = Wire('{"type":"hello"}', *['{"type":"ping","t":1}'] * 30, hold=False)
    link = await wire.link()
    await link.negotiate()
    assert await events(link) == []
    kinds = [message.get("code", message["type"]) for message in await told(wire, link)]
    assert kinds == ["pong"] * 20 + ["too_fast"] * 10


async def test_a_caller_who_reads_nothing_is_given_up() -> None:
    wire = Wire()
    link = await wire.link()
    wire.blocked = True
    link.send(ReplyText(1, "hi", "rulebook"))
    with pytest.raises(_CallerGone):
        await link.write()


async def test_what_waits_for_a_caller_who_reads_nothing_is_bounded() -> None:
    link = await Wire().link()
    for _ in range(2000):
        link.send(ReplyText(1, "hi " * 50, "rulebook"))
    with pytest.raises(_CallerGone):
        await link.write()


async def test_the_words_of_a_model_wait_a_moment_for_more_of_them() -> None:
    wire = Wire()
    link = await wire.link()
    async with asyncio.TaskGroup() as group:
        group.create_task(link.write())
        await asyncio.sleep(0)
        for word in ("One", " two", " three"):
            link.send(ReplyText(1, word, "m"))
            await asyncio.sleep(0.01)
        link.send(ReplyText(1, " four", "other"))
        assert wire.json() == []
        await asyncio.sleep(0.03)
        link.end()
    assert [(said["delta"], said["provider"]) for said in wire.json()] == [("One two three", "m"), (" four", "other")]


async def test_words_wait_for_no_more_when_anything_else_goes_out_but_let_audio_pass() -> None:
    wire = Wire()
    link = await wire.link()
    async with asyncio.TaskGroup() as group:
        group.create_task(link.write())
        await asyncio.sleep(0)
        link.send(ReplyText(1, "One", "m"))
        link.send(ReplyAudio(1, 0, b"\0\0", "v"))
        await asyncio.sleep(0)
        assert [message["type"] for message in wire.json()] == ["audio", "response_text"]
        await asyncio.sleep(0.05)
        link.send(ReplyText(1, " two", "m"))
        link.end()
    assert [message["type"] for message in wire.json()] == ["audio", "response_text", "response_text"]


async def test_clearing_a_reply_drops_its_audio_from_the_queue_and_nothing_else() -> None:
    wire = Wire()
    link = await wire.link()
    queued: list[CallMessage] = [ReplyAudio(1, 0, b"\0\0", "v"), ReplyText(1, "x", "m"), ReplyAudio(2, 0, b"\0\0", "v")]
    for message in queued:
        link.send(message)
    link.send(PlaybackCleared(1))
    assert [message["type"] for message in await told(wire, link)] == ["audio", "response_text", "clear_audio"]


async def test_a_caller_who_vanishes_ends_the_events() -> None:
    link = await Wire('{"type":"hello"}', b"\1\2", hold=False).link()
    await link.negotiate()
    assert await events(link) == [AudioReceived(b"\1\2")]
