"""Engine processes start, fail and end without a trace."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import AsyncExitStack

import psutil
import pytest

import needs
from tandem.core.errors import Fault, ProviderError
from tandem.providers.local import espeak, pocketsphinx
from tandem.providers.local.frames import Kind
from tandem.providers.local.worker import Worker, Workers

ENGINE = "tandem.providers.local.espeak_engine"
HELLO = b'{"text": "hello there", "voice": "", "language": "en", "speed": 1.0}'


@pytest.fixture(autouse=True)
def _no_process_is_left() -> object:
    needs.require(espeak.missing() is None, str(espeak.missing()))
    before = set(psutil.Process().children())
    yield
    assert set(psutil.Process().children()) <= before


async def test_a_process_answers_a_job_until_it_is_done() -> None:
    async with Workers.open("test", ENGINE, 1) as workers:
        job = (await workers.share()).begin(HELLO)
        kinds: list[Kind] = []
        while not kinds or kinds[-1] is not Kind.DONE:
            kinds.append((await job.answer(1.0))[0])
        assert Kind.AUDIO in kinds
        assert job.worker.load == 0


async def test_more_processes_are_started_only_when_all_are_busy() -> None:
    async with Workers.open("test", ENGINE, 2) as workers:
        first = await workers.share()
        assert await workers.share() is first
        first.begin(HELLO)
        second = await workers.share()
        assert second is not first
        second.begin(HELLO)
        assert await workers.share() in (first, second)


async def test_an_engine_that_cannot_start_is_refused() -> None:
    with pytest.raises(ProviderError) as raised:
        await Worker.start("test", "tandem.no_such_engine")
    assert raised.value.fault is Fault.REFUSED


async def test_a_job_of_a_dead_process_is_cut() -> None:
    async with Workers.open("test", ENGINE, 1) as workers:
        worker = await workers.share()
        os.kill(worker.pid, signal.SIGSTOP)
        job = worker.begin(HELLO)
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(ProviderError) as raised:
            while True:
                await job.answer(1.0)
        assert raised.value.fault is Fault.CUT
        with pytest.raises(ProviderError):
            worker.begin(HELLO)
        assert (await workers.share()).alive


async def test_a_process_that_hangs_is_killed() -> None:
    async with Workers.open("test", ENGINE, 1) as workers:
        worker = await workers.share()
        os.kill(worker.pid, signal.SIGSTOP)
        with pytest.raises(ProviderError) as raised:
            await worker.begin(HELLO).answer(0.05)
        assert raised.value.fault is Fault.STALLED
        assert (await workers.share()) is not worker


async def test_cancelling_the_owner_ends_every_process_within_a_second() -> None:
    opened = asyncio.Event()

    async def own() -> None:
        async with AsyncExitStack() as stack:
            for provider in (espeak.Espeak, pocketsphinx.Pocketsphinx):
                await stack.enter_async_context(provider.open())
            opened.set()
            await asyncio.Event().wait()

    owner = asyncio.ensure_future(own())
    await opened.wait()
    owner.cancel()
    async with asyncio.timeout(1.0):
        with pytest.raises(asyncio.CancelledError):
            await owner


async def test_cancelling_while_a_process_starts_leaves_none() -> None:
    starting = asyncio.ensure_future(Worker.start("test", ENGINE))
    while not psutil.Process().children():
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting


@pytest.mark.parametrize("provider", ["espeak.Espeak", "pocketsphinx.Pocketsphinx"])
def test_the_process_ends_when_the_gateway_is_killed(provider: str) -> None:
    module, name = provider.split(".")
    code = f"""
import asyncio
from tandem.providers.local.{module} import {name}
async def main():
    async with {name}.open() as provider:
        print(*(worker.pid for worker in provider._workers._all), flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as gateway:
        assert gateway.stdout is not None
        engine = psutil.Process(int(gateway.stdout.readline()))
        gateway.kill()
        assert engine.wait(timeout=2) in (0, None)
