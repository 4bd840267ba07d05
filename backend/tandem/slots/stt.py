"""The speech-to-text slot: one call's words, from whichever recogniser can hear them."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable

from tandem.core.audio import AudioFrame
from tandem.core.chain import Chain, Lease
from tandem.core.errors import Fault, ProviderError
from tandem.core.events import AttemptFailed, Hedged
from tandem.core.hedge import HedgeLimits
from tandem.core.ports import KeepsWarm, Slot, SpeechMark, SpeechToText, SttOptions, Transcript
from tandem.slots.failover import Failover
from tandem.slots.heard import checked
from tandem.slots.pump import Pump, StreamEnded
from tandem.slots.request import Bench, Request, Served, SlotLimits
from tandem.slots.second_ear import SecondEar, playing
from tandem.slots.tape import AudioTape

LIMITS = SlotLimits()  # a recogniser is rightly silent while the caller is

_LATE_FINAL = HedgeLimits(300, 500)  # from the end of an utterance to its final transcript
# The same, beside the length of the utterance, after which the next one goes on: some recognisers begin to hear only
# then, and some want a replay at the pace at which it was spoken. Adapters of vendors are less patient.
_MISSING_FINAL_MS, _ONLY_FINAL_MS = 2_000, 10_000  # the second where there is nobody else

_SURELY_SPEECH_MS = 600  # between the marks; a cough is shorter
_UNHEARD_MS = 1_200  # of speech without any transcript, from a recogniser that gives interim ones


class SttSlot:
    """Transcribes one call over its chain of recognisers. Feed it audio and marks; read transcripts."""

    def __init__(self, chain: Chain[SpeechToText], bench: Bench, *, options: Callable[[], SttOptions]) -> None:
        self._failover = Failover(chain, bench)
        self._bench = bench
        self._options = options
        self._tape = AudioTape()
        self._news = asyncio.Event()
        self._asked: deque[float] = deque()  # when each utterance ended that has no final transcript yet
        self._turn_over = False

    def feed(self, item: AudioFrame | SpeechMark) -> None:
        """Take the next frame of the caller's audio, or what the voice detector says at this point of it."""
        self._tape.append(item)
        if item is SpeechMark.STARTED:
            self._warm_successor()
        if item is SpeechMark.STOPPED:
            self._asked.append(self._bench.clock())
            self._news.set()
        if self._tape.unheard_ms >= _UNHEARD_MS:
            self._news.set()

    def new_turn(self) -> None:
        """The caller's turn is over: the preferred recogniser may be taken back."""
        self._turn_over = True
        self._news.set()

    def end(self) -> None:
        self._tape.end()

    async def transcripts(self) -> AsyncGenerator[Served[Transcript], None]:
        """Yield what the caller says until `end`; raises ChainSpent when no recogniser can go on.

        A recogniser that fails is followed by the next one, which hears everything that has no final transcript yet.
        Where one is late with its final, or hears no word in what is surely speech, a second ear hears the utterance
        too. The preferred recogniser is taken back between two turns.
        """
        handed_back = True
        while handed_back:
            self._failover.new_turn()
            listening = _Listening(self._failover, self._tape, self._asked, self._options, self._bench, self._news)
            try:
                while (served := await listening.next(self._may_hand_back)) is not None:
                    yield served
                handed_back = listening.left
            finally:
                await listening.close()

    def _warm_successor(self) -> None:
        """Whoever would go on with the utterance that begins now should not have to be dialled first."""
        successor: object = self._failover.chain.successor(self._failover.busy)
        if isinstance(successor, KeepsWarm):
            successor.warm(self._options())

    def _may_hand_back(self) -> bool:
        """Tell whether this is the moment to take the preferred recogniser back: between two turns, if it is well."""
        if not (self._turn_over and self._tape.idle):
            return False
        self._turn_over = False
        return self._failover.may_hand_back


