"""Tavily's client: what it asks of the server, and the keys that it refuses."""

import asyncio

import pytest

from simulator import simulator
from tandem.contracts.search import collect
from tandem.core.errors import ConfigurationError, Fault, ProviderError
from tandem.core.ports import SearchOptions
from tandem.providers.tavily.search import Tavily

KEY = "tvly-quite-secret"


async def test_the_request_carries_query_number_and_language_over_one_pooled_connection() -> None:
    async with simulator() as running, Tavily.open(api_key=KEY, base_url=f"http://{running.host('tavily')}") as tavily:
        for _ in range(3):
            assert await collect(tavily, "trains", SearchOptions(most=2, language="de-AT"))
        asked = running.stage.requests.of("tavily")
    assert [request.body for request in asked] == [{"query": "trains", "max_results": 2, "language": "de"}] * 3
    assert asked[0].headers["x-client-source"] == "tavily-python"


async def test_a_key_that_the_vendor_refuses_is_rejected_without_being_told() -> None:
    async with (
        simulator() as running,
        Tavily.open(api_key="bad", base_url=f"http://{running.host('tavily')}") as tavily,
    ):
        with pytest.raises(ProviderError) as caught:
            await collect(tavily)
    assert caught.value.fault is Fault.REJECTED


@pytest.mark.parametrize("key", ["", " ", "two words", "line\n", "schlüssel"])
async def test_a_key_that_cannot_be_one_is_refused_at_the_start(key: str) -> None:
    with pytest.raises(ConfigurationError):
        async with Tavily.open(api_key=key):
            pass


async def test_a_body_that_breaks_off_is_cut_and_one_that_is_no_json_is_malformed() -> None:
    answers = {
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{": Fault.CUT,
        b'HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n"results" oops': Fault.MALFORMED,
        b'HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n["results",1]': Fault.MALFORMED,
        b'HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n{"results":null}': Fault.MALFORMED,
        b'HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\n"results"': Fault.MALFORMED,
        b"garbage\r\n\r\n": Fault.CUT,
    }
    for answer, fault in answers.items():

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes = answer) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with Tavily.open(api_key=KEY, base_url=url) as tavily:
                with pytest.raises(ProviderError) as caught:
                    await collect(tavily)
        assert caught.value.fault is fault, answer
        assert KEY not in str(caught.value)
