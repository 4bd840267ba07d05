"""The metrics over HTTP, after a call in which a provider failed."""

import httpx
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from gateway import serving
from openai_server import openai_server, status
from tandem.app import create_app
from tandem.settings import Settings
from tandem.talk import talk

KEY = "sk-secret"
PROVIDERS = {"pocketsphinx", "openai_compatible", "rulebook", "espeak", "other"}


def samples_of(text: str) -> list[Sample]:
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def value_of(samples: list[Sample], name: str, **labels: str) -> float | None:
    """Return the value of the one series of this name that has these labels; None: there is none."""
    found = [sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items()]
    assert len(found) <= 1, found
    return found[0] if found else None


async def test_a_call_with_a_failure_is_told_in_figures_and_not_in_words() -> None:
    async with openai_server() as server:
        server.behave = status(401, error={"message": f"bad key {KEY}", "type": "t", "code": None})
        settings = Settings(
            _env_file=None,  # type: ignore[call-arg]
            stt_chain=("pocketsphinx",),
            llm_chain=("openai_compatible", "rulebook"),
            tts_chain=("espeak",),
            openai_compatible_url=server.url,  # type: ignore[arg-type]
            openai_compatible_key=KEY,  # type: ignore[arg-type]
            voice_detector="level",
            most_calls=7,
        )
        async with serving(create_app(settings)) as address, httpx.AsyncClient() as http:
            await talk(f"ws://{address}/voice/new", "What is six times seven?")
            answer = await http.get(f"http://{address}/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = samples_of(answer.text)
    failover = {"slot": "llm", "from": "openai_compatible", "to": "rulebook", "fault": "rejected"}
    assert value_of(samples, "tandem_failovers_total", **failover, phase="before_output", outcome="served") == 1
    assert value_of(samples, "tandem_failover_gap_seconds_count") == 1
    assert value_of(samples, "tandem_breaker_transitions_total", to="open", reason="permanent") == 1
    assert value_of(samples, "tandem_breaker_state", slot="llm", provider="openai_compatible") == 2
    assert value_of(samples, "tandem_breaker_state", slot="llm", provider="rulebook") == 0
    assert value_of(samples, "tandem_slot_first_output_seconds_count", slot="llm", provider="rulebook") == 1
    assert value_of(samples, "tandem_turn_latency_seconds_count") == 1
    assert value_of(samples, "tandem_sessions_capacity") == 7
    named = {
        sample.labels[label] for sample in samples for label in ("provider", "from", "to") if label in sample.labels
    }
    assert named <= PROVIDERS | {"closed", "half-open", "open"}
    assert KEY not in answer.text
    assert "six" not in answer.text.lower()


def test_each_app_counts_for_itself() -> None:
    first, second = (create_app(Settings(_env_file=None, most_calls=most)) for most in (3, 4))  # type: ignore[call-arg]
    for app, capacity in ((first, 3), (second, 4)):
        samples = samples_of(TestClient(app).get("/metrics").text)
        assert value_of(samples, "tandem_sessions_capacity") == capacity
        assert value_of(samples, "tandem_sessions") == 0
