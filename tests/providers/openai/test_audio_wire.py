"""Audio on its way to and from OpenAI."""

import io
import wave
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.providers.openai.audio_wire import (
    Samples,
    is_audio,
    speed_for,
    spoken_language,
    transcribed,
    voice_for,
    wav,
)
from tandem.providers.openai.wire import UnreadableAnswer


@given(st.lists(st.binary(max_size=12_000), max_size=6))
def test_a_body_is_the_same_samples_however_it_was_torn(body: list[bytes]) -> None:
    samples = Samples()
    pieces = [piece for data in body for piece in samples.feed(data)]
    whole = b"".join(body)
    assert b"".join(pieces) == whole[: len(whole) & ~1]
    assert all(0 < len(piece) <= 4_800 and len(piece) % 2 == 0 for piece in pieces)
    assert samples.torn is bool(len(whole) % 2)


def test_a_wav_file_holds_the_audio_and_its_rate() -> None:
    with wave.open(io.BytesIO(wav(b"\x01\x02" * 80, 8_000))) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 8_000)
        assert sound.readframes(sound.getnframes()) == b"\x01\x02" * 80


@pytest.mark.parametrize(
    ("asked", "model", "spoken"),
    [
        (None, "gpt-4o-mini-tts", "coral"),
        ("marin", "gpt-4o-mini-tts", "marin"),
        ("marin", "tts-1-hd", "coral"),
        ("nova", "tts-1", "nova"),
        ("no-such-voice/../x", "gpt-4o-mini-tts", "coral"),
    ],
)
def test_a_voice_that_a_model_lacks_is_replaced(asked: str | None, model: str, spoken: str) -> None:
    assert voice_for(asked, "coral", model) == spoken


@pytest.mark.parametrize(("asked", "sent"), [(1.0, 1.0), (0.1, 0.25), (9.0, 4.0)])
def test_a_speed_stays_within_what_the_service_takes(asked: float, sent: float) -> None:
    assert speed_for(asked) == sent


@pytest.mark.parametrize(("tag", "language"), [("en", "en"), ("en-GB", "en"), ("pt-BR", "pt"), ("DE", "de")])
def test_a_language_is_sent_without_its_region(tag: str, language: str) -> None:
    assert spoken_language(tag) == language


@pytest.mark.parametrize("answer", ["a page", None, SimpleNamespace(), SimpleNamespace(text=None)])
def test_a_transcription_without_text_is_unreadable(answer: object) -> None:
    with pytest.raises(UnreadableAnswer):
        transcribed(answer)


@pytest.mark.parametrize(
    ("content_type", "audio"),
    [
        ("audio/pcm", True),
        ("application/octet-stream", True),
        ("", True),
        ("application/json", False),
        ("text/html; charset=utf-8", False),
    ],
)
def test_a_page_or_a_message_is_no_audio(content_type: str, audio: bool) -> None:
    assert is_audio(content_type) is audio
