"""The detector that many calls share: it hears what a call's own one hears, in fewer runs; no call disturbs another."""

import asyncio
import json
import wave
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from silero import Alone
from tandem.audio.vad import SileroModel
from tandem.audio.vad_shared import MOST_TOGETHER, TOGETHER_MS, SharedDetector, SharedSilero

LISTING = Path(__file__).parent.parent / "audio" / "questions.json"
FILES = [LISTING.parent / entry["file"] for entry in json.loads(LISTING.read_text())]
FRAME = 640  # bytes of 20 ms
WINDOW = 1024  # bytes of 32 ms
Tell = Callable[[list[float]], None]

pytestmark = [pytest.mark.asyncio, pytest.mark.looptime]


class CountingModel(SileroModel):
    """The real network, which notes how many windows each run judges."""

    def __init__(self, session: Any) -> None:
        super().__init__(session)
        self.runs: list[int] = []

    def judge(
        self, samples: NDArray[np.float32], state: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        self.runs.append(len(samples))
        return super().judge(samples, state)


@pytest.fixture
def model() -> CountingModel:
    model = CountingModel.load()
    assert isinstance(model, CountingModel)
    return model


def recording(file: Path) -> bytes:
    with wave.open(str(file), "rb") as sound:
        return sound.readframes(sound.getnframes())


def calls(model: SileroModel, count: int) -> tuple[list[SharedDetector], list[list[float]]]:
    """Return detectors that share the network, and what each has told so far."""
    shared = SharedSilero(model)
    told: list[list[float]] = [[] for _ in range(count)]
    return [shared.detector(heard.extend) for heard in told], told


async def pass_ms(ms: float) -> None:
    """Let the virtual clock run."""
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.call_later(ms / 1000, over.set)
    await over.wait()


async def speak(detector: SharedDetector, pcm: bytes, late_ms: float) -> None:
    """Feed a recording as a microphone does, in frames of 20 ms."""
    await pass_ms(late_ms)
    for start in range(0, len(pcm), FRAME):
        detector.feed(pcm[start : start + FRAME])
        await pass_ms(20)


async def test_calls_that_share_the_network_hear_what_they_would_hear_alone(model: CountingModel) -> None:
    spoken = [recording(file) for file in FILES]
    detectors, told = calls(model, len(spoken))
    async with asyncio.TaskGroup() as group:
        for place, pcm in enumerate(spoken):
            group.create_task(speak(detectors[place], pcm, late_ms=place * 1.7))
    shared_runs = len(model.runs)
    for pcm, heard in zip(spoken, told, strict=True):
        alone = Alone(model).feed(pcm)
        assert len(heard) == len(alone)
        np.testing.assert_allclose(heard, alone, atol=1e-4)
    assert sum(model.runs[:shared_runs]) > 3 * shared_runs


async def test_a_lone_call_is_told_of_each_window_while_it_feeds_it(model: CountingModel) -> None:
    (detector,), (told,) = calls(model, 1)
    assert detector.window_ms == 32
    for count in range(1, 6):
        detector.feed(bytes(WINDOW - 2))
        assert len(told) == count - 1
        detector.feed(bytes(2))
        assert len(told) == count
        await pass_ms(20)  # as in frames of 20 ms: now 20, now 40


async def test_windows_that_come_close_together_are_judged_in_one_run_within_a_window(model: CountingModel) -> None:
    detectors, told = calls(model, 5)
    for detector in detectors:
        detector.feed(bytes(WINDOW))
    assert [len(heard) for heard in told] == [1, 0, 0, 0, 0]
    await pass_ms(TOGETHER_MS - 1)
    assert [len(heard) for heard in told] == [1, 0, 0, 0, 0]
    await pass_ms(2)
    assert [len(heard) for heard in told] == [1, 1, 1, 1, 1]
    assert model.runs == [1, 4]


async def test_no_run_judges_more_windows_than_the_event_loop_can_bear(model: CountingModel) -> None:
    detectors, told = calls(model, 1 + 2 * MOST_TOGETHER)
    for detector in detectors:
        detector.feed(bytes(WINDOW))
    assert model.runs == [1, MOST_TOGETHER, MOST_TOGETHER]
    await asyncio.sleep(0)
    assert all(len(heard) == 1 for heard in told)


async def test_in_a_burst_each_window_is_told_before_the_next_but_one_is_taken(model: CountingModel) -> None:
    pcm = recording(FILES[0])[: 60 * WINDOW]
    (_, detector), (_, told) = calls(model, 2)
    for at in range(0, len(pcm), WINDOW):
        detector.feed(pcm[at : at + WINDOW])
        assert len(told) >= at // WINDOW
    await pass_ms(2 * TOGETHER_MS)
    np.testing.assert_allclose(told, Alone(model).feed(pcm), atol=1e-4)


async def test_a_burst_has_the_waiting_windows_of_others_judged_with_it_and_in_their_order(
    model: CountingModel,
) -> None:
    pcm = recording(FILES[0])[: 40 * WINDOW]
    (busy, other), (_, told) = calls(model, 2)
    for at in range(0, len(pcm), WINDOW):
        other.feed(pcm[at : at + WINDOW])
        busy.feed(bytes(2 * WINDOW))
    await pass_ms(2 * TOGETHER_MS)
    np.testing.assert_allclose(told, Alone(model).feed(pcm), atol=1e-4)


async def test_after_a_reset_nothing_is_told_of_what_was_heard_before(model: CountingModel) -> None:
    pcm = recording(FILES[0])
    (first, detector), (_, told) = calls(model, 2)
    first.feed(bytes(WINDOW))
    detector.feed(pcm[:WINDOW])  # it waits
    detector.reset()
    await pass_ms(2 * TOGETHER_MS)
    assert told == []
    await speak(detector, pcm, late_ms=0)
    await pass_ms(2 * TOGETHER_MS)
    np.testing.assert_allclose(told, Alone(model).feed(pcm), atol=1e-4)


async def test_a_reset_between_the_judging_and_the_telling_counts(model: CountingModel) -> None:
    (first, other, detector), (_, _, told) = calls(model, 3)
    first.feed(bytes(WINDOW))
    detector.feed(bytes(WINDOW))
    other.feed(bytes(2 * WINDOW))  # this has both judged
    assert model.runs == [1, 2]
    detector.reset()
    await pass_ms(2 * TOGETHER_MS)
    assert told == []


async def test_a_call_that_fails_when_it_is_told_disturbs_no_other(model: CountingModel) -> None:
    trouble: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: trouble.append(context["exception"]))
    shared = SharedSilero(model)
    told: list[float] = []
    first, failing, sound = (shared.detector(tell) for tell in (_nothing, partial(_fail, "broken"), told.extend))
    for detector in (first, failing, sound):
        detector.feed(bytes(WINDOW))
    await pass_ms(2 * TOGETHER_MS)
    assert len(told) == 1
    assert [str(error) for error in trouble] == ["broken"]


