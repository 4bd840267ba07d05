"""The first conversation, end to end: real engines, real audio, a real socket."""

import asyncio
import threading
from collections.abc import AsyncIterator

import numpy as np
import psutil
import pytest
import pytest_asyncio

from gateway import real_gateway
from questions import Question, questions, recording, word_error_rate
from tandem.audio.resample import make_resampler
from tandem.core.audio import AudioFrame
from tandem.core.ports import SpeechMark, SttOptions
from tandem.providers.local.moonshine import Moonshine
from tandem.talk import OUTPUT_RATE, Recording, Report, talk

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.alone]


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def gateway() -> AsyncIterator[str]:
    async with real_gateway() as address:
        yield f"ws://{address}/voice/new"


async def ask(gateway: str, question: Question) -> tuple[Report, bytes]:
    return await talk(gateway, Recording.read(question.file))


async def heard_by_recogniser(pcm: bytes) -> str:
    """Return what the local recogniser understands of audio at OUTPUT_RATE."""
    resampler = make_resampler(OUTPUT_RATE, 16_000)
    audio = resampler.feed(pcm) + resampler.flush()

    async def stream() -> AsyncIterator[AudioFrame | SpeechMark]:
        yield SpeechMark.STARTED
        yield AudioFrame(audio, 16_000, 0)
        yield SpeechMark.STOPPED

    async with Moonshine.open(1) as recogniser:
        finals = [t.text async for t in recogniser.transcribe(stream(), SttOptions()) if t.final]
    return " ".join(finals)


async def test_five_recorded_questions_are_understood_and_answered_aloud(gateway: str) -> None:
    asked = questions()[:5]
    answers = await asyncio.gather(*(ask(gateway, question) for question in asked))
    assert word_error_rate([q.text for q in asked], [report.transcript for report, _ in answers]) <= 0.15
    for report, pcm in answers:
        assert report.heard == report.reply
        assert report.providers.keys() == {"stt", "llm", "tts"}
        assert None not in report.parts.values()
        assert len(pcm) / 2 / OUTPUT_RATE * 1000 == pytest.approx(report.audio_ms, abs=1)
    spoken = [await heard_by_recogniser(pcm) for _, pcm in answers]
    assert word_error_rate([report.heard for report, _ in answers], spoken) <= 0.25


async def test_a_typed_question_gets_a_spoken_reply(gateway: str) -> None:
    report, pcm = await talk(gateway, "What is seven times eight?")
    assert report.heard == "Seven times eight is fifty six."
    assert np.abs(np.frombuffer(pcm, "<i2")).max() > 1000


async def test_what_was_said_earlier_in_the_call_is_remembered(gateway: str) -> None:
    told, asked = (Recording.read(recording(name)) for name in ("name_tell", "name_ask"))
    pause = np.zeros(told.rate * 5, dtype=np.int16)  # the reply to the first is heard meanwhile
    both = Recording(np.concatenate([told.samples, pause, asked.samples]), told.rate)
    report, _ = await talk(gateway, both)
    assert "alice" in report.heard.lower()


async def test_a_caller_who_speaks_over_the_reply_stops_it(gateway: str) -> None:
    long_answer, stop = Recording.read(recording("help")), Recording.read(recording("stop"))
    pause = np.zeros(int(long_answer.rate * 1.2), dtype=np.int16)  # the reply has begun by then
    both = Recording(np.concatenate([long_answer.samples, pause, stop.samples]), long_answer.rate)
    replies: list[tuple[str, str]] = []

    def show(report: Report, interim: str) -> None:
        if report.heard and (not replies or replies[-1] != (report.reply, report.heard)):
            replies.append((report.reply, report.heard))

    await talk(gateway, both, show=show)
    whole, heard = replies[0]
    assert heard != whole
    assert whole.startswith(heard)


async def test_ten_calls_at_once_are_answered_and_leave_nothing_behind() -> None:
    async with real_gateway() as address:
        url = f"ws://{address}/voice/new"
        idle = asyncio.all_tasks()
        asked = (questions() * 2)[:10]
        kept: list[tuple[int, int]] = []
        # An engine starts what it keeps once it is busy, on a slow machine late; what is left behind grows every time.
        while len(kept) < 2 or (kept[-1] != kept[-2] and len(kept) < 4):
            answers = await asyncio.gather(*(ask(url, question) for question in asked))
            await ended(idle)
            kept.append(threads_and_processes())
        assert kept[-1] == kept[-2]
    assert all(report.heard and report.heard == report.reply for report, _ in answers)
    assert word_error_rate([q.text for q in asked], [report.transcript for report, _ in answers]) <= 0.15


async def test_a_gateway_that_stops_leaves_no_task_thread_or_process() -> None:
    idle, before = asyncio.all_tasks(), threads_and_processes()
    async with real_gateway() as address:
        await talk(f"ws://{address}/voice/new", "What time is it?")
    await ended(idle)
    assert threads_and_processes() == before


def threads_and_processes() -> tuple[int, int]:
    return threading.active_count(), len(psutil.Process().children(recursive=True))


async def ended(idle: set[asyncio.Task[object]]) -> None:
    """Wait until no task is left but those that were there when nobody called."""
    async with asyncio.timeout(5):
        while asyncio.all_tasks() - idle:
            await asyncio.sleep(0)
