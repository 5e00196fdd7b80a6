"""From a YAML file, a preset name and overrides to one checked `Config`."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from slowfast_paddle.config import original, pyslowfast
from slowfast_paddle.config.schema import Config
from slowfast_paddle.config.yaml_file import Origins, merge, parse_scalar, read_yaml
from slowfast_paddle.errors import ConfigError


def presets_root() -> Path:
    """Folder of the shipped YAML files: installed inside the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    return next(p for p in (package / "configs", package.parent / "configs") if p.is_dir())


def preset_paths() -> dict[str, Path]:
    """Shipped presets by name (the file's stem); files and folders starting with `_` only serve as bases."""
    root = presets_root()
    paths = (p for p in root.rglob("*.yaml") if not any(part.startswith("_") for part in p.relative_to(root).parts))
    return {path.stem: path for path in sorted(paths)}


def load_config(source: str | Path | Mapping[str, Any] | None = None, overrides: Iterable[str] = ()) -> Config:
    """Resolves a configuration.

    Args:
        source: a YAML file of this package, of the original Paddle project or of PySlowFast; the name of a
            preset; a mapping (as stored in a checkpoint's sidecar); None for the defaults.
        overrides: `section.key=value` strings, applied last; for a PySlowFast file also `KEY VALUE` pairs.

    Raises:
        ConfigError: with file:line, the unknown key's nearest neighbour, or the value that was expected.
    """
    overrides = list(overrides)
    data: dict[str, Any] = {}
    origins: Origins = {}
    if isinstance(source, Mapping):
        data = dict(source)
    elif source is not None:
        data, origins = _read(_locate(source), seen=())
    if pyslowfast.is_pyslowfast(data):
        data, overrides, origins = pyslowfast.to_config(data, overrides, origins)
    elif original.is_original(data):
        data = original.to_config(data, origins)
    data, origins = _override(data, origins, overrides)
    try:
        return Config.model_validate(data)
    except ValidationError as err:
        raise ConfigError(_explain(err, origins, str(source) if isinstance(source, (str, Path)) else "configuration")) from None


def dump_config(config: Config) -> str:
    """The resolved configuration as YAML that `load_config` reads back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _locate(source: str | Path) -> Path:
    path = Path(source)
    if path.is_file():
        return path
    presets = preset_paths()
    if str(source) in presets:
        return presets[str(source)]
    near = difflib.get_close_matches(str(source), [*presets, *map(str, presets.values())], n=1)
    hint = f"; did you mean '{near[0]}'?" if near else f"; presets are {', '.join(presets)}"
    raise ConfigError(f"{source}: no such configuration file or preset{hint}")


def _read(path: Path, seen: tuple[Path, ...]) -> tuple[dict[str, Any], Origins]:
    """Reads a file on top of the files named by its `base` key (paths relative to the file)."""
    if path.resolve() in seen:
        raise ConfigError(f"{path}: `base` leads back to itself through {' -> '.join(map(str, seen))}")
    data, origins = read_yaml(path)
    bases = data.pop("base", [])
    merged: dict[str, Any] = {}
    merged_origins: Origins = {}
    bases = [bases] if isinstance(bases, str) else bases
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        raise ConfigError(f"{origins[('base',)]}: base is {bases!r}; expected the name of a YAML file, or a list of them")
    for base in bases:
        base_path = path.parent / base
        if not base_path.is_file():
            raise ConfigError(f"{origins.get(('base',), path)}: base '{base}' does not exist (looked for {base_path})")
        base_data, base_origins = _read(base_path, (*seen, path.resolve()))
        merged, merged_origins = merge(merged, base_data), merged_origins | base_origins
    return merge(merged, data), merged_origins | origins


def _override(data: dict[str, Any], origins: Origins, overrides: Iterable[str]) -> tuple[dict[str, Any], Origins]:
    for text in overrides:
        key, equals, value = text.partition("=")
        path = tuple(key.strip().split("."))
        if not equals or not all(path):
            raise ConfigError(f"override '{text}' is not of the form section.key=value, e.g. train.epochs=10")
        nested: Any = value if _is_text(path, value) else parse_scalar(value)
        for part in reversed(path):
            nested = {part: nested}
        data = merge(data, nested)
        origins = origins | {
            path[:i]: f"override '{text}'" for i in range(1, len(path) + 1) if path[:i] not in origins or i == len(path)
        }
    return data, origins


def _is_text(path: tuple[str, ...], value: str) -> bool:
    """Whether a key takes the value as it stands, such as a folder `2024-01-02` or `a # b`; where text may be missing, null is no text."""
    kind: Any = Config
    for part in path:
        field = kind.model_fields.get(part) if isinstance(kind, type) and issubclass(kind, BaseModel) else None
        if field is None:
            return False
        kind = field.annotation
    return kind is str or (kind == str | None and value not in ("", "null", "~"))


def _explain(err: ValidationError, origins: Origins, source: str) -> str:
    """One line about the first error; how many more there are is said at its end."""
    first = err.errors(include_url=False)[0]
    # Only the part of the location that a user wrote: list indices and union branches follow the last known key.
    loc = tuple(str(part) for part in first["loc"])
    where = next((origins[loc[:i]] for i in range(len(loc), 0, -1) if loc[:i] in origins), source)
    key = ".".join(loc)
    if first["type"] == "extra_forbidden":
        names = _fields(loc[:-1])
        leaves = {dotted.rpartition(".")[2]: dotted for dotted in _everywhere()}  # a right name in the wrong section
        near = [".".join((*loc[:-1], name)) for name in difflib.get_close_matches(loc[-1], names, n=1)]
        near = near or [leaves[name] for name in difflib.get_close_matches(loc[-1], leaves, n=1)]
        text = f"unknown key '{key}'" + (f"; did you mean '{near[0]}'?" if near else f"; known here: {', '.join(names)}")
    else:
        message = first["msg"].removeprefix("Value error, ")
        text = (
            f"{key}: {message}, found {first['input']!r}"
            if key and not isinstance(first["input"], dict)
            else f"{key}: {message}".lstrip(": ")
        )
    more = f" (and {err.error_count() - 1} more)" if err.error_count() > 1 else ""
    return f"{where}: {text}{more}"


def _fields(path: tuple[str, ...], model: type[BaseModel] = Config) -> list[str]:
    for part in path:
        model = model.model_fields[part].annotation  # type: ignore[assignment]
    return list(model.model_fields)


def _everywhere(model: type[BaseModel] = Config, prefix: str = "") -> list[str]:
    """Every dotted key, so that a key in the wrong section is still recognised."""
    names = []
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            names += _everywhere(inner, f"{prefix}{name}.")
        else:
            names.append(prefix + name)
    return names
