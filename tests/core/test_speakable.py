"""What is said for what is written: every written word is accounted for, and its time is that of what was said."""

import re
from itertools import accumulate, pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tandem.core import speakable as module
from tandem.core.audio import Word
from tandem.core.playback import PlaybackLedger
from tandem.core.speakable import Spoken, Writing, said_text, speakable

BITS = st.sampled_from(
    [
        "**bold", "words**", "*it*", "_it_", "`code`", "#", "-", "*", "1.", "|", "|---|", "---", ">", "[see",
        "[it](a.b)", "this](https://x.y)", "🙂", "👍🏽.", "https://www.example.com/a-b?x=1.", "jo@ex.org,", "$5.50",
        "€20", "$1", "million", "50", "%", "3-5", "km", "5km/h", "+", "=", "3+4=7", "555-0123", "(555)", "+49", "30",
        "12345678", "1,200", "Dr.", "Smith", "St.", "e.g.", "etc.", "No.", "5", "&", "w/", "and/or", "Hello,", "“yes”",
        "–", "well…", "straße", "你好。",
    ]
)  # fmt: skip
PHRASE = st.one_of(st.lists(BITS, max_size=25).map(" ".join), st.text(max_size=120))
SHORT = {"dr.", "mr.", "mrs.", "ms.", "prof.", "st.", "vs.", "etc.", "approx."}
PROSE = st.lists(
    st.tuples(
        st.sampled_from(["", "", "", "(", "“"]),
        st.text(st.characters(categories=["L"]), min_size=1, max_size=12),
        st.sampled_from(["", "", "", ",", ".", "?", "!", ";", ":", "…", ".”", ")"]),
    )
    .map("".join)
    .filter(lambda word: word.strip("(“”)").casefold() not in SHORT),
    max_size=20,
)


def said(phrase: str, language: str = "en") -> str:
    return said_text(speakable(phrase, language))


# --- what is said ---


@given(PHRASE, st.sampled_from(["en", "en-GB", "de", "fr", ""]))
def test_the_written_words_are_those_of_the_phrase_in_order(phrase: str, language: str) -> None:
    assert [word.written for word in speakable(phrase, language)] == phrase.split()


@given(PHRASE)
def test_what_is_said_has_single_spaces_and_something_to_pronounce_unless_it_is_as_written(phrase: str) -> None:
    for word in speakable(phrase):
        assert word.said == " ".join(word.said.split())
        assert word.said in ("", word.written) or any(char.isalnum() for char in word.said)


@given(PROSE)
def test_ordinary_words_with_ordinary_punctuation_are_said_as_written(words: list[str]) -> None:
    assert [word.said for word in speakable(" ".join(words))] == words


