"""The playback ledger and history: what counts as heard has sounded, and nothing else has."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tandem.core.audio import Word
from tandem.core.conversation import Conversation
from tandem.core.playback import PlaybackLedger
from tandem.core.ports import Role

TEXT = "one two three four"
MS = st.floats(0, 5_000)


def words(text: str, each_ms: float, start_ms: float = 0.0) -> tuple[Word, ...]:
    """Return the words of `text`, one after the other, each as long as the others."""
    texts = text.split()
    return tuple(Word(word, start_ms + i * each_ms, start_ms + (i + 1) * each_ms) for i, word in enumerate(texts))


def sent_whole(text: str, length_ms: float, times: tuple[Word, ...] = (), now: float = 0.0) -> PlaybackLedger:
    """Return the ledger of one phrase that was sent at `now`."""
    ledger = PlaybackLedger()
    ledger.begin(text)
    ledger.sent(length_ms, times, now)
    ledger.complete()
    return ledger


# --- by the clock ---


def test_before_anything_was_sent_nothing_is_heard() -> None:
    ledger = PlaybackLedger()
    assert (ledger.heard_ms(0), ledger.lead_ms(0), ledger.text, ledger.split(0)) == (0, 0, "", ("", ""))


def test_a_phrase_is_heard_word_by_word_as_the_voice_timed_it() -> None:
    ledger = sent_whole(TEXT, 2000, words(TEXT, 500))
    assert [ledger.split(now)[0] for now in (0, 499, 500, 1600, 2000, 9000)] == [
        "",
        "",
        "one",
        "one two three",
        TEXT,
        TEXT,
    ]


def test_without_word_times_words_are_heard_in_proportion_to_their_letters() -> None:
    ledger = sent_whole("a a a aaaaaaaaaaa", 1800)
    assert ledger.split(700)[0] == "a a a"
    assert ledger.split(1799)[0] == "a a a"
    assert ledger.split(1800)[0] == "a a a aaaaaaaaaaa"


def test_the_times_of_a_later_phrase_count_from_its_start() -> None:
    ledger = sent_whole("one two", 1000, words("one two", 500))
    ledger.begin("three four")
    ledger.sent(1000, words("three four", 500), 100)
    ledger.complete()
    assert ledger.split(1400) == ("one two", "three four")
    assert ledger.split(1500) == ("one two three", "four")


def test_playback_that_ran_dry_goes_on_when_audio_comes() -> None:
    ledger = sent_whole("one two", 1000)
    ledger.begin("three four")
    ledger.sent(1000, (), 5000)
    assert ledger.heard_ms(5000) == 1000
    assert ledger.heard_ms(5400) == 1400


def test_lead_is_what_was_sent_and_not_yet_heard() -> None:
    ledger = sent_whole(TEXT, 2000)
    assert [ledger.lead_ms(now) for now in (0, 500, 2000, 3000)] == [2000, 1500, 0, 0]


# --- by the player's reports ---


def test_a_report_is_believed_and_time_counts_from_it() -> None:
    ledger = sent_whole(TEXT, 2000)
    ledger.reported(300, 1000)
    assert ledger.heard_ms(1000) == 300
    assert ledger.heard_ms(1500) == 800


@pytest.mark.parametrize(("played_ms", "heard_ms"), [(-1e9, 0), (-math.inf, 0), (1e12, 2000), (math.inf, 2000)])
def test_a_report_is_never_believed_beyond_what_was_sent(played_ms: float, heard_ms: float) -> None:
    ledger = sent_whole(TEXT, 2000)
    ledger.reported(played_ms, 100)
    assert ledger.heard_ms(100) == heard_ms


def test_a_report_never_takes_back_an_earlier_one() -> None:
    ledger = sent_whole(TEXT, 2000)
    ledger.reported(900, 1000)
    ledger.reported(200, 1001)
    assert ledger.heard_ms(1001) == 900


def test_audio_sent_after_a_gap_is_not_heard_at_once() -> None:
    ledger = sent_whole("one two", 500, words("one two", 250))
    ledger.reported(500, 500)
    ledger.begin("three four")
    ledger.sent(1000, words("three four", 500), 10_000)
    assert ledger.heard_ms(10_000) == 500
    assert ledger.lead_ms(10_000) == 1000
    assert ledger.split(10_000) == ("one two", "three four")


# --- what was cut ---


def test_after_a_stop_nothing_more_is_heard() -> None:
    ledger = sent_whole(TEXT, 2000, words(TEXT, 500))
    ledger.stop(1100)
    assert ledger.heard_ms(1100) == ledger.heard_ms(9000) == 1100
    assert ledger.split(9000) == ("one two", "three four")


@pytest.mark.parametrize(("played_ms", "heard"), [(400, ""), (1600, "one two three"), (1e9, TEXT), (-5, "")])
def test_the_players_own_word_settles_what_was_heard(played_ms: float, heard: str) -> None:
    ledger = sent_whole(TEXT, 2000, words(TEXT, 500))
    ledger.reported(900, 900)
    ledger.stop(1100)
    ledger.settle(played_ms)
    assert ledger.split(1200)[0] == heard


def test_an_abandoned_phrase_keeps_the_words_that_its_audio_covers() -> None:
    ledger = PlaybackLedger()
    ledger.begin(TEXT)
    ledger.sent(1100, words(TEXT, 500), 0)
    ledger.abandon()
    assert ledger.text == "one two"
    assert ledger.split(1100) == ("one two", "")


def test_a_phrase_that_was_completed_is_not_abandoned() -> None:
    ledger = sent_whole(TEXT, 2000)
    ledger.abandon()
    assert ledger.text == TEXT


def test_an_abandoned_phrase_without_audio_has_no_words() -> None:
    ledger = sent_whole("one", 500)
    ledger.begin("two three")
    ledger.abandon()
    ledger.abandon()
    assert ledger.text == "one"


def test_there_need_be_nothing_to_abandon() -> None:
    ledger = PlaybackLedger()
    ledger.abandon()
    assert ledger.text == ""


def test_a_phrase_that_is_shown_and_not_spoken_is_heard_with_the_one_before() -> None:
    ledger = sent_whole("one two", 1000)
    ledger.begin("sorry")
    ledger.complete()
    assert ledger.split(999)[0] == "one"
    assert ledger.split(1000)[0] == "one two sorry"


# --- a phrase that is still being made ---


def test_words_are_heard_by_their_times_before_the_phrase_is_complete() -> None:
    ledger = PlaybackLedger()
    ledger.begin("My code is 5550199.")
    ledger.sent(1300, words("My code is", 300), 0)
    assert ledger.split(1300) == ("My code is", "5550199.")


def test_an_abandoned_phrase_does_not_claim_the_word_that_was_cut() -> None:
    ledger = PlaybackLedger()
    ledger.begin("My code is 5550199.")
    ledger.sent(1300, words("My code is", 300), 0)
    ledger.abandon()
    assert ledger.text == "My code is"


@given(st.lists(MS.filter(bool), min_size=1, max_size=8), st.sampled_from([TEXT, "My code is 5550199.", "Yes."]))
def test_a_phrase_is_not_heard_whole_while_there_is_more_to_come(lengths: list[float], text: str) -> None:
    ledger = PlaybackLedger()
    ledger.begin(text)
    for length in lengths:
        ledger.sent(length, (), 0)
        assert ledger.split(1e9)[0] != text


# --- word times that are wrong ---


@pytest.mark.parametrize("count", [0, 1, 3, 5])
def test_a_wrong_number_of_word_times_is_not_used(count: int) -> None:
    ledger = sent_whole(TEXT, 2000, words(" ".join(["word"] * count), 1))
    assert ledger.split(1000) == sent_whole(TEXT, 2000).split(1000)


@pytest.mark.parametrize("end_ms", [0.0, -1.0, -1e9])
def test_times_that_cannot_be_do_not_make_a_word_heard_before_it_sounded(end_ms: float) -> None:
    ledger = sent_whole(TEXT, 2000, tuple(Word(text, 0, end_ms) for text in TEXT.split()))
    assert ledger.split(0) == ("", TEXT)


def test_times_that_go_back_keep_what_was_heard_a_prefix() -> None:
    ends = zip(TEXT.split(), (900, 100, 1500, 200), strict=True)
    ledger = sent_whole(TEXT, 2000, tuple(Word(text, 0, end) for text, end in ends))
    for now in range(0, 2001, 50):
        heard, unheard = ledger.split(now)
        assert f"{heard} {unheard}".strip() == TEXT
    assert ledger.split(2000)[0] == TEXT


def test_abandoning_a_phrase_whose_times_go_back_keeps_a_prefix() -> None:
    ledger = PlaybackLedger()
    ledger.begin("one two")
    ledger.sent(100, (Word("one", 0, 900), Word("two", 0, 50)), 0)
    ledger.abandon()
    assert ledger.text in {"", "one", "one two"}


def test_a_report_before_the_first_audio_does_not_make_it_heard() -> None:
    ledger = PlaybackLedger()
    ledger.reported(0, 0)
    ledger.begin(TEXT)
    ledger.sent(1000, (), 3000)
    assert ledger.heard_ms(3000) == 0


def test_times_beyond_the_audio_end_with_it() -> None:
    ledger = sent_whole(TEXT, 1000, words(TEXT, 500))
    assert ledger.split(1000)[0] == TEXT


# --- any course of events ---

PHRASE = st.lists(st.sampled_from(["a", "word", "extraordinary", "日本語", "🙂"]), max_size=6).map(" ".join)
WORD_END = st.one_of(st.floats(-100, 6_000), st.sampled_from([0.0, 1e12, -1e12]))
WORD_TIMES = st.lists(WORD_END.map(lambda end: Word("w", 0.0, end)), max_size=6).map(tuple)


class AReply(RuleBasedStateMachine):
    """A reply with a ledger and its entry in history, in any order that a session could bring about."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.ledger = PlaybackLedger()
        self.conversation = Conversation("Be brief.")
        self.conversation.caller_said("Hello")
        self.entry = self.conversation.begin_reply()
        self.is_open = False
        self.is_over = False

    def unchanged(self, before_ms: float) -> None:
        assert self.ledger.heard_ms(self.now) == pytest.approx(before_ms, abs=1e-3)

    @precondition(lambda self: not self.is_open and not self.is_over)
    @rule(phrase=PHRASE)
    def begin(self, phrase: str) -> None:
        before = self.ledger.heard_ms(self.now)
        self.ledger.begin(phrase)
        self.is_open = True
        self.unchanged(before)

    @precondition(lambda self: self.is_open and not self.is_over)
    @rule(length_ms=MS, times=WORD_TIMES)
    def send(self, length_ms: float, times: tuple[Word, ...]) -> None:
        before, sent = self.ledger.heard_ms(self.now), self.ledger.sent_ms
        self.ledger.sent(length_ms, times, self.now)
        assert self.ledger.sent_ms == sent + length_ms
        self.unchanged(before)

    @precondition(lambda self: self.is_open and not self.is_over)
    @rule()
    def complete(self) -> None:
        before = self.ledger.heard_ms(self.now)
        self.ledger.complete()
        self.is_open = False
        self.unchanged(before)

    @precondition(lambda self: not self.is_over)
    @rule()
    def abandon(self) -> None:
        text = self.ledger.text.split()
        self.ledger.abandon()
        self.is_open = False
        assert text[: len(self.ledger.text.split())] == self.ledger.text.split()

    @rule(ms=st.floats(0, 20_000))
    def time_passes(self, ms: float) -> None:
        heard_ms, (heard, _) = self.ledger.heard_ms(self.now), self.ledger.split(self.now)
        self.now += ms
        assert self.ledger.heard_ms(self.now) >= heard_ms - 1e-3
        assert self.ledger.split(self.now)[0].startswith(heard)
        if self.is_over:
            assert self.ledger.heard_ms(self.now) == heard_ms

    @precondition(lambda self: not self.is_over)
    @rule(played_ms=st.floats(allow_nan=False))
    def report(self, played_ms: float) -> None:
        self.ledger.reported(played_ms, self.now)

    @rule()
    def stop(self) -> None:
        before = self.ledger.heard_ms(self.now)
        self.ledger.stop(self.now)
        self.is_over = True
        assert self.ledger.heard_ms(self.now) == before

    @precondition(lambda self: self.is_over)
    @rule(played_ms=st.floats(allow_nan=False))
    def settle(self, played_ms: float) -> None:
        self.ledger.settle(played_ms)

    @invariant()
    def heard_is_within_what_was_sent(self) -> None:
        assert 0 <= self.ledger.heard_ms(self.now) <= self.ledger.sent_ms
        assert self.ledger.lead_ms(self.now) >= 0

    @invariant()
    def heard_and_unheard_are_the_text(self) -> None:
        heard, unheard = self.ledger.split(self.now)
        assert heard.split() + unheard.split() == self.ledger.text.split()

    @invariant()
    def history_holds_exactly_what_was_heard(self) -> None:
        self.entry.text, _ = self.ledger.split(self.now)
        replies = [message.text for message in self.conversation.messages() if message.role is Role.ASSISTANT]
        assert replies == ([self.entry.text] if self.entry.text else [])
        assert self.ledger.text.startswith(self.entry.text)

    @invariant()
    def no_word_is_heard_before_it_ended(self) -> None:
        heard = self.ledger.split(self.now)[0].split()
        timed = [(text, end) for phrase in self.ledger._phrases for text, end in phrase.timed()]
        assert all(end <= self.ledger.heard_ms(self.now) + 0.5 for _, end in timed[: len(heard)])

    @invariant()
    def no_word_ends_beyond_the_audio_of_its_phrase(self) -> None:
        for phrase in self.ledger._phrases:
            if phrase.complete:
                assert all(end <= phrase.start_ms + phrase.sent_ms + 1e-3 for _, end in phrase.timed())


AReply.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestAReply = AReply.TestCase
