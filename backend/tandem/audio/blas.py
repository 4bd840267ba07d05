"""Keeps numpy's multiplications in the thread that asks for them."""

import numpy  # noqa: F401  # what is not loaded yet cannot be limited
from threadpoolctl import threadpool_limits


def multiply_in_one_thread() -> None:
    """Have this process's BLAS use no threads of its own; every process that works with audio does this first.

    What is multiplied here is small, and such threads wait for each other by spinning: on two cores the search for the
    place of a splice (13 ms) takes no less time with them, and 3.5 times the CPU; the more cores, the worse.
    """
    threadpool_limits(1, user_api="blas")