@pytest.mark.parametrize(
    "phrase",
    [
        "Well - I think it's the well-known one – not COVID-19.",
        "At 10:30 on the 3rd, 2024-05-01, in the 1980s, v1.2 of 3.5 at 192.168.1.1 is 24/7.",
        "No. It is 7-3, 3-4-5 or 50-50 <3 C++ snake_case 5G README.md Node.js",
    ],
)
def test_what_a_voice_can_say_itself_is_left_to_it(phrase: str) -> None:
    kept = phrase.replace("7-3", "7 to 3")
    assert said(phrase) == kept


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("**two words** and *it*, _it_ ~~off~~ `code`", "two words and it, it off code"),
        ("**Note:** (*it*) ***very***", "Note: (it) very"),
        ("# Title", "Title"),
        ("> quoted", "quoted"),
        ("> - both", "both"),
        ("- item", "item"),
        ("* item", "item"),
        ("• item", "item"),
        ("1. item", "1. item"),
        ("one --- two *** three", "one two three"),
        ("| a | b|c |", "a b c"),
        ("|---|:--:|", ""),
        ("[see this page](https://x.y/z_(1)) now", "see this page now"),
        ("Go [here](https://x.y), or ![there](z.png).", "Go here, or there."),
        ("[see this,", "see this,"),
        ("please](https://x.y).", "please."),
        ("[sic] is f[0] x", "[sic] is f[0] x"),
        ("great 🎉. 👩\u200d👩\u200d👧 1\ufe0f\u20e3 Hi🎉there 🇩🇪!", "great 1 Hi there"),
        ("这是**重点**内容", "这是重点内容"),
    ],
)
def test_marks_and_emoji_are_not_said(phrase: str, text: str) -> None:
    assert said(phrase) == text
    assert said(phrase, "de") == text


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("See https://www.example.com/a-b?x=1.", "See example dot com slash a dash b."),
        ("(http://ex.org/a/b/c/d#e)", "(ex dot org slash a slash b)"),
        ("www.ex.de, example.com and ex.org/x?", "ex dot de, example dot com and ex dot org slash x?"),
        ("Is it example.com?", "Is it example dot com?"),
        ("jo@ex.org, j.d-e_f+g@ex.co.uk.", "jo at ex dot org, j dot d dash e underscore f plus g at ex dot co dot uk."),
    ],
)  # fmt: skip
def test_addresses_are_said_aloud(phrase: str, text: str) -> None:
    assert said(phrase) == text


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("$5.50, $5. $1 $1.00 $1.50", "5 dollars 50, 5 dollars. 1 dollar 1 dollar 1 dollar 50"),
        ("$0.99 $2.5 $0", "99 cents 2.5 dollars 0 dollars"),
        ("€20 5 € £3 ¥100 1 €", "20 euros 5 euros 3 pounds 100 yen 1 euro"),
        ("$1.5 million, $1 billion", "1.5 million dollars, 1 billion dollars"),
        ("$1,200.50 and $5-$10", "1200 dollars 50 and 5 dollars to 10 dollars"),
        ("$5M US$5", "$5M US$5"),
        ("50% 3.5 % 3-5%", "50 percent 3.5 percent 3 to 5 percent"),
        ("3-5 10:30–11:00 1990-2000", "3 to 5 10:30 to 11:00 1990 to 2000"),
        ("1 km, 5km/h. 3-5 kg 1.5 GB 20°C 300ms 60 mph 90°", "1 kilometer, 5 kilometers per hour. 3 to 5 kilograms"
         " 1.5 gigabytes 20 degrees Celsius 300 milliseconds 60 miles per hour 90 degrees"),
        ("1,200 and 1,234,567 but 1,2", "1200 and 1234567 but 1,2"),
        ("Code 12345678, not 123456.", "Code 1 2 3 4 5 6 7 8, not 123456."),
        ("555-0123 or (555) 123-4567.", "5 5 5, 0 1 2 3 or (5 5 5) 1 2 3, 4 5 6 7."),
        ("1-800-555-0123 +1 (555) 123-4567", "1, 8 0 0, 5 5 5, 0 1 2 3 plus 1 (5 5 5) 1 2 3, 4 5 6 7"),
        ("+49 30 123456.", "plus 4 9 3 0 1 2 3 4 5 6."),
        ("3 + 4 = 7 and 3+4=7", "3 plus 4 equals 7 and 3 plus 4 equals 7"),
        ("5 * 3 and 5*3 and 5×3", "5 times 3 and 5 times 3 and 5 times 3"),
        ("a + b = c", "a + b = c"),
    ],
)  # fmt: skip
def test_numbers_are_put_into_words(phrase: str, text: str) -> None:
    assert said(phrase) == text


@pytest.mark.parametrize(
    ("phrase", "text"),
    [
        ("Dr. Smith, Mr. É, Mrs. Y, Ms. Z (Prof. X)", "Doctor Smith, Mister É, Missus Y, Miz Z (Professor X)"),
        ("St. Mary's is in Main St. now", "Saint Mary's is in Main Street now"),
        ("It is in Main St.", "It is in Main Street."),
        ("E.g. this (i.e. that), cats vs. dogs", "for example this (that is that), cats versus dogs"),
        ("Pears, etc., or approx. 3 plums, etc.", "Pears, et cetera, or approximately 3 plums, et cetera."),
        ("No. 5 or no. 6. No. Yes", "number 5 or number 6. No. Yes"),
        ("R&D & me w/ milk w/o sugar, and/or his/her", "R and D and me with milk without sugar, and or his/her"),
    ],
)
def test_abbreviations_are_said_in_full(phrase: str, text: str) -> None:
    assert said(phrase) == text


