"""Phrases: nothing is lost, no phrase is too long, and the first one comes early."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tandem.core.phrases import PhraseCutter

MOST = 240
LATIN = [
    "Hello",
    "Mr.",
    "e.g.",
    "i.e. ",
    "so",
    "a",
    "é",
    "3.5",
    "1. ",
    "No. ",
    "etc.",
    "5 p.m. ",
    "**",
    ",",
    ", ",
    ". ",
    "? ",
    "!",
    "…",
    '." ',
    ";",
    ": ",
]
WIDE = ["。", "，", "、", "こんにちは", "你好！", "🙂", "👩\u200d👩\u200d👧", "x" * 30]
SPACE = ["\n", "  ", "\t", "\u00a0", " - ", " — "]
BITS = st.sampled_from([*LATIN, *WIDE, *SPACE])
TEXT = st.one_of(st.lists(BITS, max_size=120).map("".join), st.text(max_size=400))


def cut(*pieces: str) -> list[str]:
    cutter = PhraseCutter()
    phrases = [phrase for piece in pieces for phrase in cutter.push(piece)]
    return phrases + cutter.flush()


def bare(text: str) -> str:
    return "".join(text.split())


@given(TEXT)
@example("x" * 1000)
@example(("y" * 239 + ". ") * 3)
def test_every_character_survives_in_order(text: str) -> None:
    assert bare("".join(cut(text))) == bare(text)


@given(TEXT)
@example(" " + "x" * 1000)
def test_no_phrase_is_empty_or_over_the_limit_or_has_white_space_around_it(text: str) -> None:
    for phrase in cut(text):
        assert 0 < len(phrase) <= MOST
        assert phrase == " ".join(phrase.split())


@given(TEXT, st.data())
def test_the_phrases_do_not_depend_on_how_the_text_arrives(text: str, data: st.DataObject) -> None:
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    pieces = [text[start:end] for start, end in zip([0, *places], [*places, len(text)], strict=True)]
    assert cut(*pieces) == cut(text)


@given(TEXT)
def test_the_phrases_are_the_same_letter_by_letter(text: str) -> None:
    assert cut(*text) == cut(text)


@given(st.lists(st.text(st.characters(categories=["L", "N", "P"], max_codepoint=0x24F), min_size=1, max_size=20)))
def test_words_are_never_cut_where_white_space_stands_between_them(words: list[str]) -> None:
    text = " ".join(words)
    assert [word for phrase in cut(text) for word in phrase.split()] == text.split()


@pytest.mark.parametrize(
    "text",
    [
        "It costs 3.5 dollars or 1,000 yen at 10:30 in all.",
        "Mr. Smith and Dr. Jones met Mrs. Brown.",
        "Fruit, e.g. apples, i.e. the red ones.",
        "It was J. R. Tolkien.",
        "Open tandem.example.org now.",
        "1. Take the first one.",
        "Ask at St. Mary's.",
        "It has been U.S. law since then.",
        "Use v1.2 or later.",
        "It takes approx. 3 hours.",
        "He lives at No. 5 now.",
        "It opens at 9 a.m. on weekdays.",
        "Apples, pears, etc. are sold there.",
        "Two steps: 1. Open the door.",
        "See https://example.org/a?b=1.2!c for more.",
        "Write to j.doe@example.org today.",
    ],
)
def test_numbers_abbreviations_and_names_are_not_cut(text: str) -> None:
    assert cut(text) == [text]
    assert cut(*text) == [text]


def test_each_sentence_is_a_phrase() -> None:
    text = 'Yes. It is open! "Really?" (Of course.) Good…\nSee you'
    assert cut(text) == ["Yes.", "It is open!", '"Really?"', "(Of course.)", "Good…", "See you"]


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("No. It is closed.", ["No.", "It is closed."]),
        ("No.\n5 are left.", ["No.", "5 are left."]),
        ("Apples, pears, etc. The rest is gone.", ["Apples, pears, etc.", "The rest is gone."]),
        ("It opens at 9 a.m. The rest is easy.", ["It opens at 9 a.m.", "The rest is easy."]),
        ("It opens at 10:30. Come early.", ["It opens at 10:30.", "Come early."]),
    ],
)
def test_what_may_end_a_sentence_does_if_the_next_word_begins_one(text: str, phrases: list[str]) -> None:
    assert cut(text) == phrases
    assert cut(*text) == phrases


def test_a_no_that_ends_the_text_is_a_phrase() -> None:
    cutter = PhraseCutter()
    assert cutter.push("No. ") == []
    assert cutter.flush() == ["No."]


@pytest.mark.parametrize(
    "items",
    [
        ["- apples", "- pears", "- plums"],
        ["1. Open the door", "2. Go in"],
        ["- ask for Mr.", "- apples, pears, etc.", "- vitamin C.", "1.", "No.", "end"],
    ],
)
def test_a_newline_ends_an_item_of_a_list_whatever_its_last_word(items: list[str]) -> None:
    assert cut("\n".join(items)) == items


def test_marks_of_emphasis_stay_with_the_sentence_that_they_end() -> None:
    assert cut("**It is open.** _Come in!_ Yes") == ["**It is open.**", "_Come in!_", "Yes"]


def test_a_sentence_is_given_out_as_soon_as_it_is_complete() -> None:
    cutter = PhraseCutter()
    assert cutter.push("It is open.") == []
    assert cutter.push(" ") == ["It is open."]


def test_a_sentence_that_ends_in_a_long_number_is_cut_after_it() -> None:
    assert cut("Your number is 123456789012. Anything else?") == ["Your number is 123456789012.", "Anything else?"]


def test_the_first_phrase_ends_at_the_first_clause_that_is_long_enough() -> None:
    rest = "and I would think that they will be open for most of the evening, but do call them, to be sure."
    first, *others = cut(f"Well, as far as I can see, {rest}")
    assert first == "Well, as far as I can see,"
    assert others == [
        "and I would think that they will be open for most of the evening, but do call them,",
        "to be sure.",
    ]


@given(st.lists(st.sampled_from(["well", "yes", "indeed", "perhaps"]), min_size=8, max_size=60))
def test_a_first_phrase_with_clauses_is_short(words: list[str]) -> None:
    first = cut(", ".join(words))[0]
    assert 24 <= len(first) <= 24 + len("perhaps, ")


def test_white_space_before_the_first_words_is_no_first_phrase() -> None:
    assert cut(" \n\n \n", "Well, as far as I can see, it is")[0] == "Well, as far as I can see,"


@pytest.mark.parametrize("dash", ["-", "–", "—"])
def test_a_dash_between_spaces_ends_a_clause(dash: str) -> None:
    assert cut(f"It opens at nine tomorrow {dash} I think")[0] == f"It opens at nine tomorrow {dash}"


def test_a_hyphen_within_a_word_ends_nothing() -> None:
    assert len(cut("It was the well-known and much-loved state-of-the-art machine")) == 1


def test_chinese_and_japanese_are_cut_without_white_space() -> None:
    assert cut("你好。今天天气很好！你呢？") == ["你好。", "今天天气很好！", "你呢？"]
    assert cut("こんにちは。元気ですか") == ["こんにちは。", "元気ですか"]


def test_a_long_sentence_without_a_clause_is_cut_between_words() -> None:
    words = ["word"] * 200
    phrases = cut(" ".join(words))
    assert " ".join(phrases).split() == words
    assert len(phrases) == 5


def test_a_word_of_100_000_characters_is_cut_into_phrases_of_the_limit() -> None:
    phrases = cut("x" * 100_000)
    assert "".join(phrases) == "x" * 100_000
    assert [len(phrase) for phrase in phrases[:-1]] == [MOST] * (100_000 // MOST)


def test_emoji_alone_are_a_phrase_like_any_other() -> None:
    assert cut("🙂👍🏽") == ["🙂👍🏽"]


@pytest.mark.parametrize("pieces", [[], [""], ["", "  ", "\n\n"], [" " * 1000]])
def test_a_text_without_a_word_has_no_phrase(pieces: list[str]) -> None:
    assert cut(*pieces) == []


def test_after_a_flush_nothing_is_left() -> None:
    cutter = PhraseCutter()
    cutter.push("and so")
    assert cutter.flush() == ["and so"]
    assert cutter.flush() == []


@given(TEXT)
def test_what_is_held_back_is_never_more_than_one_phrase(text: str) -> None:
    cutter = PhraseCutter()
    for start in range(0, len(text), 7):
        cutter.push(text[start : start + 7])
        assert len(cutter._text) <= MOST


@pytest.mark.parametrize("text", ["x" * 50_000, "a, " * 16_000, ". " * 25_000, "word " * 10_000, "。" * 50_000])
@pytest.mark.parametrize("size", [1, 50_000])
def test_the_text_is_looked_over_once_per_piece_and_once_per_phrase(text: str, size: int) -> None:
    class Counting(PhraseCutter):
        looks = 0

        def _boundary(self) -> int | None:
            self.looks += 1
            return super()._boundary()

    cutter = Counting()
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    phrases = [phrase for piece in pieces for phrase in cutter.push(piece)] + cutter.flush()
    assert cutter.looks <= len(pieces) + len(phrases) + 1


@given(st.integers(1, 30), st.integers(1, 60), st.integers(60, 300), TEXT)
def test_any_limits_are_kept(first: int, clause: int, most: int, text: str) -> None:
    cutter = PhraseCutter(first_chars=first, clause_chars=clause, most_chars=most)
    phrases = cutter.push(text) + cutter.flush()
    assert all(len(phrase) <= most for phrase in phrases)
    assert bare("".join(phrases)) == bare(text)
