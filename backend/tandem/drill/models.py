"""A drill's language model: its answer to a turn is that turn's numbered words, whoever of the chain writes them."""

import asyncio
import random
from collections.abc import AsyncGenerator, Iterator, Sequence
from enum import StrEnum

from tandem.core.ports import Completed, Delta, LlmOptions, Message, ModelOutput, Role, ToolCall
from tandem.drill.faults import Point
from tandem.drill.health import Effect, Health, Scene
from tandem.drill.script import TOOL, turn_asked, turn_script

_DRIP_MS = 250  # per token: some two words a second, less than a voice says


class Habit(StrEnum):
    """What a model does with a reply that was begun for it."""

    GOES_ON = "goes on"
    SAYS_AGAIN = "says again"  # the last words, then it goes on
    STARTS_ANEW = "starts anew"


class NumberedModel:
    """Writes 20-50 tokens a second, the first after 150-400 ms. `long` says which turns have long replies."""

    def __init__(
        self, name: str, scene: Scene, health: Health, *, habit: Habit, long: frozenset[int], tool_turn: int = 0
    ) -> None:
        self.name = name
        self._scene = scene
        self._health = health
        self._habit = habit
        self._long = long
        self._tool_turn = tool_turn
        self._asked = 0

    async def complete(self, messages: Sequence[Message], options: LlmOptions) -> AsyncGenerator[ModelOutput, None]:
        """Yield the answer to the last turn, or what is missing of it; in one turn of the call, a tool call first."""
        self._scene.asked.append((self._scene.clock(), tuple(messages)))
        self._asked += 1
        law = self._scene.law(self.name, self._scene.turn, self._asked)
        if await self._begin(law) is Effect.END:
            if self._health.mute:
                yield Completed("stop")
            return
        if options.tools and messages[-1].role is Role.USER and turn_asked(messages[-1].text) == self._tool_turn:
            yield ToolCall("call-1", TOOL, "{}")
            yield Completed("tool_calls")
            return
        whole, missing = self._texts(messages)
        token_ms, at = law.uniform(20, 50), len(whole) - len(missing)
        for units, token in enumerate(_tokens(missing, law)):
            if await self._health.progressed(units, at / len(whole)) is Effect.END:
                return
            await asyncio.sleep((_DRIP_MS if self._health.dripping else token_ms) / 1000)
            yield Delta(token)
            at += len(token)
        if await self._health.progressed(1, 1.0, last=True) is not Effect.END:
            yield Completed("stop")

    async def _begin(self, law: random.Random) -> Effect:
        first_ms = min(max(law.lognormvariate(5.5, 0.35), 150), 400)
        effect = await self._health.opened()
        if effect is Effect.NONE:
            await asyncio.sleep(first_ms / 2000)
            effect = await self._health.reached(Point.BEFORE_FIRST)
            await asyncio.sleep(first_ms / 2000)
        return effect

    def _texts(self, messages: Sequence[Message]) -> tuple[str, str]:
        """Return the whole answer, and what of it this model is going to write."""
        asked = next((m.text for m in reversed(messages) if m.role is Role.USER), "")
        turn = turn_asked(asked)
        whole = turn_script(self._scene.seed, turn, long=turn in self._long).reply
        if messages[-1].role is not Role.ASSISTANT:
            return whole, whole
        done = _written(messages[-1].text, whole)
        if self._habit is Habit.GOES_ON:
            return whole, whole[done:]
        words = 0 if self._habit is Habit.STARTS_ANEW else max(0, len(whole[:done].split()) - 3)
        return whole, " ".join(whole.split()[words:])


def _written(begun: str, whole: str) -> int:
    """Return how many characters of `whole` stand in `begun`; white space, and words before it, do not count."""
    letters = "".join(begun.split())
    for end in range(len(whole), 0, -1):
        if not whole[end - 1].isspace() and letters.endswith("".join(whole[:end].split())):
            return end
    return 0


def _tokens(text: str, law: random.Random) -> Iterator[str]:
    """Cut a text into tokens of 3-6 characters, as models do: in the middle of words, spaces in front."""
    while text:
        size = law.randint(3, 6)
        yield text[:size]
        text = text[size:]
