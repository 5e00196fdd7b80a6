"""The sidecar NAME.json of a checkpoint: what it may say, checked as data before anything is built from it."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from slowfast_paddle.errors import CheckpointError


class _Protocol(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str | None = None


class _Sidecar(BaseModel):
    """Every key may be left out, and others may stand beside them; a description says what an error expects."""

    model_config = ConfigDict(extra="allow")
    config: dict[str, Any] | None = Field(None, description="the configuration as an object, or null")
    class_names: list[str | None] | None = Field(None, description="a list with one name (or null) for each class, or null")
    protocol: _Protocol | None = Field(None, description='an object such as {"name": "pyslowfast"}, or null')
    epoch: int | None = Field(None, description="the number of the epoch, or null")
    step: int | None = Field(None, description="the number of the step within the epoch, or null")
    sha256: str | None = Field(None, description="the SHA-256 of the weights as hex digits, or null")
    sha256_pdopt: str | None = Field(None, description="the SHA-256 of the training state as hex digits, or null")

    @field_validator("config")
    @classmethod
    def _as_now(cls, config: dict[str, Any] | None) -> dict[str, Any] | None:
        """Without keys that earlier versions wrote and that never decided anything."""
        if config is None or not isinstance(config.get("data"), dict):
            return config
        return {**config, "data": {key: value for key, value in config["data"].items() if key != "kind"}}


def read_sidecar(file: Path) -> dict[str, Any]:
    """What a sidecar says; empty where there is none.

    Raises:
        CheckpointError: it cannot be read, or says something that no checkpoint does; the key is named.
    """
    try:
        facts = _Sidecar.model_validate_json(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as err:
        raise CheckpointError(
            f"{file}: cannot be read ({err.strerror}); expected a checkpoint sidecar: restore or remove it"
        ) from err
    except ValidationError as err:
        first = err.errors(include_url=False)[0]
        if not first["loc"]:
            raise CheckpointError(
                f"{file}: not a checkpoint sidecar ({first['msg']}); expected a JSON object: restore or remove it"
            ) from None
        key = ".".join(map(str, first["loc"]))
        expected = _Sidecar.model_fields[str(first["loc"][0])].description
        raise CheckpointError(
            f"{file}: {key}: {first['msg']}, found {first['input']!r:.60}; expected {expected}: correct or restore it"
        ) from None
    return facts.model_dump(exclude_unset=True)
