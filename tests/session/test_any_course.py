"""Whatever a caller and the providers do, in whatever order: the call goes on, and history is what was heard."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import looptime
from caller import APOLOGY, Caller, call
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fakes import (
    CodedSpeech,
    Fail,
    FakeModel,
    FakeRecogniser,
    FakeVoice,
    Hang,
    Listen,
    Speech,
    Step,
    Text,
    Wait,
    loop_clock,
    tone,
)
from tandem.core.hedge import Budget
from tandem.core.link import (
    CallError,
    MuteChanged,
    PlaybackCleared,
    PlaybackReported,
    ReplyAudio,
    ReplyDone,
    SettingsChanged,
    StateChanged,
    StopPressed,
    TalkReleased,
    TextTyped,
)
from tandem.core.ports import Completed, Role
from tandem.session.equipment import Limits
from tandem.session.silence import SilenceLimits

ANSWER = "one two three four five six seven. Eight nine ten eleven twelve."

Act = Callable[[Caller], Awaitable[None]]


def does(event: object) -> Act:
    async def act(caller: Caller) -> None:
        caller.does(event)  # type: ignore[arg-type]

    return act


ACTS: dict[str, Act] = {
    "says a word": lambda caller: caller.say("hello"),
    "says a sentence": lambda caller: caller.say("what is six times seven"),
    "coughs": lambda caller: caller.sound(tone(250)),
    "clicks": lambda caller: caller.sound(tone(70)),
    "is quiet for a moment": lambda caller: caller.silence(100),
    "is quiet for a while": lambda caller: caller.silence(900),
    "waits long": lambda caller: caller.silence(4000),
    "types": does(TextTyped("hello")),
    "presses stop": does(StopPressed()),
    "releases the key": does(TalkReleased()),
    "mutes": does(MuteChanged(True)),
    "unmutes": does(MuteChanged(False)),
    "wants a key": does(SettingsChanged(push_to_talk=True)),
    "wants no key": does(SettingsChanged(push_to_talk=False)),
    "reports playback": does(PlaybackReported(1, 300)),
    "reports nonsense": does(PlaybackReported(3, 1e9)),
}
MODELS: st.SearchStrategy[list[Step | Text | Completed]] = st.sampled_from(
    [
        [Text(), Completed("stop")],
        [Wait(300), Text(), Completed("stop")],
        [Text("one two three. four"), Wait(500), Text(" five."), Completed("stop")],
        [Fail()],
        [Text("one two three. four"), Fail()],
        [Hang()],
        [Completed("stop")],
    ]
)
VOICES: st.SearchStrategy[list[Step | Speech]] = st.sampled_from(
    [[Speech()], [Wait(100), Speech()], [Fail()], [Speech(3), Fail()], [Hang()]]
)
EARS: st.SearchStrategy[list[Step | Listen]] = st.sampled_from([[Listen()], [Listen(700), Fail()], [Fail()]])


@settings(max_examples=100, deadline=None)
@given(
    acts=st.lists(st.sampled_from(sorted(ACTS)), max_size=14),
    models=st.lists(MODELS, min_size=1, max_size=4),
    voices=st.lists(VOICES, min_size=1, max_size=4),
    ears=st.lists(EARS, min_size=1, max_size=3),
    answer_ms=st.sampled_from([0, 80, 900]),
    eager=st.booleans(),
    asks=st.booleans(),
)
@example(  # two replies are cut before the player says what was heard of the first
    acts=["clicks", "clicks", "says a word", "is quiet for a while", "types", "clicks", "clicks"],
    models=[[Text("one two three. four"), Wait(500), Text(" five."), Completed("stop")]],
    voices=[[Fail()]],
    ears=[[Listen()]],
    answer_ms=0,
    eager=False,
    asks=False,
)
@example(  # a cough over a reply that no voice can say
    acts=["clicks", "clicks", "types", "is quiet for a while", "types", "coughs"],
    models=[[Text(), Completed("stop")]],
    voices=[[Fail()]],
    ears=[[Listen()]],
    answer_ms=0,
    eager=False,
    asks=False,
)
def test_no_course_of_a_call_breaks_it(
    acts: list[str],
    models: list[list[Step | Text | Completed]],
    voices: list[list[Step | Speech]],
    ears: list[list[Step | Listen]],
    answer_ms: int,
    eager: bool,
    asks: bool,
) -> None:
    async def course() -> None:
        def stt(speech: CodedSpeech) -> list[FakeRecogniser]:
            return [FakeRecogniser("ear", *ears, hear=speech.hear, answer_ms=answer_ms, interim_ms=300)]

        chain = [FakeModel("model", *models, answer=ANSWER)]
        silence = SilenceLimits(ask_after_ms=1_500 if asks else 0)
        limits = Limits(final_transcript_ms=2000, silence=silence)
        budget = Budget(loop_clock) if eager else None
        tts = [FakeVoice("voice", *voices)]
        async with call(stt=stt, llm=chain, tts=tts, limits=limits, eager=budget) as caller:
            for act in acts:
                await ACTS[act](caller)
            caller.does(SettingsChanged(push_to_talk=False))
            caller.does(MuteChanged(False))
            caller.does(TalkReleased())
            await comes_to_rest(caller)
        check(caller)
        if not asks:  # else a question stands beside the answers
            check_history(caller, chain[0])

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(course())


async def comes_to_rest(caller: Caller) -> None:
    """Whatever happened, a caller who is quiet is listened to again at last."""
    async with asyncio.timeout(120):
        while True:
            await caller.silence(3000)
            if caller.states()[-1] == "listening":
                return


def check(caller: Caller) -> None:
    told = caller.all(StateChanged)
    assert all(later.previous == earlier.state for earlier, later in pairwise(told))
    for reply in caller.all(ReplyDone):
        assert reply.text.split()[: len(reply.heard_text.split())] == reply.heard_text.split()
    cleared: set[int] = set()
    for _, message in caller.received:
        if isinstance(message, PlaybackCleared):
            cleared.add(message.epoch)
        assert not (isinstance(message, ReplyAudio) and message.epoch in cleared)
    assert {error.code for error in caller.all(CallError)} <= {"stt_unavailable", "tts_unavailable"}


def check_history(caller: Caller, model: FakeModel) -> None:
    heard = {reply.heard_text for reply in caller.all(ReplyDone)}
    sentences = {ANSWER, "one two three. four five.", APOLOGY}
    history = [message for messages, _ in model.requests for message in messages[:-1]]
    for entry in history:
        if entry.role is Role.ASSISTANT:
            assert entry.text in heard or any(sentence.startswith(entry.text) for sentence in sentences)
