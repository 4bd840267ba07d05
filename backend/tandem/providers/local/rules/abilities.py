"""What one can ask for."""

import re

from tandem.providers.local.rules.request import Request

_HELP = re.compile(
    r"(?:i need |i want )?help(?: me)?|what (?:else )?(?:can|do) you (?:do|know|answer|understand)(?: for me)?"
    r"|what (?:else )?(?:can|could|should) i (?:ask|say)(?: you| to you)?|how can you help(?: me)?"
    r"|what are you (?:able to do|good at|good for)|what are your (?:skills|abilities)"
)


def answer(request: Request) -> str | None:
    if not _HELP.fullmatch(request.text):
        return None
    return (
        "I can tell the time and the date, do sums, convert units, remember what you tell me, spell a word, "
        "and repeat what I said. For anything else I need a language model."
    )
