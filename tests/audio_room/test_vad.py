"""The Silero detector on the recorded sentences, on sounds that are no speech, and on streams cut in any way."""

import json
import sys
import wave
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from silero import Alone
from tandem.audio.vad import SAMPLE_RATE, SileroModel, installed_model
from tandem.core.errors import ConfigurationError

LISTING = Path(__file__).parent.parent / "audio" / "questions.json"
RECORDINGS = [LISTING.parent / entry["file"] for entry in json.loads(LISTING.read_text())]
FILES = {recording.name: recording for recording in RECORDINGS}
SPEECH = 0.5
WINDOW_MS = 32
SECONDS = 3


@pytest.fixture(scope="module")
def model() -> SileroModel:
    return SileroModel.load()


def recording(file: str) -> bytes:
    with wave.open(str(FILES[file]), "rb") as sound:
        assert sound.getparams()[:3] == (1, 2, SAMPLE_RATE)
        return sound.readframes(sound.getnframes())


def spoken_ms(pcm: bytes) -> tuple[float, float]:
    """When the first and the last 10 ms above -50 dBFS begin and end."""
    samples = np.frombuffer(pcm, "<i2") / 32768
    blocks = samples[: samples.size // 160 * 160].reshape(-1, 160)
    loud = np.flatnonzero(np.mean(blocks**2, axis=1) > 10**-5)
    return float(loud[0] * 10), float(loud[-1] * 10 + 10)


def white_noise() -> NDArray[np.float64]:
    return np.random.default_rng(1).normal(0, 1, SAMPLE_RATE * SECONDS)


def pink_noise() -> NDArray[np.float64]:
    spectrum = np.fft.rfft(white_noise())
    spectrum[0] = 0
    spectrum[1:] /= np.sqrt(np.arange(1, spectrum.size))
    noise = np.fft.irfft(spectrum)
    return np.asarray(noise / noise.std())


def mains_hum() -> NDArray[np.float64]:
    seconds = np.arange(SAMPLE_RATE * SECONDS) / SAMPLE_RATE
    hum = np.sum([np.sin(2 * np.pi * 50 * n * seconds) / n for n in (1, 2, 3, 5)], axis=0, dtype=np.float64)
    return np.asarray(hum / hum.std())


def silence() -> NDArray[np.float64]:
    return np.zeros(SAMPLE_RATE * SECONDS)


@pytest.mark.parametrize("file", FILES)
def test_speech_is_heard_within_150_ms_of_its_start_and_not_before(model: SileroModel, file: str) -> None:
    pcm = recording(file)
    start_ms, _ = spoken_ms(pcm)
    probabilities = Alone(model).feed(pcm)
    first = next(index for index, probability in enumerate(probabilities) if probability >= SPEECH)
    assert start_ms <= (first + 1) * WINDOW_MS <= start_ms + 150


@pytest.mark.parametrize("file", FILES)
def test_speech_is_let_go_within_150_ms_of_its_end(model: SileroModel, file: str) -> None:
    pcm = recording(file)
    _, end_ms = spoken_ms(pcm)
    probabilities = Alone(model).feed(pcm)
    last = max(index for index, probability in enumerate(probabilities) if probability >= SPEECH)
    assert abs((last + 1) * WINDOW_MS - end_ms) <= 150


@pytest.mark.parametrize("sound", [white_noise, pink_noise, mains_hum, silence])
@pytest.mark.parametrize("level_dbfs", [-50, -30, -15])
def test_noise_hum_and_silence_are_no_speech(
    model: SileroModel, sound: Callable[[], NDArray[np.float64]], level_dbfs: float
) -> None:
    pcm = np.clip(sound() * 32767 * 10 ** (level_dbfs / 20), -32768, 32767).astype("<i2").tobytes()
    assert max(Alone(model).feed(pcm)) < SPEECH


def test_speech_is_heard_through_noise_of_10_db(model: SileroModel) -> None:
    samples = np.frombuffer(recording("units.wav"), "<i2").astype(float)
    loudness = samples[8_000:-16_000].std()
    noisy = samples * 0.5 + np.random.default_rng(2).normal(0, loudness * 0.5 / 10**0.5, samples.size)
    probabilities = Alone(model).feed(np.clip(noisy, -32768, 32767).astype("<i2").tobytes())
    assert np.mean(np.array(probabilities[14:-26]) >= SPEECH) > 0.8


@given(cuts=st.lists(st.integers(0, 3_000), max_size=40))
@settings(deadline=None, max_examples=25)
def test_the_way_a_stream_is_cut_changes_nothing(model: SileroModel, cuts: list[int]) -> None:
    pcm = recording("time.wav")[:40_000]
    whole = Alone(model).feed(pcm)
    edges = [0, *np.minimum(np.cumsum(cuts, dtype=int) * 2, len(pcm)).tolist(), len(pcm)]
    detector = Alone(model)
    pieces = [detector.feed(pcm[start:end]) for start, end in pairwise(edges)]
    assert [probability for piece in pieces for probability in piece] == whole


def test_a_window_is_judged_as_soon_as_it_is_whole(model: SileroModel) -> None:
    detector = Alone(model)
    assert detector.window_ms == WINDOW_MS
    assert detector.feed(bytes(1022)) == []
    assert len(detector.feed(bytes(2))) == 1
    assert len(detector.feed(bytes(2048))) == 2


def test_two_detectors_do_not_share_their_memory(model: SileroModel) -> None:
    speech, noise = recording("help.wav"), (white_noise() * 3_000).astype("<i2").tobytes()
    alone = Alone(model).feed(speech)
    one, other = Alone(model), Alone(model)
    together: list[float] = []
    for start in range(0, len(speech), 640):
        together += one.feed(speech[start : start + 640])
        other.feed(noise[start : start + 640])
    assert together == alone


def test_half_a_sample_is_refused_and_leaves_the_stream_whole(model: SileroModel) -> None:
    detector = Alone(model)
    with pytest.raises(ValueError, match="half a 16-bit sample"):
        detector.feed(bytes(1023))
    assert len(detector.feed(bytes(1024))) == 1


def test_the_package_around_the_model_is_not_executed(model: SileroModel) -> None:
    assert Alone(model).feed(bytes(1024))
    assert "silero_vad" not in sys.modules
    assert "torch" not in sys.modules


def test_a_missing_package_is_told_with_what_to_install() -> None:
    with pytest.raises(ConfigurationError, match="pip install --no-deps silero-vad"):
        installed_model("a_package_that_is_not_installed")


def test_a_missing_model_file_is_told_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--no-deps silero-vad"):
        SileroModel.load(tmp_path / "silero_vad.onnx")


@pytest.mark.parametrize("kept_bytes", [0, 100, 1_000_000])
def test_a_model_file_that_was_cut_short_is_told(tmp_path: Path, kept_bytes: int) -> None:
    file = tmp_path / "silero_vad.onnx"
    file.write_bytes(installed_model().read_bytes()[:kept_bytes])
    with pytest.raises(ConfigurationError, match="damaged"):
        SileroModel.load(file)
