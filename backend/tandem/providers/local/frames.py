"""The frames that the gateway and an engine process exchange; both ends import this file, so it needs only the
standard library.

A frame is a header (payload length, kind, job: big-endian u32, u8, u32) and its payload: PCM, or JSON.
"""

import os
import select
import signal
import struct
import sys
from enum import IntEnum

_HEADER = struct.Struct("!IBI")
_READ_BYTES = 65_536


class Kind(IntEnum):
    """What a frame says. A job is one phrase or one utterance; frames about the engine itself carry job 0."""

    BEGIN = 1  # gateway -> engine: JSON, what the job needs
    AUDIO = 2  # both ways: mono 16-bit PCM
    FINISH = 3  # gateway -> engine: no more audio comes for this job
    CANCEL = 4  # gateway -> engine: nobody waits for this job any more
    READY = 5  # engine -> gateway: loaded, may be asked
    NEWS = 6  # engine -> gateway: JSON, something known before the end of the job
    DONE = 7  # engine -> gateway: JSON, the job's end
    REJECTED = 8  # engine -> gateway: JSON text, this job cannot be done; the engine goes on


Frame = tuple[Kind, int, bytes]


def pack(kind: Kind, job: int, payload: bytes = b"") -> bytes:
    return _HEADER.pack(len(payload), kind, job) + payload


class Unpacker:
    """Cuts a byte stream back into frames, however it was chopped on its way."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that `data` completed, in order."""
        held = self._held
        held += data
        frames: list[Frame] = []
        position = 0
        while len(held) - position >= _HEADER.size:
            size, kind, job = _HEADER.unpack_from(held, position)
            end = position + _HEADER.size + size
            if len(held) < end:
                break
            frames.append((Kind(kind), job, bytes(held[position + _HEADER.size : end])))
            position = end
        del held[:position]
        return frames


class EnginePipe:
    """The engine's end: stdin and stdout of its process, read and written from one thread.

    It outlives no gateway: the end of stdin, and a stdout that nobody reads, both end the process by SystemExit.
    """

    def __init__(self) -> None:
        # Whatever a native library prints must not run into the frames.
        self._out = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        self._in = sys.stdin.fileno()
        self._unpacker = Unpacker()
        # Ctrl-C goes to the whole terminal group; when an engine ends is the gateway's to say.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def receive(self, *, wait: bool) -> list[Frame]:
        """Return the frames that came; with `wait`, block until the next bytes."""
        if not wait and not select.select([self._in], [], [], 0)[0]:
            return []
        data = os.read(self._in, _READ_BYTES)
        if not data:
            raise SystemExit(0)
        return self._unpacker.feed(data)

    def send(self, kind: Kind, job: int, payload: bytes = b"") -> None:
        data = memoryview(pack(kind, job, payload))
        try:
            while data:
                data = data[os.write(self._out, data) :]
        except BrokenPipeError:
            raise SystemExit(0) from None
