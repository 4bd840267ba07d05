"""The toolbox: what a model may do besides talking, each within its time, and never with an exception."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from tandem.core.events import ToolCalled, ToolOutcome
from tandem.core.ports import Notify, Tool, ToolCall, ToolResult

ArgumentsT = TypeVar("ArgumentsT", bound=BaseModel)

_MOST_CHARACTERS = 6_000  # of a result: more only slows the model down
_MOST_COMPLAINTS = 3


@dataclass(frozen=True, slots=True)
class Skill(Generic[ArgumentsT]):
    """A tool and what it does. `arguments` is checked before `run` is called, which may take `deadline_ms`."""

    name: str
    description: str
    arguments: type[ArgumentsT]
    run: Callable[[ArgumentsT], Awaitable[ToolResult]]
    deadline_ms: float = 5_000

    @property
    def tool(self) -> Tool:
        """The skill as a model is told of it."""
        return Tool(self.name, self.description, self.arguments.model_json_schema())


class Toolbox:
    """Runs the calls of a model. Whatever goes wrong is told as a sentence, because a model can go on from that."""

    def __init__(self, skills: Sequence[Skill[Any]], notify: Notify) -> None:
        self._skills = {skill.name: skill for skill in skills}
        if len(self._skills) < len(skills):
            raise ValueError("two tools have one name")
        self._notify = notify
        self.tools = tuple(skill.tool for skill in skills)

    async def run(self, call: ToolCall) -> ToolResult:
        """Return what the tool says, or a sentence about what went wrong; only cancellation is raised."""
        began = asyncio.get_running_loop().time()
        skill = self._skills.get(call.name)
        outcome, result, error = await self._outcome(skill, call.arguments)
        took_ms = (asyncio.get_running_loop().time() - began) * 1000
        self._notify(ToolCalled(skill.name if skill else "", outcome, took_ms, type(error).__name__ if error else ""))
        return replace(result, text=result.text[:_MOST_CHARACTERS])

    async def _outcome(
        self, skill: Skill[Any] | None, arguments: str
    ) -> tuple[ToolOutcome, ToolResult, BaseException | None]:
        if skill is None:
            known = ", ".join(self._skills) or "none"
            return ToolOutcome.UNKNOWN_TOOL, _failed(f"There is no such tool. The tools are: {known}."), None
        try:
            read = skill.arguments.model_validate_json(arguments or "{}")
        except ValidationError as error:
            return ToolOutcome.BAD_ARGUMENTS, _failed(_complaint(skill.name, error)), None
        except UnicodeError:  # half a surrogate pair
            return ToolOutcome.BAD_ARGUMENTS, _failed(f"The arguments of {skill.name} cannot be read."), None
        try:
            async with asyncio.timeout(skill.deadline_ms / 1000):
                # As a value, so that whatever a skill raises ends only this one call of a tool.
                (ended,) = await asyncio.gather(_run(skill, read), return_exceptions=True)
        except TimeoutError:
            return ToolOutcome.TIMEOUT, _failed(f"{skill.name} took too long and was stopped."), None
        if isinstance(ended, BaseException):
            return ToolOutcome.FAILED, _failed(f"{skill.name} does not work right now."), ended
        return ToolOutcome.DONE, ended, None


def _failed(text: str) -> ToolResult:
    return ToolResult(text, failed=True)


async def _run(skill: Skill[Any], arguments: BaseModel) -> ToolResult:
    return await skill.run(arguments)


def _complaint(name: str, error: ValidationError) -> str:
    """Say what is wrong with the arguments, without repeating them."""
    wrong = []
    for each in error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_COMPLAINTS]:
        place = ".".join(map(str, each["loc"]))
        wrong.append(f"{place}: {each['msg']}" if place else each["msg"])
    return f"The arguments of {name} are wrong. {'; '.join(wrong)}."
