"""The composition root: the only file that knows every concrete class."""

import asyncio
import gc
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.trustedhost import TrustedHostMiddleware

from tandem.api import calls, health, metrics, page
from tandem.api import providers as providers_api
from tandem.audio.align import SpeechAligner
from tandem.audio.joint import SmoothJoint
from tandem.audio.level import LevelDetector
from tandem.audio.quality import MicrophoneMeter
from tandem.audio.resample import make_resampler
from tandem.audio.vad import SileroModel
from tandem.audio.vad_shared import SharedSilero
from tandem.core.chain import Chain, P
from tandem.core.errors import ProviderError
from tandem.core.events import AttemptFailed
from tandem.core.hedge import Budget
from tandem.core.ports import MakeDetector, Notify, Slot, SpokenAudio, TextToSpeech, TtsOptions
from tandem.observers.call_log import CallLog
from tandem.observers.fan_out import fan_out
from tandem.observers.log import log_event
from tandem.observers.metrics import Metrics
from tandem.plan import listing_of
from tandem.providers.chains import Opened, open_chains
from tandem.providers.tavily.search import Tavily
from tandem.session.equipment import Equipment, Limits, Recorded, Sentences
from tandem.session.listen import RATE
from tandem.session.registry import Registry
from tandem.session.silence import SilenceLimits
from tandem.settings import Settings
from tandem.skills.calculator import calculator
from tandem.skills.clock import clock as local_clock
from tandem.skills.search import web_search
from tandem.skills.toolbox import Skill, Toolbox
from tandem.slots import llm
from tandem.slots.request import SlotLimits
from tandem.transports.native import endpoint

VERSION = version("tandem")


def _jitter() -> float:
    """Return a factor of 1 +- 20 %, so that replicas do not return to a provider all at once."""
    return random.uniform(0.8, 1.2)  # noqa: S311 nothing secret depends on it


def clock() -> float:
    """Monotonic time in ms."""
    return time.monotonic() * 1000


def create_app(settings: Settings, report: Callable[[str], None] = lambda _: None) -> FastAPI:
    """Build the gateway. Its providers are opened when it starts and closed when it stops; `report` hears of both.

    Raises ConfigurationError for settings that cannot work.
    """
    listed = listing_of(settings)
    state = providers_api.ProviderState
    table = [
        state(slot=item.kind.slot, name=item.name, about=item.kind.about, place=item.place, missing=item.missing)
        for item in listed
    ]
    registry = Registry(most_calls=settings.most_calls)
    chains: list[Chain[Any]] = []  # of the slots, while they run
    measured = Metrics(
        [(item.kind.slot, item.name) for item in listed if item.place is not None],
        chains=lambda: chains,
        calls=lambda: len(registry),
        capacity=settings.most_calls,
    )
    call_log = CallLog(time.time)
    notify = fan_out(log_event, measured, call_log)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_chains(listed, report) as opened, _toolbox(settings, notify) as toolbox:
            for row in table:
                row.missing = opened.failed.get(f"{row.slot}/{row.name}", row.missing)
            report("loading the voice detector")
            equipment = replace(
                await _equipment(settings, opened, toolbox, notify),
                eager=Budget(clock, share=0.5, per_second=0.1) if settings.eager_replies else None,
                busy=lambda: measured.lags,
            )
            chains[:] = [equipment.stt, equipment.llm, equipment.tts]
            registry.equip(equipment)
            async with _child(measured.watch_loop()):
                # What was loaded stays: else a full collection would stop every call for 50 ms to find that out.
                gc.collect()
                gc.freeze()
                yield
            registry.equip(None)
            chains.clear()

    app = FastAPIOffline(
        title="Tandem", version=VERSION, summary="A resilient, provider-agnostic voice gateway", lifespan=lifespan
    )
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=sorted(settings.allowed_hosts))

    def read_health() -> health.Health:
        reasons = registry.reasons
        return health.Health(
            live=True, ready=not reasons, reasons=reasons, calls=len(registry), calls_capacity=settings.most_calls
        )

    app.include_router(health.routes(read_health))
    token = settings.tandem_admin_token.get_secret_value()
    app.include_router(providers_api.routes(lambda: table, lambda: chains, token))
    app.include_router(calls.routes(lambda: call_log.calls, call_log.find, token))
    app.include_router(metrics.routes(measured.exposition))
    app.include_router(endpoint.routes(registry, clock, settings.allowed_origins))
    links = {"docs": "/docs", "redoc": "/redoc", "health": "/health", "providers": "/providers", "call": "/voice/new"}
    page.mount(app, settings.page_dir, {"name": "Tandem", "version": VERSION, "protocol": 1, "links": links})
    return app


