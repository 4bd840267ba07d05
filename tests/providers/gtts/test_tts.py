"""What gtts does beside the contract: words whole and in order, Google's own address, threads that end."""

import asyncio
import logging
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from shutil import which

import numpy as np
import pytest

import needs
from providers.gtts import vendor as google
from providers.gtts.vendor import Vendor, vendor
from tandem.contracts.tts import CANCEL_WITHIN_S, FOX, LONG, SENTENCE, length_ms, spoken
from tandem.core.errors import Fault, ProviderError
from tandem.core.ports import SpokenAudio, TtsOptions
from tandem.providers.gtts import tts
from tandem.providers.gtts.tts import Gtts
from tandem.simulator.voice import Voice

PATIENCE_S = 5.0
# Some 300 characters, no word twice, with ends of sentences and clauses where pieces may be cut.
STORY = (
    "Once upon a time there lived seven brothers, poor but merry, beside some quiet river. Every morning they walked "
    "over green hills to sell fresh bread; at noon, tired, each rested under old trees. Then came winter, with deep "
    "snow and bitter wind, so nobody could leave home for many weeks until spring returned."
)


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    needs.require(tts.missing() is None, str(tts.missing()))
    yield
    assert threads() == []


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(tts.NAME)]


@pytest.fixture(autouse=True)
def _no_proxy_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in google.PROXIES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
async def server() -> AsyncIterator[Vendor]:
    async with vendor() as running:
        yield running


def heard(chunks: list[SpokenAudio]) -> list[str]:
    return [word.text for word in Voice().hear(b"".join(chunk.pcm for chunk in chunks), chunks[0].sample_rate)]


async def test_every_word_of_a_long_phrase_arrives_once_and_in_order(server: Vendor) -> None:
    async with Gtts.open(base_url=server.url) as voice:
        chunks = await spoken(voice, STORY)
    assert len(server.asked) > 3
    assert heard(chunks) == STORY.split()


async def test_another_speed_changes_the_length_and_not_the_pitch(server: Vendor) -> None:
    async with Gtts.open(base_url=server.url) as voice:
        normal, fast, slow, fastest = [
            await spoken(voice, "a" * 90, TtsOptions(speed=speed)) for speed in (1.0, 1.5, 0.7, 9.0)
        ]
    lengths = [length_ms(chunks) / length_ms(normal) for chunks in (fast, slow, fastest)]
    assert lengths == pytest.approx([1 / 1.5, 1 / 0.7, 1 / 2.0], rel=0.03)
    # The numbered voice spells an "a" with a tone of 490 Hz and one of 2,380 Hz.
    assert [lowest_tone_hz(chunks) for chunks in (normal, fast, slow, fastest)] == pytest.approx([490] * 4, abs=15)


def lowest_tone_hz(chunks: list[SpokenAudio]) -> float:
    samples = np.frombuffer(b"".join(chunk.pcm for chunk in chunks), "<i2")
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / chunks[0].sample_rate)
    return float(hz[np.argmax(np.where(hz < 1_000, power, 0))])


async def test_a_slow_listener_has_one_piece_fetched_ahead(server: Vendor) -> None:
    async with Gtts.open(base_url=server.url) as voice, aclosing(voice.synthesize(LONG, TtsOptions())) as chunks:
        await anext(chunks)
        # Another phrase goes through the one free thread after all that is fetched of the first one by itself.
        await spoken(voice, SENTENCE)
        await spoken(voice, SENTENCE)
    assert len([asked for asked in server.asked if asked.text != SENTENCE]) == 2


async def test_more_phrases_than_threads_take_turns(server: Vendor) -> None:
    async with Gtts.open(base_url=server.url, threads=2) as voice, asyncio.TaskGroup() as group:
        calls = [group.create_task(spoken(voice, STORY)) for _ in range(5)]
        await server.arrived.wait()
        assert len(threads()) <= 2
    assert [heard(call.result()) for call in calls] == [STORY.split()] * 5


async def test_cancelled_phrases_hold_no_more_threads_than_there_are(server: Vendor) -> None:
    server.behave = google.hanging
    async with Gtts.open(base_url=server.url, threads=2, first_audio_ms=300, stall_ms=300) as voice:
        for number in range(5):
            phrase = asyncio.create_task(spoken(voice, FOX))
            if number < 2:
                await server.arrived.wait()
                server.arrived.clear()
            await asyncio.sleep(0)  # those behind wait for a thread
            began = asyncio.get_running_loop().time()
            phrase.cancel()
            await asyncio.wait([phrase])
            assert phrase.cancelled()
            assert asyncio.get_running_loop().time() - began < CANCEL_WITHIN_S
        assert len(threads()) <= 2
        server.behave = google.speaking
        async with asyncio.timeout(PATIENCE_S):
            while True:  # until a socket is given up
                with suppress(ProviderError):
                    assert heard(await spoken(voice, FOX)) == FOX.split()
                    break


async def test_the_end_waits_for_a_sick_socket_no_longer_than_it_may_be_silent(server: Vendor) -> None:
    server.behave = google.hanging
    async with asyncio.timeout(PATIENCE_S):
        async with Gtts.open(base_url=server.url, connect_ms=100, first_audio_ms=300, stall_ms=300) as voice:
            phrase = asyncio.create_task(spoken(voice, FOX))
            await server.arrived.wait()
            phrase.cancel()
    assert phrase.cancelled()


async def test_what_is_spoken_is_not_logged(server: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.behave = google.after(1, google.saying(b"", 503))
    async with Gtts.open(base_url=server.url) as voice:
        with pytest.raises(ProviderError):
            await spoken(voice, FOX * 5)
    assert server.asked
    assert "fox" not in caplog.text


async def test_an_unknown_language_is_invalid_and_not_asked_for(server: Vendor) -> None:
    async with Gtts.open(base_url=server.url) as voice:
        with pytest.raises(ProviderError) as caught:
            await spoken(voice, SENTENCE, TtsOptions(language="tlh-XX"))
        assert await spoken(voice, SENTENCE, TtsOptions(language="he-IL"))
    assert caught.value.fault is Fault.INVALID
    assert [asked.language for asked in server.asked] == ["iw"]


@pytest.mark.parametrize(
    ("language", "host"),
    [("en", "translate.google.com:443"), ("en-GB", "translate.google.co.uk:443"), ("fr", "translate.google.com:443")],
)
async def test_googles_own_address_goes_by_the_accent(
    server: Vendor, monkeypatch: pytest.MonkeyPatch, language: str, host: str
) -> None:
    monkeypatch.setenv("https_proxy", server.url)  # it refuses all tunnels
    async with Gtts.open() as voice:
        with pytest.raises(ProviderError) as caught:
            await spoken(voice, SENTENCE, TtsOptions(language=language))
    assert caught.value.fault is Fault.REFUSED
    assert [asked.host for asked in server.asked] == [host]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    openssl = which("openssl")
    needs.require(openssl is not None, "the command openssl")
    directory: Path = tmp_path_factory.mktemp("certificate")
    key, signed = directory / "key.pem", directory / "signed.pem"
    command = [str(openssl), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=loopback"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(signed)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(signed, key)
    return context


async def test_words_come_over_tls_from_googles_own_address(
    certificate: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with vendor(certificate) as server, Gtts.open() as voice:
        monkeypatch.setenv("https_proxy", server.url)
        chunks = await spoken(voice, STORY, TtsOptions(language="en-AU"))
    assert heard(chunks) == STORY.split()
    where = {(asked.host, asked.path, asked.language) for asked in server.asked}
    assert where == {("translate.google.com.au", "/_/TranslateWebserverUi/data/batchexecute", "en")}
