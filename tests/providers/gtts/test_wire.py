"""The pure part of gtts: pieces, languages and accents, statuses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.core.errors import Fault
from tandem.providers.gtts import wire

KNOWN = ("en", "fr", "fr-CA", "de", "iw", "no", "pt", "pt-PT", "es", "tl", "zh", "zh-CN", "zh-TW", "yue")


@pytest.mark.parametrize(
    ("tag", "spoken"),
    [
        ("en", ("en", "com")),
        ("en-US", ("en", "com")),
        ("en-GB", ("en", "co.uk")),
        ("EN_gb", ("en", "co.uk")),
        ("en-GB-oxendict", ("en", "co.uk")),
        ("en-AU", ("en", "com.au")),
        ("fr", ("fr", "com")),
        ("fr-CA", ("fr-CA", "ca")),
        ("fr-CH", ("fr", "com")),
        ("pt-BR", ("pt", "com.br")),
        ("pt-PT", ("pt-PT", "pt")),
        ("es-MX", ("es", "com.mx")),
        ("de-CH", ("de", "com")),
        ("he-IL", ("iw", "com")),
        ("nb-NO", ("no", "com")),
        ("fil", ("tl", "com")),
        ("zh", ("zh", "com")),
        ("zh-TW", ("zh-TW", "com")),
        ("zh-Hant-HK", ("zh-TW", "com")),
        ("yue-HK", ("yue", "com")),
        ("tlh", None),
        ("", None),
    ],
)
def test_a_language_is_spoken_as_google_names_it_and_with_its_accent(tag: str, spoken: tuple[str, str] | None) -> None:
    assert wire.language_for(tag, KNOWN) == spoken


@given(st.text(st.sampled_from("ab9,.!? \n\x00。—é"), max_size=700))
def test_pieces_hold_all_that_can_be_pronounced_in_order(phrase: str) -> None:
    pieces = wire.pieces(phrase)
    assert all(0 < len(piece) <= wire.PIECE_CHARS for piece in pieces)
    assert [char for char in "".join(pieces) if char.isalnum()] == [char for char in phrase if char.isalnum()]


@given(st.lists(st.text(st.sampled_from("abc"), min_size=1, max_size=30), min_size=1, max_size=60))
def test_no_word_is_cut(words: list[str]) -> None:
    assert " ".join(wire.pieces(" ".join(words))).split() == words


def test_a_piece_ends_with_a_sentence_if_one_ends_in_it() -> None:
    first, *_ = wire.pieces(f"Yes, it does. {'And then, ' * 12}end.")
    assert first == "Yes, it does."


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, Fault.INVALID),
        (413, Fault.INVALID),
        (401, Fault.REJECTED),
        (403, Fault.REJECTED),
        (429, Fault.RATE_LIMITED),
        (500, Fault.UNAVAILABLE),
        (503, Fault.UNAVAILABLE),
    ],
)
def test_a_status_is_a_fault(status: int, fault: Fault) -> None:
    assert wire.status_fault(status) is fault


@pytest.mark.parametrize(
    ("headers", "ms"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2_000),
        ({"retry-after": "-2"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:47 GMT", "date": "Sun, 06 Nov 1994 08:49:37 GMT"}, 10_000),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:27 GMT", "date": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0),
        ({"retry-after": "Sun, 06 Nov 1994 08:49:47 GMT"}, None),
    ],
)
def test_how_long_to_stay_away_is_read_from_the_answer(headers: dict[str, str], ms: float | None) -> None:
    assert wire.retry_after_ms(headers) == ms
