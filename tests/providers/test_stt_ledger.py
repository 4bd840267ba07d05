"""What was sent to a recogniser finds its place in the call again, and what it heard becomes one utterance."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.audio import AudioFrame, Word
from tandem.providers.stt_ledger import PRE_ROLL_MS, Heard, SentAudio, Utterance

RATE = 8_000
_LOUD = 0x4000


def _frame(at_ms: int, ms: int = 20) -> AudioFrame:
    """Return a loud frame whose samples say where in the call they are, in ms."""
    samples = (((at_ms + sample // 8) | _LOUD).to_bytes(2, "little") for sample in range(ms * 8))
    return AudioFrame(b"".join(samples), RATE, float(at_ms))


def _positions(pcm: bytes) -> list[int]:
    return [int.from_bytes(pcm[at : at + 2], "little") & ~_LOUD for at in range(0, len(pcm), 16)]


def _faint(at_ms: int) -> AudioFrame:
    return AudioFrame(bytes(20 * 16), RATE, float(at_ms))


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=6), st.sampled_from([40, 60, 50])
)
def test_every_millisecond_that_was_sent_is_found_in_the_call_again(
    turns: list[tuple[int, int]], chunk_ms: int
) -> None:
    sent, at, out, checked = SentAudio(RATE, chunk_ms, shortest_ms=50), 0, 0.0, 0
    for quiet, spoken in turns:
        for _ in range(quiet):
            assert sent.add(_frame(at)) == []
            at += 20
        sent.begin()
        chunks = []
        for _ in range(spoken):
            chunks += sent.add(_frame(at))
            at += 20
        chunks += sent.stop()
        for number, where in enumerate(_positions(b"".join(chunks))):
            if where or number == 0:  # not the silence at the end
                assert abs(sent.place(out + number) - where) <= 1
                checked += 1
        out = sent.sent_ms
    assert checked or not any(quiet or spoken for quiet, spoken in turns)


def test_an_utterance_begins_with_its_pre_roll_and_nothing_twice() -> None:
    sent = SentAudio(RATE, 100)
    for at in range(0, 1000, 20):
        sent.add(_frame(at))
    sent.begin()
    assert sent.start_ms == 1000 - PRE_ROLL_MS
    first = _positions(b"".join(sent.add(_frame(1000)) + sent.stop()))
    sent.begin()
    second = _positions(b"".join(sent.add(_frame(1020)) + sent.stop()))
    assert (first[0], first[-1], second[0], second[-1]) == (700, 1019, 1020, 1039)


def test_audio_with_a_gap_keeps_its_places() -> None:
    sent = SentAudio(RATE, 100)
    sent.begin()
    sent.add(_frame(0))
    assert len(sent.add(_frame(500))) == 1
    sent.stop()
    assert (sent.place(10), sent.place(30)) == (10, 510)
    assert sent.place(20, end=True) == 20


def test_half_a_sample_waits_for_its_other_half() -> None:
    sent = SentAudio(RATE, 100)
    sent.begin()
    sent.add(AudioFrame(b"\x01\x40\x02", RATE, 0.0))
    assert b"".join(sent.stop()) == b"\x01\x40"


def test_the_end_of_a_word_is_not_held_back_when_a_pause_begins() -> None:
    sent = SentAudio(RATE, 100)
    sent.begin()
    assert sent.add(_frame(0)) == []
    pause = [[len(chunk) / 16 for chunk in sent.add(_faint(at))] for at in range(20, 240, 20)]
    assert pause == [[40], [20], [20], [20], [20], [20], [], [], [], [], [100]]
    assert sent.add(_frame(240)) == []


def test_but_no_chunk_is_shorter_than_the_vendor_takes() -> None:
    sent = SentAudio(RATE, 100, shortest_ms=50)
    sent.begin()
    assert sent.add(_frame(0)) + sent.add(_faint(20)) == []
    assert [len(chunk) for chunk in sent.add(_faint(40))] == [60 * 16]
    assert sent.add(_faint(60)) == []
    assert [len(chunk) for chunk in sent.stop()] == [50 * 16]


def _utterance(length_ms: int = 1000) -> Utterance:
    sent = SentAudio(RATE, 100)
    sent.begin()
    for at in range(0, length_ms, 20):
        sent.add(_frame(at))
    sent.stop()
    return Utterance(sent)


def _heard(part: float, text: str, *, final: bool = False, at_ms: float = 0.0) -> Heard:
    words = tuple(Word(word, at_ms + 100 * i, at_ms + 100 * i + 90) for i, word in enumerate(text.split()))
    return Heard(part, text, final, words=words, end_ms=at_ms + 100 * len(words), confidence=0.9 - part / 10)


def test_parts_are_joined_and_replaced() -> None:
    utterance = _utterance()
    told = [
        utterance.hear(_heard(0, "one")),
        utterance.hear(_heard(0, "one two", final=True)),
        utterance.hear(_heard(1, "free", at_ms=200)),
        utterance.hear(_heard(1, "three", at_ms=200)),
        utterance.hear(_heard(1, "three", at_ms=200)),
        utterance.hear(_heard(1, "Three.", final=True, at_ms=200)),
    ]
    assert [each and each.text for each in told] == [
        "one",
        "one two",
        "one two free",
        "one two three",
        None,
        "one two Three.",
    ]
    final = utterance.settle(ends=True)
    assert (final.text, final.final, final.ends_utterance, final.confidence) == ("one two Three.", True, True, 0.8)
    assert final.words == (Word("one", 0, 90), Word("two", 100, 190), Word("Three.", 200, 290))
    assert (final.start_ms, final.end_ms) == (0, 1000)


def test_the_last_that_was_said_of_the_end_of_a_turn_is_told_with_the_words() -> None:
    utterance = _utterance()
    told = [
        utterance.hear(Heard(0, "one", final=False, turn_over=0.1)),
        utterance.hear(Heard(0, "one", final=False, turn_over=0.8)),
        utterance.hear(Heard(0, "one", final=False, turn_over=0.8)),
        utterance.hear(Heard(0, "one", final=False, turn_over=0.0)),
    ]
    assert [each and each.turn_over for each in told] == [0.1, 0.8, None, 0.0]
    assert told[2] is None
    assert utterance.settle(ends=True).turn_over == 0.0
    assert utterance.settle(ends=True).turn_over is None


@pytest.mark.parametrize(("final", "turn_over"), [("One, two.", 0.8), ("one two three", None), ("One.", None)])
def test_a_final_text_keeps_what_was_said_of_the_same_words_only(final: str, turn_over: float | None) -> None:
    utterance = _utterance()
    utterance.hear(Heard(0, "one two", final=False, turn_over=0.8))
    utterance.hear(Heard(0, final, final=True))
    assert utterance.settle(ends=True).turn_over == turn_over


def test_words_of_a_later_part_withdraw_what_was_said_of_an_earlier_one() -> None:
    utterance = _utterance()
    utterance.hear(Heard(0, "one", final=True, turn_over=0.9))
    assert (heard := utterance.hear(Heard(1, "two", final=False)))
    assert heard.turn_over is None
    utterance.hear(Heard(0, "One.", final=True, turn_over=0.9))
    assert utterance.settle(ends=True).turn_over is None


def test_a_part_without_words_leaves_what_was_said_of_those_before_it() -> None:
    utterance = _utterance()
    utterance.hear(Heard(0, "one", final=True, turn_over=0.9))
    assert utterance.hear(Heard(1, "", final=True, turn_over=0.1)) is None
    assert utterance.settle(ends=True).turn_over == 0.9


@pytest.mark.parametrize("turn_over", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_says_nothing_about_a_turn(turn_over: float) -> None:
    assert (heard := _utterance().hear(Heard(0, "one", final=False, turn_over=turn_over)))
    assert heard.turn_over is None


def test_a_final_part_that_comes_twice_is_said_once() -> None:
    utterance = _utterance()
    for _ in range(2):
        utterance.hear(_heard(0, "one", final=True))
    assert utterance.hear(_heard(0, "on")) is None
    assert utterance.settle(ends=True).text == "one"


def test_an_interim_part_that_never_became_final_is_not_lost() -> None:
    utterance = _utterance()
    utterance.hear(_heard(0, "one", final=True))
    utterance.hear(_heard(1, "two", at_ms=100))
    assert utterance.settle(ends=False).text == "one two"
    assert utterance.settle(ends=True).text == ""


@given(st.lists(st.tuples(st.floats(-100, 2000), st.floats(-100, 2000)), min_size=1, max_size=5))
def test_words_lie_within_their_utterance_whatever_the_vendor_says(times: list[tuple[float, float]]) -> None:
    utterance = _utterance()
    words = tuple(Word("w", start, end) for start, end in times)
    utterance.hear(Heard(0, " ".join("w" for _ in words), final=True, words=words, end_ms=500))
    final = utterance.settle(ends=True)
    assert all(final.start_ms <= word.start_ms < word.end_ms <= final.end_ms for word in final.words)
