"""What scripted models answer, how a test waits for it, and what was read and who failed meanwhile."""

import math

from caller import Caller

from fakes import FakeModel
from tandem.core.errors import Fault
from tandem.core.events import AttemptFailed
from tandem.core.link import ReplyDone, StateChanged, TextTyped

ANSWER = "Six times seven is forty two."
LONG = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen."
NAN, INF = math.nan, math.inf


async def answered(caller: Caller, count: int) -> ReplyDone:
    """Wait until the caller has heard this many replies and is listened to again."""
    done = await caller.until(ReplyDone, count=count)
    await caller.until(StateChanged, lambda _: caller.states()[-1] == "listening")
    return done


def faults(caller: Caller, provider: str) -> list[Fault]:
    return [failed.fault for failed in caller.notified.of(AttemptFailed) if failed.provider == provider]


async def typed(caller: Caller, count: int = 1) -> ReplyDone:
    caller.does(TextTyped("count"))
    return await answered(caller, count)


def history(model: FakeModel, request: int) -> list[tuple[str, str]]:
    """Return what the model read in its `request`th request, instructions aside."""
    return [(message.role.value, message.text) for message in model.requests[request][0][1:]]
