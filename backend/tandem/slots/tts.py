"""The text-to-speech slot: one phrase at the call's rate, begun by the first voice that can, ended by whoever can."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace

from tandem.core.audio import duration_ms
from tandem.core.chain import Chain
from tandem.core.deadline import Deadline
from tandem.core.hedge import HedgeLimits
from tandem.core.pace import Pace
from tandem.core.ports import (
    Aligner,
    MakeResampler,
    MakeVoiceJoint,
    Resampler,
    SpokenAudio,
    TextToSpeech,
    TtsOptions,
    VoiceJoint,
)
from tandem.core.splice import Splice
from tandem.slots.failover import Failover
from tandem.slots.handover import Handover
from tandem.slots.request import Bench, Request, Served, SlotLimits
from tandem.slots.spoken import checked

LIMITS = SlotLimits(slow_ms=350, hard_ms=700, give_up_ms=6_000, hedge=HedgeLimits(200, 400))
_STALL_MS = 250  # without a byte
_PACE_FLOOR, _PACE_WINDOW_MS = 1.1, 600  # ms of audio a ms, judged by the last 600 ms
_LEAST_LEAD_MS = 400  # while the caller has less audio ahead than this
_TIGHT_MS = 120  # with less ahead, audio goes out even within a word


class TtsSlot:
    """Speaks phrases over its chain of voices; whatever rate a voice speaks at, the output is at `output_rate` Hz."""

    def __init__(
        self,
        chain: Chain[TextToSpeech],
        bench: Bench,
        *,
        output_rate: int,
        make_resampler: MakeResampler,
        make_joint: MakeVoiceJoint,
        aligner: Aligner,
    ) -> None:
        self._failover = Failover(chain, bench)
        self._clock = bench.clock
        self._output_rate = output_rate
        self._make_resampler = make_resampler
        self._joint = make_joint(output_rate)
        self._aligner = aligner
        self._voice = ""  # that spoke last

    def new_turn(self) -> None:
        """The preferred voice may serve again."""
        self._failover.new_turn()
        self._joint.new_turn()

    async def speak(
        self,
        phrase: str,
        options: TtsOptions,
        *,
        lead_ms: Callable[[], float] = lambda: 0.0,
        deadline: Deadline | None = None,
    ) -> AsyncGenerator[Served[SpokenAudio], None]:
        """Yield the phrase's audio as it is made; raises ChainSpent.

        A voice that fails is followed by the next one, from the first word of which not all was given. `lead_ms` says
        how much audio the caller still has to hear.
        """
        splice = Splice(phrase, self._aligner.quiet_bytes)
        handover, pace = Handover(splice, self._aligner, self._clock), Pace(self._clock, _PACE_WINDOW_MS, _PACE_FLOOR)
        request: Request[TextToSpeech, SpokenAudio] = Request(
            open_stream=lambda voice: checked(voice, splice.take_over(), options),
            stall_ms=lambda: max(_STALL_MS, lead_ms() - _LEAST_LEAD_MS),
            too_slow=lambda: pace.too_slow and lead_ms() < _LEAST_LEAD_MS,
            done=lambda: not _can_sound(splice.take_over()),
            given=lambda: splice.sent_ms,
            may_be_empty=not _can_sound(phrase),
            urgent=lambda: lead_ms() < _LEAST_LEAD_MS,
            deadline=deadline,
        )
        self._failover.shadow(replace(request, open_stream=lambda voice: checked(voice, phrase, options)))
        line = _Line(self._joint, self._make_resampler, self._output_rate)
        served = Served(SpokenAudio(b"", self._output_rate), "")
        async with aclosing(self._failover.run(request)) as pieces:
            async for served in pieces:
                self._voice = served.provider
                pace.took(served.attempt, duration_ms(len(served.item.pcm), served.item.sample_rate))
                audio = await handover.feed(served, urgent=lead_ms() < _TIGHT_MS)
                if out := line.feed(audio, served):
                    yield Served(out, served.provider, served.attempt)
        if out := line.end(await handover.finish()):
            yield Served(out, served.provider, served.attempt)

    async def replay(self, recordings: Mapping[str, SpokenAudio]) -> AsyncGenerator[Served[SpokenAudio], None]:
        """Yield audio that was made ahead of time, at the call's rate: by the voice that spoke last, or any other."""
        recording = recordings.get(self._voice) or next(iter(recordings.values()), None)
        if recording is None:
            return
        resampler = self._make_resampler(recording.sample_rate, self._output_rate)
        pcm = resampler.feed(recording.pcm) + resampler.flush()
        if pcm:
            yield Served(SpokenAudio(pcm, self._output_rate), "recording")


class _Line:
    """Puts the audio of one voice after another in one phrase, at one rate."""

    def __init__(self, joint: VoiceJoint, make_resampler: MakeResampler, output_rate: int) -> None:
        self._joint = joint
        self._make_resampler = make_resampler
        self._output_rate = output_rate
        self._resampler: Resampler | None = None
        self._attempt = 0

    def feed(self, audio: SpokenAudio, served: Served[SpokenAudio]) -> SpokenAudio | None:
        """Take audio of the voice that served it; return what can go out, None for nothing."""
        pcm = b""
        if self._resampler is None or served.attempt != self._attempt:
            pcm = self._joint.feed(self._resampler.flush()) if self._resampler else b""
            self._joint.begin(served.provider, joined=self._resampler is not None)
            self._attempt = served.attempt
            self._resampler = self._make_resampler(audio.sample_rate, self._output_rate)
        pcm += self._joint.feed(self._resampler.feed(audio.pcm))
        return SpokenAudio(pcm, self._output_rate, audio.words) if pcm or audio.words else None

    def end(self, audio: SpokenAudio) -> SpokenAudio | None:
        """Take the last audio; return what is left."""
        if self._resampler is None:
            return None
        pcm = self._joint.feed(self._resampler.feed(audio.pcm) + self._resampler.flush())
        return SpokenAudio(pcm, self._output_rate, audio.words) if pcm or audio.words else None


def _can_sound(text: str) -> bool:
    return any(char.isalnum() for char in text)
