"""One conversion: a reader's episodes through a writer, with what was refused, compared at the end."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import tempfile
import typing
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import UnionType
from typing import Any

from screensmith import plugins
from screensmith.core.episode import Episode
from screensmith.core.refusals import Refusal, RefusalLog, Refused

REFUSED_NAME = "refused.jsonl"
BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


class ConversionProblem(ValueError):
    """A conversion that cannot be done; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for; options are words of the command line, "name=value"."""

    reader: str
    root: str
    writer: str
    out: Path
    reader_options: Sequence[str] = ()
    writer_options: Sequence[str] = ()
    json: str = ""
    limit: int | None = None
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is there now (None: nothing could be written), what this run added and earlier ones had."""

    name: str
    written: Any
    added: int
    skipped: int
    verified: bool


class RefusalFile(RefusalLog):
    """A log of any length that keeps its refusals in a file and only counts in memory."""

    def __init__(self) -> None:
        super().__init__()
        # Without a name: it goes when the process goes, however it goes.
        self._file = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        self._reasons: Counter[str] = Counter()

    def add(self, id: str, reason: str, detail: str = "") -> None:
        """Record one refused row."""
        self._file.seek(0, os.SEEK_END)  # somebody may have read a part
        self._file.write(json.dumps({"id": id, "reason": reason, "detail": detail}) + "\n")
        self._reasons[reason] += 1

    def extend(self, refusals: Iterable[Refusal]) -> None:
        """Record refusals collected elsewhere."""
        for refusal in refusals:
            self.add(refusal.id, refusal.reason, refusal.detail)

    def __iter__(self) -> Iterator[Refusal]:
        self._file.flush()
        self._file.seek(0)
        for line in self._file:
            yield Refusal(**json.loads(line))

    def __len__(self) -> int:
        return self._reasons.total()

    def by_reason(self) -> Counter[str]:
        """How often each reason occurred."""
        return Counter(self._reasons)

    def save(self, path: Path, into: str) -> None:
        """Write the report in one step: a line for each refusal, with the name of what was written.

        What an earlier conversion in the same folder refused on the way into another file is kept.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        with new.open("w", encoding="utf-8") as file:
            if path.exists():
                with path.open(encoding="utf-8") as before:
                    file.writelines(line for line in before if json.loads(line).get("into") != into)
            for refusal in self:
                file.write(json.dumps({**asdict(refusal), "into": into}, ensure_ascii=True) + "\n")
        new.replace(path)

    def close(self) -> None:
        """Forget everything."""
        self._file.close()


def convert(
    request: Request, log: RefusalFile, progress: Callable[[Iterable[Episode]], Iterable[Episode]]
) -> Outcome:
    """Write what the reader gives, continue what a killed run left, and compare what is there at the end.

    Args:
        request: what is asked for.
        log: gets what is refused; it is saved in the folder however this ends.
        progress: passes the episodes through while it shows how many there are.

    Raises:
        ConversionProblem: the source or an option cannot be used, or what was written does not read back.
        screensmith.plugins.UnknownName: there is no such reader, writer or option.
        screensmith.writers.Occupied: the folder holds something else.
    """
    reader = plugins.load("readers", request.reader)
    writer_of = plugins.load("writers", request.writer).open_writer
    reading = _options(reader.read, request.reader_options, f"reader {request.reader}", ("refusals",))
    writing = _options(writer_of, request.writer_options, f"writer {request.writer}", ("source", "like"))
    if request.json:
        reading |= plugins.check_options(reader.read, {"json": request.json}, f"reader {request.reader}")
    _check_apart(request)
    with _explained(request):
        source = _source(reader, request, reading)
        stream = getattr(reader, "stream", reader.read)
        episodes = iter(_said(request, stream(request.root, **reading, refusals=log)))
    first = next(episodes, None)
    if first is None:
        log.save(request.out / REFUSED_NAME, "")
        return Outcome("", None, 0, 0, verified=False)
    with _explained(request):
        writer = writer_of(request.out, source=source, like=first, **writing)
    try:
        with writer:
            found = itertools.islice(itertools.chain([first], episodes), request.limit)
            left_out = _LeftOut(request.out / f".{writer.name.replace('/', '-')}.left-out.jsonl")
            log.extend(left_out.of(writer.finished))
            added, skipped = _write(writer, progress(found), log, left_out)
        return Outcome(writer.name, writer.written, added, skipped, request.verify and _verify(writer))
    finally:
        log.save(request.out / REFUSED_NAME, writer.name)


class _LeftOut:
    """What writers left out of finished episodes, kept so that a continued run reports it, too."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, episodes: Collection[str]) -> list[Refusal]:
        """What earlier runs left out of these episodes."""
        if not self._path.exists():
            return []
        with self._path.open(encoding="utf-8") as file:
            lines = [line for line in file if line.endswith("\n")]  # the last one may be cut short
        records = map(json.loads, lines)
        return [Refusal(**one["refusal"]) for one in records if one["episode"] in episodes]

    def add(self, episode: str, refusals: Sequence[Refusal]) -> None:
        """Keep what was left out of one episode."""
        if refusals:
            with self._path.open("a", encoding="utf-8") as file:
                for one in refusals:
                    file.write(json.dumps({"episode": episode, "refusal": asdict(one)}) + "\n")


