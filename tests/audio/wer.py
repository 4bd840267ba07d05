"""Shows how the local recogniser hears the recordings of this folder, clean and under white noise.

    python tests/audio/wer.py

It needs moonshine-voice 0.1.0, jiwer and numpy. It prints what was misheard and the word error rate for each noise
level, and fails if a clean recording is misheard: then another voice or wording is due in make_questions.py. The
voices are synthetic and were chosen to be understood, so the figures say nothing of human callers.
"""

import json
import re
import sys
import wave
from pathlib import Path

import jiwer
import moonshine_voice
import numpy as np
from moonshine_voice.moonshine_api import ModelArch
from moonshine_voice.transcriber import Transcriber
from numpy.typing import NDArray

HERE = Path(__file__).parent
MODEL = Path(moonshine_voice.__file__).parent / "assets" / "tiny-en"
SAMPLE_RATE = 16_000
CLEAN = np.inf
SNRS_DB = (CLEAN, 20.0, 10.0)
# The quiet that a call's voice detector leaves before and after speech, out of the recordings' 400 and 800 ms.
KEPT = slice(SAMPLE_RATE * 200 // 1000, -SAMPLE_RATE * 500 // 1000)
SPELLINGS = {"metres": "meters", "kilometres": "kilometers"}


def words(text: str) -> str:
    """Return `text` as the words that count: no case, no punctuation, one spelling."""
    return " ".join(SPELLINGS.get(word, word) for word in re.findall(r"[a-z0-9']+", text.lower()))


def samples_of(file: str) -> NDArray[np.float64]:
    with wave.open(str(HERE / file), "rb") as sound:
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2")[KEPT] / 32768


def with_noise(samples: NDArray[np.float64], snr_db: float) -> NDArray[np.float64]:
    """Add white noise `snr_db` below the RMS of the whole recording."""
    noise = np.random.default_rng(0).normal(0, samples.std() / 10 ** (snr_db / 20), samples.size)
    return samples + noise


def main() -> int:
    recordings = json.loads((HERE / "questions.json").read_text())
    said = [words(recording["text"]) for recording in recordings]
    rates = {}
    # Threshold 0 switches the engine's own voice detector off.
    with Transcriber(MODEL, ModelArch.TINY, options={"vad_threshold": "0"}) as transcriber:
        for snr_db in SNRS_DB:
            heard = []
            for recording, text in zip(recordings, said, strict=True):
                sound = with_noise(samples_of(recording["file"]), snr_db)
                lines = transcriber.transcribe_without_streaming(sound.tolist(), SAMPLE_RATE).lines
                heard.append(words(" ".join(line.text for line in lines)))
                if heard[-1] != text:
                    sys.stdout.write(f"{snr_db:g} dB {recording['file']}: {text!r} was heard as {heard[-1]!r}\n")
            rates[snr_db] = jiwer.wer(said, heard)
            sys.stdout.write(f"{snr_db:g} dB: word error rate {rates[snr_db]:.3f}\n")
    return 1 if rates[CLEAN] else 0


if __name__ == "__main__":
    sys.exit(main())
