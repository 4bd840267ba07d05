"""The providers over HTTP: how each one is, whether every slot has one, and who may take one out of service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from gateway import serving
from openai_server import OpenAIServer, openai_server, status
from tandem.app import create_app
from tandem.settings import Settings
from tandem.talk import talk

SLOTS = {"stt_chain": ("pocketsphinx",), "llm_chain": ("openai_compatible", "rulebook"), "tts_chain": ("espeak",)}
TOKEN = "a-long-token"
BREAKER = "/providers/llm/openai_compatible/breaker"
OPEN = {"action": "open"}


def app_of(**settings: object) -> FastAPI:
    return create_app(Settings(_env_file=None, **settings))  # type: ignore[call-arg, arg-type]


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway whose first model is `server`; `http` asks it from this machine."""

    server: OpenAIServer
    http: httpx.AsyncClient
    address: str

    async def ask(self) -> str:
        """Call, and return what was heard."""
        report, _ = await talk(f"ws://{self.address}/voice/new", "What is six times seven?")
        return report.heard

    async def row(self, slot: str, name: str) -> dict[str, object]:
        rows = (await self.http.get("/providers")).json()
        return next(row for row in rows if (row["slot"], row["name"]) == (slot, name))

    async def order(self, action: str, path: str = BREAKER) -> httpx.Response:
        return await self.http.post(path, json={"action": action})


@asynccontextmanager
async def gateway() -> AsyncIterator[Gateway]:
    async with openai_server() as server:
        app = app_of(openai_compatible_url=server.url, voice_detector="level", **SLOTS)
        async with serving(app) as address, httpx.AsyncClient(base_url=f"http://{address}") as http:
            yield Gateway(server, http, address)


async def test_a_model_that_refuses_our_key_is_shown_open_with_its_fault_and_the_one_that_took_over() -> None:
    async with gateway() as running:
        running.server.behave = status(401)
        assert await running.ask() == "Six times seven is forty two."
        failed, stepped_in = await running.row("llm", "openai_compatible"), await running.row("llm", "rulebook")
        voice, other = await running.row("tts", "espeak"), await running.row("tts", "openai")
        healthy = await running.http.get("/providers/health")
    assert (failed["breaker"], failed["last_fault"], failed["held"]) == ("open", "rejected", False)
    assert isinstance(failed["cool_down_left_ms"], float)
    assert 290_000 < failed["cool_down_left_ms"] <= 300_000
    assert (failed["attempts"], failed["failures"], failed["first_output_ms"]) == (1, 1, None)
    assert (stepped_in["breaker"], stepped_in["cool_down_left_ms"], stepped_in["took_over"]) == ("closed", None, 1)
    assert isinstance(voice["first_output_ms"], dict)
    assert voice["first_output_ms"].keys() == {"p50", "p95", "p99"}
    assert (other["place"], other["breaker"], other["attempts"]) == (None, None, 0)
    assert healthy.status_code == 200
    assert healthy.json()["serving"]["llm"] == ["rulebook"]


async def test_a_slot_whose_providers_are_all_held_open_is_unhealthy_and_serves_all_the_same() -> None:
    async with gateway() as running:
        for name in ("openai_compatible", "rulebook"):
            assert (await running.order("open", f"/providers/llm/{name}/breaker")).status_code == 200
        unhealthy = await running.http.get("/providers/health")
        heard = await running.ask()
        await running.order("close")
        healthy = await running.http.get("/providers/health")
    assert unhealthy.status_code == 503
    assert unhealthy.json() == {
        "healthy": False,
        "serving": {"stt": ["pocketsphinx"], "llm": [], "tts": ["espeak"]},
    }
    assert heard == "Six times seven is forty two."
    assert healthy.status_code == 200


async def test_an_operator_holds_a_provider_open_lets_it_serve_again_and_forgets_its_past() -> None:
    async with gateway() as running:
        running.server.behave = status(401)
        await running.ask()
        held = (await running.order("open")).json()
        closed = (await running.order("close")).json()
        forgotten = (await running.order("reset")).json()
        seen = await running.row("llm", "openai_compatible")
    assert (held["breaker"], held["held"], held["cool_down_left_ms"]) == ("open", True, None)
    assert (closed["breaker"], closed["held"], closed["failures"]) == ("closed", False, 1)
    assert (forgotten["breaker"], forgotten["failures"], forgotten["last_fault"]) == ("closed", 0, None)
    assert seen == forgotten


