"""Engine processes seen from the gateway: started, asked, and ended without a trace."""

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self, cast

from tandem.core.errors import Fault, ProviderError
from tandem.providers.local.frames import Kind, Unpacker, pack

START_DEADLINE_S = 15.0
END_DEADLINE_S = 1.0

Answer = tuple[Kind, bytes]


class Job:
    """One phrase or one utterance given to an engine process; its answers come in order."""

    def __init__(self, worker: "Worker", number: int) -> None:
        self.worker = worker
        self.number = number
        self._answers: asyncio.Queue[Answer | None] = asyncio.Queue()  # holds one piece of a phrase at most

    def send(self, kind: Kind, payload: bytes = b"") -> None:
        self.worker.send(kind, self.number, payload)

    async def answer(self, deadline_s: float | None) -> Answer:
        """Return the next answer.

        ProviderError: CUT when the process died before the job's end; STALLED when nothing came within
        `deadline_s` (None: however long it takes), and then the process is killed, because it serves others too.
        """
        try:
            async with asyncio.timeout(deadline_s):
                answer = await self._answers.get()
        except TimeoutError as error:
            self.worker.kill()
            raise ProviderError(Fault.STALLED, self.worker.name, "the engine process hangs") from error
        if answer is None:
            raise self.worker.lost()
        return answer

    def put(self, answer: Answer | None) -> None:
        """Take an answer from the process; None: there will be no more."""
        self._answers.put_nowait(answer)

    def close(self) -> None:
        """Forget the job: what still comes for it is dropped, and the engine is told to stop."""
        self.worker.forget(self)


class Worker(asyncio.SubprocessProtocol):
    """One engine process: it does one job after the other, and each job's frames carry its number."""

    def __init__(self, name: str) -> None:
        loop = asyncio.get_running_loop()
        self.name = name
        self._numbers = itertools.count(1)
        self._jobs: dict[int, Job] = {}
        self._unpacker = Unpacker()
        self._process: asyncio.SubprocessTransport | None = None
        self._ready = loop.create_future()
        self._gone = loop.create_future()
        self.alive = True

    @classmethod
    async def start(cls, name: str, module: str) -> Self:
        """Run `python -m module` and wait until its engine is loaded; ProviderError (REFUSED) if it is not."""
        loop = asyncio.get_running_loop()
        worker = cls(name)
        try:
            # -P: the folder that the gateway happens to run in is no place to import from.
            await loop.subprocess_exec(lambda: worker, sys.executable, "-P", "-m", module, stderr=None)
            async with asyncio.timeout(START_DEADLINE_S):
                await worker._ready
        except (OSError, TimeoutError) as error:
            await worker.end()
            raise ProviderError(Fault.REFUSED, name, "the engine process did not start") from error
        except BaseException:  # a cancellation, above all: no process stays behind, and it goes on its way
            await worker.end()
            raise
        return worker

    @property
    def load(self) -> int:
        """How many jobs it has not ended yet."""
        return len(self._jobs)

    @property
    def reaped(self) -> bool:
        """Whether nothing is left of the process."""
        return self._gone.done()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.get_pid()

    def begin(self, payload: bytes) -> Job:
        """Give the process a new job, described by `payload` (JSON)."""
        if not self.alive:
            raise self.lost()
        job = Job(self, next(self._numbers))
        self._jobs[job.number] = job
        job.send(Kind.BEGIN, payload)
        return job

    def send(self, kind: Kind, number: int, payload: bytes = b"") -> None:
        if not self.alive:
            return  # the job's next answer tells it
        assert self._process is not None
        pipe = cast("asyncio.WriteTransport", self._process.get_pipe_transport(0))
        pipe.write(pack(kind, number, payload))

    def forget(self, job: Job) -> None:
        if self._jobs.pop(job.number, None) is not None:
            self.send(Kind.CANCEL, job.number)

    def lost(self) -> ProviderError:
        return ProviderError(Fault.CUT, self.name, "the engine process ended")

    def kill(self) -> None:
        """Make an end of the process; it has nothing to save."""
        self.alive = False
        if self._process is not None:
            self._process.close()

    async def end(self) -> None:
        """Kill the process and wait until it is reaped and its pipes are closed."""
        self.kill()
        if self._process is not None:
            await asyncio.wait({self._gone}, timeout=END_DEADLINE_S)

    # --- asyncio.SubprocessProtocol ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._process = cast("asyncio.SubprocessTransport", transport)

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        for kind, number, payload in self._unpacker.feed(data):
            if kind is Kind.READY:
                if not self._ready.done():
                    self._ready.set_result(None)
            elif (job := self._jobs.get(number)) is not None:
                job.put((kind, payload))
                if kind in (Kind.DONE, Kind.REJECTED):
                    del self._jobs[number]

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._fail()

    def process_exited(self) -> None:
        self._fail()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail()
        if not self._gone.done():
            self._gone.set_result(None)

    def _fail(self) -> None:
        self.kill()
        if not self._ready.done():
            self._ready.set_exception(ProviderError(Fault.REFUSED, self.name, "the engine process ended"))
        jobs, self._jobs = self._jobs, {}
        for job in jobs.values():
            job.put(None)


class Workers:
    """Up to `limit` processes of one engine: the first is started at once, the others when all are busy."""

    def __init__(self, name: str, module: str, limit: int) -> None:
        self._name = name
        self._module = module
        self._limit = limit
        self._all: list[Worker] = []
        self._growing = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, name: str, module: str, limit: int) -> AsyncIterator[Self]:
        """Start the first process (ProviderError, REFUSED, if it cannot be); at the exit every process is gone."""
        workers = cls(name, module, limit)
        try:
            await workers.share()
            yield workers
        finally:
            for worker in workers._all:
                worker.kill()
            for worker in workers._all:
                await worker.end()

    async def share(self) -> Worker:
        """Return the process with the least to do; a dead one is replaced by a fresh one."""
        chosen = self._least_busy()
        if chosen is not None and (self._growing.locked() or not self._should_grow(chosen)):
            return chosen
        async with self._growing:
            chosen = self._least_busy()
            if chosen is None or self._should_grow(chosen):
                chosen = await Worker.start(self._name, self._module)
                self._all.append(chosen)
            return chosen

    def _should_grow(self, least_busy: Worker) -> bool:
        return least_busy.load > 0 and sum(worker.alive for worker in self._all) < self._limit

    def _least_busy(self) -> Worker | None:
        self._all = [worker for worker in self._all if not worker.reaped]
        alive = (worker for worker in self._all if worker.alive)
        return min(alive, key=lambda worker: worker.load, default=None)
