"""The settings: the only reader of the environment, of the file .env and of tandem.toml."""

import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tandem.core.errors import ConfigurationError

_REPOSITORY = Path(__file__).resolve().parents[2]
_Names = Annotated[tuple[str, ...], NoDecode]
_NO_KEY = SecretStr("")


class Settings(BaseSettings):
    """Every setting, by the name of its environment variable in lower case; .env.example explains them."""

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True, env_ignore_empty=True
    )

    stt_chain: _Names = ()
    llm_chain: _Names = ()
    tts_chain: _Names = ()

    deepgram_api_key: SecretStr = _NO_KEY
    deepgram_base_url: AnyUrl | None = None
    deepgram_model: str = ""
    assemblyai_api_key: SecretStr = _NO_KEY
    assemblyai_base_url: AnyUrl | None = None
    assemblyai_model: str = ""
    groq_api_key: SecretStr = _NO_KEY
    groq_base_url: AnyUrl | None = None
    groq_model: str = ""
    openai_api_key: SecretStr = _NO_KEY
    openai_base_url: AnyUrl | None = None
    openai_stt_model: str = ""
    openai_llm_model: str = ""
    openai_tts_model: str = ""
    openai_tts_voice: str = ""
    cartesia_api_key: SecretStr = _NO_KEY
    cartesia_base_url: AnyUrl | None = None
    cartesia_model: str = ""
    cartesia_voice: str = ""
    gemini_api_key: SecretStr = _NO_KEY
    gemini_base_url: AnyUrl | None = None
    gemini_model: str = ""
    deepseek_api_key: SecretStr = _NO_KEY
    deepseek_base_url: AnyUrl | None = None
    deepseek_model: str = ""
    azure_api_key: SecretStr = _NO_KEY
    azure_base_url: AnyUrl | None = None
    azure_model: str = ""
    openai_compatible_url: AnyUrl | None = None
    openai_compatible_model: str = ""
    openai_compatible_key: SecretStr = _NO_KEY
    tavily_api_key: SecretStr = _NO_KEY
    tavily_base_url: AnyUrl | None = None
    whisper_model: str = ""

    most_calls: Annotated[int, Field(ge=1)] = 50
    engine_workers: Annotated[int, Field(ge=1, le=64)] = 2
    allowed_origins: Annotated[frozenset[str], NoDecode] = frozenset()
    allowed_hosts: Annotated[frozenset[str], NoDecode] = frozenset({"*"})
    llm_first_token_ms: Annotated[float, Field(gt=0)] = 1_200
    tandem_admin_token: SecretStr = _NO_KEY
    voice_detector: Literal["silero", "level"] = "silero"
    eager_replies: bool = True
    time_zone: str = "UTC"
    instructions: str = (
        "You are Tandem, a helpful voice assistant. Your words are spoken aloud: answer in one to three short "
        "sentences of plain text, without lists, links or markup."
    )
    apology: str = "Sorry, I can't answer right now. Please try again in a moment."
    filler: str = "One moment, please."
    ask_after_s: Annotated[float, Field(ge=0, le=86_400)] = 0
    still_there: str = "Are you still there?"
    end_after_s: Annotated[float, Field(ge=0, le=86_400)] = 0
    goodbye: str = "I can't hear you any more, so I am hanging up. Goodbye."
    voiceless: str = "Sorry, I have lost my voice for now. Please read the answer."
    page_dir: Path = _REPOSITORY / "frontend" / "out"
    tandem_toml: Path = Path("tandem.toml")

    @field_validator("stt_chain", "llm_chain", "tts_chain", "allowed_origins", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """A list is written with commas: STT_CHAIN=moonshine,pocketsphinx."""
        if isinstance(value, str):
            return [name.strip() for name in value.split(",") if name.strip()]
        return value


class NamedProvider(BaseModel):
    """A further provider of a kind, from tandem.toml. `api_key_env` names the variable that holds its key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slot: Literal["stt", "llm", "tts"]
    kind: str
    base_url: AnyUrl | None = None
    model: str = ""
    voice: str = ""
    api_key_env: str = ""
    first_output_ms: Annotated[float, Field(gt=0)] | None = None


class _File(BaseModel):
    """The whole of tandem.toml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    providers: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,40}$")], NamedProvider] = {}


def read_settings(**overrides: object) -> Settings:
    """Read the environment; raises ConfigurationError that names the variable and what is wrong with its value."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        raise ConfigurationError(
            f"The settings cannot be used. Change in .env or the environment: {_told(error, str.upper)}"
        ) from None


def read_named_providers(file: Path) -> dict[str, NamedProvider]:
    """Read tandem.toml, if there is one; raises ConfigurationError that says where it is wrong."""
    if not file.is_file():
        return {}
    try:
        return _File.model_validate(tomllib.loads(file.read_text(encoding="utf-8"))).providers
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} is not valid TOML: {error}") from None
    except ValidationError as error:
        raise ConfigurationError(f"{file} cannot be used. Change: {_told(error)}") from None


def read_key(variable: str) -> str:
    """Return the key that an environment variable holds, or .env does; empty if neither."""
    return os.environ.get(variable) or dotenv_values(".env").get(variable) or "" if variable else ""


def _told(error: ValidationError, spell: Callable[[str], str] = str) -> str:
    wrong = error.errors(include_input=False, include_url=False)
    return "; ".join(f"{spell('.'.join(map(str, item['loc'])))}: {item['msg']}" for item in wrong)
