"""Replies of a special kind, as chat.completions streams them: late ones, and calls of tools, whole and broken."""

import asyncio
import json
from collections.abc import Sequence

from openai_server import USAGE, WORDS, Behaviour, Exchange, answering, chunk, end

CITIES = ("Oslo", "Rome")
OSLO = ("weather", json.dumps({"city": "Oslo"}))


async def _send(exchange: Exchange, calls: Sequence[tuple[str, str]]) -> None:
    await exchange.head()
    for index, (name, arguments) in enumerate(calls):
        first = {"index": index, "id": f"c{index}", "type": "function", "function": {"name": name, "arguments": ""}}
        await exchange.frame(chunk(calls=[first]))
        for at in range(0, len(arguments), 5):
            piece = {"index": index, "function": {"arguments": arguments[at : at + 5]}}
            await exchange.frame(chunk(calls=[piece]))


def calling(*calls: tuple[str, str], finish: str = "tool_calls", usage: str = "bare") -> Behaviour:
    """A reply that is only calls, each a tool's name and its arguments."""

    async def behave(exchange: Exchange) -> None:
        await _send(exchange, calls)
        await end(exchange, finish, usage)

    return behave


def obliging(usage: str = "bare") -> Behaviour:
    """Call the tool "weather" for each city that is asked about, if it is offered; else answer in words."""

    async def behave(exchange: Exchange) -> None:
        last = (exchange.body.get("messages") or [{}])[-1]
        asked = "weather" in str(last.get("content")) and last.get("role") == "user"
        cities = [city for city in CITIES if asked and city in last["content"]]
        if cities and exchange.body.get("tools"):
            await calling(*(("weather", json.dumps({"city": city})) for city in cities), usage=usage)(exchange)
        else:
            await answering(usage=usage)(exchange)

    return behave


async def call_cut_in_half(exchange: Exchange) -> None:
    await _send(exchange, [(OSLO[0], OSLO[1][:8])])
    await exchange.close()


async def call_without_its_end(exchange: Exchange) -> None:
    await _send(exchange, [OSLO])
    await exchange.piece(b"")


async def call_that_stalls(exchange: Exchange) -> None:
    await _send(exchange, [(OSLO[0], OSLO[1][:8])])
    await exchange.hang()


def slow(gate: asyncio.Event, words: Sequence[str] = WORDS) -> Behaviour:
    """A proper reply whose first word waits for `gate`."""

    async def behave(exchange: Exchange) -> None:
        await gate.wait()
        await answering(words)(exchange)

    return behave


def held_open(words: Sequence[str] = WORDS, usage: str = "none") -> Behaviour:
    """A whole reply with its finish_reason, and perhaps its token counts, but without terminator or end."""

    async def behave(exchange: Exchange) -> None:
        await exchange.head()
        await exchange.words(words)
        last = chunk(finish="stop")
        await exchange.frame({**last, "x_groq": {"usage": USAGE}} if usage == "x_groq" else last)
        await exchange.hang()

    return behave
