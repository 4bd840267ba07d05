"""The session's ears: the caller's audio on its way to the recogniser, and the decision that a turn is over."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from tandem.core.audio import AudioFrame, duration_ms, faint_tail_bytes, is_faint
from tandem.core.barge_in import interrupts, is_backchannel, is_echo
from tandem.core.dropouts import Dropouts
from tandem.core.endpointing import SURELY_QUIET_MS, Endpointer
from tandem.core.events import MicrophoneJudged
from tandem.core.link import CallerCaption, CallMessage, MicrophoneQuality, VoiceActivity
from tandem.core.ports import SpeechMark, Transcript
from tandem.core.speech_gate import SpeechEdge, SpeechGate
from tandem.core.transcript import TurnTranscript
from tandem.core.turn import Event, State
from tandem.session.equipment import Equipment
from tandem.session.stopwatch import Stopwatch
from tandem.slots.request import Served
from tandem.slots.stt import SttSlot

RATE = 16_000  # Hz; what the voice detector and the recognisers get
_CHUNK_BYTES = 1024  # 32 ms: a long message is heard in steps, so that a mark stands near the sound it means
# Behind so much audio without speech, faint audio is taken in longer pieces, and most of a call is that. Looking at
# every frame by itself, a silent call takes half as much time again. A voice below -42 dBFS is heard up to 96 ms later.
_AT_REST_MS = 500
_FAINT_BYTES = 96 * RATE // 1000 * 2
# So much faint audio behind a voice is a pause before the detector, which hears by windows and late, says so. It may be
# the closure of a plosive; but a reply is prepared only where the words are whole as well.
_HUSH_MS = 32
_UNCOVERED_MS = 150  # of sound at the end of the words, which holds no further one
_LOSSY = "Parts of what you say get lost on the way: check your connection."
_WORTH_SAYING = 0.05  # of the audio; recognisers begin to lose words
_WITHIN_TURN = (State.PAUSED, State.THINKING)  # a caller who speaks now goes on with what was said before the pause


class Floor(Protocol):
    """The rest of the session, as its ears see it."""

    @property
    def id(self) -> str:
        """The call's name."""
        ...

    @property
    def state(self) -> State: ...

    @property
    def turn_number(self) -> int:
        """The turn that the caller's next words belong to."""
        ...

    @property
    def unanswered(self) -> bool:
        """Whether the caller still waits for an answer to earlier words."""
        ...

    @property
    def reply_was_cut(self) -> bool:
        """Whether a reply was cut for what is being said now."""
        ...

    @property
    def reply_text(self) -> str:
        """What was written so far of the reply that is said now, or was cut."""
        ...

    def prepare(self, text: str) -> None:
        """The turn may be over with these words."""
        ...

    def withdraw(self, unless_to: str) -> None:
        """What was prepared is for other words than these, if any."""
        ...

    def tell(self, event: Event) -> None: ...

    def send(self, message: CallMessage) -> None: ...