def _write(
    writer: Any, episodes: Iterable[Episode], log: RefusalLog, left_out: _LeftOut
) -> tuple[int, int]:
    added = skipped = 0
    for episode in episodes:
        if episode.id in writer.finished:
            skipped += 1
            continue
        try:
            parts = writer.write(episode)
            left_out.add(episode.id, parts)
            log.extend(parts)
            added += 1
        except Refused as refused:
            log.add(episode.id, refused.reason, refused.detail)
    return added, skipped


def _verify(writer: Any) -> bool:
    """Read everything back and compare the counts; True, or an error."""
    from screensmith.writers import Tally, tally_of

    log = RefusalLog()
    found = Tally()
    for episode in writer.read_back(log):
        found += tally_of(episode)
    if len(log) or found != writer.written:
        first = next(iter(log), None)
        why = f"; first refused: {first.id}: {first.reason} {first.detail}" if first else ""
        raise ConversionProblem(
            f"{writer.name} does not read back: written were {writer.written}, read {found}{why}"
        )
    return True


def _check_apart(request: Request) -> None:
    root, out = Path(request.root).resolve(), request.out.resolve()
    if "://" not in request.root and (root == out or root in out.parents):
        raise ConversionProblem(f"{request.out} lies in the source {request.root}; choose another folder")


def _source(reader: Any, request: Request, options: Mapping[str, Any]) -> dict[str, Any]:
    """What tells this source from others: reader, options and a hash of its metadata, not where it lies."""
    source: dict[str, Any] = {"reader": request.reader, "options": dict(options)}
    fingerprint = getattr(reader, "fingerprint", None)
    if fingerprint is not None:
        known = plugins.options_of(fingerprint)
        given = {name: value for name, value in options.items() if name in known}
        source["fingerprint"] = fingerprint(request.root, **given)
    return source


@contextlib.contextmanager
def _explained(request: Request) -> Iterator[None]:
    """What a plug-in says about its place or options becomes one line."""
    try:
        yield
    except ValueError as error:
        if type(error).__module__.startswith("screensmith."):
            raise
        raise ConversionProblem(f"{request.reader} to {request.writer}: {error}") from error


def _said(request: Request, episodes: Iterable[Episode]) -> Iterator[Episode]:
    """The episodes, with what the reader says about a broken file as one line."""
    iterator = iter(episodes)
    while True:
        with _explained(request):
            episode = next(iterator, None)
        if episode is None:
            return
        yield episode


def _options(
    function: Callable[..., Any], words: Sequence[str], owner: str, own: Sequence[str]
) -> dict[str, Any]:
    """The options "name=value" as the function's parameters say what they are; `own` are not for users."""
    known = plugins.options_of(function)
    hints = typing.get_type_hints(function)
    values: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise ConversionProblem(f"an option of {owner} is written name=value, got {word!r}")
        if name not in known or name in own:
            raise plugins.suggest(f"option of {owner}", name, sorted(set(known) - set(own)))
        values[name] = _value(text, hints[name], f"option {name} of {owner}")
    return values


def _value(text: str, hint: Any, what: str) -> Any:
    """The text as a value of this type."""
    members = typing.get_args(hint)
    if isinstance(hint, UnionType) or typing.get_origin(hint) is typing.Union:
        if text.lower() == "none" and type(None) in members:
            return None
        (hint,) = (member for member in members if member is not type(None))
    if typing.get_origin(hint) is typing.Literal:
        if text not in typing.get_args(hint):
            raise plugins.suggest(what, text, [str(each) for each in typing.get_args(hint)])
        return text
    if hint is bool:
        if text.lower() not in BOOLEANS:
            raise ConversionProblem(f"{what} must be true or false, got {text!r}")
        return BOOLEANS[text.lower()]
    if hint in (int, float):
        try:
            return hint(text)
        except ValueError as error:
            raise ConversionProblem(f"{what} must be a number, got {text!r}") from error
    if hint is not str:
        raise ConversionProblem(f"{what} cannot be given on the command line")
    return text
