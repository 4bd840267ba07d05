"""How whisper uses its library, with a model that is made up: it hears two sounds, and nothing else."""

import asyncio
import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import needs
from providers.local.make_whisper_model import EACH_MS, FIRST_MS, HIGH, LOW, make_model, sound_of
from tandem.contracts.stt import CANCEL_WITHIN_S, RATE, finals, heard, playing, utterance
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SttOptions, Transcript
from tandem.providers.local import whisper
from tandem.providers.local.hallucination import may_be_speech
from tandem.providers.local.whisper import Whisper


@pytest.fixture(scope="module", autouse=True)
def _needs_faster_whisper() -> None:
    lack = whisper.missing("a-name")
    needs.require(lack is None, str(lack))


@pytest.fixture(scope="module")
def english(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_model(tmp_path_factory.mktemp("english")))


@pytest.fixture(scope="module")
def multilingual(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_model(tmp_path_factory.mktemp("multilingual"), languages=("en", "fr", "ja")))


class _Hub(SimpleHTTPRequestHandler):
    """Gives files as Hugging Face does: each with a name for its content, and with its version."""

    def end_headers(self) -> None:
        self.send_header("ETag", f'"{hashlib.sha256(self.path.encode()).hexdigest()}"')
        self.send_header("X-Repo-Commit", "a" * 40)
        super().end_headers()

    def log_message(self, *_: object) -> None:
        """Count instead of saying anything."""
        assert isinstance(self.server, _HubServer)
        self.server.asked += 1


class _HubServer(ThreadingHTTPServer):
    asked = 0


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_HubServer]:
    """Play the part of Hugging Face, with the made-up model as tiny.en."""
    repository = "Systran/faster-whisper-tiny.en"
    files = list(make_model(tmp_path / repository / "resolve" / ("a" * 40)).iterdir())
    listed = [{"type": "file", "path": file.name, "size": file.stat().st_size, "oid": "b" * 40} for file in files]
    about = {"id": repository, "sha": "a" * 40, "siblings": [{"rfilename": file.name} for file in files]}
    for place, content in (("revision/main", about), ("tree/" + "a" * 40, listed)):
        page = tmp_path / "api" / "models" / repository / place
        page.parent.mkdir(parents=True)
        page.write_text(json.dumps(content))
    with _HubServer(("127.0.0.1", 0), partial(_Hub, directory=str(tmp_path))) as server:
        monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        yield server
        server.shutdown()
        serving.join()


async def refusal(model: str) -> str:
    """Return what is said of a model that does not load."""
    with pytest.raises(ProviderError) as raised:
        async with Whisper.open(model, 1):
            pass
    assert raised.value.fault is Fault.REFUSED
    return raised.value.detail


async def test_the_words_come_as_the_tokenizer_spells_them_each_with_its_time(english: str) -> None:
    async with Whisper.open(english, 1) as provider:
        (low,) = finals(await heard(provider, utterance(sound_of(LOW), 5000.0)))
        (high,) = finals(await heard(provider, utterance(sound_of(HIGH))))
    assert low.text == LOW
    assert high.text == HIGH
    assert [word.text for word in low.words] == LOW.split()
    assert [word.text for word in high.words] == HIGH.split()
    for number, word in enumerate(high.words[1:], 1):  # the first one begins where its audio does
        assert word.start_ms == pytest.approx(FIRST_MS + number * EACH_MS - EACH_MS / 2, abs=60.0)
        assert word.start_ms == high.words[number - 1].end_ms
    assert [word.start_ms >= 5000.0 for word in low.words] == [True] * len(low.words)
    assert high.confidence is not None
    assert 0.9 < high.confidence <= 1.0


async def test_words_end_within_audio_that_is_shorter_than_the_model_says(english: str) -> None:
    async with Whisper.open(english, 1) as provider:
        (final,) = finals(await heard(provider, utterance(sound_of(LOW, 0.5), 100.0)))
    assert final.text == LOW
    for word in final.words:
        assert 100.0 <= word.start_ms < word.end_ms <= 600.0


async def test_what_the_model_itself_doubts_is_no_word(english: str) -> None:
    samples = np.random.default_rng(3).normal(0, 0.1, 2 * RATE) * (np.arange(2 * RATE) % 8000 < 3200)
    assert may_be_speech(samples.astype(np.float32), RATE)
    async with Whisper.open(english, 1) as provider:
        transcripts = await heard(provider, utterance((samples * 32767).astype("<i2").tobytes()))
    assert [(each.text, each.words, each.ends_utterance) for each in transcripts] == [("", (), True)]


async def test_a_steady_tone_is_no_word_although_the_model_hears_one(english: str) -> None:
    tone = (np.sin(np.arange(2 * RATE) * 2 * np.pi * 300 / RATE) * 8000).astype("<i2")
    async with Whisper.open(english, 1) as provider:
        (steady,) = finals(await heard(provider, utterance(tone.tobytes())))
        broken = tone * (np.arange(2 * RATE) % 3200 < 2000)
        (parted,) = finals(await heard(provider, utterance(broken.astype("<i2").tobytes())))
    assert (steady.text, parted.text) == ("", LOW)


async def test_a_model_of_many_languages_hears_each_of_them(multilingual: str) -> None:
    async with Whisper.open(multilingual, 1) as provider:
        for language in ("en-GB", "fr-FR"):
            (final,) = finals(await heard(provider, utterance(sound_of(LOW)), SttOptions(language=language)))
            assert final.text == LOW
        (final,) = finals(await heard(provider, utterance(sound_of(LOW)), SttOptions(language="ja")))
    assert len(final.words) > len(LOW.split())  # where no space parts words, the pieces stay apart