async def test_what_cannot_be_ordered_is_refused_with_what_can() -> None:
    async with gateway() as running:
        unknown = await running.order("open", "/providers/llm/nobody/breaker")
        out_of_chain = await running.order("open", "/providers/llm/openai/breaker")
        bad = [
            await running.order("explode"),
            await running.http.post(BREAKER, json={}),
            await running.http.post(BREAKER, content=b"{", headers={"content-type": "application/json"}),
        ]
        untouched = await running.row("llm", "openai_compatible")
    assert unknown.status_code == out_of_chain.status_code == 404
    for name in ("stt/pocketsphinx", "llm/openai_compatible", "llm/rulebook", "tts/espeak"):
        assert name in unknown.json()["detail"]
    assert [answer.status_code for answer in bad] == [422, 422, 422]
    assert untouched["breaker"] == "closed"


def test_before_the_start_no_slot_has_a_provider() -> None:
    answer = TestClient(app_of()).get("/providers/health")
    assert answer.status_code == 503
    assert answer.json() == {"healthy": False, "serving": {"stt": [], "llm": [], "tts": []}}


# --- who may change a breaker: whoever may is told that nothing runs yet (404) -------------------------------

HOME = ("127.0.0.1", 50_000)
AWAY = ("203.0.113.7", 50_000)


def answer_to(
    headers: dict[str, str], client: tuple[str, int], host: str = "127.0.0.1:8000", token: str = TOKEN
) -> httpx.Response:
    """Ask an app that has not started to open a breaker, as `client` who reaches it as `host`."""
    app = app_of(tandem_admin_token=token)
    asking = TestClient(app, base_url=f"http://{host}", client=client)
    return asking.post(BREAKER, json=OPEN, headers=headers)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("headers", "client", "host"),
    [
        ({}, HOME, "127.0.0.1:8000"),
        ({}, HOME, "localhost"),
        ({}, ("::1", 50_000), "[::1]:8000"),
        ({"origin": "http://127.0.0.1:8000"}, HOME, "127.0.0.1:8000"),
        ({"authorization": f"Bearer {TOKEN}"}, AWAY, "tandem.example"),
        ({"authorization": f"bearer  {TOKEN}", "origin": "https://tandem.example"}, AWAY, "tandem.example"),
    ],
)
def test_this_machine_and_those_who_hold_the_token_may_change_a_breaker(
    headers: dict[str, str], client: tuple[str, int], host: str
) -> None:
    assert answer_to(headers, client, host).status_code == 404


@pytest.mark.parametrize(
    ("headers", "client", "host"),
    [
        ({}, AWAY, "127.0.0.1:8000"),
        ({"authorization": "Bearer another"}, AWAY, "127.0.0.1:8000"),
        ({"authorization": TOKEN}, AWAY, "127.0.0.1:8000"),
        ({"authorization": "Bearer "}, AWAY, "127.0.0.1:8000"),
        ({"authorization": "Bearer sch\xf6n"}, AWAY, "127.0.0.1:8000"),
        ({"origin": "http://evil.example"}, HOME, "127.0.0.1:8000"),
        ({"origin": "null"}, HOME, "127.0.0.1:8000"),
        ({"origin": "http://evil.example", "authorization": f"Bearer {TOKEN}"}, HOME, "127.0.0.1:8000"),
        ({"origin": "http://rebound.example"}, HOME, "rebound.example"),
        ({}, HOME, "[::1"),
        ({"x-forwarded-for": "203.0.113.7"}, HOME, "127.0.0.1:8000"),
        ({"via": "1.1 proxy"}, HOME, "127.0.0.1:8000"),
    ],
)
def test_strangers_and_pages_of_other_origins_may_not_and_are_told_what_to_set(
    headers: dict[str, str], client: tuple[str, int], host: str
) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = answer_to({**raw, "host": host.encode()}, client)  # type: ignore[dict-item]
    assert answer.status_code == 403
    assert "TANDEM_ADMIN_TOKEN" in answer.json()["detail"]
    assert TOKEN not in answer.text


def test_without_a_token_in_the_settings_no_token_opens_anything() -> None:
    assert answer_to({"authorization": "Bearer "}, AWAY, token="").status_code == 403
    assert answer_to({}, HOME, token="").status_code == 404


def test_a_stranger_is_refused_before_what_they_send_is_read() -> None:
    asking = TestClient(app_of(), client=AWAY)
    answer = asking.post(BREAKER, content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 403
