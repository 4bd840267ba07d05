"""What the machine itself costs: on a shared one it changes from hour to hour, and the figures with it."""

import asyncio
import sys
import time
from asyncio.subprocess import PIPE
from contextlib import closing

_WAKE_UPS = 200
_MESSAGES = 40
_MESSAGE = bytes(200)
_PAUSE_S = 0.02  # as long as a token or a frame of audio takes
_DEADLINE_S = 10.0


async def wake_up_us(pause_s: float) -> float:
    """Return the CPU time (us) that this process takes to wake up behind such a pause and do nothing, on average.

    It is some 10 us on a machine of one's own. On a virtual one it may be a hundred times as much and grow with the
    pause, because what was in the caches and page tables meanwhile belonged to others. Pauses are of whole ms.
    """
    pause_s = max(0.001, round(pause_s, 3))
    began = time.process_time()
    for _ in range(_WAKE_UPS):
        await asyncio.sleep(pause_s)
    return round((time.process_time() - began) / _WAKE_UPS * 1_000_000, 1)


async def hop_ms() -> list[float]:
    """Return how long (ms) messages took to come to another process on loopback that does nothing else."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, stdin=PIPE, stdout=PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(_DEADLINE_S):
            port = int(await process.stdout.readline())
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            with closing(writer):
                return [await _there_and_back_ms(reader, writer) / 2 for _ in range(_MESSAGES)]
    finally:
        process.kill()
        await process.wait()


async def _there_and_back_ms(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> float:
    await asyncio.sleep(_PAUSE_S)
    began = time.perf_counter()
    writer.write(_MESSAGE)
    await reader.readexactly(len(_MESSAGE))
    return (time.perf_counter() - began) * 1000


async def _echo() -> None:
    """Be the other process: print the port, and send back what comes until nobody holds stdin any more."""

    async def send_back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while message := await reader.read(len(_MESSAGE)):
            writer.write(message)
        writer.close()

    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    async with await asyncio.start_server(send_back, "127.0.0.1", 0) as server:
        sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await ended.wait()


if __name__ == "__main__":
    import uvloop  # what the gateway runs on

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_echo())
