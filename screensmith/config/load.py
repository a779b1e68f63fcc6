"""One precedence for every setting: command line > environment > .env > YAML run file > default."""

from __future__ import annotations

import difflib
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml
from dotenv.main import DotEnv
from dotenv.parser import parse_stream
from pydantic import BaseModel, ValidationError

from screensmith.config.capture import CaptureSettings
from screensmith.config.spellings import ALSO_CALLED, CAPTURE, TRAIN, Spelling, Table
from screensmith.config.task_results import preset
from screensmith.config.train import TrainSettings
from screensmith.config.values import allowed, prepare, show

Model = TypeVar("Model", bound=BaseModel)
DEFAULT_SOURCE = "default"


class SettingError(ValueError):
    """A setting that is unknown, wrong, or given twice; the message is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class Given:
    """One value as it was written, and where."""

    value: Any
    source: str


@dataclass(frozen=True, slots=True)
class Resolved(Generic[Model]):
    """Checked settings, and where each one came from (field name to source)."""

    settings: Model
    sources: Mapping[str, str]

    def table(self) -> str:
        """One line for each setting: name, value, source."""
        rows = [(name, show(getattr(self.settings, name)), source) for name, source in self.sources.items()]
        name_width = max(len(name) for name, _, _ in rows)
        value_width = min(40, max(len(value) for _, value, _ in rows))
        return "\n".join(
            f"{name:<{name_width}}  {value:<{value_width}}  {source}".rstrip()
            for name, value, source in rows
        )

    def as_json(self) -> str:
        """The same as one JSON object on one line, for `log_format` json."""
        values = self.settings.model_dump(mode="json")
        pairs = {name: {"value": values[name], "source": source} for name, source in self.sources.items()}
        return json.dumps({"event": "settings", "settings": pairs}, ensure_ascii=False)


def load_train_settings(
    arguments: Mapping[str, str],
    *,
    run_file: Path | None = None,
    environment: Mapping[str, str],
    env_file: Path | None = None,
) -> Resolved[TrainSettings]:
    """The settings of one training run.

    `arguments` has field names or flags as keys. Where no folder of episodes is named, the one that
    `screensmith capture` records to (`CAPTURE_OUT`) is used; where `train_csv` is named, the preset for
    task results stands in for the defaults.

    Raises:
        SettingError: an unknown name, a value that is not allowed, or a file that cannot be read.
    """
    fallback: dict[str, Given] = {}
    dotenv = read_env_file(env_file) if env_file else {}
    for values, place in ((dotenv, f"{env_file}"), (environment, "the environment")):
        folder = values.get("CAPTURE_OUT", "").strip()
        if folder:
            fallback["local"] = Given(folder, f"CAPTURE_OUT in {place}")
    layers = [*_layers(TRAIN, arguments, run_file, environment, env_file, dotenv)]
    if _last(layers, "train_csv"):
        values = preset(_last(layers, "adapter"))
        fallback |= {name: Given(value, "preset for train_csv") for name, value in values.items()}
    return _resolve(TrainSettings, [fallback, *layers])


def resolve_train_layers(layers: Iterable[tuple[Mapping[str, Any], Path]]) -> Resolved[TrainSettings]:
    """The settings that several places give together, weakest first, each with the place's name.

    Raises:
        SettingError: as `load_train_settings`.
    """
    return _resolve(TrainSettings, [_from_run_file(TRAIN, values, place) for values, place in layers])


def _last(layers: Iterable[Mapping[str, Given]], field: str) -> str:
    """The value of a setting that counts, as it was written; "" where nobody gives it."""
    values = [str(layer[field].value) for layer in layers if field in layer]
    return values[-1].strip().lower() if values else ""


def load_capture_settings(
    arguments: Mapping[str, str],
    *,
    environment: Mapping[str, str],
    env_file: Path | None = None,
) -> Resolved[CaptureSettings]:
    """How demonstrations are recorded; the same precedence without a run file.

    Raises:
        SettingError: an unknown name, a value that is not allowed, or a file that cannot be read.
    """
    dotenv = read_env_file(env_file) if env_file else {}
    return _resolve(CaptureSettings, _layers(CAPTURE, arguments, None, environment, env_file, dotenv))


def nearest(asked: str, table: Table) -> Spelling:
    """The setting whose name is most like the one asked for, whatever way that was spelled."""
    plain = _plain(asked, table.prefix)
    named = {_plain(name, table.prefix): item for item in table.spellings for name in _all_names(item)}
    by_field = table.by_field()
    named |= {also: by_field[field] for also, field in ALSO_CALLED.items() if field in by_field}
    close = difflib.get_close_matches(plain, list(named), n=1, cutoff=0.0)
    return named[close[0]]


def _all_names(spelling: Spelling) -> tuple[str, str, str]:
    return spelling.field, spelling.variable, spelling.flag


def _plain(name: str, prefix: str) -> str:
    plain = name.lstrip("-").lower().replace("-", "_")
    return plain.removeprefix(prefix.lower())


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of a `.env` file; raises SettingError for a line that is none."""
    text = _read_text(path)
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            line = binding.original.string.strip().splitlines()[0]
            raise SettingError(f"{path}, line {binding.original.line}: {line!r} is not NAME=value")
    values = DotEnv(dotenv_path=None, stream=io.StringIO(text)).dict()
    return {name: value for name, value in values.items() if value is not None}


