"""A language model of one's own, set by one address: it answers, and the rulebook stands in while it is away."""

from gateway import real_gateway
from openai_server import openai_server, refusing_url, status
from tandem.talk import talk


async def test_a_configured_server_answers_and_reads_the_conversation() -> None:
    async with openai_server() as server:
        settings = {"openai_compatible_url": server.url, "openai_compatible_model": "m", "tts_chain": ("espeak",)}
        async with real_gateway(**settings) as address:
            report, _ = await talk(f"ws://{address}/voice/new", "What is six times seven?")
    assert report.heard == "Six times seven is forty two."
    assert report.providers["llm"] == "openai_compatible"
    assert server.bodies[0]["messages"][-1] == {"role": "user", "content": "What is six times seven?"}
    assert server.bodies[0]["model"] == "m"


async def test_while_the_server_is_away_the_rulebook_stands_in_and_does_not_claim_that_none_is_configured() -> None:
    async with real_gateway(openai_compatible_url=refusing_url(), tts_chain=("espeak",)) as address:
        url = f"ws://{address}/voice/new"
        known, _ = await talk(url, "What is two plus two?")
        unknown, _ = await talk(url, "Who wrote Hamlet?")
    assert known.heard == "Two plus two is four."
    assert known.providers["llm"] == "rulebook"
    assert unknown.heard.endswith("the language model can't be reached right now.")


async def test_a_key_that_is_refused_stays_out_of_everything_that_is_told() -> None:
    async with openai_server() as server:
        server.behave = status(401, error={"message": "bad key sk-secret", "type": "t", "code": None})
        settings = {"openai_compatible_url": server.url, "openai_compatible_key": "sk-secret"}
        async with real_gateway(**settings, tts_chain=("espeak",)) as address:
            report, _ = await talk(f"ws://{address}/voice/new", "What is two plus two?")
    assert report.providers["llm"] == "rulebook"
    assert "sk-secret" not in report.as_json()
    assert server.headers[0]["authorization"] == "Bearer sk-secret"
