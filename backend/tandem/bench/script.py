"""What is said in a bench: the callers' lines, and the simulated model's replies to them."""

import json
import re

from tandem.core.phrases import PhraseCutter

PROMPT = "What time is it?"  # the line of callers with a real voice; it holds no pause
FINAL_MS, FIRST_TOKEN_MS, TOKEN_MS, FIRST_AUDIO_MS = 300, 200, 20, 100  # of the simulator's profile "bench"
_CODE = re.compile(r"q\d{6}")
_REST = "Here you are."
_LONG_REST = "Here comes a little more, so that there is something to speak over, and then it ends."


def code(call: int, turn: int) -> str:
    """Return the word by which the simulator's record is matched with a turn."""
    return f"q{call:03}{turn:03}"


def code_in(text: str) -> str | None:
    """Return the first code in a text."""
    found = _CODE.search(text)
    return found[0] if found else None


def question(call: int, turn: int) -> str:
    """Return a line of a caller whose words are read from the audio."""
    return f"Answer {code(call, turn)} please."


def spoken_over(turn: int) -> bool:
    """Tell whether the reply to this turn, from 0 on, is one that the caller's next line interrupts."""
    return turn % 2 == 0


def reply(call: int, turn: int) -> str:
    """Return the model's reply; one that is to be interrupted takes some 5 s to say, the others 2 s."""
    return f"Sure, {code(call, turn)} it is. {_LONG_REST if spoken_over(turn) else _REST}"


def as_file(calls: int, turns: int, *, prompted: bool) -> str:
    """Return the conversation as `tandem simulate --script` reads it.

    Prompted callers all say the same, so that all get the replies of call 0, one after the other.
    """
    said = [
        {"say": reply(call, turn)} if prompted else {"when": code(call, turn), "say": reply(call, turn)}
        for call in range(1 if prompted else calls)
        for turn in range(turns)
    ]
    return json.dumps({"turns": said})


def tokens_until_phrase(text: str) -> int:
    """Return with which token, from 1 on, the first phrase is known to be whole; the model writes a word a token."""
    cutter, tokens = PhraseCutter(), re.findall(r"\s*\S+", text)
    return next((number for number, token in enumerate(tokens, 1) if cutter.push(token)), len(tokens))


def scripted_ms(text: str) -> float:
    """Return the delays on script between a turn's end and the first audio of its reply `text`."""
    return FIRST_TOKEN_MS + (tokens_until_phrase(text) - 1) * TOKEN_MS + FIRST_AUDIO_MS
