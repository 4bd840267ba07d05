"""Saying things again, saying what one is told to say, and spelling."""

import re

from tandem.core.ports import Role
from tandem.providers.local.rules import memory
from tandem.providers.local.rules.numbers_spoken import say
from tandem.providers.local.rules.request import MAX_CHARACTERS, Request, speakable

_MAX_SPELLED = 45  # letters; the longest word of an English dictionary has as many

_AGAIN = re.compile(
    r"(?:sorry |excuse me )?(?:(?:repeat|say)(?: that| it| this| yourself)?(?: again| once more| one more time)?"
    r"|what (?:did|have) you (?:just )?(?:say|said)|what was that|come again|pardon(?: me)?|what|once more"
    r"|one more time|i (?:did not|didn't|could not|couldn't) (?:hear|catch|understand|get) (?:that|you|it)"
    r"|again)(?: again)?"
)
_AFTER_ME = re.compile(r"(?:repeat after me|say(?: the words?)?) (?P<words>.*\w.*)", re.IGNORECASE)
_SPELL = re.compile(
    r"(?:how (?:do|would) (?:you|i|we) spell|how to spell|spell(?: out)?|how is(?=.{1,60} (?:spelled|spelt)$))"
    r"(?: the (?:word|name))? (?P<word>\w.*?)(?: spelled| spelt)?"
)


def answer(request: Request) -> str | None:
    if _AGAIN.fullmatch(request.text):
        return _last_reply(request) or "I have not said anything yet."
    if match := _AFTER_ME.fullmatch(request.said):
        words = match["words"]
        return f"{words[0].upper()}{words[1:]}."
    if match := _SPELL.fullmatch(request.text):
        return _spell(match["word"], request)
    return None


def _last_reply(request: Request) -> str | None:
    replies = (message for message in reversed(request.earlier) if message.role is Role.ASSISTANT)
    return next(
        (words for reply in replies if any(map(str.isalnum, words := speakable(reply.text[:MAX_CHARACTERS])))), None
    )


def _spell(word: str, request: Request) -> str:
    if word == "your name":
        word = "Tandem"
    elif word == "my name":
        sentence = memory.told(request.earlier).get("name")
        if sentence is None:
            return "You have not told me your name yet."
        word = sentence.removeprefix("your name is ")
    letters = [say(int(letter)) if letter in "0123456789" else letter.upper() for letter in word if letter.isalnum()]
    if len(letters) > _MAX_SPELLED:
        return "That is too long for me to spell."
    return f"{word[0].upper()}{word[1:]} is spelled {', '.join(letters)}."
