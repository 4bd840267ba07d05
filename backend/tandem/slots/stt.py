"""The speech-to-text slot: one call's words, from whichever recogniser can hear them."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable

from tandem.core.audio import AudioFrame
from tandem.core.chain import Chain, Lease
from tandem.core.errors import Fault, ProviderError
from tandem.core.events import AttemptFailed, Hedged
from tandem.core.hedge import HedgeLimits
from tandem.core.ports import Slot, SpeechMark, SpeechToText, SttOptions, Transcript
from tandem.slots.failover import Failover
from tandem.slots.pump import Pump, StreamEnded
from tandem.slots.request import Bench, Request, Served, SlotLimits
from tandem.slots.second_ear import SecondEar, playing
from tandem.slots.tape import AudioTape

LIMITS = SlotLimits()  # a recogniser is rightly silent while the caller is

_LATE_FINAL = HedgeLimits(300, 600)  # from the end of an utterance to its final transcript
_SURELY_SPEECH_MS = 600  # between the marks; a cough is shorter


class SttSlot:
    """Transcribes one call over its chain of recognisers. Feed it audio and marks; read transcripts."""

    def __init__(self, chain: Chain[SpeechToText], bench: Bench, *, options: Callable[[], SttOptions]) -> None:
        self._failover = Failover(chain, bench)
        self._bench = bench
        self._options = options
        self._tape = AudioTape()
        self._news = asyncio.Event()
        self._asked: deque[float] = deque()  # when each utterance ended that has no final transcript yet

    def feed(self, item: AudioFrame | SpeechMark) -> None:
        """Take the next frame of the caller's audio, or what the voice detector says at this point of it."""
        self._tape.append(item)
        if item is SpeechMark.STOPPED:
            self._asked.append(self._bench.clock())
            self._news.set()

    def end(self) -> None:
        self._tape.end()

    async def transcripts(self) -> AsyncGenerator[Served[Transcript], None]:
        """Yield what the caller says until `end`; raises ChainSpent when no recogniser can go on.

        A recogniser that fails is followed by the next one, which hears everything that has no final transcript yet.
        Where one is late with its final, or hears no word in what is surely speech, a second ear hears the utterance
        too. The preferred recogniser is taken back between two utterances.
        """
        while True:
            self._failover.new_turn()
            listening = _Listening(self._failover, self._tape, self._asked, self._options, self._bench, self._news)
            try:
                while (served := await listening.next()) is not None:
                    yield served
                    if self._tape.idle and self._failover.may_hand_back:
                        break
                else:
                    return
            finally:
                await listening.close()


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
        self._hedged = False  # the present utterance has had its second ear
        self._answered_to_ms = float("-inf")  # what the serving one still says up to here comes too late

    def _request(self) -> Request[SpeechToText, Transcript]:
        return Request(
            open_stream=lambda provider: provider.transcribe(self._tape.read(), self._options()),
            milestone=lambda transcript: transcript.ends_utterance and bool(transcript.text),
        )

    async def next(self) -> Served[Transcript] | None:
        """Return the next transcript, or None at the end of the audio; raises ChainSpent."""
        while True:
            self._news.clear()
            if self._second and (served := self._second_opinion(self._second)):
                return served
            try:
                while self._doubted is None and (item := self._main.take()):
                    if served := self._judged(item):
                        return served
            except StreamEnded:
                return None
            await self._wait()

    async def close(self) -> None:
        await self._main.close()
        if self._second:
            await self._second.close()

    # --- the serving recogniser ---

    def _judged(self, served: Served[Transcript]) -> Served[Transcript] | None:
        """Return what the serving recogniser says, unless it comes too late or is doubted."""
        transcript = served.item
        if transcript.end_ms <= self._answered_to_ms:
            return None
        if not transcript.ends_utterance:
            return served
        if self._asked:
            self._chain.member(served.provider).record.first_outputs.add(self._bench.clock() - self._asked[0])
        if self._second:
            self._bench.notify(Hedged(Slot.STT, served.provider, self._second.name, won=False))
            self._dismiss()
        if not transcript.text and self._tape.utterance_ms >= _SURELY_SPEECH_MS:
            lease = self._chain.next({served.provider}) if len(self._chain.members) > 1 else None
            if lease:
                self._doubted = served
                self._listen_again(lease)
                return None
        return self._settled(served)

    def _settled(self, served: Served[Transcript]) -> Served[Transcript]:
        if self._chain.on_trial:
            utterance, options = self._tape.utterance(), self._options()
            self._failover.shadow(
                Request(
                    open_stream=lambda provider: provider.transcribe(playing(utterance), options),
                    may_be_empty=not served.item.text,
                )
            )
        self._chain.hedges.requested()
        self._tape.settle_utterance()
        self._hedged = False
        if self._asked:
            self._asked.popleft()
        return served

    # --- the second ear ---

    async def _wait(self) -> None:
        waits = [self._second.left_ms] if self._second else []
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
            self._hedged = True
            if lease := self._chain.rival(self._failover.busy):
                self._listen_again(lease)

    def _until_hedge(self) -> float | None:
        if self._second or self._hedged or not self._asked or not self._failover.busy:
            return None
        serving = self._chain.member(self._failover.busy[0])
        usual = _LATE_FINAL.delay_ms(serving.record.first_outputs)
        return max(0.0, self._asked[0] + usual - self._bench.clock())

    def _listen_again(self, lease: Lease[SpeechToText]) -> None:
        self._second = SecondEar(lease, self._tape.utterance(), self._options(), self._bench, self._news)

    def _second_opinion(self, second: SecondEar) -> Served[Transcript] | None:
        """Return the second ear's transcript once it is there and is the better one."""
        doubted = self._doubted
        try:
            transcript = second.take()
        except ProviderError as error:
            self._bench.notify(AttemptFailed(Slot.STT, second.name, error.fault, error.detail, after_output=False))
            self._dismiss()
            return self._settled(doubted) if doubted else None
        if transcript is None:
            return None
        self._dismiss()
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
