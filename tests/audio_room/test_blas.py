"""Multiplication stays in the thread that asks for it."""

import subprocess
import sys

BUSY = """
import time
import numpy as np
from tandem.audio.blas import multiply_in_one_thread
{}
large = np.ones((700, 700))
large @ large
process_s, thread_s = time.process_time(), time.thread_time()
for _ in range(20):
    large @ large
others_s = time.process_time() - process_s - (time.thread_time() - thread_s)
print(others_s / (time.thread_time() - thread_s))
"""


def work_of_other_threads(first: str) -> float:
    """Return what other threads work while this one multiplies, as a part of what it works itself."""
    done = subprocess.run([sys.executable, "-c", BUSY.format(first)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_no_other_thread_works_while_one_multiplies() -> None:
    assert work_of_other_threads("multiply_in_one_thread()") < 0.5  # threads of before spin for a while longer
