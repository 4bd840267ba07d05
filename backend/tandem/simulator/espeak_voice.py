"""The simulated speakers' other voice: real speech, made by espeak-ng in a process of its own."""

import asyncio
import importlib.util
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from tandem.simulator.voice import Said

_PROGRAM = "tandem.simulator.espeak"
_OPEN_S = 20.0  # a busy machine may take seconds to load numpy and the library
_SPEAK_S = 60.0  # espeak-ng makes some 100 s of speech a second
_LONGEST_LINE = 2**24  # bytes: the word times of one text


class NoEspeak(Exception):
    """espeak-ng cannot be had; the message says what to do."""


class EspeakVoice:
    """Speaks English, one text after the other; no simulated recogniser understands it."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._turn = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        """Start the process; raises NoEspeak. Leaving ends it."""
        if importlib.util.find_spec("espeakng_loader") is None:
            raise NoEspeak("the espeak voice needs a package: pip install 'tandem[engines]', or espeakng-loader")
        voice = cls()
        try:
            await voice._start()
            yield voice
        finally:
            await voice._end()

    async def speak(self, text: str, rate: int, speed: float = 1.0) -> Said:
        """Return `text` as speech of `rate` Hz; it is spoken 0.46 to 2.57 times as fast as usual.

        Raises NoEspeak if the process fails, which is begun anew for the next text.
        """
        async with self._turn:
            try:
                process = self._process or await self._start()
                async with asyncio.timeout(_SPEAK_S):
                    return await _spoken(process, {"text": text, "rate": rate, "speed": speed})
            except (OSError, ValueError, asyncio.IncompleteReadError) as error:  # a timeout is an OSError
                await self._end()
                raise NoEspeak("the espeak process failed") from error
            except asyncio.CancelledError:
                await self._end()  # its answer would be taken for that to the next text
                raise

    async def _start(self) -> Process:
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", _PROGRAM, stdin=PIPE, stdout=PIPE, limit=_LONGEST_LINE
            )
            assert process.stdout
            async with asyncio.timeout(_OPEN_S):
                await process.stdout.readuntil(b"\n")
        except (OSError, asyncio.IncompleteReadError) as error:
            await self._end()
            raise NoEspeak("espeak-ng does not start; try pip install --force-reinstall espeakng-loader") from error
        return process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _spoken(process: Process, request: dict[str, Any]) -> Said:
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(request).encode() + b"\n")
    await process.stdin.drain()
    head = json.loads(await process.stdout.readline())
    pcm = await process.stdout.readexactly(head["bytes"])
    return Said(pcm, [(word, start_ms, end_ms) for word, start_ms, end_ms in head["words"]])
