"""What a slot asks of its providers, and how long it waits for them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tandem.core.chain import P
from tandem.core.deadline import Deadline
from tandem.core.hedge import HedgeLimits
from tandem.core.ports import Clock, Notify

T = TypeVar("T")

Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Future[None]"]


@dataclass(frozen=True, slots=True)
class Served(Generic[T]):
    """An item of a provider's output, and whose it is; `attempt` counts the attempts of the request, from 1."""

    item: T
    provider: str
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class SlotLimits:
    """How long a slot waits for a provider's first output, in ms: `slow_ms` is late, `hard_ms` is too late.

    A provider that nobody can follow has as long as is left of `give_up_ms`, one that only a last resort can follow
    `last_resort_ms`: a late answer may be better than one of those. None waits for ever, as for a recogniser, which is
    rightly silent while the caller is; a last resort then is like any other.
    """

    slow_ms: float | None = None
    hard_ms: float | None = None
    give_up_ms: float | None = None
    last_resort_ms: float | None = None
    hedge: HedgeLimits | None = None


@dataclass(frozen=True, slots=True)
class Request(Generic[P, T]):
    """What providers are asked. `open_stream` asks one of them for what is still missing.

    `stall_ms` says how long the next output may take just now; None: for ever. `too_slow` says whether it comes, but
    too slowly: then an equal goes on, if there is one. `done` says whether nothing is missing any more. `milestone`
    tells an item that ends a piece of work well. `given` says how much of what was asked for there is: once somebody
    has added to it, who failed before may be asked again; None: each item adds to it. `may_be_empty`: no output at all
    can be right. `urgent` says whether the first output is waited for. `deadline` is the turn's; without one the
    request has its own.
    """

    open_stream: Callable[[P], AsyncGenerator[T, None]]
    stall_ms: Callable[[], float | None] = lambda: None
    too_slow: Callable[[], bool] = lambda: False
    done: Callable[[], bool] = lambda: False
    milestone: Callable[[T], bool] = lambda _: False
    given: Callable[[], float] | None = None
    may_be_empty: bool = True
    urgent: Callable[[], bool] = lambda: True
    deadline: Deadline | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """What every run of a slot works with. `spawn` runs work that nobody waits for as a child of the call."""

    limits: SlotLimits
    notify: Notify
    clock: Clock
    spawn: Spawn
