"""The model's part of a reply: it writes, and calls tools in between."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

from tandem.core.deadline import Deadline
from tandem.core.link import CallMessage, SkillCalled
from tandem.core.ports import Delta, LlmOptions, Message, Role, Toolbox, ToolCall, ToolResult
from tandem.session.curtain import Curtain
from tandem.slots.llm import LlmSlot

_MOST_ROUNDS = 4  # of tool calls in one reply; after them the model has to answer


class Mouth(Protocol):
    """Says what is written: the rest of the reply, as its author sees it."""

    @property
    def turn(self) -> int: ...

    async def say(self, text: str, provider: str) -> None:
        """The model has written this; returns when there is room for more."""
        ...

    async def say_the_rest(self) -> None:
        """Nothing more comes for now: what was kept back until a phrase is whole is said as it is."""
        ...

    async def keep_company(self) -> None:
        """See to it that the caller is not left in silence; ended by its cancellation."""
        ...

    def send(self, message: CallMessage) -> None: ...

    def lead_ms(self) -> float:
        """How much the caller still has to hear."""
        ...

    def deadline(self) -> Deadline | None: ...


class Author:
    """Writes one reply. `tool_messages` are the calls that were made for it, and their results."""

    def __init__(self, llm: LlmSlot, toolbox: Toolbox | None, curtain: Curtain, mouth: Mouth) -> None:
        self.tool_messages: list[Message] = []
        self._llm = llm
        self._toolbox = toolbox
        self._curtain = curtain
        self._mouth = mouth

    async def write(self, messages: Sequence[Message], options: LlmOptions) -> None:
        """Have a model answer these messages, with tools if it wants them; raises ChainSpent if none can go on."""
        for tools in [*[options.tools] * _MOST_ROUNDS, ()]:
            calls = await self._write_round([*messages, *self.tool_messages], replace(options, tools=tools))
            if not calls:
                return
            await self._mouth.say_the_rest()  # it is not to wait for the tools
            await self._run_tools(calls)

    async def _write_round(self, messages: Sequence[Message], options: LlmOptions) -> tuple[ToolCall, ...]:
        """Let the model write until it ends or wants tools; return the calls that it wants."""
        calls: list[ToolCall] = []
        lead_ms, deadline = self._mouth.lead_ms, self._mouth.deadline()
        async with aclosing(self._llm.reply(messages, options, lead_ms=lead_ms, deadline=deadline)) as served:
            async for piece in served:
                if isinstance(piece.item, Delta):
                    await self._mouth.say(piece.item.text, piece.provider)
                elif isinstance(piece.item, ToolCall):
                    calls.append(piece.item)
        return tuple(calls)

    async def _run_tools(self, calls: tuple[ToolCall, ...]) -> None:
        """Run the calls side by side, once the turn is over: they may do something."""
        await self._curtain.risen()
        async with asyncio.TaskGroup() as group:
            company = group.create_task(self._mouth.keep_company())
            runs = [group.create_task(self._run_tool(call)) for call in calls]
            await asyncio.wait(runs)
            company.cancel()
        self.tool_messages.append(Message(Role.ASSISTANT, "", calls))
        for call, run in zip(calls, runs, strict=True):
            self.tool_messages.append(Message(Role.TOOL, run.result().text, call_id=call.id))

    async def _run_tool(self, call: ToolCall) -> ToolResult:
        self._mouth.send(SkillCalled(self._mouth.turn, call.name, call.arguments))
        if self._toolbox is None:
            result = ToolResult("There are no tools.", failed=True)
        else:
            result = await self._toolbox.run(call)
        self._mouth.send(SkillCalled(self._mouth.turn, call.name, call.arguments, result))
        return result
