"""The simulated speakers' real voice: it is audible, keeps its process, and times its words."""

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import openai
import psutil
import pytest
import pytest_asyncio
from typer.testing import CliRunner

import needs
from simulator import simulator
from simulator_room.cartesia_listener import TEXT, audio, connected, frames, request
from tandem.simulator import wav
from tandem.simulator.cli import cli
from tandem.simulator.espeak_voice import EspeakVoice, NoEspeak
from tandem.simulator.faults import Fault, Kind
from tandem.simulator.stage import Stage
from tandem.simulator.voice import Said

_WITHOUT_LOADER = "import sys; sys.modules['espeakng_loader'] = None; from tandem.simulator.cli import cli; cli()"


@pytest.fixture(autouse=True)
def _needs_espeak() -> None:
    needs.require(importlib.util.find_spec("espeakng_loader") is not None, "espeakng-loader is not installed")


@pytest_asyncio.fixture
async def voice() -> AsyncIterator[EspeakVoice]:
    async with EspeakVoice.open() as voice:
        yield voice


def _pid(voice: EspeakVoice) -> int:
    assert voice._process
    return voice._process.pid


def _libraries_of(process: str) -> str:
    return Path(f"/proc/{process}/maps").read_text()


def _length_ms(said: Said, rate: int) -> float:
    return len(said.pcm) / 2 * 1000 / rate


@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100])
async def test_speech_is_audible_and_as_long_at_any_rate(voice: EspeakVoice, rate: int) -> None:
    said = await voice.speak(TEXT, rate)
    assert np.sqrt(np.mean(np.frombuffer(said.pcm, "<i2").astype(float) ** 2)) > 300
    assert _length_ms(said, rate) == pytest.approx(_length_ms(await voice.speak(TEXT, 16_000), 16_000), rel=0.02)


async def test_each_written_word_has_its_time(voice: EspeakVoice) -> None:
    text = "It costs $74,921.50 at “3:45” pm — in the house, doesn't it?"
    said = await voice.speak(text, 16_000)
    assert [word for word, _, _ in said.words] == text.split()
    assert all(start < end for _, start, end in said.words)
    assert all(before[2] == pytest.approx(after[1]) for before, after in pairwise(said.words))
    assert said.words[-1][2] <= _length_ms(said, 16_000) + 1
    lengths = {word: end - start for word, start, end in said.words}
    assert lengths["$74,921.50"] > 5 * lengths["costs"]


async def test_speech_may_be_faster_or_slower(voice: EspeakVoice) -> None:
    slow, usual, fast = [_length_ms(await voice.speak(TEXT, 8_000, speed), 8_000) for speed in (0.7, 1.0, 1.5)]
    assert fast < 0.85 * usual
    assert slow > 1.15 * usual


@pytest.mark.parametrize("text", ["", " \n"])
async def test_of_no_words_there_is_no_speech(voice: EspeakVoice, text: str) -> None:
    assert await voice.speak(text, 16_000) == Said(b"", [])


async def test_odd_text_is_spoken_as_far_as_it_can_be(voice: EspeakVoice) -> None:
    for text in ("nul\0 and bell\a and <b>tags</b> [[p'iN]]", "日本 😀 5 €", "9" * 300, "\ud800 x"):
        assert _length_ms(await voice.speak(text, 16_000), 16_000) > 300


async def test_texts_that_are_spoken_at_once_do_not_mix(voice: EspeakVoice) -> None:
    texts = [TEXT, "One.", "A quick brown fox."] * 4
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(voice.speak(text, 16_000)) for text in texts]
    assert [[word for word, _, _ in task.result().words] for task in tasks] == [text.split() for text in texts]


async def test_a_text_that_nobody_waits_for_is_no_answer_to_the_next(voice: EspeakVoice) -> None:
    task = asyncio.create_task(voice.speak("A quick brown fox. " * 200, 16_000))
    for _ in range(3):
        await asyncio.sleep(0)
    task.cancel()
    assert [word for word, _, _ in (await voice.speak("One two.", 16_000)).words] == ["One", "two."]


