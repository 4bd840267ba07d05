"""An outage is paid once per process: calls that begin during one hardly touch the dead provider, and find it again."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from caller import Caller
from websockets.asyncio.client import connect

from fakes import (
    RATE,
    CodedSpeech,
    Fail,
    FakeDetector,
    FakeModel,
    FakeRecogniser,
    FakeVoice,
    Hang,
    Listen,
    Recorder,
    Speech,
    Step,
    Text,
    chain,
    loop_clock,
    tone,
)
from gateway import real_gateway
from simulator import Simulator, simulator
from tandem.audio.align import SpeechAligner, at_once
from tandem.audio.joint import SmoothJoint
from tandem.audio.quality import MicrophoneMeter
from tandem.audio.resample import make_resampler
from tandem.core.breaker import BreakerLimits
from tandem.core.chain import Chain
from tandem.core.errors import Fault
from tandem.core.link import CallError, CallSettings, ReplyDone
from tandem.core.ports import Completed, ModelOutput, Slot, SpokenAudio
from tandem.session.equipment import Equipment, Recorded, Sentences
from tandem.session.session import Session
from tandem.simulator import faults

Provider = FakeRecogniser | FakeModel | FakeVoice
Script = list[Step | Listen | Text | ModelOutput | Speech]

CALLS = 20
APART_S = 3.0  # between the beginnings of two calls: 20 calls a minute
STAYS_MS = 2_000  # after the reply, before a caller hangs up
WORDS = "how many is it"
ANSWER = "It is forty two."
MOST_ATTEMPTS = 5  # on a dead provider, in a minute
RAMP_MS = BreakerLimits().ramp_step_ms * len(BreakerLimits().ramp)


class Process:
    """What the calls of a process share: a chain of two providers in each slot."""

    def __init__(self) -> None:
        self.speech = CodedSpeech()
        self.told = Recorder()
        self.ears = [FakeRecogniser(name, hear=self.speech.hear) for name in ("first", "second")]
        self.models = [FakeModel(name, answer=ANSWER) for name in ("first", "second")]
        self.voices = [FakeVoice(name) for name in ("first", "second")]
        silence = Recorded("Not now.", {"first": SpokenAudio(tone(100), RATE)})
        self.equipment = Equipment(
            stt=chain(Slot.STT, *self.ears, told=self.told),
            llm=chain(Slot.LLM, *self.models, told=self.told),
            tts=chain(Slot.TTS, *self.voices, told=self.told),
            make_detector=FakeDetector,
            make_meter=lambda: MicrophoneMeter(RATE),
            make_resampler=make_resampler,
            make_joint=SmoothJoint,
            aligner=SpeechAligner(at_once),
            notify=self.told,
            clock=loop_clock,
            instructions="Be brief.",
            sentences=Sentences(silence, Recorded("Wait.", {}), silence, silence, silence),
        )

    def chain(self, slot: Slot) -> Chain[Any]:
        chains: dict[Slot, Chain[Any]] = {
            Slot.STT: self.equipment.stt,
            Slot.LLM: self.equipment.llm,
            Slot.TTS: self.equipment.tts,
        }
        return chains[slot]

    def primary(self, slot: Slot) -> Provider:
        provider: Provider = self.chain(slot).members[0].provider
        return provider

    def streams(self, slot: Slot) -> list[int]:
        """Return how many streams each provider of the slot has opened."""
        return [member.provider.streams.opened for member in self.chain(slot).members]

    async def call(self) -> None:
        """A call of one spoken turn, in which no word is lost and nothing is said twice."""
        caller = Caller(self.speech)
        session = Session("call", CallSettings(output_rate=RATE), caller, self.equipment)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(session.run())
            await caller.say(WORDS)
            done = await caller.until(ReplyDone)
            await caller.silence(STAYS_MS)
            caller.hang_up()
            await running
        assert caller.finals() == [WORDS]
        assert (done.text, done.heard_text) == (ANSWER, ANSWER)
        assert not caller.all(CallError)


WELL: dict[Slot, list[Script]] = {
    Slot.STT: [[Listen()]],
    Slot.LLM: [[Text(), Completed("stop")]],
    Slot.TTS: [[Speech()]],
}
DEAD: dict[str, dict[Slot, list[Script]]] = {
    "refused": {slot: [[Fail(Fault.REFUSED)]] for slot in Slot},
    "hangs": {slot: [[Hang()]] for slot in Slot},
    "cut after output": {
        Slot.STT: [[Listen(400), Fail()]],
        Slot.LLM: [[Text("It is"), Fail()]],
        Slot.TTS: [[Speech(3), Fail()]],
    },
}


@pytest.mark.looptime
@pytest.mark.parametrize("slot", Slot)
@pytest.mark.parametrize("fault", DEAD)
async def test_an_outage_is_paid_once_per_process_not_once_per_call(fault: str, slot: Slot) -> None:
    """20 calls that begin in a minute of an outage make at most 5 attempts on the dead provider; each is served.

    Once it is well again, it serves within one cool-down, the two calls that try it, and the ramp.
    """
    process = Process()
    primary, breaker = process.primary(slot), process.chain(slot).members[0].breaker
    primary.scripts = DEAD[fault][slot]  # type: ignore[assignment]
    async with asyncio.TaskGroup() as calls:
        for _ in range(CALLS):
            calls.create_task(process.call())
            await asyncio.sleep(APART_S)
        paid = primary.streams.opened
        primary.scripts = WELL[slot]  # type: ignore[assignment]
        well_at = loop_clock() + breaker.cool_down_left_ms + 3 * APART_S * 1000 + RAMP_MS
        while loop_clock() < well_at:
            calls.create_task(process.call())
            await asyncio.sleep(APART_S)
        assert breaker.trusted
        before = process.streams(slot)
        await process.call()
        after = process.streams(slot)
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 0]
    # That a recogniser is silent is known only after an utterance: by then the next call has begun.
    silent = slot is Slot.STT and fault == "hangs"
    assert paid <= MOST_ATTEMPTS + silent


@pytest.mark.looptime
@pytest.mark.parametrize("slot", Slot)
@pytest.mark.parametrize("fault", DEAD)
async def test_twenty_calls_that_an_outage_meets_at_once_are_all_served(fault: str, slot: Slot) -> None:
    process = Process()
    process.primary(slot).scripts = DEAD[fault][slot]  # type: ignore[assignment]
    async with asyncio.TaskGroup() as calls:
        for _ in range(CALLS):
            calls.create_task(process.call())


# --- once for real -------------------------------------------------------------------------------------------


@asynccontextmanager
async def vendors() -> AsyncIterator[tuple[Simulator, str]]:
    """Run the simulator and a gateway with Groq before OpenAI; yield the simulator and the gateway's address.

    Groq is reached over the shared door, where the simulator sees a request before it resets its connection.
    """
    async with simulator() as sim:
        urls = {"groq": sim.http, "openai": f"{sim.http}/v1", "cartesia": sim.http, "deepgram": sim.http}
        settings: dict[str, object] = {f"{name}_base_url": url for name, url in urls.items()}
        settings |= {f"{name}_api_key": "key" for name in urls}
        async with real_gateway(**settings, voice_detector="level") as address:
            yield sim, f"ws://{address}/voice/new"


async def typed(url: str, text: str) -> tuple[str, set[str]]:
    """Have a call of one typed turn; return the reply, and who wrote it."""
    reply, writers, sounded = "", set[str](), False
    async with asyncio.timeout(20), connect(url) as socket:
        await socket.send('{"type":"hello","output":{"framing":"binary"}}')
        await socket.send(json.dumps({"type": "text_message", "text": text}))
        async for message in socket:
            if isinstance(message, bytes):
                sounded = True
                continue
            told = json.loads(message)
            if told["type"] == "response_text":
                reply += told["delta"]
                writers.add(told["provider"])
            assert told["type"] != "error"
            if told["type"] == "response_done":
                assert sounded
                assert told["heard_text"] == told["text"] == reply.strip()
                return reply, writers
    raise AssertionError("the gateway hung up")


async def test_an_outage_of_groq_is_paid_once_and_its_end_is_noticed() -> None:
    """20 calls at a gateway whose Groq resets every connection: Groq sees at most 5 requests, each caller an answer.

    The cool-down is 5 s, or 10 s where a probe has failed meanwhile; then two calls try Groq, and it serves again.
    """
    async with vendors() as (sim, url):
        sim.stage.requests.clear()  # what the gateway opened its connections with
        sim.stage.faults.set("groq", faults.Fault(faults.Kind.REFUSED))
        async with asyncio.TaskGroup() as group:
            calls = []
            for _ in range(CALLS):
                calls.append(group.create_task(typed(url, "seven")))
                await asyncio.wait(calls[-1:], timeout=0.2)
        assert {writer for call in calls for writer in call.result()[1]} == {"openai"}
        assert len({call.result()[0] for call in calls}) == 1
        assert len(sim.stage.requests.of("groq", "chat")) <= MOST_ATTEMPTS
        sim.stage.faults.clear("groq")
        async with asyncio.timeout(25):
            while (await typed(url, "seven"))[1] != {"groq"}:
                pass
