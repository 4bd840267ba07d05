"""The catalogue: every kind of provider that Tandem can run, a line each."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from importlib.metadata import entry_points

from tandem.core.errors import ConfigurationError
from tandem.core.ports import Slot
from tandem.providers.assemblyai.stt import AssemblyAiStt
from tandem.providers.cartesia.tts import Cartesia
from tandem.providers.deepgram.stt import DeepgramStt
from tandem.providers.groq.llm import GroqChat
from tandem.providers.gtts import tts as gtts
from tandem.providers.kind import Config, Kind, Provider
from tandem.providers.local import espeak, flite, moonshine, pocketsphinx, rulebook, whisper
from tandem.providers.openai import kinds
from tandem.providers.openai.llm import OpenAIChat
from tandem.providers.openai.stt import OpenAITranscriber
from tandem.providers.openai.tts import OpenAISpeech

_FIRST_TOKEN_MS = 6_000
_IN_TOML = "give it a base_url in tandem.toml"
PLUGINS = "tandem.providers"  # entry points of this group are kinds that other packages bring


def _needs_nothing(config: Config) -> str | None:
    return None


def _key(variable: str) -> Callable[[Config], str | None]:
    return lambda config: None if config.key else f"set {variable}"


def _dialect(name: str, about: str, how: str) -> Kind:
    """Return the kind of a language model that speaks OpenAI's chat.completions; `how` says how to add it."""
    dialect = kinds.KINDS[name]

    def missing(config: Config) -> str | None:
        lack = kinds.missing(dialect, base_url=config.url, model=config.model, api_key=config.key)
        # A server of one's own is somewhere only if one says so.
        return how if lack or not (config.url or dialect.needs_key) else None

    def open_(config: Config) -> AbstractAsyncContextManager[Provider]:
        return OpenAIChat.open(
            name=config.name,
            kind=dialect,
            base_url=config.url,
            model=config.model,
            api_key=config.key,
            first_token_ms=config.first_output_ms or _FIRST_TOKEN_MS,
        )

    return Kind(Slot.LLM, name, about, missing, open_)


def _rulebook(config: Config) -> AbstractAsyncContextManager[Provider]:
    return rulebook.Rulebook.open(now=lambda: datetime.now().astimezone(), model_configured=bool(config.behind))


# In each slot the order is the order of a chain that nobody has set.
CATALOGUE: tuple[Kind, ...] = (
    Kind(
        Slot.STT,
        "deepgram",
        "nova-3, or Flux with its own sense of turns",
        _key("DEEPGRAM_API_KEY"),
        lambda config: DeepgramStt.open(name=config.name, api_key=config.key, base_url=config.url, model=config.model),
    ),
    Kind(
        Slot.STT,
        "assemblyai",
        "universal streaming",
        _key("ASSEMBLYAI_API_KEY"),
        lambda config: AssemblyAiStt.open(
            name=config.name, api_key=config.key, base_url=config.url, model=config.model
        ),
    ),
    Kind(
        Slot.STT,
        "openai",
        "transcribes an utterance when it is over",
        _key("OPENAI_API_KEY"),
        lambda config: OpenAITranscriber.open(
            name=config.name, api_key=config.key, base_url=config.url, model=config.model
        ),
        unasked=False,
    ),
    Kind(
        Slot.STT,
        "whisper",
        "a Whisper model of your choice on this machine (extra whisper)",
        lambda config: whisper.missing(config.model),
        lambda config: whisper.Whisper.open(config.model, config.workers, name=config.name),
        unasked=False,
        local=True,
    ),
    Kind(
        Slot.STT,
        "moonshine",
        "neural recogniser on this machine, English",
        lambda _: moonshine.missing(),
        lambda config: moonshine.Moonshine.open(config.workers),
        local=True,
    ),
    Kind(
        Slot.STT,
        "pocketsphinx",
        "small recogniser on this machine, English",
        lambda _: pocketsphinx.missing(),
        lambda config: pocketsphinx.Pocketsphinx.open(config.workers),
        local=True,
    ),
    Kind(
        Slot.LLM,
        "groq",
        "open models, very fast",
        _key("GROQ_API_KEY"),
        lambda config: GroqChat.open(
            name=config.name,
            api_key=config.key,
            base_url=config.url,
            model=config.model,
            first_token_ms=config.first_output_ms or _FIRST_TOKEN_MS,
        ),
    ),
    _dialect("openai", "OpenAI's models", "set OPENAI_API_KEY"),
    _dialect("gemini", "Google's models", "set GEMINI_API_KEY"),
    _dialect("deepseek", "DeepSeek's models", "set DEEPSEEK_API_KEY"),
    _dialect("azure", "Azure OpenAI", "set AZURE_API_KEY, AZURE_BASE_URL and AZURE_MODEL"),
    _dialect("ollama", "an Ollama server", _IN_TOML),
    _dialect("llamacpp", "a llama.cpp server", _IN_TOML),
    _dialect("vllm", "a vLLM server", _IN_TOML),
    _dialect(
        "openai_compatible",
        "any OpenAI-compatible server",
        "set OPENAI_COMPATIBLE_URL (Ollama: http://localhost:11434/v1), and OPENAI_COMPATIBLE_MODEL",
    ),
    Kind(
        Slot.LLM,
        "rulebook",
        "rules instead of a model: time, sums, units, memory",
        _needs_nothing,
        _rulebook,
        local=True,
    ),
    Kind(
        Slot.TTS,
        "cartesia",
        "sonic voices, with the times of words",
        _key("CARTESIA_API_KEY"),
        lambda config: Cartesia.open(
            name=config.name, api_key=config.key, base_url=config.url, model=config.model, voice=config.voice
        ),
    ),
    Kind(
        Slot.TTS,
        "openai",
        "OpenAI's voices",
        _key("OPENAI_API_KEY"),
        lambda config: OpenAISpeech.open(
            name=config.name, api_key=config.key, base_url=config.url, model=config.model, voice=config.voice
        ),
    ),
    Kind(
        Slot.TTS,
        "gtts",
        "Google Translate's voice, any language, without a key (extra gtts)",
        lambda _: gtts.missing(),
        lambda config: gtts.Gtts.open(name=config.name, base_url=config.url),
        unasked=False,
    ),
    Kind(
        Slot.TTS,
        "flite",
        "clear voice on this machine, English",
        lambda _: flite.missing(),
        lambda _: flite.Flite.open(),
        local=True,
    ),
    Kind(
        Slot.TTS,
        "espeak",
        "robotic voice on this machine, any language",
        lambda _: espeak.missing(),
        lambda config: espeak.Espeak.open(config.workers),
        local=True,
    ),
)


def with_plugins(catalogue: Sequence[Kind] = CATALOGUE) -> tuple[Kind, ...]:
    """Return the catalogue behind the kinds that other packages bring.

    Raises ConfigurationError for a plugin that cannot be loaded or is no Kind.
    """
    brought = []
    for point in entry_points(group=PLUGINS):
        try:
            kind = point.load()
        except (ImportError, AttributeError) as error:
            raise ConfigurationError(f"The plugin {point.value} cannot be loaded: {error}") from error
        if not isinstance(kind, Kind):
            raise ConfigurationError(f"The plugin {point.value} is no tandem.providers.kind.Kind.")
        brought.append(kind)
    return (*brought, *catalogue)
