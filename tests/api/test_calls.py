"""The last calls over HTTP: figures for operators, nothing for strangers."""

import httpx

from gateway import serving
from tandem.app import create_app
from tandem.settings import Settings
from tandem.talk import talk

SETTINGS = {
    "stt_chain": ("pocketsphinx",),
    "llm_chain": ("rulebook",),
    "tts_chain": ("espeak",),
    "voice_detector": "level",
}


async def test_a_call_can_be_looked_up_turn_by_turn_without_its_words() -> None:
    settings = Settings(_env_file=None, **SETTINGS)  # type: ignore[arg-type, call-arg]
    async with serving(create_app(settings)) as address, httpx.AsyncClient(base_url=f"http://{address}") as http:
        await talk(f"ws://{address}/voice/mine", "What is six times seven?")
        listed = (await http.get("/calls")).json()
        answer = await http.get("/calls/mine")
        missing = await http.get("/calls/yours")
        stranger = await http.get("/calls/mine", headers={"x-forwarded-for": "203.0.113.7"})
    assert [call["session_id"] for call in listed] == ["mine"]
    found = answer.json()
    assert found["lasted_ms"] > 0
    assert found["began_at"].startswith("20")
    [turn] = found["turns"]
    assert turn["measured"]["turn"] == 1
    assert turn["measured"]["turn_latency_ms"] > 0
    assert {attempt["provider"] for attempt in turn["measured"]["attempts"]} == {"rulebook", "espeak"}
    assert "six" not in answer.text
    assert "forty" not in answer.text
    assert missing.status_code == 404
    assert stranger.status_code == 403
