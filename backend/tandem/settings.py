"""The settings: the only reader of the environment and of the file .env."""

from pathlib import Path
from typing import Annotated

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from tandem.core.errors import ConfigurationError

_REPOSITORY = Path(__file__).resolve().parents[2]
_Names = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """Every setting, by the name of its environment variable in lower case; .env.example explains them."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    stt_chain: _Names = ()
    llm_chain: _Names = ()
    tts_chain: _Names = ()

    openai_compatible_url: AnyHttpUrl | None = None
    openai_compatible_model: str = ""
    openai_compatible_key: SecretStr = SecretStr("")

    most_calls: Annotated[int, Field(ge=1)] = 50
    engine_workers: Annotated[int, Field(ge=1, le=64)] = 2
    allowed_origins: Annotated[frozenset[str], NoDecode] = frozenset()
    allowed_hosts: Annotated[frozenset[str], NoDecode] = frozenset({"*"})
    llm_first_token_ms: Annotated[float, Field(gt=0)] = 4_000
    instructions: str = (
        "You are Tandem, a helpful voice assistant. Your words are spoken aloud: answer in one to three short "
        "sentences of plain text, without lists, links or markup."
    )
    apology: str = "Sorry, I can't answer right now. Please try again in a moment."
    page_dir: Path = _REPOSITORY / "frontend" / "out"

    @field_validator("stt_chain", "llm_chain", "tts_chain", "allowed_origins", "allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """A list is written with commas: STT_CHAIN=moonshine,pocketsphinx."""
        if isinstance(value, str):
            return [name.strip() for name in value.split(",") if name.strip()]
        return value

    @field_validator("openai_compatible_url", mode="before")
    @classmethod
    def _blank_is_unset(cls, value: object) -> object:
        return None if value == "" else value


def read_settings(**overrides: object) -> Settings:
    """Read the environment; raises ConfigurationError that names the variable and what is wrong with its value."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)
        told = "; ".join(f"{'.'.join(map(str, item['loc'])).upper()}: {item['msg']}" for item in wrong)
        raise ConfigurationError(f"The settings cannot be used. Change in .env or the environment: {told}") from None