def test_other_languages_keep_their_numbers_and_abbreviations() -> None:
    phrase = "Dr. Maier zahlt 1.200 € & 5 km, d. h. 3-5 %, 12345678 an jo@ex.org"
    assert said(phrase, "de") == phrase
    assert said("Siehe https://www.ex.de/a-b?c=1.", "de-AT") == "Siehe ex.de/a-b."


def test_what_is_said_belongs_to_the_word_for_which_it_is_said() -> None:
    assert speakable("- [see **this**](https://x.y) 5 km 🙂") == (
        Spoken("-", ""),
        Spoken("[see", "see"),
        Spoken("**this**](https://x.y)", "this"),
        Spoken("5", "5"),
        Spoken("km", "kilometers"),
        Spoken("🙂", ""),
    )


def test_no_repetition_is_unlimited_and_those_within_others_are_possessive() -> None:
    # A pattern that looks at a limited number of characters is decided within a limited number of steps, whatever
    # they are: a text of any length and malice takes time in proportion to its length.
    for pattern, _ in module._MARKS + module._OTHERS + module._ENGLISH:
        bare = re.sub(r"\[(?:\\.|[^\]\\])*\]|\\.", "x", pattern.pattern)
        assert "*" not in bare
        assert ",}" not in bare
        assert re.search(r"(?<![}?])\+", bare) is None
        for within in re.findall(r"\((?:\?:)?([^()]*)\)\{", bare):
            assert re.search(r"\{\d+,\d+\}(?!\+)", within) is None


