"""Replies with signs that nobody pronounces: the voice gets words, the screen and history what was written."""

import asyncio

import pytest
from caller import call

from fakes import FakeModel, FakeVoice
from tandem.core.link import PlaybackCleared, PlaybackReported, ReplyDone, ReplyText

pytestmark = pytest.mark.looptime

WRITTEN = "- **Tea** costs $5.50 at https://tea.com 🙂"
SAID = "Tea costs 5 dollars 50 at tea dot com"


async def test_the_voice_says_words_and_history_keeps_what_was_written() -> None:
    voice = FakeVoice()
    async with call(llm=[FakeModel(answer=WRITTEN)], tts=[voice]) as caller:
        await caller.say("how much is tea")
        done = await caller.until(ReplyDone)
    assert [text for text, _ in voice.requests] == [SAID]
    assert done == ReplyDone(1, WRITTEN, WRITTEN, interrupted=False)
    assert "".join(text.delta for text in caller.all(ReplyText)) == WRITTEN


@pytest.mark.parametrize(("played_ms", "heard"), [(1_050, "- **Tea** costs"), (1_090, "- **Tea** costs $5.50")])
async def test_a_written_word_was_heard_once_all_that_is_said_for_it_was(played_ms: float, heard: str) -> None:
    """The fake voice says "dollars" from 540 to 960 ms and "50" to 1,080 ms."""
    async with call(llm=[FakeModel(answer=WRITTEN)]) as caller:
        await caller.say("how much is tea")
        await caller.until_state("speaking")
        await caller.silence(1_500)
        speaking = asyncio.ensure_future(caller.say("stop that now"))
        await caller.until(PlaybackCleared)
        caller.does(PlaybackReported(1, played_ms))
        await speaking
        done = await caller.until(ReplyDone, lambda reply: reply.interrupted)
    assert done.heard_text == heard


async def test_a_phrase_without_anything_to_say_holds_nothing_up() -> None:
    async with call(llm=[FakeModel(answer="🙂")]) as caller:
        await caller.say("smile")
        done = await caller.until(ReplyDone)
    assert done.text == "🙂"
