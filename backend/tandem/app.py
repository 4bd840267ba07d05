"""The composition root: the only file that knows every concrete class."""

import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware.trustedhost import TrustedHostMiddleware

from tandem.api import health, page
from tandem.api import providers as providers_api
from tandem.audio.level import LevelDetector
from tandem.audio.quality import MicrophoneMeter
from tandem.audio.resample import make_resampler
from tandem.audio.vad import SileroDetector, SileroModel
from tandem.core.chain import Chain, P
from tandem.core.errors import ProviderError
from tandem.core.events import AttemptFailed
from tandem.core.ports import Slot, SpokenAudio, TextToSpeech, TtsOptions, VoiceDetector
from tandem.observers.log import log_event
from tandem.plan import listing_of
from tandem.providers.chains import Opened, open_chains
from tandem.providers.tavily.search import Tavily
from tandem.session.equipment import Apology, Equipment, Limits
from tandem.session.listen import RATE
from tandem.session.registry import Registry
from tandem.settings import Settings
from tandem.skills.calculator import calculator
from tandem.skills.clock import clock as local_clock
from tandem.skills.search import web_search
from tandem.skills.toolbox import Skill, Toolbox
from tandem.slots import llm
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

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_chains(listed, report) as opened, _toolbox(settings) as toolbox:
            for row in table:
                row.missing = opened.failed.get(f"{row.slot}/{row.name}", row.missing)
            report("loading the voice detector")
            registry.equip(await _equipment(settings, opened, toolbox))
            yield
            registry.equip(None)

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
    app.include_router(providers_api.routes(lambda: table))
    app.include_router(endpoint.routes(registry, clock, settings.allowed_origins))
    links = {"docs": "/docs", "redoc": "/redoc", "health": "/health", "providers": "/providers", "call": "/voice/new"}
    page.mount(app, settings.page_dir, {"name": "Tandem", "version": VERSION, "protocol": 1, "links": links})
    return app


@asynccontextmanager
async def _toolbox(settings: Settings) -> AsyncIterator[Toolbox]:
    """Open what the skills need; without a key for web search, that skill says so."""
    async with AsyncExitStack() as stack:
        searches = []
        if key := settings.tavily_api_key.get_secret_value():
            url = str(settings.tavily_base_url or "").rstrip("/")
            searches.append(await stack.enter_async_context(Tavily.open(api_key=key, base_url=url)))
        skills: list[Skill[Any]] = [
            web_search(searches),
            local_clock(lambda: datetime.now(UTC), settings.time_zone),
            calculator(),
        ]
        yield Toolbox(skills, log_event)


def _detectors(settings: Settings) -> Callable[[], VoiceDetector]:
    if settings.voice_detector == "level":
        return LevelDetector
    model = SileroModel.load()
    return lambda: SileroDetector(model)


async def _equipment(settings: Settings, opened: Opened, toolbox: Toolbox) -> Equipment:
    def chain(slot: Slot, providers: Sequence[P]) -> Chain[P]:
        return Chain(
            slot, providers, clock=clock, notify=log_event, jitter=_jitter, last_resorts=opened.last_resorts(slot)
        )

    return Equipment(
        stt=chain(Slot.STT, opened.stt),
        llm=chain(Slot.LLM, opened.llm),
        tts=chain(Slot.TTS, opened.tts),
        make_detector=_detectors(settings),
        make_meter=lambda: MicrophoneMeter(RATE),
        make_resampler=make_resampler,
        notify=log_event,
        clock=clock,
        instructions=settings.instructions,
        apology=await _record(settings.apology, opened.tts),
        toolbox=toolbox,
        limits=Limits(llm=replace(llm.LIMITS, hard_ms=settings.llm_first_token_ms)),
    )


async def _record(text: str, voices: list[TextToSpeech]) -> Apology:
    """Speak the apology now: when it is needed, no voice may be there."""
    for voice in voices:
        pcm, rate = bytearray(), 0
        try:
            async with aclosing(voice.synthesize(text, TtsOptions())) as audio:
                async for piece in audio:
                    pcm += piece.pcm
                    rate = piece.sample_rate
        except ProviderError as error:
            log_event(AttemptFailed(Slot.TTS, voice.name, error.fault, error.detail, after_output=bool(pcm)))
            continue
        if pcm:
            return Apology(text, SpokenAudio(bytes(pcm), rate))
    return Apology(text, SpokenAudio(b"", RATE))
