"""Loading runbook files: read all, check all, then write all or nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches
from hashlib import sha256
from pathlib import Path
from typing import Any

import pghistory
import yaml
from django.db import connection, transaction
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from config.casework.access.actors import Actor, actor_user
from config.casework.audit.services import record
from config.casework.catalogue.documents import (
    Document,
    DocumentRefused,
    Location,
    Problem,
    Value,
    entry_identity,
    read_document,
)
from config.casework.catalogue.drift import ABSENT, differences, shown
from config.casework.catalogue.models import System
from config.casework.catalogue.sections import Changes, Context, sections

SYSTEM = "system"
_LOCK = 0x52554E42  # advisory lock: two loads at once would each believe the rows are theirs to make
_OUR_WORDS = {
    "missing": "is missing",
    "string_type": "must be text; put it in quotes",
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "list_type": "must be a list",
    "dict_type": "must hold keys and values",
    "model_type": "must hold keys and values",
    "string_too_short": "must not be empty",
}


type Lending = Callable[[str, str], Any]


class RunbookRefused(Exception):
    """Nothing was saved; `problems` says why, each with file, line and key."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Loaded:
    """What loading one file did."""

    path: Path
    system: str
    changes: Mapping[str, Changes]

    @property
    def total(self) -> Changes:
        return sum(self.changes.values(), Changes())


@dataclass(frozen=True)
class Report:
    """What loading some files did."""

    files: tuple[Loaded, ...]

    @property
    def changed(self) -> int:
        """Rows that are not as they were before; 0 when the files were loaded already."""
        return sum(file.total.total for file in self.files)


@dataclass(frozen=True)
class Drift:
    """One place where a file and the database differ."""

    path: Path
    line: int
    key: str
    in_file: Any
    in_database: Any

    @property
    def section(self) -> str:
        """The top-level key of the file that it lies under."""
        return self.key.partition(".")[0].partition("[")[0].partition(" ")[0]

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.key}: file has {shown(self.in_file)}, database has {shown(self.in_database)}"


@dataclass
class _Runbook:
    """One file on its way through the loader."""

    document: Document
    parsed: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, location: Sequence[str | int], message: str) -> None:
        known, name = self.document.resolve(location)
        self.problems.append(Problem(self.document.path, self.document.line_of(known), name, message))

    @property
    def key(self) -> str:
        system: Any = self.parsed[SYSTEM]
        return str(system.key)


def load(paths: Iterable[Path], *, at: datetime, actor: Actor = None, skip_known: bool = False) -> Report:
    """Load runbook files into the database: everything or nothing.

    Loading the same files again changes nothing. A section that a file does not hold is left as it is in the database.

    Args:
        at: aware instant of the change, written to what the sections record.
        actor: who loads; None for the desk itself.
        skip_known: leave out files that were loaded last time as they are now, so that a restart keeps edits made in the admin.
    Raises:
        RunbookRefused: any file is broken (OPS-22); nothing was saved.
    """
    runbooks = _validated(_unknown(paths) if skip_known else paths, at=at, actor=actor)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        runbooks.sort(key=_borrows)  # a lender's rows come first
        lend = _lending(runbooks)
        return Report(tuple(_apply(runbook, at=at, actor=actor, lend=lend) for runbook in runbooks))


def compare(paths: Iterable[Path], *, at: datetime) -> list[Drift]:
    """List where the database differs from the files, in both directions (`load_runbooks --check`).

    Raises:
        RunbookRefused: any file is broken.
    """
    return [drift for runbook in _validated(paths, at=at, actor=None) for drift in _drift(runbook)]


def blanks(systems: Iterable[System]) -> list[tuple[str, str]]:
    """What the runbooks leave open for somebody to fill in, as (system, words); no error (INC-35)."""
    return [(system.key, words) for system in systems for section in sections() for words in section.blanks(system)]


def export(system: System) -> str:
    """Write the runbook file of a system; loading it changes nothing."""
    data = {
        section.key: section.dump(parsed) for section in sections() if (parsed := section.export(system)) is not None
    }
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=150)


def _unknown(paths: Iterable[Path]) -> list[Path]:
    """Return the files whose bytes are not those a system was last loaded from."""
    known = set(System.objects.exclude(source_digest="").values_list("source_digest", flat=True))
    return [path for path in paths if not path.is_file() or sha256(path.read_bytes()).hexdigest() not in known]


def _validated(paths: Iterable[Path], *, at: datetime, actor: Actor) -> list[_Runbook]:
    """Read and check all files; collect every problem of all of them before refusing."""
    problems: list[Problem] = []
    runbooks: list[_Runbook] = []
    for path in paths:
        try:
            runbook = _Runbook(read_document(path))
        except DocumentRefused as refusal:
            problems += refusal.problems
            continue
        _parse(runbook)
        runbooks.append(runbook)
    for runbook in runbooks:
        _check(runbook, at=at, actor=actor, lend=_lending(runbooks))
        problems += runbook.problems
    problems += _names_twice(runbooks)
    if problems:
        raise RunbookRefused(problems)
    return runbooks


