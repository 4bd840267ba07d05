"""How a contract's test breaks a provider whose engine runs in processes."""

import asyncio
import os
import signal

from tandem.providers.local.worker import Workers


async def kill_at_work(workers: Workers) -> None:
    """Kill every process as soon as one has a job; until then they stand still, so that none can answer it."""
    processes = list(workers._all)
    for process in processes:
        os.kill(process.pid, signal.SIGSTOP)
    while not any(process.load for process in processes):
        await asyncio.sleep(0)
    for process in processes:
        os.kill(process.pid, signal.SIGKILL)
    while any(process.alive for process in processes):
        await asyncio.sleep(0)
