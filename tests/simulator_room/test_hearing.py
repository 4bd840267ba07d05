"""What a simulated recogniser hears: every word once and at its time, however the audio is cut."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tandem.simulator import mulaw
from tandem.simulator.hearing import Hearing, plain
from tandem.simulator.voice import Heard, Voice

RATE = 16_000
TEXT = "one, two three"


def heard(hearing: Hearing, audio: bytes, size: int, *, every_ms: float = 250) -> list[Heard]:
    words: list[Heard] = []
    looked_ms = hearing.at_ms
    for first in range(0, len(audio), size):
        for _ in hearing.steps(audio[first : first + size]):
            if hearing.at_ms - looked_ms >= every_ms:
                looked_ms = hearing.at_ms
                words += hearing.words()
    return words + hearing.words()


@given(size=st.integers(1, 5_000), before_ms=st.integers(0, 900), every_ms=st.integers(20, 600))
@settings(max_examples=25)
def test_each_word_is_heard_once_at_its_time(size: int, before_ms: int, every_ms: int) -> None:
    audio = bytes(RATE * 2 * before_ms // 1000 // 2 * 2) + Voice().say(TEXT, RATE)
    words = heard(Hearing(Voice(), RATE), audio, size, every_ms=every_ms)
    assert [word.text for word in words] == TEXT.split()
    for word, (_, start_ms, _) in zip(words, Voice().timed(TEXT), strict=True):
        assert abs(word.start_ms - before_ms - start_ms) < 10


def test_a_word_that_was_cut_off_is_forgotten_in_the_silence_behind_it() -> None:
    hearing = Hearing(Voice(), RATE)
    cut = Voice().say("interrupted", RATE)[: RATE * 2 * 200 // 1000]
    assert heard(hearing, cut + bytes(RATE * 2 * 60), 640) == []
    (word,) = heard(hearing, Voice().say("again", RATE), 640)
    assert abs(word.start_ms - 60_200) < 10


def test_silence_is_told_from_speech() -> None:
    hearing = Hearing(Voice(), 8_000, companded=True)
    speech = Voice().say("one", 8_000)
    heard(hearing, mulaw.encoded(speech + bytes(8_000)), 160)
    spoken_ms = Voice().timed("one")[0][2]
    assert abs(hearing.voiced_until_ms - spoken_ms) <= 20
    assert abs(hearing.quiet_ms - (hearing.at_ms - spoken_ms)) <= 20


def test_plain_words_keep_what_makes_them_words() -> None:
    assert [plain(word) for word in ("Hello,", "don't", "(ok)", "...", "3.5%")] == [
        "hello",
        "don't",
        "ok",
        "...",
        "3.5%",
    ]


def test_mulaw_is_g711() -> None:
    # The values of table 2a of ITU-T Rec. G.711 at its ends and around zero.
    samples = [0, 8, -8, 32_767, -32_768, 1_000, -1_000]
    codes = mulaw.encoded(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))
    assert list(codes) == [0xFF, 0xFE, 0x7E, 0x80, 0x00, 0xCE, 0x4E]
    decodable = bytes(range(256))
    assert mulaw.decoded(mulaw.encoded(mulaw.decoded(decodable))) == mulaw.decoded(decodable)