@pytest.mark.parametrize("language", ["fr-FR", "tlh"])
async def test_a_language_that_the_model_lacks_is_rejected(english: str, language: str) -> None:
    async with Whisper.open(english, 1) as provider:
        with pytest.raises(ProviderError) as raised:
            await heard(provider, utterance(sound_of(LOW)), SttOptions(language=language))
    assert raised.value.fault is Fault.INVALID


async def test_a_speech_longer_than_the_window_comes_in_parts(english: str) -> None:
    async with Whisper.open(english, 1) as provider:
        parts = finals(await heard(provider, utterance(sound_of(LOW, 28.0) + sound_of(HIGH, 4.0))))
    assert [part.ends_utterance for part in parts] == [False, True]
    assert parts[0].end_ms == parts[1].start_ms
    assert 25_000.0 <= parts[0].end_ms <= 30_000.0
    assert parts[1].text == HIGH


async def test_audio_that_ends_within_an_utterance_gives_a_final_that_does_not_end_it(english: str) -> None:
    async with Whisper.open(english, 1) as provider:
        (final,) = await heard(provider, utterance(sound_of(LOW))[:-1])
    assert final.final
    assert not final.ends_utterance
    assert final.text == LOW


async def test_cancelling_a_decode_returns_at_once_and_the_next_caller_is_served(english: str) -> None:
    async with Whisper.open(english, 1) as provider:
        (worker,) = provider._workers._all
        loop = asyncio.get_running_loop()
        took = []
        for _ in range(3):
            caller = asyncio.ensure_future(heard_in_one_go(provider, sound_of(LOW, 20.0)))
            while not worker.load:
                await asyncio.sleep(0)
            began = loop.time()
            caller.cancel()
            with pytest.raises(asyncio.CancelledError):
                await caller
            took.append(loop.time() - began)
        assert min(took) < CANCEL_WITHIN_S
        (final,) = finals(await heard(provider, utterance(sound_of(HIGH))))
        assert final.text == HIGH
        assert provider._workers._all == [worker]


async def heard_in_one_go(provider: Whisper, pcm: bytes) -> list[Transcript]:
    return [each async for each in provider.transcribe(playing(utterance(pcm, sizes=(len(pcm),))), SttOptions())]


def test_the_gateway_does_not_load_the_library() -> None:
    code = "import sys; from tandem.providers import catalogue; print('faster_whisper' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_what_is_missing_is_told_with_what_to_do(english: str, tmp_path: Path) -> None:
    assert "set WHISPER_MODEL" in str(whisper.missing(""))
    assert "has no model.bin and no config.json" in str(whisper.missing(str(tmp_path / "nowhere")))
    make_model(tmp_path)
    (tmp_path / "tokenizer.json").unlink()  # faster-whisper would ask the network for it
    assert "has no tokenizer.json" in str(whisper.missing(str(tmp_path)))
    assert whisper.missing(english) is None
    assert whisper.missing("small.en") is None


async def test_a_model_that_cannot_be_loaded_is_refused(english: str, tmp_path: Path) -> None:
    make_model(tmp_path)
    (tmp_path / "model.bin").write_bytes(b"nothing")
    assert "holds no Whisper model" in await refusal(str(tmp_path))


async def test_a_model_that_cannot_be_downloaded_is_refused_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # nobody listens there
    assert "could not be downloaded: connect once, or set WHISPER_MODEL" in await refusal("small.en")
    assert "faster-whisper has no model enormous" in await refusal("enormous")


async def test_a_model_is_downloaded_by_its_name_once(hub: _HubServer) -> None:
    async with Whisper.open("tiny.en", 1) as provider:
        assert finals(await heard(provider, utterance(sound_of(LOW))))[0].text == LOW
    asked = hub.asked
    assert asked > 0
    async with Whisper.open("tiny.en", 1) as provider:
        assert finals(await heard(provider, utterance(sound_of(LOW))))[0].text == LOW
    assert hub.asked == asked


def pieces(*texts: str, each_s: float = 0.1) -> list[Any]:
    """Return what the library would say of `texts`, one after the other."""
    from faster_whisper.transcribe import Word

    return [Word(number * each_s, (number + 1) * each_s, text, 0.5) for number, text in enumerate(texts)]


def test_a_loop_that_nobody_can_have_said_is_heard_once_and_its_other_turns_lose_their_words() -> None:
    from tandem.providers.local.whisper_engine import _answer

    answer = _answer(pieces(" so", *(" well",) * 9, " then"), 1.1, spaced=True)
    assert answer["text"] == "so well then"
    assert [(text, round(start)) for text, start, _ in answer["words"]] == [("so", 0), ("well", 100), ("then", 1000)]


def test_words_of_no_length_and_beyond_the_end_are_given_a_place_within_the_audio() -> None:
    from tandem.providers.local.whisper_engine import _answer

    answer = _answer(pieces(" one", " two", " three", each_s=0.0) + pieces(" four", each_s=9.0), 1.0, spaced=True)
    assert [word[0] for word in answer["words"]] == ["one", "two", "three", "four"]
    assert all(0.0 <= start < end <= 1000.0 for _, start, end in answer["words"])
