"""What the machine itself costs: on a shared one it changes from hour to hour, and the figures with it."""

import asyncio
import time

_TIMES = 200
_PAUSE_S = 0.002


async def wake_up_us() -> float:
    """Return the CPU time (us) that this process takes to wake up and do nothing, on average of 0.4 s."""
    began = time.process_time()
    for _ in range(_TIMES):
        await asyncio.sleep(_PAUSE_S)
    return round((time.process_time() - began) / _TIMES * 1_000_000, 1)