async def test_a_process_that_died_is_told_and_begun_anew(voice: EspeakVoice) -> None:
    os.kill(_pid(voice), signal.SIGKILL)
    with pytest.raises(NoEspeak):
        await voice.speak(TEXT, 16_000)
    assert (await voice.speak(TEXT, 16_000)).pcm


async def test_the_gpl_library_is_loaded_in_its_own_process_which_ends_with_the_voice() -> None:
    async with EspeakVoice.open() as voice:
        pid = _pid(voice)
        assert "libespeak-ng" in _libraries_of(str(pid))
    assert not psutil.pid_exists(pid)
    assert "libespeak-ng" not in _libraries_of("self")
    assert "espeakng_loader" not in sys.modules


# --- on the stage ---


async def test_the_vendors_speak_with_it(voice: EspeakVoice) -> None:
    said = await voice.speak(TEXT, 24_000)
    async with simulator(Stage(speaker=voice)) as sim:
        async with openai.AsyncOpenAI(api_key="key", base_url=f"{sim.http}/v1", max_retries=0) as client:
            answer = await client.audio.speech.create(model="m", voice="alloy", input=TEXT, response_format="pcm")
        async with connected(sim) as cartesia:
            came = await frames(cartesia, request())
            events = [event async for event in await cartesia.tts.generate_sse(**request(), context_id="a")]
            async with cartesia.tts.with_streaming_response.generate(**request()) as response:
                raw = b"".join([part async for part in response.iter_bytes()])
    # By length, because espeak-ng's breath noise differs from one run to the next.
    for pcm in (answer.content, audio(came), audio(events), raw):
        assert len(pcm) == pytest.approx(len(said.pcm), rel=0.01)
    times = [event.word_timestamps for event in came if event.type == "timestamps"]
    assert [word for time in times for word in time.words] == TEXT.split()
    assert len(times) > 3  # each comes with the chunk that it begins in


async def test_an_empty_success_is_empty_in_this_voice_too(voice: EspeakVoice) -> None:
    async with simulator(Stage(speaker=voice)) as sim:
        sim.stage.faults.set("openai", Fault(Kind.EMPTY))
        async with openai.AsyncOpenAI(api_key="key", base_url=f"{sim.http}/v1", max_retries=0) as client:
            answer = await client.audio.speech.create(model="m", voice="alloy", input=TEXT, response_format="pcm")
    assert answer.content == b""


# --- on the command line ---


def test_say_writes_what_it_says(tmp_path: Path) -> None:
    file = tmp_path / "three.wav"
    assert CliRunner().invoke(cli, ["say", "one two three", str(file), "--voice", "espeak"]).exit_code == 0
    pcm, rate = wav.samples(file.read_bytes())
    assert 500 < len(pcm) / 2 * 1000 / rate < 3_000
    assert "0 words" in CliRunner().invoke(cli, ["hear", str(file)]).output


async def test_the_simulator_serves_it_and_ends_its_process() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from tandem.simulator.cli import cli; cli()", "--port", "0", "--voice", "espeak"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout
    first = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
    children = psutil.Process(process.pid).children()
    url = next(word for word in first.split() if word.startswith("http://"))
    async with openai.AsyncOpenAI(api_key="key", base_url=f"{url}/v1", max_retries=0, timeout=10) as client:
        answer = await client.audio.speech.create(model="m", voice="alloy", input=TEXT, response_format="pcm")
    assert len(answer.content) > 24_000
    process.send_signal(signal.SIGINT)
    await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0
    assert len(children) == 1
    assert not any(child.is_running() for child in children)


@pytest.mark.parametrize("arguments", [("--port", "0"), ("say", "one", "never.wav")])
def test_without_the_package_the_command_says_what_to_install(arguments: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, "-c", _WITHOUT_LOADER, *arguments, "--voice", "espeak"]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, cwd=tmp_path)
    assert refused.returncode == 2
    assert "tandem[engines]" in refused.stderr
    assert "Traceback" not in refused.stderr