def _parse(runbook: _Runbook) -> None:
    known = {section.key: section for section in sections()}
    for key in runbook.document.data:
        if key not in known:
            near = get_close_matches(key, known, n=1)
            runbook.refuse((key,), f"unknown section; did you mean {near[0]}?" if near else "unknown section")
    for location, message in _doubles(runbook.document.data, ()):
        runbook.refuse(location, message)
    for key, section in known.items():
        if key not in runbook.document.data:
            if section.required:
                runbook.refuse((key,), "is missing")
            continue
        try:
            runbook.parsed[key] = section.adapter.validate_python(runbook.document.data[key])
        except ValidationError as error:
            for details in error.errors(include_url=False):
                runbook.refuse((key, *details["loc"]), _in_our_words(details))


def _lending(runbooks: Iterable[_Runbook]) -> Lending:
    """Return what gives a section of another system: as its file says if that is at hand, else as it is stored."""
    files = {runbook.key: runbook.parsed for runbook in runbooks if SYSTEM in runbook.parsed}

    def lend(key: str, system_key: str) -> Any:
        if system_key in files and key in files[system_key]:
            return files[system_key][key]
        system = System.objects.filter(key=system_key).first()
        section = next((section for section in sections() if section.key == key), None)
        return section.export(system) if system and section else None

    return lend


def _borrows(runbook: _Runbook) -> bool:
    known = {section.key: section for section in sections()}
    return any(known[key].lender(parsed) is not None for key, parsed in runbook.parsed.items())


def _check(runbook: _Runbook, *, at: datetime, actor: Actor, lend: Lending) -> None:
    broken = frozenset(section.key for section in sections() if section.key in runbook.document.data) - set(
        runbook.parsed
    )
    context = Context(runbook.document, runbook.parsed, at, actor, broken, lend)
    for section in sections():
        if section.key in runbook.parsed:
            for finding in section.check(runbook.parsed[section.key], context):
                runbook.refuse((section.key, *finding.location), finding.message)


def _doubles(value: Value, location: Location) -> Iterator[tuple[Location, str]]:
    """Yield each entry of a list whose id (and language, where texts have one) an earlier entry has already."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _doubles(part, (*location, key))
    elif isinstance(value, list):
        first: dict[str, int] = {}
        for index, entry in enumerate(value):
            identity = entry_identity(entry)
            if identity is not None and (earlier := first.setdefault(identity, index)) != index:
                yield (*location, index), f"{identity!r} stands twice; it is also entry {earlier + 1} of the list"
            yield from _doubles(entry, (*location, index))


def _names_twice(runbooks: Sequence[_Runbook]) -> Iterator[Problem]:
    """Yield the names that two files use though all systems share them: systems, and those of shared sections."""
    first: dict[tuple[str, str], _Runbook] = {}
    for runbook in runbooks:
        for section in sections():
            if section.key not in runbook.parsed or not (section.shared or section.key == SYSTEM):
                continue
            parsed = runbook.parsed[section.key]
            for index, name in enumerate([parsed.key] if section.key == SYSTEM else section.names(parsed)):
                earlier = first.setdefault((section.key, name), runbook)
                if earlier is not runbook:
                    known, key = runbook.document.resolve((section.key, "key" if section.key == SYSTEM else index))
                    message = f"{name!r} stands in {earlier.document.path} already; all systems share these names"
                    yield Problem(runbook.document.path, runbook.document.line_of(known), key, message)


def _in_our_words(details: ErrorDetails) -> str:
    kind = details["type"]
    if kind == "extra_forbidden":
        return "unknown key"
    if kind in _OUR_WORDS:
        return _OUR_WORDS[kind]
    if kind == "literal_error":
        return f"must be one of {details['ctx']['expected']}, not {details['input']!r}"
    message = details["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _apply(runbook: _Runbook, *, at: datetime, actor: Actor, lend: Lending) -> Loaded:
    identity: Any = runbook.parsed[SYSTEM]
    context = Context(runbook.document, runbook.parsed, at, actor, lend=lend)
    person = actor_user(actor)
    with pghistory.context(source=runbook.document.path.name, **({"user": person.pk} if person else {})):
        system, created = System.objects.select_for_update().get_or_create(
            key=identity.key, defaults={"name": identity.name}
        )
        changes = {
            section.key: section.load(system, runbook.parsed[section.key], context)
            for section in sections()
            if section.key in runbook.parsed
        }
    if created:
        changes[SYSTEM] = Changes(created=1)
    loaded = Loaded(runbook.document.path, system.key, changes)
    if loaded.total.total:
        detail = {key: change.total for key, change in changes.items() if change.total}
        record(system, "runbook.loaded", actor=actor, at=at, detail=detail)
    if system.source_digest != runbook.document.digest:
        System.objects.filter(pk=system.pk).update(source_digest=runbook.document.digest)
    return loaded


def _drift(runbook: _Runbook) -> Iterator[Drift]:
    system = System.objects.filter(key=runbook.key).first()
    for section in sections():
        stored = section.export(system) if system else None
        in_file = (section.dump(runbook.parsed[section.key]) if section.key in runbook.parsed else None) or ABSENT
        in_database = (section.dump(stored) if stored is not None else None) or ABSENT
        for found in differences(in_file, in_database, name=section.key, location=(section.key,), ordered=False):
            line = runbook.document.line_of(found.location)
            yield Drift(runbook.document.path, line, found.name, found.left, found.right)
