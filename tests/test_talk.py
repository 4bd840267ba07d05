"""The caller at the command line: what it reads, what it plays, and what it says when something is wrong."""

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from fakes import FakeClock
from tandem.talk import OUTPUT_RATE, Player, Recording, TalkError, talk, write_wav


def wav(samples: list[int], *, rate: int = 16_000, channels: int = 1, width: int = 2) -> io.BytesIO:
    file = io.BytesIO()
    with wave.open(file, "wb") as sink:
        sink.setnchannels(channels)
        sink.setsampwidth(width)
        sink.setframerate(rate)
        sink.writeframes(np.array(samples, dtype="<i2").tobytes())
    file.seek(0)
    return file


def test_channels_are_mixed_into_one() -> None:
    recording = Recording.read(wav([100, 300, -100, -300], channels=2))
    assert recording.samples.tolist() == [200, -200]


def test_the_last_frame_is_filled_up_with_silence() -> None:
    frames = Recording.read(wav([1] * 500)).frames()
    assert [len(frame) for frame in frames] == [640, 640]
    assert frames[1][-2:] == b"\0\0"


def test_the_end_of_speech_is_the_last_frame_above_the_recordings_own_noise() -> None:
    samples = [10] * 320 + [8000] * 640 + [20] * 3200
    assert Recording.read(wav(samples)).last_voiced_frame() == 2


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (Path("none.wav"), "There is no file none.wav"),
        (Path(__file__), "is not a PCM WAV file"),
        (Path(__file__).parent, "is not a PCM WAV file"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_in_a_sentence(file: Path, told: str) -> None:
    with pytest.raises(TalkError, match=told):
        Recording.read(file)


def test_a_recording_of_another_form_is_refused_with_the_form_it_should_have() -> None:
    for file in (wav([1, 2], width=1), wav([1, 2], rate=96_000)):
        with pytest.raises(TalkError, match="16 bits at 8,000-48,000 Hz"):
            Recording.read(file)


def ms(length: int) -> bytes:
    return b"\1\0" * (OUTPUT_RATE * length // 1000)


def test_the_player_plays_in_real_time_what_it_has() -> None:
    clock = FakeClock()
    player = Player(clock)
    player.take(1, ms(100))
    clock.advance(60)
    assert player.played_ms() == pytest.approx(60)
    clock.advance(100)
    assert player.played_ms() == pytest.approx(100)
    player.take(1, ms(100))  # 60 ms late: it plays from here on
    clock.advance(50)
    assert player.played_ms() == pytest.approx(150)


def test_what_had_not_sounded_when_the_player_was_cleared_was_not_heard() -> None:
    clock = FakeClock()
    player = Player(clock)
    player.take(1, ms(1000))
    clock.advance(300)
    assert player.clear() == pytest.approx(300)
    player.take(1, ms(500))  # late frames of the same reply
    player.take(2, ms(200))
    player.finish()
    assert len(player.heard) == len(ms(300)) + len(ms(200))


def test_what_was_heard_is_saved_as_a_recording(tmp_path: Path) -> None:
    write_wav(tmp_path / "reply.wav", ms(20))
    recording = Recording.read(tmp_path / "reply.wav")
    assert (recording.rate, len(recording.samples)) == (OUTPUT_RATE, 480)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(TalkError, match="cannot be written"):
        write_wav(tmp_path / "none" / "reply.wav", b"")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ws://127.0.0.1:9/voice/new", "No gateway answers at .* Start one with 'make run'"),
        ("http://127.0.0.1:9/", "does not take the call"),
        ("nonsense", "does not take the call"),
    ],
)
async def test_a_gateway_that_is_not_there_is_told_in_a_sentence(url: str, told: str) -> None:
    with pytest.raises(TalkError, match=told):
        await talk(url, "hello")
