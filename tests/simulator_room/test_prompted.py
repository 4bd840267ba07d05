"""The prompted ear takes each stretch of sound for its words, once."""

from tandem.simulator.hearing import Hearing
from tandem.simulator.prompted import Prompted
from tandem.simulator.voice import Voice

RATE = 16_000
FRAME = 640
SOUND = Voice().say("la la la", RATE)
SILENCE = bytes(RATE)  # 500 ms


def words(audio: bytes, asked_every_ms: int) -> list[str]:
    """Return what a recogniser hears that looks for words so often."""
    hearing, found = Hearing(Prompted("what was said"), RATE), []
    for at in range(0, len(audio), FRAME):
        for _ in hearing.steps(audio[at : at + FRAME]):
            if hearing.at_ms % asked_every_ms == 0:
                found += [word.text for word in hearing.words()]
    return found


def test_each_stretch_of_sound_is_the_words_once_however_often_it_is_asked() -> None:
    for every_ms in (20, 60, 240):
        heard = words(SILENCE + SOUND + SILENCE + SOUND + SILENCE, every_ms)
        assert heard == ["what", "was", "said"] * 2


def test_sound_that_goes_on_is_no_words_yet_and_silence_none_at_all() -> None:
    assert words(SILENCE + SOUND, 20) == []
    assert words(SILENCE, 20) == []


def test_the_words_lie_where_the_sound_was() -> None:
    heard = Prompted("one two").hear(SILENCE + SOUND + SILENCE, RATE)
    assert (heard[0].start_ms, heard[0].end_ms) == (500, heard[1].start_ms)
    assert abs(heard[1].end_ms - 500 - Voice().timed("la la la")[-1][2]) <= 10
