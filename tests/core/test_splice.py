"""The splice of a phrase: every word goes out whole from one voice or another, exactly once."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.audio import Word
from tandem.core.ports import SpokenAudio
from tandem.core.splice import Splice

RATE = 1_000  # so that a sample is a millisecond
WORD_MS, GAP_MS = 90, 10


def silence(ms: int) -> bytes:
    return bytes(2 * ms)


def times(words: list[str], word_ms: int = WORD_MS, gap_ms: int = GAP_MS) -> tuple[Word, ...]:
    each = word_ms + gap_ms
    return tuple(Word(word, at * each, at * each + word_ms) for at, word in enumerate(words))


def chunks(words: list[str], size_ms: int, *, rate: int = RATE, each_ms: int = WORD_MS + GAP_MS) -> list[SpokenAudio]:
    """Return a voice's audio of these words, with all times in the first chunk."""
    pcm = bytes(2 * len(words) * each_ms * rate // 1000)
    size = max(2, 2 * size_ms * rate // 1000)
    told = times(words, each_ms - GAP_MS)
    pieces = [pcm[at : at + size] for at in range(0, len(pcm), size)]
    return [SpokenAudio(piece, rate, told if at == 0 else ()) for at, piece in enumerate(pieces)]


def sent_ms(sent: list[SpokenAudio]) -> float:
    return sum(len(audio.pcm) / 2 / audio.sample_rate * 1000 for audio in sent if audio.pcm)


def told(sent: list[SpokenAudio]) -> list[str]:
    return [word.text for audio in sent for word in audio.words]


def in_order(words: list[Word]) -> bool:
    return all(before.end_ms <= after.end_ms for before, after in pairwise(words))


PHRASES = st.lists(
    st.text("abcxyzé,.'", min_size=1, max_size=6).filter(lambda w: any(c.isalpha() for c in w)), min_size=1, max_size=12
)


# --- one voice ---


@given(words=PHRASES, size_ms=st.integers(1, 500), urgent=st.booleans())
def test_all_of_a_voice_that_ends_goes_out_with_all_its_words(words: list[str], size_ms: int, urgent: bool) -> None:
    splice = Splice(" ".join(words))
    pieces = chunks(words, size_ms)
    sent = [*(splice.feed(piece, urgent=urgent) for piece in pieces), splice.finish()]
    assert b"".join(audio.pcm for audio in sent) == b"".join(piece.pcm for piece in pieces)
    assert told(sent) == words
    assert splice.rest == splice.take_over() == ""


def test_a_voice_that_knows_no_times_is_passed_on_as_it_comes() -> None:
    splice = Splice("one two")
    assert splice.feed(SpokenAudio(silence(30), RATE), urgent=False) == SpokenAudio(silence(30), RATE)


def test_audio_beyond_the_last_whole_word_is_held_back() -> None:
    splice = Splice("one two")
    first = splice.feed(SpokenAudio(silence(150), RATE, times(["one", "two"])), urgent=False)
    assert (sent_ms([first]), told([first])) == (90, ["one"])
    second = splice.feed(SpokenAudio(silence(39), RATE), urgent=False)
    assert (second.pcm, second.words) == (b"", ())
    third = splice.feed(SpokenAudio(silence(1), RATE), urgent=False)
    assert (sent_ms([third]), told([third])) == (100, ["two"])


def test_what_is_urgent_goes_out_within_a_word_too() -> None:
    splice = Splice("one two")
    sent = splice.feed(SpokenAudio(silence(150), RATE, times(["one", "two"])), urgent=True)
    assert (sent_ms([sent]), told([sent])) == (150, ["one"])


# --- one voice after another ---


def test_a_successor_says_what_was_not_sent_whole() -> None:
    splice = Splice("one two three")
    splice.feed(SpokenAudio(silence(250), RATE, times(["one", "two", "three"])), urgent=False)
    assert splice.take_over() == splice.take_over() == splice.rest == "three"
    sent = splice.feed(SpokenAudio(silence(100), RATE, times(["three"])), urgent=False)
    assert sent.words == (Word("three", 190, 280),)
    assert splice.finish().pcm == silence(10)


@given(
    words=PHRASES,
    size_ms=st.integers(1, 400),
    stops=st.lists(st.tuples(st.integers(0, 12), st.sampled_from([500, 1_000, 8_000, 24_000])), max_size=5),
    urgent=st.lists(st.booleans(), min_size=1, max_size=7),
)
def test_every_word_is_sent_whole_by_one_voice_or_left_to_the_next(
    words: list[str], size_ms: int, stops: list[tuple[int, int]], urgent: list[bool]
) -> None:
    splice, sent, count = Splice(" ".join(words)), [], 0
    for stop, rate in stops:
        for piece in chunks(splice.take_over().split(), size_ms, rate=rate)[:stop]:
            sent.append(splice.feed(piece, urgent=urgent[count % len(urgent)]))
            count += 1
        splice.take_over()
        assert told(sent) + splice.rest.split() == words
    sent += [splice.feed(piece, urgent=False) for piece in chunks(splice.rest.split(), size_ms)]
    sent.append(splice.finish())
    assert told(sent) == words


@given(
    words=PHRASES,
    size_ms=st.integers(1, 400),
    stops=st.lists(st.tuples(st.integers(0, 12), st.sampled_from([500, 1_000, 8_000, 24_000])), max_size=5),
)
def test_the_times_of_words_are_in_order_and_lie_within_what_was_sent(
    words: list[str], size_ms: int, stops: list[tuple[int, int]]
) -> None:
    splice, sent = Splice(" ".join(words)), []
    for stop, rate in [*stops, (1_000_000, RATE)]:
        for piece in chunks(splice.take_over().split(), size_ms, rate=rate)[:stop]:
            sent.append(splice.feed(piece, urgent=False))
            assert all(word.end_ms <= sent_ms(sent) + 0.51 for word in sent[-1].words)
    sent.append(splice.finish())
    times_told = [word for audio in sent for word in audio.words]
    assert in_order(times_told)
    assert all(word.start_ms <= word.end_ms for word in times_told)


@given(words=PHRASES, size_ms=st.integers(1, 400), stop=st.integers(0, 12))
def test_without_haste_no_half_word_goes_out(words: list[str], size_ms: int, stop: int) -> None:
    splice = Splice(" ".join(words))
    sent = [splice.feed(piece, urgent=False) for piece in chunks(words, size_ms)[:stop]]
    ends = [0.0, *(word.end_ms for word in times(words))]
    assert sent_ms(sent) == pytest.approx(max(end for end in ends if end <= sent_ms(sent) + 0.5))


@given(words=PHRASES, size_ms=st.integers(1, 400), stop=st.integers(0, 12))
def test_what_was_held_back_of_a_lost_voice_never_goes_out(words: list[str], size_ms: int, stop: int) -> None:
    splice = Splice(" ".join(words))
    for piece in chunks(words, size_ms)[:stop]:
        splice.feed(SpokenAudio(b"\x01" * len(piece.pcm), RATE, piece.words), urgent=False)
    splice.take_over()
    following = splice.feed(SpokenAudio(b"\x02\x02", RATE), urgent=True).pcm + splice.finish().pcm
    assert following == b"\x02\x02"


# --- voices that tell wrong times, or none ---


def test_a_lost_voice_that_knew_no_times_has_said_nothing_for_certain() -> None:
    """What it said is said again: twice is better than never."""
    splice = Splice("one two three")
    splice.feed(SpokenAudio(silence(250), RATE), urgent=False)
    assert splice.take_over() == "one two three"


@pytest.mark.parametrize(
    "ends",
    [
        [200.0, 100.0, 300.0],  # backwards
        [0.0, 0.0, 0.0],
        [-50.0, 100.0, 200.0],
        [math.nan, 200.0, 300.0],
        [100.0, math.nan, 300.0],
        [100.0, 200.0, math.nan],
        [math.nan],
        [-math.inf, 200.0, 300.0],
        [100.0, 200.0, math.inf],
        [math.inf, math.inf, math.inf],
        [9e9, 9e9, 9e9],  # beyond the audio
        [100.0],  # not of all words
        [],
    ],
)
@pytest.mark.parametrize("urgent", [True, False])
def test_wrong_times_lose_neither_audio_nor_words(ends: list[float], urgent: bool) -> None:
    asked = ["one", "two", "three"]
    words = tuple(Word(text, 0.0, end) for text, end in zip(asked, ends, strict=False))
    splice = Splice(" ".join(asked))
    sent = [splice.feed(SpokenAudio(silence(50), RATE, words if at == 0 else ()), urgent=urgent) for at in range(6)]
    sent.append(splice.finish())
    assert sent_ms(sent) == 300
    assert told(sent) == asked[: len(ends)]


@given(
    asked=PHRASES,
    ends=st.lists(st.one_of(st.floats(), st.integers(-100, 2_000).map(float)), max_size=12),
    lengths=st.lists(st.integers(0, 700), max_size=8),
    urgent=st.booleans(),
)
def test_whatever_times_a_voice_tells_no_word_is_lost_that_was_not_sent(
    asked: list[str], ends: list[float], lengths: list[int], urgent: bool
) -> None:
    words = tuple(Word(text, 0.0, end) for text, end in zip(asked, ends, strict=False))
    splice = Splice(" ".join(asked))
    sent = [
        splice.feed(SpokenAudio(silence(ms), RATE, words if at == 0 else ()), urgent=urgent)
        for at, ms in enumerate(lengths)
    ]
    left = splice.take_over().split()
    assert asked[len(asked) - len(left) :] == left
    # What is not said again was told of, and its times are possible.
    said = len(asked) - len(left)
    assert said <= len(told(sent))
    assert all(0 < end <= sent_ms(sent) + 0.5 for end in ends[:said])


@pytest.mark.parametrize(
    ("phrase", "heard", "left"),
    [
        ("It is 42 now friend", ["It", "is", "forty", "two", "now"], "42 now friend"),
        ("You're right, my friend", ["you're", "RIGHT", "my"], "friend"),
        ("wait — what is it", ["wait", "what", "is"], "it"),
        ("one-two three", ["one", "two"], "one-two three"),
    ],
)
def test_only_words_that_the_voice_was_asked_for_count_as_said(phrase: str, heard: list[str], left: str) -> None:
    splice = Splice(phrase)
    splice.feed(SpokenAudio(silence(100 * len(heard)), RATE, times(heard)), urgent=True)
    assert splice.take_over() == left


def test_a_last_word_that_ends_behind_the_last_sample_is_told_of_too() -> None:
    splice = Splice("one")
    sent = [splice.feed(SpokenAudio(silence(80), RATE, times(["one"])), urgent=False), splice.finish()]
    assert told(sent) == ["one"]
    assert sent[-1].words[0].end_ms <= 80


# --- odd bytes and nothing ---


@given(lengths=st.lists(st.integers(0, 9), max_size=20), urgent=st.booleans())
def test_samples_are_never_split(lengths: list[int], urgent: bool) -> None:
    data = bytes(range(1, 200))[: sum(lengths)]
    splice, sent, at = Splice("one"), b"", 0
    for length in lengths:
        piece = splice.feed(SpokenAudio(data[at : at + length], RATE), urgent=urgent).pcm
        assert len(piece) % 2 == 0
        sent += piece
        at += length
    sent += splice.finish().pcm
    assert sent == data[: len(data) // 2 * 2]


@pytest.mark.parametrize("phrase", ["", "   ", "..."])
def test_nothing_to_say_stays_nothing(phrase: str) -> None:
    splice = Splice(phrase)
    assert splice.take_over() == phrase
    assert splice.finish().pcm == b""
    assert splice.take_over() == ""


def test_a_voice_that_said_nothing_leaves_the_phrase_as_it_is() -> None:
    splice = Splice("one  two")
    splice.feed(SpokenAudio(b"", RATE), urgent=True)
    assert splice.take_over() == "one  two"
    assert splice.finish().words == ()


def test_times_that_come_before_their_audio_wait_for_it() -> None:
    splice = Splice("one two")
    assert splice.feed(SpokenAudio(b"", RATE, times(["one", "two"])), urgent=True).words == ()
    assert told([splice.feed(SpokenAudio(silence(90), RATE), urgent=False)]) == ["one"]
