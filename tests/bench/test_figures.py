"""The arithmetic of a bench, from what the callers and the simulator saw to figures and verdicts."""

import json
from typing import Any

import pytest

from tandem.bench import script
from tandem.bench.figures import Background, Figure, Load, Marks, Turn, marks, of_load, of_turns, shares
from tandem.core.spread import spread
from tandem.simulator.scripts import Answer

# Decided 400 ms after the voice; the model took 290 ms for the first phrase, the voice 110; the gateway 2, 3 and 4.
TURN = Turn(0, 0, onset=100, voice_end=1_000, decided=1_400, first_audio=1_809, endpoint_ms=380)
SEEN = Marks(llm_asked=1_402, phrase_sent=1_692, tts_asked=1_695, audio_sent=1_805)


def load(calls: int, rss_mib: float = 0.0, turns: tuple[Turn, ...] = ()) -> Load:
    return Load(
        calls,
        turns,
        unanswered=0,
        cpu_s=1.0,
        call_minutes=2.0,
        rss_mib=rss_mib,
        background=Background(calls, "level", 0.1, 0.1, 0.0, None, 100, 50.0, None),
        calm=calls > 1,
        seen={script.code(0, 0): SEEN},
    )


def test_the_first_phrase_is_known_with_the_word_behind_it() -> None:
    reply = script.reply(3, 4)
    tokens = Answer(reply).tokens
    assert "".join(tokens[: script.tokens_until_phrase(reply)]) == "Sure, q003004 it is. Here"
    assert script.scripted_ms(reply) == 200 + 4 * 20 + 100


def test_every_code_of_a_question_finds_its_own_reply() -> None:
    turns = json.loads(script.as_file(3, 2, prompted=False))["turns"]
    for call in range(3):
        for turn in range(2):
            said = [each["say"] for each in turns if each["when"] in script.question(call, turn)]
            assert said == [script.reply(call, turn)]


def test_the_shares_of_the_gateway_leave_out_what_the_vendors_took() -> None:
    own = shares(TURN, SEEN)
    assert own is not None
    assert (own.until_model, own.until_voice, own.until_caller, own.total) == (2, 3, 4, 9)
    assert SEEN.late_ms == 20


def test_what_is_left_from_outside_is_the_shares_and_what_the_vendors_were_late() -> None:
    own = shares(TURN, SEEN)
    assert own is not None
    assert TURN.decided_ms == 400
    assert TURN.overhead_ms == 809 - 400 - 380
    assert TURN.overhead_ms == own.total + SEEN.late_ms


def test_a_turn_in_which_a_provider_failed_counts_for_no_overhead() -> None:
    disturbed = Turn(0, 0, 100, 1_000, decided=1_400, first_audio=1_809, endpoint_ms=380, undisturbed=False)
    assert disturbed.overhead_ms is None
    assert shares(disturbed, SEEN) is None
    assert disturbed.latency_ms == 809


def test_the_record_of_the_simulator_gives_the_marks_of_each_turn() -> None:
    def request(vendor: str, route: str, at: float, body: Any, *sent: float) -> dict[str, Any]:
        return {"vendor": vendor, "route": route, "at": at, "body": body, "sent_at": list(sent)}

    lines = [script.question(0, 0), script.question(0, 1)]
    history = [{"role": "system", "content": "..."}, *({"role": "user", "content": line} for line in lines)]
    tokens = (1.2, 1.22, 1.24, 1.26, 1.28, 1.3)
    record = [
        request("deepgram", "v1", 0.1, None),
        request("groq", "chat", 1.0, {"messages": history}, *tokens),
        request("cartesia", "websocket", 1.29, {"transcript": f"Sure, {script.code(0, 1)} it is."}, 1.4, 1.5),
        request("cartesia", "websocket", 1.6, {"transcript": "Here you are."}, 1.7),
        request("groq", "chat", 5.0, {"messages": history[:2]}, 5.2),  # cut before its first phrase was whole
    ]
    assert marks(record) == {script.code(0, 1): Marks(1_000, 1_280, 1_290, 1_400)}


def test_a_target_is_met_missed_or_unknown() -> None:
    times = spread([4, 5, 30])
    assert Figure("f", 1, "ms", times, limits={"p50": 5}).met is True
    assert Figure("f", 1, "ms", times, limits={"p50": 5, "p99": 20}).met is False
    assert Figure("f", 1, "ms", times).met is None
    assert Figure("f", 1, "ms", None, limits={"p50": 5}).met is None
    assert Figure("f", 1, "s", value=0.7, limits={"value": 0.6}).met is False


def test_the_targets_of_overhead_are_those_of_one_call_and_of_twenty_five() -> None:
    limits = {calls: of_turns(load(calls, turns=(TURN,)))[0].limits for calls in (1, 10, 25)}
    assert limits == {1: {"p50": 5, "p99": 20}, 10: {}, 25: {"p50": 10}}


def test_memory_of_a_further_call_is_between_two_loads() -> None:
    found = {figure.name: figure.value for figure in of_load(100, [load(1, 104), load(25, 152), load(50, 227)])}
    assert found["resident, each call from 2 on"] == pytest.approx(2)
    assert found["resident, each call from 26 on"] == pytest.approx(3)
    assert found["CPU a minute of call"] == found["CPU a minute, hasty callers"] == 0.5


def test_an_interruption_is_decided_96_ms_after_the_voice_was_noticed() -> None:
    turn = Turn(0, 0, onset=100, voice_end=1_000, noticed=180, cleared=279)
    found = {figure.name.strip(): figure for figure in of_turns(load(1, turns=(turn,)))}
    decided = found["interruption decided -> clear_audio"].spread
    assert decided is not None
    assert (decided.n, decided.p99) == (1, 3)