class Listener:
    """Hears one caller: tells the floor what it notices, and sends the captions."""

    def __init__(
        self, equipment: Equipment, stt: SttSlot, floor: Floor, stopwatch: Stopwatch, *, input_rate: int
    ) -> None:
        self._limits = equipment.limits
        self._clock = equipment.clock
        self._notify = equipment.notify
        self._stt = stt
        self._floor = floor
        self._stopwatch = stopwatch
        self._resampler = equipment.make_resampler(input_rate, RATE)
        self._detector = equipment.make_detector(self._judged)
        self._gate = SpeechGate(self._detector.window_ms, self._limits.gate, tail_ms=self._detector.tail_ms)
        self._meter = equipment.make_meter()
        self._dropouts = Dropouts()
        self._endpointer = Endpointer(self._limits.patience)
        self._stopped_ms = 0.0  # where in the audio the caller fell silent last
        self._transcript = TurnTranscript()
        self._faint = b""  # audio that was not looked at yet
        self._heard_ms = 0.0
        self._hush_ms = 0.0  # for how long the audio has been faint, within the caller's speech
        self._quality_due_ms = self._limits.quality_every_ms
        self._timer: asyncio.TimerHandle | None = None
        self._covered_ms = 0.0  # up to where in the audio the words are known
        self._worded = False  # there is a word in what the caller says now
        self._echoes = False  # the microphone picks up the replies
        self._push_to_talk = False
        self._held = False
        self._muted = False
        self.speech = asyncio.Event()  # set when the caller begins to speak

    # --- what the caller does ---

    def push_to_talk(self, on: bool) -> None:
        """With push-to-talk a turn ends when the key is released, not when the caller falls silent."""
        self._push_to_talk, self._held = on, False

    def mute(self, muted: bool) -> None:
        """While muted nothing is heard; words that were begun count as ended."""
        self._muted = muted
        self._dropouts.restart()
        if muted:
            self._close_gate()

    def release(self) -> None:
        """The push-to-talk key was released."""
        self._held = False
        self._dropouts.restart()
        self._close_gate()
        self.consider_turn_end()

    def hear(self, pcm: bytes) -> None:
        """Take microphone audio: mono 16-bit PCM at the call's input rate."""
        if self._muted:
            return
        self._held = self._push_to_talk
        pcm = self._resampler.feed(pcm)
        self._dropouts.received(duration_ms(len(pcm), RATE), self._clock())
        at_rest = not self._gate.speaking and self._heard_ms - self._stopped_ms >= _AT_REST_MS
        if at_rest and is_faint(pcm):
            self._faint += pcm
            if len(self._faint) >= _FAINT_BYTES:
                self._hear_faint()
            return
        self._hear_faint()
        for at in range(0, len(pcm), _CHUNK_BYTES):
            self._hear_chunk(pcm[at : at + _CHUNK_BYTES])

    def _hear_faint(self) -> None:
        if self._faint:
            pcm, self._faint = self._faint, b""
            self._hear_chunk(pcm)

    def _hear_chunk(self, pcm: bytes) -> None:
        self._stt.feed(AudioFrame(pcm, RATE, self._heard_ms))
        self._heard_ms += duration_ms(len(pcm), RATE)
        self._detector.feed(pcm)
        if self._gate.speaking:
            self._note_hush(pcm)
        self._meter.feed(pcm, speaking=self._gate.speaking)
        if self._heard_ms >= self._quality_due_ms:
            self._quality_due_ms += self._limits.quality_every_ms
            self._tell_quality()

    def _note_hush(self, pcm: bytes) -> None:
        faint = faint_tail_bytes(pcm)
        self._hush_ms = duration_ms(faint, RATE) + (self._hush_ms if faint == len(pcm) else 0.0)
        if _HUSH_MS <= self._hush_ms <= SURELY_QUIET_MS + duration_ms(_CHUNK_BYTES, RATE):  # later only words are news
            self._foresee_end()

    def _tell_quality(self) -> None:
        lost_ms = self._dropouts.read()
        lost = lost_ms / (lost_ms + self._limits.quality_every_ms)
        if quality := self._meter.read():
            advice = quality.advice or (_LOSSY if lost >= _WORTH_SAYING else "")
            quality = replace(quality, lost=lost, advice=advice)
            self._floor.send(MicrophoneQuality(quality))
            self._notify(MicrophoneJudged(self._floor.id, quality))

    def _judged(self, probabilities: list[float]) -> None:
        """The detector says how likely it was, window by window, that the caller spoke."""
        for edge in self._gate.feed(probabilities):
            self._edge(edge)
        if 0 < self._gate.quiet_ms <= SURELY_QUIET_MS:
            self._foresee_end()
        if self._gate.speaking and self._floor.state is State.LISTENING:
            self._floor.tell(Event.SPEECH_STARTED)  # begun over the end of a reply
        if self._floor.state is State.SPEAKING and interrupts(
            self._gate.voiced_ms, self._limits.barge_in, echoes=self._echoes
        ):
            self._floor.tell(Event.INTERRUPTED)

    def _close_gate(self) -> None:
        self._hear_faint()
        for edge in self._gate.close():
            self._edge(edge)
        self._detector.reset()

    def _edge(self, edge: SpeechEdge) -> None:
        self._stt.feed(edge.mark)
        self._floor.send(VoiceActivity(edge.mark is SpeechMark.STARTED, self._gate.probability))
        if edge.mark is SpeechMark.STARTED:
            if self._floor.state in _WITHIN_TURN and self._transcript.text:
                self._endpointer.went_on(edge.at_ms - self._stopped_ms)
            self._disarm()
            self._worded, self._hush_ms = False, 0.0
            self.speech.set()
            if self._floor.state is not State.SPEAKING:
                self._floor.tell(Event.SPEECH_STARTED)
            return
        self._stopped_ms = edge.at_ms
        self._transcript.stopped()
        self._stopwatch.pause(self._clock(), silent_ms=self._gate.now_ms - edge.at_ms)
        if self._floor.reply_was_cut and not self._worded:
            self._arm(self._limits.barge_in.wordless_ms - (self._gate.now_ms - edge.at_ms), self._doubt)
        else:
            self._arm(self._limits.final_transcript_ms, self._give_up_waiting)
        if self._floor.state is State.HEARING:
            self._floor.tell(Event.SPEECH_STOPPED)

    # --- what the recogniser says ---

    def heard(self, served: Served[Transcript]) -> None:
        """Take a transcript: show it, and see whether the turn is over now."""
        line = self._transcript.receive(served.item)
        if line.changed and (line.transcript.text or line.revision > 1):
            self._floor.send(
                CallerCaption(
                    self._floor.turn_number,
                    line.segment,
                    line.revision,
                    line.transcript.text,
                    line.transcript.final,
                    served.provider,
                    line.transcript.start_ms,
                    line.transcript.end_ms,
                )
            )
        if served.item.ends_utterance:
            self._stopwatch.final_transcript(self._clock())
        self._worded = self._worded or bool(line.transcript.text)
        self._covered_ms = max(self._covered_ms, served.item.end_ms)
        self._floor.withdraw(unless_to=self._transcript.so_far)
        if served.item.final:
            if not self._passes_over():
                self._take_the_floor(line.transcript.text)
            self.consider_turn_end()
        self._foresee_end()

    def deaf(self) -> None:
        """No recogniser can go on: what was heard until now is all there is."""
        self._transcript.forget_awaited()
        self.consider_turn_end()

    def take_text(self) -> str:
        """Return the words of the turn that just ended, and begin the next."""
        text = self._transcript.text
        self._transcript.clear()
        return text

    def typed(self, text: str) -> CallerCaption:
        """Return the caption of a line that the caller typed."""
        segment = self._transcript.typed()
        return CallerCaption(self._floor.turn_number, segment, 0, text, True, "typed", self._heard_ms, self._heard_ms)

    def _passes_over(self) -> bool:
        """Forget words over a reply that do not mean "stop"."""
        if not self._is_no_turn(self._transcript.text):
            return False
        self._echoes = self._echoes or is_echo(self._transcript.text, self._floor.reply_text)
        self._transcript.clear()
        return True

    def _is_no_turn(self, text: str) -> bool:
        """Tell whether these words, said over a reply, are its own echo, or mean that the caller follows."""
        if not text or not (self._floor.state is State.SPEAKING or self._floor.reply_was_cut):
            return False
        reply = self._floor.reply_text
        return is_echo(text, reply) or is_backchannel(text, reply)

    def _take_the_floor(self, text: str) -> None:
        """Words that come to light when nobody was thought to speak (a short sound, a late answer) count as well."""
        state = self._floor.state
        if text and not self._gate.speaking and state in (State.SPEAKING, State.LISTENING, State.THINKING):
            self._floor.tell(Event.INTERRUPTED if state is State.SPEAKING else Event.SPEECH_STARTED)
            self._floor.tell(Event.SPEECH_STOPPED)

    # --- is the turn over? ---

    def _foresee_end(self) -> None:
        """Have a reply prepared if the caller has just fallen silent, all that sounded is known, and it looks whole."""
        if self._floor.state not in (State.HEARING, State.PAUSED) or self._push_to_talk:
            return
        speaking = self._gate.speaking
        hush_ms = self._hush_ms if self._hush_ms >= _HUSH_MS else 0.0
        quiet_ms = max(self._gate.quiet_ms, hush_ms) if speaking else SURELY_QUIET_MS
        if not quiet_ms:
            return
        voice_ended_ms = self._gate.now_ms - quiet_ms if speaking else self._stopped_ms
        known = voice_ended_ms - self._covered_ms <= _UNCOVERED_MS or (not speaking and self._transcript.settled)
        text = self._transcript.so_far
        if known and self._endpointer.may_be_over(text, quiet_ms) and not self._is_no_turn(text):
            self._floor.prepare(text)

    def consider_turn_end(self) -> None:
        """End the turn if the caller has been silent for long enough and every word is known; else look again later."""
        if self._floor.state is not State.PAUSED or not self._transcript.settled or self._held:
            return
        self._disarm()
        if not self._transcript.text and not self._floor.unanswered:
            self._call_off()
            return
        enough = self._endpointer.silence_ms(self._transcript.text, self._transcript.turn_over)
        missing = 0.0 if self._push_to_talk else enough - self._stopwatch.silent_ms(self._clock())
        if missing > 0:
            self._arm(missing, self.consider_turn_end)
            return
        self._stopwatch.turn_ended(self._clock())
        self._floor.tell(Event.TURN_ENDED)

    def close(self) -> None:
        """The call is over."""
        self._detector.reset()
        self._disarm()

    def _doubt(self) -> None:
        """The reply was cut for a voice without words so far: it goes on; words that come late interrupt it again."""
        if self._worded:
            self._arm(self._limits.final_transcript_ms, self._give_up_waiting)
        elif self._floor.state is State.PAUSED:
            self._call_off()

    def _call_off(self) -> None:
        """What sounded like speech had no words."""
        self._floor.tell(Event.FALSE_ALARM if self._floor.reply_was_cut else Event.NOTHING_SAID)

    def _give_up_waiting(self) -> None:
        self._transcript.forget_awaited()
        self.consider_turn_end()

    def _arm(self, delay_ms: float, then: Callable[[], None]) -> None:
        self._disarm()
        self._timer = asyncio.get_running_loop().call_later(delay_ms / 1000, then)

    def _disarm(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