@pytest.mark.parametrize(
    "bit", ["[", "[a", "](", "a](b", "*", "_", "1", "1,", "1-", "$1", "a.", "a@", "www.", "https://", "> "]
)
def test_hostile_text_is_taken_like_any_other(bit: str) -> None:
    text = bit * (20_000 // len(bit))
    assert [word.written for word in speakable(text)] == text.split()


# --- when it was said ---


def letters(text: str) -> int:
    return sum(char.isalnum() for char in text.casefold())


@st.composite
def timed(draw: st.DrawFn, text: str) -> tuple[Word, ...]:
    """Return `text` as a voice may tell of it: cut anywhere, each piece with a letter, its times in order."""
    places = sorted(draw(st.sets(st.integers(1, max(1, len(text) - 1)), max_size=40)))
    pieces, held = [], ""
    for start, end in pairwise([0, *places, len(text)]):
        held += text[start:end]
        if letters(held):
            pieces.append(held)
            held = ""
    lengths = draw(st.lists(st.integers(1, 900), min_size=len(pieces), max_size=len(pieces)))
    ends = list(accumulate(lengths))
    return tuple(
        Word(piece.strip(), float(end - length), float(end))
        for piece, end, length in zip(pieces, ends, lengths, strict=True)
    )


@given(PHRASE, st.data())
def test_however_a_voice_splits_what_it_says_each_written_word_ends_with_its_own_last_letter(
    phrase: str, data: st.DataObject
) -> None:
    words = speakable(phrase)
    assume(letters(said_text(words)))
    times = data.draw(timed(said_text(words)))
    places = sorted(data.draw(st.lists(st.integers(0, len(times)), max_size=6)))
    writing = Writing(words)
    told = [word for start, end in pairwise([0, *places, len(times)]) for word in writing.feed(times[start:end])]
    assert [word.text for word in told] == phrase.split()
    assert all(before.end_ms <= after.end_ms for before, after in pairwise(told))
    assert all(word.start_ms <= word.end_ms for word in told)
    assert told[-1].end_ms == times[-1].end_ms
    spoken = list(accumulate(letters(time.text) for time in times))
    needed = list(accumulate(letters(word.said) for word in words))
    for word, count in zip(told, needed, strict=True):
        assert word.end_ms == next(time.end_ms for time, so_far in zip(times, spoken, strict=True) if so_far >= count)


def test_a_written_word_lasts_from_its_first_said_word_to_its_last() -> None:
    writing = Writing(speakable("- It is $5.50 🙂 now."))
    assert writing.feed((Word("It", 0, 100), Word("is", 120, 200), Word("5", 210, 300))) == (
        Word("-", 0, 100),
        Word("It", 0, 100),
        Word("is", 120, 200),
    )
    assert writing.feed((Word("dollars", 310, 500),)) == ()
    assert writing.feed((Word("50", 510, 600), Word("now.", 700, 900))) == (
        Word("$5.50", 210, 600),
        Word("🙂", 510, 600),
        Word("now.", 700, 900),
    )


def test_words_that_a_voice_joins_end_together() -> None:
    writing = Writing(speakable("at 5 km"))
    assert [word.end_ms for word in writing.feed((Word("At-5", 0, 200), Word("kilometers", 200, 400)))] == [
        200,
        200,
        400,
    ]


@pytest.mark.parametrize(
    ("told", "ends"),
    [
        (["all", "of", "the", "fifty", "others", "came", "today"], [1, 2, 3, 4, 5, 6, 7]),
        (["all", "of", "50", "others", "came", "today"], [1, 2, 3, 3, 4, 5, 6]),
        (["all", "of", "the", "5", "0", "others", "today"], [1, 2, 3, 5, 6, 7, 7]),
        (["xxx", "xx", "xxx", "xx", "xxxxxx", "xxxx", "xxxxx"], [1, 2, 3, 4, 5, 6, 7]),
        (["all", "of"], [1, 2]),
        (["all", "of", "the", "50", "others", "came", "today", "folks"], [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_a_voice_that_leaves_words_out_or_spells_them_in_its_own_way_is_found_again(
    told: list[str], ends: list[int]
) -> None:
    writing = Writing(speakable("all of the 50 others came today"))
    assert [word.end_ms for word in writing.feed(tuple(Word(text, at, at + 1) for at, text in enumerate(told)))] == ends


@given(PHRASE, st.lists(st.text(max_size=8), max_size=30))
def test_whatever_a_voice_tells_no_word_is_told_twice_or_out_of_order(phrase: str, told: list[str]) -> None:
    written = Writing(speakable(phrase)).feed(tuple(Word(text, at, at + 1) for at, text in enumerate(told)))
    assert [word.text for word in written] == phrase.split()[: len(written)]
    assert all(before.end_ms <= after.end_ms for before, after in pairwise(written))


def test_signs_that_a_voice_tells_of_and_ends_that_run_backwards_change_nothing() -> None:
    writing = Writing(speakable("well - yes no"))
    times = (Word("well", 0, 5), Word("-", 5, 6), Word("yes", 6, 9), Word("no", 6, 8))
    assert [word.end_ms for word in writing.feed(times)] == [5, 5, 9, 9]


def test_a_phrase_that_says_nothing_has_no_times() -> None:
    writing = Writing(speakable("- 🙂"))
    assert writing.feed(()) == ()


def test_the_ledger_keeps_exactly_what_was_heard_of_the_writing() -> None:
    phrase = "- It is **$5.50** 🙂 at [the shop](https://x.y)"
    words = speakable(phrase)
    times = tuple(Word(text, at * 100, at * 100 + 100) for at, text in enumerate(said_text(words).split()))
    ledger = PlaybackLedger()
    ledger.begin(phrase)
    ledger.sent(100 * len(times), Writing(words).feed(times), now=0)
    ledger.complete()
    heard = [ledger.split(now)[0] for now in (0, 100, 300, 500, 700, 800)]
    assert heard == ["", "- It", "- It is", "- It is **$5.50** 🙂", "- It is **$5.50** 🙂 at [the", phrase]