@asynccontextmanager
async def _child(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run `work` for as long as the block."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(work)
        yield
        task.cancel()


@asynccontextmanager
async def _toolbox(settings: Settings, notify: Notify) -> AsyncIterator[Toolbox]:
    """Open what the skills need; without a key for web search, that skill says so."""
    async with AsyncExitStack() as stack:
        searches = []
        if key := settings.tavily_api_key.get_secret_value():
            url = str(settings.tavily_base_url or "").rstrip("/")
            searches.append(await stack.enter_async_context(Tavily.open(api_key=key, base_url=url)))
        skills: list[Skill[Any]] = [
            web_search(searches, clock=clock, notify=notify),
            local_clock(lambda: datetime.now(UTC), settings.time_zone),
            calculator(),
        ]
        yield Toolbox(skills, notify)


def _detectors(settings: Settings) -> MakeDetector:
    return LevelDetector if settings.voice_detector == "level" else SharedSilero(SileroModel.load()).detector


async def _equipment(settings: Settings, opened: Opened, toolbox: Toolbox, notify: Notify) -> Equipment:
    def chain(slot: Slot, providers: Sequence[P]) -> Chain[P]:
        return Chain(
            slot, providers, clock=clock, notify=notify, jitter=_jitter, last_resorts=opened.last_resorts(slot)
        )

    return Equipment(
        stt=chain(Slot.STT, opened.stt),
        llm=chain(Slot.LLM, opened.llm),
        tts=chain(Slot.TTS, opened.tts),
        make_detector=_detectors(settings),
        make_meter=lambda: MicrophoneMeter(RATE),
        make_resampler=make_resampler,
        make_joint=SmoothJoint,
        aligner=SpeechAligner(),
        notify=notify,
        clock=clock,
        instructions=settings.instructions,
        sentences=await _sentences(settings, opened.tts, notify),
        toolbox=toolbox,
        limits=Limits(
            llm=_llm_limits(settings.llm_first_token_ms),
            silence=SilenceLimits(settings.ask_after_s * 1000, settings.end_after_s * 1000),
        ),
    )


def _llm_limits(first_token_ms: float) -> SlotLimits:
    last_resort_ms = max(first_token_ms, llm.LIMITS.last_resort_ms or 0.0)
    return replace(llm.LIMITS, hard_ms=first_token_ms, last_resort_ms=last_resort_ms)


async def _sentences(settings: Settings, voices: list[TextToSpeech], notify: Notify) -> Sentences:
    """Have every voice say now what is needed when no voice may be there."""
    still_there = settings.still_there if settings.ask_after_s else ""
    goodbye = settings.goodbye if settings.end_after_s else ""
    texts = (settings.apology, settings.filler, settings.voiceless, still_there, goodbye)
    return Sentences(*[Recorded(text, await _recorded(text, voices, notify)) for text in texts])


async def _recorded(text: str, voices: list[TextToSpeech], notify: Notify) -> dict[str, SpokenAudio]:
    if not text:
        return {}
    async with asyncio.TaskGroup() as group:
        spoken = [(voice.name, group.create_task(_spoken(text, voice, notify))) for voice in voices]
    return {name: audio for name, task in spoken if (audio := task.result())}


async def _spoken(text: str, voice: TextToSpeech, notify: Notify) -> SpokenAudio | None:
    pcm, rate = bytearray(), 0
    try:
        async with aclosing(voice.synthesize(text, TtsOptions())) as audio:
            async for piece in audio:
                pcm += piece.pcm
                rate = piece.sample_rate
    except ProviderError as error:
        notify(AttemptFailed(Slot.TTS, voice.name, error.fault, error.detail, after_output=bool(pcm)))
        return None
    return SpokenAudio(bytes(pcm), rate) if pcm else None
