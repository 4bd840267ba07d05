"""Hears whether somebody speaks, with the Silero neural network run by onnxruntime on the CPU."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidArgument, InvalidProtobuf

from tandem.core.errors import ConfigurationError

SAMPLE_RATE = 16_000

# The shapes that the published model expects at 16 kHz (snakers4/silero-vad, OnnxWrapper in utils_vad.py).
WINDOW = 512
CONTEXT = 64
STATE_SHAPE = (2, 1, 128)
WINDOW_BYTES = WINDOW * 2

# How long the network goes on hearing a voice that has ended: 68 ms in the median of the 241 ends in tests/audio/turns,
# and more than this in three of four.
TAIL_MS = 48.0

# Behind half a second without a voice, what is fainter than this needs no network: it would say the same. Of the 165
# turns in tests/audio/turns, 162 kept every edge of speech to the window; in three an edge moved by up to 64 ms.
_SILENT_POWER = 10 ** (-55 / 10)  # of full scale; a voice into a microphone is 20 dB louder
_QUIET_WINDOWS = 16
_QUIET = 0.35  # the probability below which the network's authors take speech for over

FULL_SCALE = np.float32(1 / 32768)


def installed_model(package: str = "silero_vad") -> Path:
    """Return where the installed package keeps the model, without importing it: its code would import torch.

    Raises ConfigurationError if the package or its model file is not there.
    """
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ConfigurationError(f"the voice detector needs the package {package}: pip install --no-deps silero-vad")
    return Path(found.origin).parent / "data" / "silero_vad.onnx"


class SileroModel:
    """The network itself: loaded once per process, shared by the detectors of all calls, safe in many threads."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._rate = np.array(SAMPLE_RATE, dtype=np.int64)

    @classmethod
    def load(cls, file: Path | None = None) -> "SileroModel":
        """Load `file`, or the installed package's model; takes some 20-50 ms.

        Raises ConfigurationError if there is no such file, or it holds no model.
        """
        file = file or installed_model()
        if not file.is_file():
            raise ConfigurationError(
                f"the voice detector's model is missing at {file}: pip install --force-reinstall --no-deps silero-vad"
            )
        options = onnxruntime.SessionOptions()
        # One window costs less than waking a second thread, and calls share the machine's cores.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except (Fail, InvalidArgument, InvalidProtobuf) as error:
            raise ConfigurationError(f"the voice detector's model at {file} is damaged: install it again") from error
        return cls(session)

    def judge(
        self, samples: NDArray[np.float32], state: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the probability of speech in each of N windows, [N], and the states to hand in with the next ones.

        `samples` [N, CONTEXT + WINDOW] has a window of each of N streams, `state` [2, N, 128] what is remembered of
        them. Together they cost less: behind other work, whose data has driven the network's from the cache, a window
        costs 165 us alone and 44 us among twelve.
        """
        probabilities, after = self._session.run(None, {"input": samples, "state": state, "sr": self._rate})
        return probabilities[:, 0], after


class Windows:
    """One stream, cut into the windows that the network wants: each with the end of the one before."""

    def __init__(self) -> None:
        self._rest = bytes(2 * CONTEXT)  # the end of the last window, and what came behind it

    def cut(self, pcm: bytes) -> list[NDArray[np.float32]]:
        """Take mono 16 kHz 16-bit little-endian PCM of any length; return each window it completes.

        A window is [1, CONTEXT + WINDOW]. Raises ValueError for half a sample.
        """
        if len(pcm) % 2:
            raise ValueError(f"{len(pcm)} bytes hold half a 16-bit sample")
        heard = self._rest + pcm
        count = (len(heard) - 2 * CONTEXT) // WINDOW_BYTES
        if not count:
            self._rest = heard
            return []
        self._rest = heard[count * WINDOW_BYTES :]
        samples = np.frombuffer(heard, dtype="<i2", count=CONTEXT + count * WINDOW)
        sound: NDArray[np.float32] = np.multiply(samples, FULL_SCALE, dtype=np.float32).reshape(1, -1)
        return [sound[:, at : at + CONTEXT + WINDOW] for at in range(0, count * WINDOW, WINDOW)]


class Silence:
    """Tells of one stream which windows need not be judged, because nothing has been heard for long."""

    def __init__(self) -> None:
        self._quiet = 0

    def holds(self, window: NDArray[np.float32]) -> bool:
        """Tell whether this window [1, CONTEXT + WINDOW] holds none but silence: its probability of speech is 0."""
        if self._quiet < _QUIET_WINDOWS:
            return False
        samples = window[0, CONTEXT:]
        return float(samples.dot(samples)) < _SILENT_POWER * WINDOW

    def judged(self, probability: float) -> None:
        """The network said so of the next window."""
        self._quiet = self._quiet + 1 if probability < _QUIET else 0