def _nothing(_: list[float]) -> None:
    pass


def _fail(why: str, _: list[float]) -> None:
    raise RuntimeError(why)


async def test_half_a_sample_is_refused_and_leaves_the_stream_whole(model: CountingModel) -> None:
    (detector,), (told,) = calls(model, 1)
    with pytest.raises(ValueError, match="half a 16-bit sample"):
        detector.feed(bytes(WINDOW - 1))
    detector.feed(bytes(WINDOW))
    assert len(told) == 1


async def test_after_half_a_second_of_silence_the_network_rests_until_there_is_a_sound(model: CountingModel) -> None:
    (detector,), (told,) = calls(model, 1)
    for _ in range(100):
        detector.feed(bytes(WINDOW))
        await pass_ms(32)
    assert len(model.runs) == 16
    assert len(told) == 100
    assert told[16:] == [0.0] * 84
    detector.feed(recording(FILES[0])[30 * WINDOW : 40 * WINDOW])
    await pass_ms(32)
    assert len(told) == 110
    assert len(model.runs) > 16


async def test_a_voice_behind_a_long_silence_is_heard_as_early_as_one_behind_a_short_silence(
    model: CountingModel,
) -> None:
    pcm = recording(FILES[0])
    found = []
    for seconds in (0.48, 4.8):
        (detector,), (told,) = calls(model, 1)
        detector.feed(bytes(int(seconds * 32_000)) + pcm)
        await pass_ms(32)
        voiced = next(at for at, probability in enumerate(told) if probability >= 0.5)
        found.append(voiced - seconds * 1000 / 32)
    assert abs(found[0] - found[1]) <= 1


async def test_faint_noise_of_a_microphone_is_judged(model: CountingModel) -> None:
    (detector,), (told,) = calls(model, 1)
    noise = np.random.default_rng(1).normal(0, 100, 50 * WINDOW // 2)  # -50 dBFS
    detector.feed(noise.astype("<i2").tobytes())
    await pass_ms(32)
    assert len(told) == sum(model.runs) == 50
