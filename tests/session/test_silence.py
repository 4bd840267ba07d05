"""A caller who is silent for long is asked, then bidden goodbye; one who is there keeps the call."""

import pytest
from caller import FRAME_MS, GOODBYE, STILL_THERE, Caller, call

from fakes import ANSWER, loop_clock, tone
from tandem.core.link import CallError, MuteChanged, ReplyDone, ReplyText, TextTyped, TurnMeasured
from tandem.session.equipment import Limits
from tandem.session.silence import SilenceLimits

pytestmark = pytest.mark.looptime

BOTH = Limits(silence=SilenceLimits(ask_after_ms=5_000, end_after_ms=3_000))


def addressed(caller: Caller) -> list[str]:
    return [reply.text for reply in caller.replies()]


async def quiet(caller: Caller, ms: float) -> None:
    until = loop_clock() + ms
    while loop_clock() < until and not caller.over:
        await caller.silence(FRAME_MS)


async def test_a_silent_caller_is_asked_and_later_the_call_ends_with_a_goodbye() -> None:
    async with call(limits=BOTH) as caller:
        await caller.until(ReplyDone)
        asked = next(at for at, message in caller.received if isinstance(message, ReplyText))
        assert asked - caller.received[0][0] == 5_000
        await quiet(caller, 20_000)
        assert caller.over
        assert addressed(caller) == [STILL_THERE, GOODBYE]
        assert [reply.heard_text for reply in caller.replies()] == [STILL_THERE, GOODBYE]
        assert [error.code for error in caller.all(CallError) if error.fatal] == ["silent"]


async def test_a_caller_who_answers_is_asked_again_only_after_another_long_silence() -> None:
    async with call(limits=BOTH) as caller:
        await caller.until(ReplyDone)
        await caller.say("yes I am")
        await caller.until(ReplyDone, count=2)
        await quiet(caller, 4_900)
        assert addressed(caller) == [STILL_THERE, ANSWER]
        await caller.until(ReplyDone, count=3)
        assert addressed(caller)[-1] == STILL_THERE


async def test_typing_counts_as_being_there() -> None:
    async with call(limits=BOTH) as caller:
        await caller.until(ReplyDone)
        caller.does(TextTyped("hello"))
        await caller.until(ReplyDone, count=2)
        await caller.until(ReplyDone, count=3)
        assert addressed(caller)[-1] == STILL_THERE


async def test_a_cough_is_no_answer() -> None:
    async with call(limits=BOTH) as caller:
        await caller.until(ReplyDone)
        await caller.sound(tone(100))
        await quiet(caller, 20_000)
        assert addressed(caller) == [STILL_THERE, GOODBYE]


async def test_a_caller_who_speaks_over_the_goodbye_keeps_the_call() -> None:
    async with call(limits=BOTH) as caller:
        await caller.until(ReplyDone)
        await caller.until_state("speaking", count=2)
        await caller.say("no please wait")
        await caller.until(ReplyDone, count=3)
        assert not caller.over
        assert addressed(caller)[-1] == ANSWER


async def test_the_question_is_a_turn_of_its_own_and_is_not_measured() -> None:
    async with call(limits=BOTH) as caller:
        await caller.until(ReplyDone)
        await caller.say("yes I am")
        await caller.until(ReplyDone, count=2)
        assert [reply.turn for reply in caller.replies()] == [1, 2]
        assert [measured.turn for measured in caller.all(TurnMeasured)] == [2]


async def test_without_a_question_the_goodbye_comes_after_its_own_time() -> None:
    async with call(limits=Limits(silence=SilenceLimits(end_after_ms=3_000))) as caller:
        await quiet(caller, 10_000)
        assert addressed(caller) == [GOODBYE]
        assert caller.over


async def test_a_caller_who_is_muted_is_not_asked_before_they_are_heard_again() -> None:
    async with call(limits=BOTH) as caller:
        await quiet(caller, 4_000)
        caller.does(MuteChanged(muted=True))
        await quiet(caller, 20_000)
        assert addressed(caller) == []
        caller.does(MuteChanged(muted=False))
        await quiet(caller, 4_900)
        assert addressed(caller) == []
        await caller.until(ReplyDone)


async def test_without_limits_nobody_is_asked() -> None:
    async with call() as caller:
        await quiet(caller, 90_000)
        assert addressed(caller) == []
