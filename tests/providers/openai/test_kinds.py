"""The dialects of chat.completions: what each needs, and what is sent to it."""

import pytest

from openai_server import WORDS, openai_server
from tandem.contracts.llm import WITH_WEATHER, asking, collect, text_of
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import Message, Role, ToolCall
from tandem.providers.openai.kinds import KINDS, missing
from tandem.providers.openai.llm import OpenAIChat

QUESTION = asking("What is six times seven?")


@pytest.mark.parametrize("name", KINDS)
async def test_every_kind_is_asked_in_its_dialect_and_answers(name: str) -> None:
    kind = KINDS[name]
    async with openai_server() as server:
        url = server.origin if kind.api_version else server.url
        async with OpenAIChat.open(name=name, kind=kind, base_url=url, model="m", api_key="k") as model:
            assert text_of(await collect(model, QUESTION, WITH_WEATHER)) == "".join(WORDS)
        (body,) = server.bodies
    other = {"max_tokens", "max_completion_tokens"} - {kind.limit}
    assert body[kind.limit] == WITH_WEATHER.max_tokens
    assert not other & body.keys()
    assert ("stream_options" in body) is kind.token_counts
    assert body["tools"][0]["function"]["name"] == "weather"


async def test_a_kinds_own_model_is_asked_where_none_is_named() -> None:
    async with (
        openai_server() as server,
        OpenAIChat.open(name="openai", kind=KINDS["openai"], base_url=server.url, api_key="k") as model,
    ):
        await collect(model, QUESTION)
    assert server.bodies[0]["model"] == KINDS["openai"].model


async def test_azure_is_asked_at_its_deployment_with_its_own_key_header_and_version() -> None:
    async with (
        openai_server() as server,
        OpenAIChat.open(name="azure", kind=KINDS["azure"], base_url=server.origin, model="ours", api_key="k") as model,
    ):
        await collect(model, QUESTION)
    assert server.paths == ["/openai/deployments/ours/chat/completions?api-version=2024-10-21"]
    assert server.headers[0]["api-key"] == "k"
    assert "authorization" not in server.headers[0]


async def test_a_call_goes_back_to_gemini_with_a_signature_and_to_others_without() -> None:
    call = ToolCall("c1", "weather", "{}")
    told = [*QUESTION, Message(Role.ASSISTANT, "", calls=(call,)), Message(Role.TOOL, "rain", call_id="c1")]
    signed = []
    for name in ("gemini", "deepseek"):
        async with (
            openai_server() as server,
            OpenAIChat.open(name=name, kind=KINDS[name], base_url=server.url, api_key="k") as model,
        ):
            await collect(model, told)
        (sent,) = server.bodies[0]["messages"][2]["tool_calls"]
        signed.append(sent.get("extra_content"))
    assert signed == [{"google": {"thought_signature": KINDS["gemini"].call_signature}}, None]


@pytest.mark.parametrize(
    ("name", "lacks"),
    [
        ("openai", "it needs a key"),
        ("gemini", "it needs a key"),
        ("deepseek", "it needs a key"),
        ("azure", "it needs an address"),
        ("vllm", "it needs the name of a model"),
        ("openai_compatible", "it needs an address"),
        ("ollama", None),
        ("llamacpp", None),
    ],
)
def test_a_kind_says_what_it_lacks(name: str, lacks: str | None) -> None:
    assert missing(KINDS[name]) == lacks
    assert missing(KINDS[name], base_url="http://h", model="m", api_key="k") is None


async def test_a_kind_without_its_key_is_not_opened() -> None:
    with pytest.raises(ProviderError) as caught:
        async with OpenAIChat.open(name="openai", kind=KINDS["openai"]):
            pass
    assert caught.value.fault is Fault.REJECTED
