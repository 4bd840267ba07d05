"""Any text can be given to a voice: what it can say is kept, in pieces that it can take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.providers.local.speakable import PIECE_CHARS, clean, pieces, to_ascii


@given(st.text(max_size=1500))
def test_the_pieces_of_a_text_are_its_words_in_order(text: str) -> None:
    cut = pieces(clean(text))
    assert all(0 < len(piece) <= PIECE_CHARS for piece in cut)
    letters = [char for char in clean(text) if char.isalnum()]
    assert [char for piece in cut for char in piece if char.isalnum()] == letters


@given(st.text(max_size=300))
def test_ascii_text_is_printable(text: str) -> None:
    assert all(" " <= char <= "~" for char in to_ascii(clean(text)))


@given(st.lists(st.text("abcdefgh.,!", min_size=1, max_size=30), max_size=200))
def test_no_word_is_torn(words: list[str]) -> None:
    whole = {word for word in words if any(char.isalnum() for char in word)}
    assert whole <= {word for piece in pieces(clean(" ".join(words))) for word in piece.split()}


def test_a_cut_prefers_the_end_of_a_sentence_then_of_a_clause() -> None:
    sentence = "word " * 20 + "end. "
    assert pieces(sentence + "more " * 30)[0] == sentence.strip()
    clause = "word " * 20 + "end, "
    assert pieces(clause + "more " * 30)[0] == clause.strip()


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\x00b\x07c\n\td", "a b c d"),
        ("hi 😀👍🏽 there\u200b!", "hi there !"),
        ("keep it 100\ufe0f\u20e3 ok", "keep it 100 ok"),
        ("x" * 70, "x" * 60 + " " + "x" * 10),
    ],
)
def test_what_nobody_says_is_left_out(text: str, kept: str) -> None:
    assert clean(text) == kept


def test_ascii_keeps_the_letters_under_accents_and_names_of_signs() -> None:
    assert to_ascii("Café “naïve” – 5 € Straße…") == 'Cafe "naive" - 5  euro  Strasse. '
