"""Sockets that were opened before they are needed: taken by calls that ask for the same, and let go by themselves."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import pytest
from websockets.asyncio.client import ClientConnection

from contracts.numbered_speech import NUMBERED_UNITS
from simulator import Simulator, simulator
from tandem.contracts.stt import heard, plain, utterance
from tandem.core.ports import KeepsWarm, SttOptions
from tandem.providers.deepgram.socket import Door
from tandem.providers.deepgram.standby import Standby
from tandem.providers.deepgram.stt import DeepgramStt
from tandem.simulator import faults
from tandem.simulator.faults import Kind

_SPEECH = utterance(NUMBERED_UNITS.pcm)
_PATH = "/v1/listen?encoding=linear16&sample_rate=16000&language={}"


@pytest.fixture
async def vendor() -> AsyncIterator[Simulator]:
    async with simulator() as base:
        yield base


@pytest.fixture
async def provider(vendor: Simulator) -> AsyncIterator[DeepgramStt]:
    async with DeepgramStt.open(api_key="k", base_url=vendor.http) as provider:
        yield provider


def _opened(vendor: Simulator) -> AbstractAsyncContextManager[Standby]:
    return Standby.open(Door("first", vendor.ws, {"authorization": "Token k"}, None, open_ms=1_000))


@pytest.fixture
async def standby(vendor: Simulator) -> AsyncIterator[Standby]:
    async with _opened(vendor) as standby:
        yield standby


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(2):
        while not condition():
            await asyncio.sleep(0)


def _dialled(vendor: Simulator) -> list[str]:
    return [asked.query["language"] for asked in vendor.stage.requests.of("deepgram")]


def _open(vendor: Simulator) -> list[str]:
    return [each.query["language"] for each in vendor.stage.requests.of("deepgram") if each.disconnected_at is None]


def _spares(standby: Standby) -> list[str]:
    """Return the languages of the spares that wait."""
    return [path.partition("language=")[2][:2] for path, spare in standby._spares.items() if spare.socket is not None]


def _want(standby: Standby, *languages: str) -> None:
    for language in languages:
        standby.want(_PATH.format(language), language)


async def _warmed(standby: Standby, *languages: str) -> None:
    for language in languages:
        _want(standby, language)
        await _until(lambda: all(spare.socket for spare in standby._spares.values()))


async def _warmed_for(provider: DeepgramStt, options: SttOptions) -> None:
    provider.warm(options)
    await _until(lambda: _spares(provider._standby))


async def _call(standby: Standby) -> None:
    async with standby.socket(_PATH.format("en"), "en"):
        assert "en" not in _spares(standby)


def _waiting(standby: Standby) -> ClientConnection:
    (spare,) = standby._spares.values()
    assert spare.socket is not None
    return spare.socket


async def test_a_warmed_line_is_taken_without_another_dial_and_transcribes_as_any_other(
    vendor: Simulator, provider: DeepgramStt
) -> None:
    assert isinstance(provider, KeepsWarm)
    for _ in range(3):
        await _warmed_for(provider, SttOptions())
    taken = await heard(provider, _SPEECH)
    assert len(_dialled(vendor)) == 1
    assert taken == await heard(provider, _SPEECH)
    assert len(_dialled(vendor)) == 2
    assert plain(taken[-1].text) == plain(NUMBERED_UNITS.text)


async def test_what_the_vendor_says_to_a_waiting_line_is_no_part_of_the_call(
    vendor: Simulator, provider: DeepgramStt
) -> None:
    await _warmed_for(provider, SttOptions())
    await _waiting(provider._standby).send('{"type": "Finalize"}')  # answered by an empty final
    await _until(lambda: vendor.stage.requests.of("deepgram")[0].notes)
    taken = await heard(provider, _SPEECH)
    assert len(_dialled(vendor)) == 1
    assert taken == await heard(provider, _SPEECH)


async def test_a_call_does_not_wait_for_a_spare_that_is_still_dialled(vendor: Simulator, provider: DeepgramStt) -> None:
    vendor.stage.faults.set("deepgram", faults.Fault(Kind.HANG, times=1))
    provider.warm(SttOptions())
    await _until(lambda: _dialled(vendor))
    assert plain((await heard(provider, _SPEECH))[-1].text) == plain(NUMBERED_UNITS.text)


async def test_a_line_with_other_options_is_left_alone(vendor: Simulator, provider: DeepgramStt) -> None:
    await _warmed_for(provider, SttOptions(language="de"))
    await heard(provider, _SPEECH)
    assert _dialled(vendor) == ["de", "en"]
    assert _spares(provider._standby) == ["de"]


async def test_flux_is_not_warmed(vendor: Simulator) -> None:
    async with DeepgramStt.open(api_key="k", base_url=vendor.http, model="flux-general-en") as provider:
        provider.warm(SttOptions())
        assert not provider._standby._tasks


@pytest.mark.parametrize("kind", [None, Kind.HANG])
async def test_closing_leaves_no_task_and_no_socket(vendor: Simulator, kind: Kind | None) -> None:
    if kind is not None:
        vendor.stage.faults.set("deepgram", faults.Fault(kind))
    async with DeepgramStt.open(api_key="k", base_url=vendor.http) as provider:
        provider.warm(SttOptions())
        await _until(lambda: _dialled(vendor) if kind else _spares(provider._standby))
    provider.warm(SttOptions(language="fr"))
    assert (provider._standby._tasks, provider._standby._spares) == (set(), {})
    await _until(lambda: not vendor.stage.lines._lines)


async def test_a_taken_line_is_not_replaced_before_it_is_wanted_again(vendor: Simulator, standby: Standby) -> None:
    await _warmed(standby, "en")
    await _call(standby)
    assert standby._tasks == set()
    await _warmed(standby, "en")
    assert len(_dialled(vendor)) == 2


async def test_the_two_that_were_wanted_last_are_kept(vendor: Simulator, standby: Standby) -> None:
    await _warmed(standby, "en", "de", "en", "fr")
    assert _spares(standby) == ["en", "fr"]
    await _until(lambda: _open(vendor) == ["en", "fr"])


async def test_many_options_do_not_drive_one_another_out_without_end(vendor: Simulator, standby: Standby) -> None:
    await _warmed(standby, "en", "de", "fr")
    _want(standby, "en", "es", "it")
    assert list(standby._spares) == [_PATH.format("de"), _PATH.format("fr")]


async def test_one_spare_is_dialled_at_a_time(vendor: Simulator, standby: Standby) -> None:
    vendor.stage.faults.set("deepgram", faults.Fault(Kind.HANG))
    _want(standby, "en", "de", "fr")
    assert list(standby._spares) == [_PATH.format("en")]


async def test_a_line_that_the_vendor_ended_is_not_handed_out_nor_dialled_again_at_once(
    vendor: Simulator, standby: Standby
) -> None:
    await _warmed(standby, "en")
    vendor.stage.lines.cut(next(iter(vendor.stage.lines._lines)))
    await _until(lambda: not standby._tasks)
    _want(standby, "en")
    assert standby._spares == {}
    await _call(standby)
    assert len(_dialled(vendor)) == 2


async def test_a_line_that_ended_a_moment_ago_is_not_handed_out(vendor: Simulator, standby: Standby) -> None:
    await _warmed(standby, "en")
    _waiting(standby).transport.abort()  # the task that holds it has not yet noticed
    await _call(standby)
    assert len(_dialled(vendor)) == 2


async def test_a_waiting_line_on_which_the_vendor_finds_an_error_is_let_go(vendor: Simulator, standby: Standby) -> None:
    await _warmed(standby, "en")
    await _waiting(standby).send('{"type": "Nonsense"}')
    await _until(lambda: not standby._spares and not _open(vendor))


@pytest.mark.parametrize("kind", [Kind.STATUS, Kind.REFUSED])
async def test_a_refused_spare_is_silent_and_not_dialled_again_at_once(
    vendor: Simulator, standby: Standby, kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.stage.faults.set("deepgram", faults.Fault(kind))
    _want(standby, "en")
    await _until(lambda: not standby._tasks)
    _want(standby, "en", "de")
    assert not standby._tasks
    vendor.stage.faults.clear()
    await _call(standby)
    assert _dialled(vendor)[1:] == ["en"]
    assert [record for record in caplog.records if not record.name.startswith("uvicorn")] == []  # the vendor's log


@pytest.mark.looptime
async def test_a_refused_spare_is_dialled_again_after_ten_seconds() -> None:
    async with simulator() as vendor, _opened(vendor) as standby:
        await _warmed(standby, "de")
        (waiting,) = standby._tasks
        vendor.stage.faults.set("deepgram", faults.Fault(Kind.STATUS, times=1))
        await _warmed(standby, "en")
        await asyncio.wait({waiting}, timeout=9)
        await _warmed(standby, "en")
        assert _spares(standby) == ["de"]
        await asyncio.wait({waiting}, timeout=1.5)
        await _warmed(standby, "en")
        assert _dialled(vendor) == ["de", "en", "en"]


@pytest.mark.looptime
async def test_a_line_outlives_the_vendors_patience_and_is_let_go_half_a_minute_after_it_was_wanted_last() -> None:
    async with simulator() as vendor, _opened(vendor) as standby:
        _want(standby, "en")
        (task,) = standby._tasks
        await asyncio.wait({task}, timeout=25)
        _want(standby, "en")
        await asyncio.wait({task}, timeout=60)
        assert asyncio.get_running_loop().time() == pytest.approx(55, abs=0.5)
        assert {note["type"] for note in vendor.stage.requests.of("deepgram")[0].notes} == {"KeepAlive"}
        await _until(lambda: not _open(vendor))


async def test_a_call_that_goes_while_it_takes_a_line_drops_it(vendor: Simulator, standby: Standby) -> None:
    await _warmed(standby, "en")
    call = asyncio.ensure_future(_call(standby))
    await asyncio.sleep(0)
    assert not standby._spares
    call.cancel()
    await asyncio.wait({call})
    await _until(lambda: not _open(vendor))
