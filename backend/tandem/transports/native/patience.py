"""A deadline for each of many waits, one after the other, with one timer among them."""

import asyncio
from types import TracebackType


class Patience:
    """What `asyncio.timeout` is to one wait: `with` it, TimeoutError is raised where a wait takes longer than that.

    A socket's waits are over after some ms, thousands in a minute, and a timer for each would cost more than what it
    guards. This one's timer looks only now and then whether the present wait is overdue; it outlives the last by no
    more than the patience. For one task at a time.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._task: asyncio.Task[object] | None = None  # that waits
        self._cancelling = 0  # by others
        self._due = 0.0  # of the loop's clock
        self._expired = False
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None  # looking for it costs a system call (Python 3.11)

    def __enter__(self) -> None:
        loop = self._loop = self._loop or asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        assert task is not None
        self._task, self._cancelling, self._due = task, task.cancelling(), loop.time() + self._seconds
        if self._timer is None:
            self._timer = loop.call_at(self._due, self._look)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if not self._expired or task is None:
            return
        self._expired = False
        # Whoever else has cancelled the task meanwhile goes before, as with asyncio.timeout.
        if task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _look(self) -> None:
        self._timer = None
        if self._task is None or self._loop is None:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
        else:
            self._expired = True
            self._task.cancel()
