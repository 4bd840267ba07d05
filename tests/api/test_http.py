"""The HTTP side of the gateway: page, health, providers, documentation, and who may ask."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tandem.app import create_app
from tandem.settings import Settings


def app_of(**settings: object) -> FastAPI:
    return create_app(Settings(_env_file=None, **settings))  # type: ignore[call-arg, arg-type]


@pytest.fixture
def page_dir(tmp_path: Path) -> Path:
    (tmp_path / "talk").mkdir()
    (tmp_path / "index.html").write_text("<script>inline()</script><script src='/a.js'></script>the page")
    (tmp_path / "talk" / "index.html").write_text("another page")
    return tmp_path


def test_a_browser_gets_the_page_under_a_policy_that_names_its_scripts(page_dir: Path) -> None:
    client = TestClient(app_of(page_dir=page_dir))
    for path, text in (("/", "the page"), ("/talk/", "another page")):
        answer = client.get(path, headers={"accept": "text/html,*/*"})
        assert answer.status_code == 200
        assert text in answer.text
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self' 'sha256-" in policy
        assert "'unsafe-inline'" not in policy.split("style-src")[0]


def test_a_program_that_asks_for_json_gets_the_api(page_dir: Path) -> None:
    answer = TestClient(app_of(page_dir=page_dir)).get("/", headers={"accept": "application/json"})
    assert answer.json()["name"] == "Tandem"
    assert answer.json()["protocol"] == 1


def test_without_its_page_the_gateway_says_how_to_build_it(tmp_path: Path) -> None:
    answer = TestClient(app_of(page_dir=tmp_path / "none")).get("/")
    assert answer.status_code == 200
    assert "make setup" in answer.text


def test_a_gateway_whose_providers_are_not_loaded_is_not_ready() -> None:
    answer = TestClient(app_of()).get("/health")
    assert answer.status_code == 503
    assert answer.json() == {
        "live": True,
        "ready": False,
        "reasons": ["the providers are not loaded"],
        "calls": 0,
        "calls_capacity": 50,
    }


def test_the_providers_are_listed_with_what_each_one_lacks() -> None:
    listed = {row["name"]: row for row in TestClient(app_of()).get("/providers").json()}
    assert listed["rulebook"]["place"] == 0
    assert listed["openai_compatible"]["place"] is None
    assert "OPENAI_COMPATIBLE_URL" in listed["openai_compatible"]["missing"]


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_documentation_loads_nothing_from_elsewhere(path: str) -> None:
    text = TestClient(app_of()).get(path).text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text


def test_a_name_that_is_not_the_gateways_is_refused() -> None:
    client = TestClient(app_of(allowed_hosts={"localhost"}), base_url="http://rebound.example")
    assert client.get("/health").status_code == 400


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/voice/new", {"origin": "http://evil.example"}, 403),
        ("/voice/not..valid", {}, 404),
        ("/voice/new", {}, 503),
        ("/api/v1/ws/stream", {}, 503),
    ],
)
def test_a_call_that_cannot_begin_is_refused_in_the_handshake(path: str, headers: dict[str, str], status: int) -> None:
    client = TestClient(app_of())
    with pytest.raises(WebSocketDisconnect) as refused, client.websocket_connect(path, headers=headers):
        pass
    assert refused.value.status_code == status  # type: ignore[attr-defined]