class _Listening:
    """The recognisers at work: the one of the chain that serves, and a second ear where it is needed."""

    def __init__(
        self,
        failover: Failover[SpeechToText],
        tape: AudioTape,
        asked: deque[float],
        options: Callable[[], SttOptions],
        bench: Bench,
        news: asyncio.Event,
    ) -> None:
        self._failover = failover
        self._chain = failover.chain
        self._tape = tape
        self._asked = asked
        self._options = options
        self._bench = bench
        self._news = news
        self._main: Pump[Served[Transcript]] = Pump(failover.run(self._request()), news)
        self._second: SecondEar | None = None
        self._doubted: Served[Transcript] | None = None  # no word in what is surely speech: the second ear decides
        self.left = False  # it ended because the preferred recogniser is well again
        self._ears: set[str] = set()  # whom the present utterance has had as a second ear
        self._words = False  # the serving one has given words of the present utterance
        self._owed_at: float | None = None  # when the final is due that the serving one owes
        self._attempts = 0  # of the chain, when that was set
        self._answered_to_ms = float("-inf")  # what the serving one still says up to here comes too late

    def _request(self) -> Request[SpeechToText, Transcript]:
        return Request(
            open_stream=lambda provider: checked(provider, self._tape.read(), self._options()),
            milestone=lambda transcript: transcript.ends_utterance and bool(transcript.text),
        )

    async def next(self, leave: Callable[[], bool]) -> Served[Transcript] | None:
        """Return the next transcript, or None at the end of the audio or when it is time to `leave`; or ChainSpent."""
        while not self.left:
            self._news.clear()
            if self._second and (served := self._second_opinion(self._second)):
                return served
            try:
                while self._doubted is None and (item := self._main.take()):
                    if served := self._judged(item):
                        return served
            except StreamEnded:
                return None
            self.left = leave()
            if not self.left:
                await self._wait()
        return None

    async def close(self) -> None:
        await self._main.close()
        if self._second:
            await self._second.close()

    # --- the serving recogniser ---

    def _judged(self, served: Served[Transcript]) -> Served[Transcript] | None:
        """Return what the serving recogniser says, unless it comes too late or is doubted."""
        transcript = served.item
        self._tape.unheard_ms = 0.0
        if transcript.ends_utterance:
            self._owed_at = None
        elif not transcript.final:
            self._chain.member(served.provider).record.gives_interim = True
        if transcript.end_ms <= self._answered_to_ms:
            return None
        self._words = self._words or (transcript.final and bool(transcript.text))
        if not transcript.ends_utterance:
            return served
        if self._asked:
            self._chain.member(served.provider).record.first_outputs.add(self._bench.clock() - self._asked[0])
        if self._second:
            self._bench.notify(Hedged(Slot.STT, served.provider, self._second.name, won=False))
            self._dismiss()
        if not self._words and self._tape.utterance_ms >= _SURELY_SPEECH_MS and self._listen_again():
            self._doubted = served
            return None
        return self._settled(served)

    def _settled(self, served: Served[Transcript]) -> Served[Transcript]:
        if self._chain.on_trial:
            utterance, options = self._tape.utterance(), self._options()
            self._failover.shadow(
                Request(
                    open_stream=lambda provider: checked(provider, playing(utterance), options),
                    may_be_empty=not served.item.text,
                )
            )
        self._chain.hedges.requested()
        self._tape.settle_utterance()
        self._ears.clear()
        self._words = False
        if self._asked:
            self._asked.popleft()
        return served

    # --- the second ear ---

    async def _wait(self) -> None:
        now = self._bench.clock()
        self._see_what_is_owed(now)
        waits = [self._second.left_ms] if self._second else []
        waits += [self._owed_at - now] if self._owed_at is not None else []
        if (hedge_ms := self._until_hedge()) is not None:
            waits.append(hedge_ms)
        try:
            async with asyncio.timeout(max(min(waits), 1) / 1000 if waits else None) as moment:
                await self._news.wait()
        except TimeoutError:
            if not moment.expired():
                raise
        hedge_ms = self._until_hedge()
        if hedge_ms is not None and hedge_ms <= 0:
            self._hedge()

    def _see_what_is_owed(self, now: float) -> None:
        """Note when a final is due; where it does not come, somebody else goes on."""
        if self._failover.attempts != self._attempts:
            self._attempts, self._owed_at, self._tape.unheard_ms = self._failover.attempts, None, 0.0
        busy = self._failover.busy
        if self._tape.unheard_ms >= _UNHEARD_MS and busy and self._chain.member(busy[0]).record.gives_interim:
            self._tape.unheard_ms = 0.0
            self._failover.give_up(Fault.STALLED, f"no transcript of {_UNHEARD_MS} ms of speech")
        if self._owed_at is None and self._asked and self._failover.busy and self._doubted is None:
            most_ms = _MISSING_FINAL_MS if len(self._chain.members) > 1 else _ONLY_FINAL_MS
            self._owed_at = now + most_ms + self._tape.utterance_ms
        elif self._owed_at is not None and now >= self._owed_at:
            self._owed_at = None
            self._failover.give_up(Fault.STALLED, "no final transcript")

    def _until_hedge(self) -> float | None:
        if self._second or self._ears or not self._asked or not self._failover.busy:
            return None
        serving = self._chain.member(self._failover.busy[0])
        usual = _LATE_FINAL.delay_ms(serving.record.first_outputs)
        return max(0.0, self._asked[0] + usual - self._bench.clock())

    def _hedge(self) -> None:
        self._ears.update(self._failover.busy)
        if lease := self._chain.rival(self._ears):
            self._listen_with(lease)

    def _listen_again(self) -> bool:
        """Have the next recogniser hear the utterance that has not heard it; tell whether there is one."""
        lease = self._chain.next({*self._ears, *self._failover.busy})
        if lease:
            self._listen_with(lease)
        return lease is not None

    def _listen_with(self, lease: Lease[SpeechToText]) -> None:
        self._ears.add(lease.member.name)
        self._second = SecondEar(lease, self._tape.utterance(), self._options(), self._bench, self._news)

    def _second_opinion(self, second: SecondEar) -> Served[Transcript] | None:
        """Return the second ear's transcript once it is there and is the better one."""
        doubted = self._doubted
        try:
            transcript = second.take()
        except ProviderError as error:
            self._bench.notify(AttemptFailed(Slot.STT, second.name, error.fault, error.detail, after_output=False))
            self._dismiss()
            if self._listen_again():
                self._doubted = doubted
                return None
            return self._settled(doubted) if doubted else None
        if transcript is None:
            return None
        self._dismiss()
        if not transcript.text and self._tape.utterance_ms >= _SURELY_SPEECH_MS and self._listen_again():
            self._doubted = doubted or Served(transcript, second.name)
            return None
        if doubted and not transcript.text:
            return self._settled(doubted)
        if doubted:
            self._failover.blame(ProviderError(Fault.EMPTY, doubted.provider, "no word in what is speech"))
        else:
            self._bench.notify(Hedged(Slot.STT, self._failover.busy[0], second.name, won=True))
            self._answered_to_ms = self._tape.utterance_end_ms
        self._chain.member(second.name).record.took_over += 1
        return self._settled(Served(transcript, second.name))

    def _dismiss(self) -> None:
        if self._second:
            self._bench.spawn(self._second.close())
        self._second = self._doubted = None
