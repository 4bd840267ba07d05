"""Hears whether somebody speaks in many calls at once: one run of the Silero network judges a window of each."""

import asyncio
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tandem.audio.vad import SAMPLE_RATE, STATE_SHAPE, TAIL_MS, WINDOW, Silence, SileroModel, Windows

# As long as a window, of which a call has one in it then. When calls are many a window waits half of it in the median;
# with half of that wait a minute of call took 3-5 % more CPU (12 calls that are spoken in, two gateways at once).
TOGETHER_MS = 32.0
MOST_TOGETHER = 16  # windows; they take some 0.7 ms, in which nothing else moves


class SharedSilero:
    """The network as the calls of one event loop share it: it runs at most once in TOGETHER_MS, unless many wait.

    A call that is alone has no wait: where the last run was for it and no other, its next window is judged as it comes.
    """

    def __init__(self, model: SileroModel) -> None:
        self._model = model
        self._waiting: list[SharedDetector] = []
        self._judged_at = float("-inf")
        self._alone: SharedDetector | None = None  # whose window the last run judged, and no other's
        self._timer: asyncio.TimerHandle | None = None

    def detector(self, tell: Callable[[list[float]], None]) -> "SharedDetector":
        """Return a call's detector; `tell` gets a probability (0-1) per window, in order."""
        return SharedDetector(self, tell)

    def enter(self, detector: "SharedDetector") -> None:
        """A detector has a window to be judged."""
        self._waiting.append(detector)
        loop = asyncio.get_running_loop()
        due = self._judged_at + TOGETHER_MS / 1000
        if self._alone is detector or len(self._waiting) >= MOST_TOGETHER or loop.time() >= due:
            self.judge()
        elif self._timer is None:
            self._timer = loop.call_at(due, self.judge)

    def leave(self, detector: "SharedDetector") -> None:
        """A detector's window is to be judged no more."""
        self._waiting.remove(detector)

    def judge(self) -> None:
        """Judge the windows that wait; each call is told when the loop comes round, or by the feed that it is in."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if not self._waiting:
            return
        detectors, self._waiting = self._waiting, []
        loop = asyncio.get_running_loop()
        self._judged_at, self._alone = loop.time(), detectors[0] if len(detectors) == 1 else None
        probabilities, after = self._model.judge(
            np.concatenate([detector.window for detector in detectors]),
            np.concatenate([detector.state for detector in detectors], axis=1),
        )
        for place, detector in enumerate(detectors):
            detector.judged(float(probabilities[place]), after[:, place : place + 1])
            loop.call_soon(detector.report)  # not here: one call's trouble would be another's


class SharedDetector:
    """One call's VoiceDetector, whose windows are judged together with those of other calls.

    At most one of its windows waits. Where audio comes in a burst, each is judged before the next is taken, and its
    probability told within `feed`: so what it says is never far behind the audio it means.
    """

    window_ms: float = WINDOW / SAMPLE_RATE * 1000
    tail_ms: float = TAIL_MS

    def __init__(self, shared: SharedSilero, tell: Callable[[list[float]], None]) -> None:
        self.window: NDArray[np.float32]
        self._shared = shared
        self._tell = tell
        self._waits = False
        self.reset()

    def feed(self, pcm: bytes) -> None:
        """Take mono 16 kHz 16-bit little-endian PCM of any length. Raises ValueError for half a sample."""
        for window in self._windows.cut(pcm):
            if self._waits:
                self._shared.judge()
                self.report()
            if self._silence.holds(window):
                self._judged.append(0.0)
                self.report()
                continue
            self.window, self._waits = window, True
            self._shared.enter(self)
            self.report()

    def reset(self) -> None:
        """Forget the stream so far: nothing more is told of it, and the next byte is the first of a new one.

        A call that is over must be reset, too.
        """
        if self._waits:
            self._shared.leave(self)
        self._waits = False
        self._judged: list[float] = []
        self._windows, self._silence = Windows(), Silence()
        self.state = np.zeros(STATE_SHAPE, dtype=np.float32)

    def judged(self, probability: float, state: NDArray[np.float32]) -> None:
        """The window was judged; `state` [2, 1, 128] is for the next one."""
        self.state, self._waits = state, False
        self._silence.judged(probability)
        self._judged.append(probability)

    def report(self) -> None:
        """Tell the call what it does not know yet."""
        judged, self._judged = self._judged, []
        if judged:
            self._tell(judged)
