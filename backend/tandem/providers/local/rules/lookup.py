"""Looking something up on the web: the one rule that needs a tool."""

import json
import re

from tandem.core.ports import ToolCall

TOOL = "web_search"
_MOST_SPOKEN = 240  # characters of what was found

_ASKED = re.compile(
    r"(?:what is new (?:about|with|in|on)|what is the (?:latest )?news (?:about|on|from)|look up|google"
    r"|search(?: the (?:web|internet))?(?: for| about)?|find out(?: about)?) (?P<query>\S.*)",
    re.IGNORECASE,
)
# A finding as the tool tells it: "1. Title (host): excerpt".
_FINDING = re.compile(r"^1\. .*? \((?P<host>[^()\s]{1,100})\): (?P<excerpt>.+)$", re.MULTILINE)
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")


def call_for(clause: str, call_id: str) -> ToolCall | None:
    """Return the call that a clause asks for; None if it asks for none."""
    match = _ASKED.fullmatch(clause)
    return ToolCall(call_id, TOOL, json.dumps({"query": match["query"]})) if match else None


def told(result: str) -> str:
    """Return what the tool said, as a sentence or two to be spoken."""
    if match := _FINDING.search(result):
        return f"{match['host']} says: {_short(match['excerpt'])}"
    return _short(result) or "The search found nothing."


def _short(text: str) -> str:
    """Return whole sentences as far as they can be followed by ear, at least one."""
    folded = " ".join(text.split())
    if len(folded) <= _MOST_SPOKEN:
        return folded
    ends = [match.end() for match in _SENTENCE_END.finditer(folded[:_MOST_SPOKEN])]
    return folded[: ends[-1]] if ends else folded[:_MOST_SPOKEN].rpartition(" ")[0]
