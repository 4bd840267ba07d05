"""Runs the voice's contract over gTTS: the real library and decoder, and Google Translate as played on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager

import pytest

import needs
from providers.gtts import vendor as google
from providers.gtts.vendor import Behaviour, Vendor, vendor
from tandem.contracts.tts import FOX, SENTENCE, TtsContract, length_ms, spoken
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import TextToSpeech, TtsOptions
from tandem.providers.gtts.tts import Gtts, missing


@pytest.fixture(autouse=True)
def _no_proxy_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in google.PROXIES:
        monkeypatch.delenv(name, raising=False)


class _Scripted(Gtts):
    """It knows the server that it speaks to."""

    server: Vendor


@asynccontextmanager
async def _scripted() -> AsyncIterator[TextToSpeech]:
    async with vendor() as server, _Scripted.open(base_url=server.url) as provider:
        provider.server = server
        yield provider


class TestGtts(TtsContract):
    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[TextToSpeech]:
        needs.require(missing() is None, str(missing()))
        return _scripted()

    async def break_engine(self, provider: TextToSpeech) -> None:
        assert isinstance(provider, _Scripted)
        provider.server.behave = google.cutting


@pytest.mark.parametrize(
    ("behave", "fault"),
    [
        (google.saying(b"", 400), Fault.INVALID),
        (google.saying(b"", 413), Fault.INVALID),
        (google.saying(b"", 401), Fault.REJECTED),
        (google.saying(b"", 403), Fault.REJECTED),
        (google.saying(b"", 429, "retry-after: 2"), Fault.RATE_LIMITED),
        (google.saying(b"", 500), Fault.UNAVAILABLE),
        (google.saying(b"", 503), Fault.UNAVAILABLE),
        (google.hanging, Fault.TIMEOUT),
        (google.stalling, Fault.TIMEOUT),
        (google.after(2, google.hanging), Fault.STALLED),
        (google.after(2, google.stalling), Fault.STALLED),
        (google.cutting, Fault.CUT),
        (google.after(2, google.cutting), Fault.CUT),
        (google.resetting, Fault.CUT),
        (google.saying(b"<html>Before you continue to Google</html>"), Fault.MALFORMED),
        (google.after(2, google.saying(b"")), Fault.MALFORMED),
        (google.saying(b'[["wrb.fr","jQ1olc",null,null,null,[3],"generic"]]'), Fault.MALFORMED),
        (google.saying(b"\xff\xfe jQ1olc"), Fault.MALFORMED),
        (google.audio("bm8gTVAzIGF0IGFsbA=="), Fault.MALFORMED),
        (google.audio("x"), Fault.MALFORMED),
        (google.audio(""), Fault.EMPTY),
    ],
)
async def test_a_failing_service_is_told_by_its_fault(behave: Behaviour, fault: Fault) -> None:
    needs.require(missing() is None, str(missing()))
    async with (
        asyncio.timeout(10),
        vendor() as server,
        Gtts.open(base_url=server.url, connect_ms=800, first_audio_ms=800, stall_ms=800) as voice,
    ):
        server.behave = behave
        with pytest.raises(ProviderError) as caught:
            await spoken(voice, FOX * 5)
        assert caught.value.fault is fault
        assert caught.value.retry_after_ms == (2_000 if fault is Fault.RATE_LIMITED else None)
        assert "fox" not in str(caught.value)
        server.behave = google.speaking
        assert length_ms(await spoken(voice, SENTENCE)) > 2_000


async def test_a_service_that_is_down_is_refused_and_does_not_hinder_the_start() -> None:
    needs.require(missing() is None, str(missing()))
    async with Gtts.open(base_url=google.refusing_url()) as voice:
        with pytest.raises(ProviderError) as caught:
            await spoken(voice, SENTENCE)
    assert caught.value.fault is Fault.REFUSED


async def test_what_was_spoken_before_a_cut_is_given_out() -> None:
    needs.require(missing() is None, str(missing()))
    async with _scripted() as voice:
        assert isinstance(voice, _Scripted)
        voice.server.behave = google.after(1, google.cutting)
        given = []
        async with aclosing(voice.synthesize(FOX * 5, TtsOptions())) as chunks:
            with pytest.raises(ProviderError):
                async for chunk in chunks:
                    given.append(chunk)  # noqa: PERF401
        assert length_ms(given) > 2_000