def read_run_file(path: Path) -> dict[str, Any]:
    """The settings in a YAML run file; raises SettingError when it is not a flat list of them."""
    text = _read_text(path)
    try:
        _refuse_duplicates(yaml.compose(text, Loader=yaml.SafeLoader), path)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SettingError(f"{path}{place}: not YAML: {problem}") from error
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SettingError(f"{path}: expected lines of `name: value`, found {type(values).__name__}")
    return {str(name): value for name, value in values.items()}


def _refuse_duplicates(node: yaml.Node | None, path: Path) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise SettingError(f"{path}, line {key.start_mark.line + 1}: a setting's name must be a word")
        if key.value in seen:
            raise SettingError(f"{path}, line {key.start_mark.line + 1}: {key.value!r} is given twice")
        seen.add(key.value)


def _read_text(path: Path) -> str:
    try:
        # Editors on Windows put a byte order mark first.
        return path.read_text("utf-8-sig")
    except FileNotFoundError as error:
        raise SettingError(f"there is no file {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"cannot read {path}: {error}") from error


def _layers(
    table: Table,
    arguments: Mapping[str, str],
    run_file: Path | None,
    environment: Mapping[str, str],
    env_file: Path | None,
    dotenv: Mapping[str, str],
) -> Iterator[dict[str, Given]]:
    """What each place gives, weakest first."""
    if run_file:
        yield _from_run_file(table, read_run_file(run_file), run_file)
    if env_file:
        yield _from_variables(table, dotenv, str(env_file))
    yield _from_variables(table, environment, "the environment")
    yield _from_arguments(table, arguments)


def _from_run_file(table: Table, values: Mapping[str, Any], path: Path) -> dict[str, Given]:
    known = {**table.by_field(), **table.by_variable()}
    given: dict[str, Given] = {}
    for key, value in values.items():
        if key not in known:
            raise SettingError(
                f"unknown key {key!r} in {path}; did you mean {nearest(key, table).field!r}?"
            )
        field = known[key].field
        if field in given:
            raise SettingError(f"{path} gives {field} twice, once as {known[key].variable}")
        if value is not None:
            given[field] = Given(value, f"{key} in {path}")
    return given


def _from_variables(table: Table, values: Mapping[str, str], place: str) -> dict[str, Given]:
    known = table.by_variable()
    given: dict[str, Given] = {}
    for name, value in values.items():
        if name in known and value.strip():
            given[known[name].field] = Given(value, f"{name} in {place}")
        elif name in table.without_effect and value.strip():
            raise SettingError(f"{name} in {place} has no effect, remove it: {table.without_effect[name]}")
        elif name not in known | dict(table.without_effect) and table.owned.fullmatch(name):
            near = nearest(name, table).variable
            raise SettingError(f"unknown variable {name!r} in {place}; did you mean {near!r}?")
    return given


def _from_arguments(table: Table, values: Mapping[str, str]) -> dict[str, Given]:
    known = {**table.by_field(), **table.by_flag()}
    given: dict[str, Given] = {}
    for name, value in values.items():
        if name not in known:
            raise SettingError(f"unknown option {name!r}; did you mean {nearest(name, table).flag!r}?")
        given[known[name].field] = Given(value, known[name].flag)
    return given


def _resolve(model: type[Model], layers: Iterable[dict[str, Given]]) -> Resolved[Model]:
    given: dict[str, Given] = {}
    for layer in layers:
        given |= layer
    problems: list[str] = []
    values: dict[str, Any] = {}
    for name, item in given.items():
        try:
            values[name] = prepare(model.model_fields[name].annotation, item.value)
        except ValueError:
            problems.append(_wrong(model, name, item))
    if problems:
        raise SettingError("; ".join(problems))
    try:
        settings = model.model_validate(values)
    except ValidationError as error:
        raise SettingError(_explain(model, error, given)) from None
    sources = {name: given[name].source if name in given else DEFAULT_SOURCE for name in model.model_fields}
    return Resolved(settings, sources)


def _explain(model: type[BaseModel], error: ValidationError, given: Mapping[str, Given]) -> str:
    details = error.errors()
    names = list(dict.fromkeys(str(detail["loc"][0]) for detail in details if detail["loc"]))
    if names:
        return "; ".join(_wrong(model, name, given[name]) for name in names)
    return str(details[0]["msg"]).removeprefix("Value error, ")


def _wrong(model: type[BaseModel], name: str, item: Given) -> str:
    value = show(item.value) if not isinstance(item.value, str) else item.value
    return f"{name}: {value!r}, given by {item.source}, must be {allowed(model.model_fields[name])}"
