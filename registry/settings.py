"""Settings of the service: environment `TANBU_…`, then `config.toml` of the data directory.

Each has a default that is right for one machine. What decides about entries is never a setting:
those numbers are in rulebooks.

    TANBU_PORT=8080 tanbu serve
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from registry.chain.errors import Malformed

REFUSAL_KEY = "refusals.key"
CONFIG_FILE = "config.toml"
AuthorityName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]


class Settings(BaseSettings):
    """What `tanbu serve` may be told."""

    model_config = SettingsConfigDict(env_prefix="TANBU_", extra="forbid", frozen=True)

    data: Annotated[Path, Field(description="The data directory.")] = Path("var")
    host: Annotated[str, Field(description="Address to listen on.", min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(description="TCP port; 0 takes a free one.", ge=0, le=65_535)] = 8000
    workers: Annotated[int, Field(description="API processes.", ge=1, le=64)] = 2
    alone: Annotated[
        bool, Field(description="Go on although the tile store cannot be asked; pages show it.")
    ] = False
    refusal_key: Annotated[
        Path,
        Field(
            description="The operator's key that signs refusal notes: a file in DATA/keys, or"
            " elsewhere by its whole path. Without it refusals are answered without notes."
        ),
    ] = Path(REFUSAL_KEY)
    stamp_urls: Annotated[
        dict[AuthorityName, str],
        Field(
            description="Time-stamping authorities (RFC 3161), name = URL; in the environment as"
            " JSON. The certificates by which NAME is believed are DATA/trust/NAME.pem. None:"
            " checkpoints get no time stamps.",
            max_length=8,
        ),
    ] = {}
    stamp_interval_s: Annotated[
        int, Field(description="Seconds between two stamps of one authority.", ge=60)
    ] = 86_400
    stamp_timeout_s: Annotated[
        int, Field(description="Seconds that an authority may take to answer.", ge=1, le=300)
    ] = 20


def read_settings(**given: object) -> Settings:
    """The settings: what is given, else the environment, else config.toml, else the default.

    Values of None count as not given. Raises Malformed with the name of what is wrong.
    """
    chosen: dict[str, Any] = dict(EnvSettingsSource(Settings)())
    chosen |= {name: value for name, value in given.items() if value is not None}
    file = Path(str(chosen.get("data", Settings.model_fields["data"].default))) / CONFIG_FILE
    try:
        return Settings(**{**_read_file(file), **chosen})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise Malformed(f"the setting {name} is wrong: {first['msg']}", where=name) from error


def _read_file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise Malformed(f"the settings cannot be read: {error}", where=str(path)) from error
