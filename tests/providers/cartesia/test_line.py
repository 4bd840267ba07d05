"""Cartesia's line over a scripted server: the warm socket, its end, and the next one."""

import asyncio
from contextlib import AsyncExitStack, suppress

import pytest

from providers.cartesia.vendor import Phrase, Vendor, fault_of, opened, silent, speaking, vendor
from tandem.contracts.tts import length_ms, spoken
from tandem.core.errors import ConfigurationError, Fault
from tandem.providers.cartesia.tts import Cartesia


async def test_an_idle_socket_that_the_vendor_closes_is_opened_again(server: Vendor, voice: Cartesia) -> None:
    assert await spoken(voice, "one two")
    await server.connections[0].close(1000)
    assert await spoken(voice, "one two")
    assert len(server.connections) == 2


async def test_a_warm_socket_that_proves_dead_costs_one_more_attempt_and_no_more(
    server: Vendor, voice: Cartesia
) -> None:
    async def dead(phrase: Phrase) -> None:
        await phrase.connection.close(1000)

    assert await spoken(voice, "one two")
    server.behave = dead
    assert (await fault_of(voice)).fault is Fault.CUT
    assert [len(server.phrases), len(server.connections)] == [3, 2]


async def test_a_socket_on_which_nothing_comes_is_replaced(server: Vendor, voice: Cartesia) -> None:
    server.behave = silent
    assert (await fault_of(voice)).fault is Fault.TIMEOUT
    server.behave = speaking
    assert await spoken(voice, "one two")
    assert len(server.connections) == 2


async def test_a_stall_beside_a_phrase_that_goes_on_does_not_cost_the_socket(server: Vendor, voice: Cartesia) -> None:
    async def dripping(phrase: Phrase) -> None:
        for _ in range(12):
            await phrase.chunks(1)
            with suppress(TimeoutError):
                await asyncio.wait_for(phrase.cancelled.wait(), 0.03)
        await phrase.done()

    server.behave = dripping
    async with asyncio.TaskGroup() as group:
        good = group.create_task(spoken(voice, "one two"))
        await server.asked.wait()
        server.behave = silent
        assert (await fault_of(voice)).fault is Fault.TIMEOUT
    assert length_ms(good.result()) == 480
    assert len(server.connections) == 1


async def test_a_vendor_that_is_down_at_the_start_serves_once_it_is_up() -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(vendor())
        server.status = 503
        voice = await stack.enter_async_context(opened(server.url))
        assert (await fault_of(voice)).fault is Fault.UNAVAILABLE
        server.status = None
        assert await spoken(voice, "one two")


async def test_a_vendor_that_hangs_up_at_once_is_a_fault_in_bounded_time_and_is_not_pestered(server: Vendor) -> None:
    server.flapping = True
    async with opened(server.url) as voice:
        faults = {(await fault_of(voice)).fault for _ in range(10)}
        assert faults <= {Fault.CUT, Fault.TIMEOUT}
        assert len(server.connections) <= 22  # two for each phrase, and that of the start
        server.flapping = False
        assert await spoken(voice, "one two")


async def test_twenty_phrases_that_wait_for_a_socket_share_the_next_one(server: Vendor) -> None:
    server.status = 503
    async with opened(server.url, first_chunk_ms=2_000) as voice:
        server.status = None
        async with asyncio.TaskGroup() as group:
            phrases = [group.create_task(spoken(voice, "one two")) for _ in range(20)]
    assert all(length_ms(phrase.result()) == 120 for phrase in phrases)
    assert len(server.connections) == 1


async def test_nobody_listening_is_refused() -> None:
    async with vendor() as server:
        url = server.url
    async with opened(url) as voice:
        assert (await fault_of(voice)).fault is Fault.REFUSED


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (401, Fault.REJECTED),
        (402, Fault.REJECTED),
        (403, Fault.REJECTED),
        (404, Fault.REJECTED),
        (429, Fault.RATE_LIMITED),
        (500, Fault.UNAVAILABLE),
    ],
)
async def test_a_refused_handshake_is_told_by_its_status(server: Vendor, status: int, fault: Fault) -> None:
    server.status, server.retry_after = status, "7"
    async with opened(server.url) as voice:
        error = await fault_of(voice)
    assert error.fault is fault
    assert error.retry_after_ms == 7_000


async def test_a_handshake_that_hangs_is_a_timeout_and_a_broken_one_is_cut() -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.read()
        writer.close()

    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.transport.abort()

    for behave, fault in ((hang, Fault.TIMEOUT), (break_off, Fault.CUT)):
        server = await asyncio.start_server(behave, "127.0.0.1", 0)
        async with server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with opened(url, connect_ms=500) as voice:
                assert (await fault_of(voice)).fault is fault


async def test_a_peer_that_stops_reading_is_left_at_once(server: Vendor) -> None:
    async def deaf(phrase: Phrase) -> None:
        phrase.connection.transport.pause_reading()

    server.behave = deaf
    loop = asyncio.get_running_loop()
    async with opened(server.url) as voice:
        assert (await fault_of(voice)).fault is Fault.TIMEOUT
        began = loop.time()
    assert loop.time() - began < 0.5
    for connection in server.connections:
        connection.transport.abort()


async def test_an_exception_in_the_block_comes_out_as_it_is(server: Vendor) -> None:
    with pytest.raises(LookupError):
        async with opened(server.url):
            raise LookupError


@pytest.mark.parametrize("key", ["", " ", "two words", "line\n", "schlüssel"])
async def test_a_key_that_cannot_be_one_is_refused_at_the_start(key: str) -> None:
    with pytest.raises(ConfigurationError):
        async with Cartesia.open(api_key=key, base_url="http://127.0.0.1:9"):
            pass
