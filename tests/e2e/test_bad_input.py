"""What people and programs send that is not a conversation: it harms nobody, and no word is invented for it."""

import asyncio
import json
import struct
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from caller import call
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from gateway import real_gateway
from questions import recording
from tandem.audio.vad import SileroModel
from tandem.audio.vad_shared import SharedSilero
from tandem.core.link import AudioReceived, CallerCaption, ReplyDone
from tandem.providers.local.moonshine import Moonshine
from tandem.talk import Recording, talk

pytestmark = pytest.mark.asyncio(loop_scope="module")

RATE = 16_000
SECONDS = 30


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def gateway() -> AsyncIterator[str]:
    async with real_gateway() as address:
        yield f"ws://{address}/voice/new"


def noise(kind: str) -> NDArray[np.int16]:
    """Return 30 s of sound without a word, at 16 kHz."""
    random, count = np.random.default_rng(1), RATE * SECONDS
    sound: NDArray[np.floating[Any]]
    match kind:
        case "silence":
            sound = np.zeros(count)
        case "white noise":
            sound = random.normal(0, 0.05, count)
        case "loud white noise":
            sound = random.normal(0, 0.3, count)
        case "hum":
            sound = 0.3 * np.sin(2 * np.pi * 50 * np.arange(count) / RATE)
        case "clicks":
            sound = (random.random(count) < 5 / RATE) * 0.9
        case _:
            raise ValueError(kind)
    return (sound.clip(-1, 1) * 32767).astype(np.int16)


@pytest.mark.parametrize("kind", ["silence", "white noise", "loud white noise", "hum", "clicks"])
async def test_half_a_minute_without_a_word_gives_no_word_and_no_reply(kind: str) -> None:
    model = SileroModel.load()
    async with Moonshine.open(1) as recogniser:
        async with call(stt=lambda _: [recogniser], make_detector=SharedSilero(model).detector) as caller:
            pcm = noise(kind).tobytes()
            for at in range(0, len(pcm), 640):
                caller.does(AudioReceived(pcm[at : at + 640]))
                await asyncio.sleep(0)
        assert caller.states() == ["listening"]  # not even taken for a voice
        assert caller.all(CallerCaption) == []
        assert caller.all(ReplyDone) == []


async def test_the_same_ears_do_hear_a_voice() -> None:
    model = SileroModel.load()
    async with (
        Moonshine.open(1) as recogniser,
        call(stt=lambda _: [recogniser], make_detector=SharedSilero(model).detector) as caller,
    ):
        caller.does(AudioReceived(speech() + bytes(RATE * 2)))
        await caller.until_state("paused")
        await caller.until(CallerCaption, lambda caption: caption.final)
    assert caller.finals() == ["How many feet are in ten meters?"]


def speech() -> bytes:
    with wave.open(str(recording("units"))) as sound:
        return bytes(sound.readframes(sound.getnframes()))


async def odd_audio(socket: ClientConnection) -> None:
    await socket.send(b"\1\2\3")


async def huge_audio(socket: ClientConnection) -> None:
    await socket.send(bytes(2**20))


async def huge_json(socket: ClientConnection) -> None:
    await socket.send('{"type":"text_message","text":"' + "a" * 2**20 + '"}')


async def no_json(socket: ClientConnection) -> None:
    await socket.send("hello?")


async def unknown_type(socket: ClientConnection) -> None:
    await socket.send('{"type":"sing","song":"la"}')


async def wrong_rate(socket: ClientConnection) -> None:
    for _ in range(20):
        await socket.send(bytes(64 * 1024))  # 2 s a message at the negotiated rate


@pytest.mark.parametrize(
    ("misbehave", "code"),
    [
        (odd_audio, "malformed_audio"),
        (huge_audio, "too_large"),
        (huge_json, "too_large"),
        (no_json, "invalid_json"),
        (unknown_type, "unknown_type"),
        (wrong_rate, "audio_too_fast"),
    ],
)
async def test_bad_input_gets_a_clear_error_and_the_call_goes_on(
    gateway: str, misbehave: Callable[[ClientConnection], Awaitable[None]], code: str
) -> None:
    async with asyncio.timeout(20), connect(gateway, compression=None) as socket:
        await socket.send('{"type":"hello"}')
        await misbehave(socket)
        await socket.send('{"type":"text_message","text":"What is two plus two?"}')
        kinds = {}
        while "response_done" not in kinds:
            message = json.loads(await socket.recv())
            kinds[message["type"]] = message
        assert kinds["error"]["code"] == code
        assert kinds["error"]["message"].endswith((".", "?"))
        assert kinds["response_done"]["text"] == "Two plus two is four."


async def sends_nothing(gateway: str) -> None:
    async with connect(gateway, close_timeout=1):
        await asyncio.Event().wait()


async def reads_nothing(gateway: str) -> None:
    async with connect(gateway, max_queue=1, close_timeout=1) as socket:
        await socket.send('{"type":"hello"}')
        for _ in range(10):
            await socket.send('{"type":"text_message","text":"What can you do?"}')
        await asyncio.Event().wait()


async def vanishes_in_mid_word(gateway: str) -> None:
    audio = speech()
    while True:
        socket = await connect(gateway)
        for at in range(0, len(audio) // 2, 640):
            await socket.send(audio[at : at + 640])
        socket.transport.abort()
        await socket.wait_closed()


async def sends_rubbish(gateway: str) -> None:
    random = np.random.default_rng(2)
    while True:
        try:
            async with connect(gateway, close_timeout=1) as socket:
                while True:
                    rubbish = random.bytes(int(random.integers(0, 500)))
                    await socket.send(rubbish if random.random() < 0.5 else rubbish.hex())
                    await asyncio.sleep(0)
        except ConnectionClosed:
            continue


async def test_callers_who_misbehave_do_not_harm_one_who_talks(gateway: str) -> None:
    async with asyncio.TaskGroup() as group:
        others = [
            group.create_task(caller(gateway))
            for caller in (sends_nothing, reads_nothing, vanishes_in_mid_word, sends_rubbish)
        ]
        report, _ = await talk(gateway, Recording.read(recording("units")))
        for task in others:
            task.cancel()
    assert report.transcript == "How many feet are in ten meters?"
    assert report.heard == report.reply == "Ten meters is about thirty two point eight one feet."


async def test_audio_with_a_header_and_binary_replies_are_what_the_page_uses(gateway: str) -> None:
    async with asyncio.timeout(20), connect(gateway) as socket:
        hello = {
            "type": "hello",
            "protocol": 1,
            "input": {"sample_rate": RATE, "header": True},
            "output": {"framing": "binary"},
        }
        await socket.send(json.dumps(hello))
        audio = speech() + bytes(RATE * 2)
        for number, at in enumerate(range(0, len(audio), 640)):
            await socket.send(struct.pack("<IIQ", number, 0, number * 20_000) + audio[at : at + 640])
        while not isinstance(message := await socket.recv(), bytes):
            pass
        sequence, epoch, offset_us = struct.unpack("<IIQ", message[:16])
        assert (sequence, epoch, offset_us) == (1, 1, 0)
