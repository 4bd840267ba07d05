"""Speaks the test callers' sentences and writes them as WAV files, with their list beside this script.

    python tests/audio/make_questions.py

It needs the commands `flite` (2.2, with its voices rms and slt), `festival` and `text2wave` with the voice
cmu_us_slt_arctic_hts, and the Python packages numpy and soxr. On Debian 12:

    apt-get install flite festival festvox-us-slt-hts

Each file is mono 16-bit PCM at 16 kHz: 400 ms of quiet, the sentence with its peak at -3 dBFS, 800 ms of quiet. The
quiet is a noise floor at -75 dBFS, because no microphone gives digital zero. The same commands give the same bytes.
Which voice says which sentence was chosen so that the local recogniser hears it right (`wer.py` shows it).
"""

import json
import subprocess
import tempfile
import wave
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

HERE = Path(__file__).parent
SAMPLE_RATE = 16_000
QUIET_BEFORE_MS = 400
QUIET_AFTER_MS = 800
PEAK = 10 ** (-3 / 20)
NOISE_FLOOR = 10 ** (-75 / 20)
SYNTHESIS_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Recording:
    """One entry of questions.json; `file` is a path from the folder of this script."""

    file: str
    text: str
    voice: str
    kind: str


# The contract suites are installed without the tests, and bring what they say.
SPEECH = "../../backend/tandem/contracts/speech"

RECORDINGS = (
    Recording(f"{SPEECH}/time.wav", "What time is it?", "flite-rms", "question"),
    Recording("arithmetic.wav", "What is seven times eight?", "flite-slt", "question"),
    Recording(f"{SPEECH}/units.wav", "How many feet are in ten meters?", "flite-rms", "question"),
    Recording("name_ask.wav", "What is my name?", "hts-slt", "question"),
    Recording("spelling.wav", "Can you spell the word necessary?", "hts-slt", "question"),
    Recording("help.wav", "What can you do?", "flite-slt", "question"),
    Recording("sum.wav", "What is twelve plus thirty?", "hts-slt", "question"),
    Recording("distance.wav", "How many kilometers are in five miles?", "flite-slt", "question"),
    Recording("name_tell.wav", "My name is Alice.", "flite-rms", "statement"),
    Recording("home.wav", "I live in Boston.", "flite-slt", "statement"),
    Recording("stop.wav", "Stop, please wait a moment.", "flite-rms", "barge_in"),
    Recording("stop_hts.wav", "Stop, please wait a moment.", "hts-slt", "barge_in"),
)


def spoken(text: str, voice: str) -> NDArray[np.float64]:
    """Return `text` as samples (full scale 1.0) at SAMPLE_RATE, without the silence that engines put around it."""
    with tempfile.TemporaryDirectory() as folder:
        target = str(Path(folder) / "speech.wav")
        engine, name = voice.split("-")
        if engine == "flite":
            command = ["flite", "-voice", name, "-t", text, "-o", target]
        else:
            command = ["text2wave", "-eval", f"(voice_cmu_us_{name}_arctic_hts)", "-o", target]
        subprocess.run(command, input=text.encode(), check=True, timeout=SYNTHESIS_SECONDS)
        with wave.open(target, "rb") as file:
            rate = file.getframerate()
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
    return without_silence(soxr.resample(samples, rate, SAMPLE_RATE))


def without_silence(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut leading and trailing 10 ms blocks that are 45 dB or more below the loudest block."""
    block = SAMPLE_RATE // 100
    blocks = samples[: samples.size // block * block].reshape(-1, block)
    power = np.mean(blocks**2, axis=1)
    loud = np.flatnonzero(power > power.max() * 10**-4.5)
    return samples[loud[0] * block : (loud[-1] + 1) * block]


def recorded(speech: NDArray[np.float64], seed: int) -> bytes:
    """Return `speech` at its level between two stretches of quiet, as PCM."""
    before, after = (ms * SAMPLE_RATE // 1000 for ms in (QUIET_BEFORE_MS, QUIET_AFTER_MS))
    sound = np.pad(speech * (PEAK / np.abs(speech).max()), (before, after))
    sound += np.random.default_rng(seed).normal(0, NOISE_FLOOR, sound.size)
    return np.round(sound * 32767).astype("<i2").tobytes()


def main() -> None:
    for seed, recording in enumerate(RECORDINGS):
        pcm = recorded(spoken(recording.text, recording.voice), seed)
        with wave.open(str(HERE / recording.file), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(pcm)
    listing = json.dumps([asdict(recording) for recording in RECORDINGS], indent=2)
    (HERE / "questions.json").write_text(listing + "\n")


if __name__ == "__main__":
    main()
