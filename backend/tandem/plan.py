"""From the settings to the providers: which there are, with what they are opened, in which order they serve."""

from pydantic import AnyUrl, SecretStr

from tandem.core.ports import Slot
from tandem.providers.catalogue import with_plugins
from tandem.providers.chains import Listed, Named, Plan, listing
from tandem.providers.kind import Config
from tandem.settings import Settings, read_key, read_named_providers


def listing_of(settings: Settings) -> list[Listed]:
    """Return every provider as it stands here; raises ConfigurationError for settings that cannot work."""
    chains = {Slot.STT: settings.stt_chain, Slot.LLM: settings.llm_chain, Slot.TTS: settings.tts_chain}
    return listing(Plan(chains, _configs(settings), _named(settings)), with_plugins())


def _configs(s: Settings) -> dict[tuple[Slot, str], Config]:
    """Return what each kind of the catalogue is opened with."""
    stt, llm, tts = Slot.STT, Slot.LLM, Slot.TTS
    given = {
        (stt, "deepgram"): _config("deepgram", s.deepgram_api_key, s.deepgram_base_url, s.deepgram_model),
        (stt, "assemblyai"): _config("assemblyai", s.assemblyai_api_key, s.assemblyai_base_url, s.assemblyai_model),
        (stt, "openai"): _config("openai", s.openai_api_key, s.openai_base_url, s.openai_stt_model),
        (stt, "whisper"): Config("whisper", model=s.whisper_model, workers=s.engine_workers),
        (stt, "moonshine"): Config("moonshine", workers=s.engine_workers),
        (stt, "pocketsphinx"): Config("pocketsphinx", workers=s.engine_workers),
        (tts, "cartesia"): _config(
            "cartesia", s.cartesia_api_key, s.cartesia_base_url, s.cartesia_model, s.cartesia_voice
        ),
        (tts, "openai"): _config("openai", s.openai_api_key, s.openai_base_url, s.openai_tts_model, s.openai_tts_voice),
        (tts, "espeak"): Config("espeak", workers=s.engine_workers),
    }
    models = {
        "groq": (s.groq_api_key, s.groq_base_url, s.groq_model),
        "openai": (s.openai_api_key, s.openai_base_url, s.openai_llm_model),
        "gemini": (s.gemini_api_key, s.gemini_base_url, s.gemini_model),
        "deepseek": (s.deepseek_api_key, s.deepseek_base_url, s.deepseek_model),
        "azure": (s.azure_api_key, s.azure_base_url, s.azure_model),
        "openai_compatible": (s.openai_compatible_key, s.openai_compatible_url, s.openai_compatible_model),
    }
    for name, (key, url, model) in models.items():
        given[llm, name] = _config(name, key, url, model, first_output_ms=s.llm_first_token_ms)
    return given


def _config(
    name: str, key: SecretStr, url: AnyUrl | None, model: str, voice: str = "", first_output_ms: float | None = None
) -> Config:
    return Config(
        name,
        key=key.get_secret_value(),
        url=_text(url),
        model=model,
        voice=voice,
        first_output_ms=first_output_ms,
    )


def _named(settings: Settings) -> list[Named]:
    """Return the further providers of tandem.toml."""
    return [
        Named(
            Slot(given.slot),
            given.kind,
            Config(
                name,
                key=read_key(given.api_key_env),
                url=_text(given.base_url),
                model=given.model,
                voice=given.voice,
                first_output_ms=given.first_output_ms or settings.llm_first_token_ms,
                workers=settings.engine_workers,
            ),
        )
        for name, given in read_named_providers(settings.tandem_toml).items()
    ]


def _text(url: AnyUrl | None) -> str:
    return str(url).rstrip("/") if url else ""
