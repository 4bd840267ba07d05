"""A drill's voice: speaks in the numbered voice, faster than it sounds, and says when each word is said."""

import asyncio
import random
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import lru_cache

from tandem.core.audio import Word, duration_ms
from tandem.core.ports import SpokenAudio, TtsOptions
from tandem.drill.faults import Point
from tandem.drill.health import Effect, Health, Scene
from tandem.drill.script import reply_words, turn_of, turn_script, words_of
from tandem.simulator.voice import Voice

_DRIP = 1.8  # times as slow as the audio sounds
_VOICE = Voice()


@dataclass(frozen=True, slots=True)
class Manner:
    """How a voice speaks: at `rate` Hz; with the times of its words or without, each when it begins or once it ends."""

    rate: int
    timed: bool = True
    early: bool = True


@lru_cache(maxsize=2_048)
def spoken(text: str, rate: int) -> tuple[bytes, tuple[Word, ...]]:
    """Return `text` in the numbered voice, mono s16le, and the times of its words in ms."""
    words = tuple(Word(word, start, end) for word, start, end in _VOICE.timed(text))
    return _VOICE.say(text, rate), words


class NumberedVoice:
    """Its first audio comes after 80-250 ms, the rest 3-10 times as fast as it sounds."""

    def __init__(self, name: str, scene: Scene, health: Health, manner: Manner, *, long: frozenset[int]) -> None:
        self.name = name
        self._scene = scene
        self._health = health
        self._manner = manner
        self._long = long
        self._asked = 0

    async def synthesize(self, phrase: str, options: TtsOptions) -> AsyncGenerator[SpokenAudio, None]:
        """Yield the phrase's audio in chunks of 60-160 ms."""
        self._asked += 1
        law = self._scene.law(self.name, self._scene.turn, self._asked)
        rate = self._manner.rate
        pcm, words = spoken(phrase, rate)
        if await self._begin(law) is Effect.END:
            return
        size, pace = 2 * (law.choice((60, 100, 160)) * rate // 1000), law.uniform(0.1, 0.3)
        for units, at in enumerate(range(0, len(pcm), size)):
            start_ms, end_ms = duration_ms(at, rate), duration_ms(at + size, rate)
            share, final = self._share(words, start_ms)
            if await self._health.progressed(units, share, last=final and at + size >= len(pcm)) is Effect.END:
                return
            chunk = pcm[at : at + size]
            await asyncio.sleep(duration_ms(len(chunk), rate) / 1000 * (_DRIP if self._health.dripping else pace))
            yield SpokenAudio(chunk, rate, self._known(words, start_ms, end_ms))

    async def _begin(self, law: random.Random) -> Effect:
        first_ms = law.uniform(80, 250)
        effect = await self._health.opened()
        if effect is Effect.NONE:
            await asyncio.sleep(first_ms / 2000)
            effect = await self._health.reached(Point.BEFORE_FIRST)
            await asyncio.sleep(first_ms / 2000)
        return effect

    def _known(self, words: tuple[Word, ...], start_ms: float, end_ms: float) -> tuple[Word, ...]:
        """Return the words whose times come with the audio between these."""
        if not self._manner.timed:
            return ()
        times = [(word.start_ms if self._manner.early else word.end_ms, word) for word in words]
        return tuple(word for at, word in times if start_ms <= at < end_ms)

    def _share(self, words: tuple[Word, ...], at_ms: float) -> tuple[float, bool]:
        """Return which share of its turn's reply is said at `at_ms` of a phrase, and whether the phrase is its last."""
        numbered = reply_words(words_of(" ".join(word.text for word in words)))
        if not numbered:
            return 0.0, False
        turn = turn_of(numbered[0])
        owed = turn_script(self._scene.seed, turn, long=turn in self._long).owed
        said = sum(word.end_ms <= at_ms for word in words)
        within = [(at_ms - word.start_ms) / (word.end_ms - word.start_ms) for word in words if word.end_ms > at_ms]
        first = owed.index(numbered[0]) if numbered[0] in owed else 0
        return (first + said + max(0.0, within[0] if within else 0.0)) / len(owed), numbered[-1] == owed[-1]
