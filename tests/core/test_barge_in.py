"""Barge-in: how long a voice must last to interrupt, and which words over a reply do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.barge_in import BargeInLimits, interrupts, is_backchannel, is_echo
from tandem.core.speech_gate import SpeechGate


@pytest.mark.parametrize(("voiced_ms", "enough"), [(0, False), (159.9, False), (160, True), (10_000, True)])
def test_a_voice_interrupts_from_the_limit_on(voiced_ms: float, enough: bool) -> None:
    assert interrupts(voiced_ms, BargeInLimits()) is enough


def test_the_limit_can_be_set() -> None:
    assert not interrupts(400, BargeInLimits(voiced_ms=500))
    assert interrupts(500, BargeInLimits(voiced_ms=500))


@pytest.mark.parametrize("windows", [2, 3, 4])
def test_a_noise_shorter_than_the_limit_never_interrupts(windows: int) -> None:
    gate = SpeechGate(window_ms=32)
    for probability in [0.9] * windows + [0.0] * 20:
        gate.feed([probability])
        assert not interrupts(gate.voiced_ms, BargeInLimits())


def test_a_voice_that_goes_on_interrupts_at_its_fifth_window() -> None:
    gate = SpeechGate(window_ms=32)
    told = []
    for _ in range(8):
        gate.feed([0.9])
        told.append(interrupts(gate.voiced_ms, BargeInLimits()))
    assert told == [False] * 4 + [True] * 4


def test_a_microphone_that_picks_up_the_reply_needs_a_longer_voice() -> None:
    assert not interrupts(479, BargeInLimits(), echoes=True)
    assert interrupts(480, BargeInLimits(), echoes=True)


@pytest.mark.parametrize("text", ["Mm-hm.", "uh huh", "Right.", "yeah, okay", "I see.", "OK, got it!", "Mmm"])
def test_a_listener_who_follows_does_not_interrupt(text: str) -> None:
    assert is_backchannel(text, "There are three.")


@pytest.mark.parametrize("text", ["Right now.", "Okay, stop.", "no", "wait", "yes but", "", "..."])
def test_other_words_interrupt(text: str) -> None:
    assert not is_backchannel(text, "There are three.")


@pytest.mark.parametrize("reply", ["Shall I?", "Is it *this* one? ", 'Did you say "yes"?"'])
def test_behind_a_question_yes_is_an_answer(reply: str) -> None:
    assert not is_backchannel("Yes.", reply)


@pytest.mark.parametrize(
    ("text", "echo"),
    [
        ("three blue", True),
        ("Three, blue.", True),
        ("three", False),
        ("blue three", False),
        ("three red", False),
        ("", False),
    ],
)
def test_the_replys_own_words_in_a_row_are_its_echo(text: str, echo: bool) -> None:
    assert is_echo(text, "There are three blue ones.") is echo


@given(st.lists(st.from_regex("[a-z]{1,6}", fullmatch=True), min_size=2, max_size=20), st.data())
def test_any_two_or_more_words_in_a_row_of_a_reply_are_its_echo(words: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(words) - 2))
    end = data.draw(st.integers(start + 2, len(words)))
    assert is_echo(" ".join(words[start:end]).upper() + ".", ", ".join(words))


@pytest.mark.parametrize("repeated", ["m", "mm ", "right ", "m h", "okay, "])
def test_an_endless_murmur_is_judged_like_a_short_one(repeated: str) -> None:
    assert is_backchannel(repeated * 10_000 + "stop", "") is False
