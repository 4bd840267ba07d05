"""What every speech-to-text provider must do. Run it over yours: subclass SttContract and say how to open it."""

import asyncio
import re
import wave
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np
import pytest
import pytest_asyncio
import soxr

from tandem.core.audio import AudioFrame, duration_ms
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpeechMark, SpeechToText, SttOptions, Transcript

Event = AudioFrame | SpeechMark

RATE = 16_000
CANCEL_WITHIN_S = 0.05  # the quickest of several tries: a busy machine delays one or the other
_SPEECH = Path(__file__).parent / "speech"


@dataclass(frozen=True)
class Recording:
    """A spoken sentence: its text, and mono 16-bit PCM at 16 kHz."""

    text: str
    pcm: bytes


def recording(file: str, text: str) -> Recording:
    """Return a recording of the folder `speech` with the quiet around it that a voice detector would leave."""
    with wave.open(str(_SPEECH / file)) as sound:
        pcm = sound.readframes(sound.getnframes())
    return Recording(text, pcm[RATE * 2 * 200 // 1000 : -RATE * 2 * 500 // 1000])


UNITS = recording("units.wav", "How many feet are in ten meters?")
TIME = recording("time.wav", "What time is it?")
SECOND_OF_SILENCE = bytes(RATE * 2)


def noise(level: float, seconds: float = 2.0) -> bytes:
    """Return white noise with an RMS of `level` (full scale 1.0)."""
    samples = np.random.default_rng(7).normal(0, level, int(RATE * seconds))
    return (samples.clip(-1, 1) * 32767).astype("<i2").tobytes()


def utterance(pcm: bytes, start_ms: float = 0.0, *, rate: int = RATE, sizes: Sequence[int] = (640,)) -> list[Event]:
    """Return `pcm` between the two marks, cut into frames of `sizes` bytes in turn."""
    events: list[Event] = [SpeechMark.STARTED]
    at = turn = 0
    while at < len(pcm):
        size = sizes[turn % len(sizes)]
        events.append(AudioFrame(pcm[at : at + size], rate, start_ms + duration_ms(at, rate)))
        at, turn = at + size, turn + 1
    return [*events, SpeechMark.STOPPED]


def quiet(seconds: float, start_ms: float = 0.0) -> list[Event]:
    """Return silence outside of any utterance."""
    return [AudioFrame(bytes(640), RATE, start_ms + index * 20.0) for index in range(round(seconds * 1000 / 20))]


async def playing(events: Sequence[Event], *, then: asyncio.Event | None = None) -> AsyncIterator[Event]:
    """Give `events` as fast as they are taken; with `then`, the call goes on in silence until it is set."""
    for event in events:
        yield event
        await asyncio.sleep(0)
    if then is not None:
        await then.wait()


async def heard(provider: SpeechToText, events: Sequence[Event], options: SttOptions | None = None) -> list[Transcript]:
    """Return every transcript of a stream that ends after `events`."""
    async with aclosing(provider.transcribe(playing(events), options or SttOptions())) as transcripts:
        return [transcript async for transcript in transcripts]


def finals(transcripts: Sequence[Transcript]) -> list[Transcript]:
    return [transcript for transcript in transcripts if transcript.final]


def plain(text: str) -> str:
    """Return `text` as words only: no case, no punctuation."""
    return " ".join(re.findall(r"[a-z0-9']+", text.casefold()))


def word_error_rate(said: str, got: str) -> float:
    return jiwer.wer(plain(said), plain(got) or "-")


@pytest.mark.asyncio(loop_scope="class")
class SttContract:
    """Subclass it as `class TestYours(SttContract)`, define `opened`, and loosen `wer_limit` if you must.

    `units` and `time` are two different sentences that your provider understands: recorded ones, unless it hears a
    voice of its own.
    One provider serves the whole class, as it serves a process: what one test leaves undone shows in the next.
    """

    wer_limit = 0.2
    rates: tuple[int, ...] = (8_000, 24_000)
    units = UNITS
    time = TIME

    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[SpeechToText]:
        """Return a context manager that gives a new provider and ends it without a trace."""
        raise NotImplementedError

    async def break_engine(self, provider: SpeechToText) -> None:
        """Make the engine or the vendor behind `provider` fail.

        It begins before the request that must then fail, and runs beside it. Without it that test is skipped.
        """
        raise NotImplementedError

    @pytest_asyncio.fixture(scope="class", loop_scope="class")
    @classmethod
    async def provider(cls) -> AsyncIterator[SpeechToText]:
        async with cls.opened() as provider:
            yield provider

    def assert_heard(self, said: Recording, got: Transcript) -> None:
        assert word_error_rate(said.text, got.text) <= self.wer_limit, got.text

    async def test_an_utterance_gives_one_final_transcript_after_its_interim_ones(self, provider: SpeechToText) -> None:
        transcripts = await heard(provider, quiet(0.4) + utterance(self.units.pcm, 400.0))
        *before, last = transcripts
        assert last.final
        assert last.ends_utterance
        assert not [transcript for transcript in before if transcript.final]
        self.assert_heard(self.units, last)

    async def test_a_transcript_says_where_in_the_stream_it_was_heard(self, provider: SpeechToText) -> None:
        length_ms = duration_ms(len(self.units.pcm), RATE)
        transcripts = await heard(
            provider, quiet(2.0) + utterance(self.units.pcm, 2000.0) + quiet(0.5, 2000.0 + length_ms)
        )
        for transcript in transcripts:
            assert 1600.0 <= transcript.start_ms < transcript.end_ms <= 2000.0 + length_ms + 100.0
            for word in transcript.words:
                assert transcript.start_ms <= word.start_ms < word.end_ms <= transcript.end_ms + 100.0

    async def test_a_stream_gives_one_final_for_each_of_two_utterances(self, provider: SpeechToText) -> None:
        gap_ms = duration_ms(len(self.units.pcm), RATE)
        events = utterance(self.units.pcm) + quiet(1.0, gap_ms) + utterance(self.time.pcm, gap_ms + 1000.0)
        first, second = finals(await heard(provider, events))
        self.assert_heard(self.units, first)
        self.assert_heard(self.time, second)
        assert first.ends_utterance
        assert second.ends_utterance
        assert second.start_ms >= first.end_ms - 300.0

    async def test_the_final_comes_while_the_call_goes_on(self, provider: SpeechToText) -> None:
        hung_up = asyncio.Event()
        audio = playing(utterance(self.units.pcm), then=hung_up)
        async with aclosing(provider.transcribe(audio, SttOptions())) as transcripts:
            async for transcript in transcripts:
                if transcript.ends_utterance:
                    hung_up.set()
        assert hung_up.is_set()

    async def test_silence_between_the_marks_yields_an_empty_final(self, provider: SpeechToText) -> None:
        transcripts = await heard(provider, utterance(SECOND_OF_SILENCE))
        assert [(each.text, each.ends_utterance) for each in transcripts] == [("", True)]

    @pytest.mark.parametrize("level", [0.001, 0.01, 0.1])
    async def test_white_noise_between_the_marks_yields_no_word(self, provider: SpeechToText, level: float) -> None:
        transcripts = await heard(provider, utterance(noise(level)))
        assert [each.text for each in finals(transcripts)] == [""]

    async def test_a_stop_without_a_start_is_answered_by_an_empty_final(self, provider: SpeechToText) -> None:
        transcripts = await heard(provider, [*quiet(0.2), SpeechMark.STOPPED])
        assert [(each.text, each.ends_utterance) for each in transcripts] == [("", True)]

    async def test_an_utterance_without_audio_is_answered_by_an_empty_final(self, provider: SpeechToText) -> None:
        transcripts = await heard(provider, [SpeechMark.STARTED, SpeechMark.STOPPED])
        assert [(each.text, each.ends_utterance) for each in transcripts] == [("", True)]

    async def test_a_stream_in_which_nobody_speaks_yields_nothing(self, provider: SpeechToText) -> None:
        assert await heard(provider, quiet(1.0)) == []

    async def test_frames_of_odd_and_of_no_length_lose_nothing(self, provider: SpeechToText) -> None:
        events = utterance(self.units.pcm, sizes=(641, 1, 0, 333, 2, 0, 7))
        # A frame of no bytes makes no progress through the recording, so it is put in here.
        events[2:2] = [AudioFrame(b"", RATE, 20.0)] * 3
        self.assert_heard(self.units, finals(await heard(provider, events))[0])

    async def test_audio_at_other_rates_is_understood(self, provider: SpeechToText) -> None:
        for rate in self.rates:
            await self.assert_heard_at(rate, provider)

    async def assert_heard_at(self, rate: int, provider: SpeechToText) -> None:
        pcm = soxr.resample(np.frombuffer(self.units.pcm, dtype="<i2"), RATE, rate).astype("<i2").tobytes()
        events = utterance(pcm, rate=rate, sizes=(rate // 50 * 2,))
        (final,) = finals(await heard(provider, events, SttOptions(sample_rate=rate)))
        assert word_error_rate(self.units.text, final.text) <= self.wer_limit + 0.15, final.text
        assert final.end_ms == pytest.approx(duration_ms(len(self.units.pcm), RATE), abs=100)

    async def test_twenty_streams_at_once_do_not_mix(self, provider: SpeechToText) -> None:
        async with asyncio.TaskGroup() as group:
            calls = [
                (said, group.create_task(heard(provider, utterance(said.pcm)))) for said in (self.units, self.time) * 10
            ]
        for said, call in calls:
            (final,) = finals(call.result())
            self.assert_heard(said, final)

    async def test_closing_within_an_utterance_returns_at_once_and_frees_the_engine(
        self, provider: SpeechToText
    ) -> None:
        loop = asyncio.get_running_loop()
        took = []
        for _ in range(5):
            listening = asyncio.Event()
            stream = provider.transcribe(_until_cancelled(self.units, listening), SttOptions())
            task = asyncio.ensure_future(_read(stream))
            await listening.wait()
            began = loop.time()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await stream.aclose()
            took.append(loop.time() - began)
        assert min(took) < CANCEL_WITHIN_S
        self.assert_heard(self.units, finals(await heard(provider, utterance(self.units.pcm)))[0])

    async def test_closing_between_two_transcripts_returns_at_once(self, provider: SpeechToText) -> None:
        loop = asyncio.get_running_loop()
        took = []
        for _ in range(3):
            stream = provider.transcribe(playing(utterance(self.units.pcm) * 2), SttOptions())
            await anext(stream)
            began = loop.time()
            await stream.aclose()
            took.append(loop.time() - began)
        assert min(took) < CANCEL_WITHIN_S

    async def test_an_error_in_the_audio_reaches_the_reader(self, provider: SpeechToText) -> None:
        async def failing() -> AsyncIterator[Event]:
            yield SpeechMark.STARTED
            raise ConnectionResetError

        async with aclosing(provider.transcribe(failing(), SttOptions())) as transcripts:
            with pytest.raises(ConnectionResetError):
                await anext(transcripts)

    async def test_a_broken_engine_is_a_provider_error(self) -> None:
        if type(self).break_engine is SttContract.break_engine:
            pytest.skip(
                "nothing says how to break this provider's engine: subclass SttContract and define break_engine"
            )
        async with self.opened() as provider:
            fault = await self.fault_of_a_broken_engine(provider)
        assert fault in {Fault.CUT, Fault.REFUSED, Fault.UNAVAILABLE}

    async def fault_of_a_broken_engine(self, provider: SpeechToText) -> Fault:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.break_engine(provider))
            await asyncio.sleep(0)
            with pytest.raises(ProviderError) as raised:
                await heard(provider, utterance(self.units.pcm))
        assert raised.value.provider == provider.name
        return raised.value.fault


async def _read(transcripts: AsyncIterator[Transcript]) -> None:
    """Take transcripts, interim ones for the most part, and drop them."""
    async for _ in transcripts:
        pass


async def _until_cancelled(said: Recording, listening: asyncio.Event) -> AsyncIterator[Event]:
    """Speak, then fall silent without a STOPPED, for ever."""
    for event in utterance(said.pcm)[:-1]:
        yield event
    await asyncio.sleep(0)
    listening.set()
    await asyncio.Event().wait()
