"""Reading one YAML file into plain data that remembers its lines.

Only the plain part of YAML is taken: mappings, lists, text, whole and decimal numbers, true, false and null. Anchors, aliases, tags
and several documents in one file are refused, because a reviewer must see in the diff what will be loaded. Words such as `yes`, `on`
or `17:00` stay text (YAML 1.1 would turn them into other things).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from pathlib import Path

import yaml
from yaml import events

type Scalar = str | int | float | bool | None
type Value = Scalar | list[Value] | dict[str, Value]
type Location = tuple[str | int, ...]

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 20

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WHOLE_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_DECIMAL_NUMBER = re.compile(r"[-+]?[0-9]{1,17}\.[0-9]{1,17}")
_CONSTANTS: dict[str, Scalar] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
# UTF-8 read as Windows-1252: a lead byte's letter, then one to three characters that such a reading makes of continuation bytes.
_CONTINUATION = re.escape(
    "".join(bytes([code]).decode("cp1252", "replace") for code in range(0x80, 0xC0)).replace("\ufffd", "")
)
_MISREAD = re.compile(f"[\u00c2-\u00f4][{_CONTINUATION}\u0080-\u009f]{{1,3}}")
_TYPOGRAPHIC = frozenset("‘’“”–—…•‚„‹›")  # a closing quote after Ä or Å is good German or Swedish
_DIRECTION_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, order=True)
class Problem:
    """One reason why a file is refused, at its line."""

    path: Path
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return (
            f"{self.path}:{self.line}: {self.key}: {self.message}"
            if self.key
            else f"{self.path}:{self.line}: {self.message}"
        )


class DocumentRefused(Exception):
    """A file cannot be read as a document; `problems` says why, line by line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(sorted(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Document:
    """Plain data of one file, and where each part of it stands."""

    path: Path
    data: dict[str, Value]
    lines: dict[Location, int] = field(repr=False)
    digest: str = ""  # SHA-256 of the bytes

    def line_of(self, location: Sequence[str | int]) -> int:
        """Return the line (from 1) of the deepest part of `location` that the file holds."""
        known = tuple(location)
        while known and known not in self.lines:
            known = known[:-1]
        return self.lines.get(known, 1)

    def resolve(self, location: Sequence[str | int]) -> tuple[Location, str]:
        """Fit a location reported by a validator to the file and give it a name.

        Validators add steps of their own (the tried member of a union, `[key]`); those are dropped, a missing last key is kept.

        Returns:
            The location within the file, and a name such as `playbooks[jobarium-a].checks[2].text`.
        """
        known: list[str | int] = []
        name = ""
        current: Value = self.data
        for position, part in enumerate(location):
            if isinstance(current, dict) and isinstance(part, str) and part in current:
                known.append(part)
                name += f".{part}" if name else part
                current = current[part]
            elif isinstance(current, list) and isinstance(part, int) and part < len(current):
                known.append(part)
                current = current[part]
                name += f"[{entry_name(current) or part + 1}]"
            elif isinstance(current, dict) and position == len(location) - 1 and part != "[key]":
                name += f".{part}" if name else str(part)
        return tuple(known), name


def entry_name(entry: Value) -> str | None:
    """Return the `id` or `key` by which an entry of a list is known, if it has one."""
    if isinstance(entry, dict):
        for name in ("id", "key"):
            value = entry.get(name)
            if isinstance(value, str):
                return value
    return None


def entry_identity(entry: Value) -> str | None:
    """Return what must be unique in its list: the name of the entry, with its language where texts have one."""
    name = entry_name(entry)
    language = entry.get("language") if isinstance(entry, dict) else None
    return f"{name} ({language})" if name and language else name


def read_document(path: Path) -> Document:
    """Read one YAML file.

    Raises:
        DocumentRefused: the file is missing, too large, not clean UTF-8 (OPS-24) or not the plain part of YAML.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DocumentRefused([Problem(path, 1, "", f"cannot be read: {error.strerror}")]) from error
    if len(raw) > MAX_BYTES:
        raise DocumentRefused([Problem(path, 1, "", f"is larger than {MAX_BYTES // 1024} KiB; split it")])
    return parse_document(raw, path)


def parse_document(raw: bytes, path: Path) -> Document:
    """Turn the bytes of a YAML file into a document; `path` is used in messages only.

    Raises:
        DocumentRefused: see `read_document`.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DocumentRefused([Problem(path, line, "", "is not UTF-8; save the file as UTF-8")]) from error
    if problems := [Problem(path, line, "", message) for line, message in _unclean(text)]:
        raise DocumentRefused(problems)
    builder = _Builder(path)
    try:
        data = builder.build(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise DocumentRefused([*builder.problems, Problem(path, line, "", f"is not YAML: {error.problem}")]) from error
    except _Unusable as error:
        raise DocumentRefused(builder.problems) from error
    if builder.problems:
        raise DocumentRefused(builder.problems)
    if not isinstance(data, dict):
        raise DocumentRefused([Problem(path, 1, "", "must hold sections such as `system:`; it is empty or a list")])
    return Document(path, data, builder.lines, sha256(raw).hexdigest())


def _unclean(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and reason for each line that holds a tab, a control character or mis-decoded text."""
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if "\t" in line:
            yield number, "holds a tab; use spaces"
        if line.isascii() and line.isprintable():
            continue
        for character in line:
            if (
                character == "\ufffd"
                or character in _DIRECTION_CONTROLS
                or (unicodedata.category(character) == "Cc" and character != "\t")
            ):
                yield number, f"holds the character U+{ord(character):04X}, which is no text; type it again"
                break
        else:
            yield from ((number, message) for message in _misread(line))


def _misread(line: str) -> Iterator[str]:
    """Yield a message for the first passage of `line` that is UTF-8 read in the wrong encoding (OPS-24)."""
    for found in _MISREAD.finditer(line):
        garbled = found.group()
        for length in range(len(garbled), 1, -1):
            meant = _as_utf8(garbled[:length])
            if meant is not None and _plausible(garbled[:length], meant):
                yield f"holds mis-decoded text: “{garbled[:length]}” was probably “{meant}”; type it again"
                return


def _as_utf8(garbled: str) -> str | None:
    raw = bytearray()
    for character in garbled:
        try:
            raw += character.encode("cp1252")
        except UnicodeEncodeError:
            raw += character.encode("latin-1", "replace")
    try:
        meant = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return meant if len(meant) == 1 else None


def _plausible(garbled: str, meant: str) -> bool:
    """Tell whether `meant` is a character that people type; else the passage is odd but good text."""
    code = ord(meant)
    if 0xA0 <= code <= 0xFF:
        return True
    if 0x100 <= code <= 0x17F:
        return garbled[-1] not in _TYPOGRAPHIC
    return 0x370 <= code <= 0x4FF or 0x2000 <= code <= 0x27BF or 0x1F300 <= code <= 0x1FAFF


class _Unusable(Exception):
    """The file cannot be read any further."""


class _Builder:
    """Builds plain data from parser events, collecting every problem it can go on from."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: dict[Location, int] = {}
        self.problems: list[Problem] = []
        self._events: Iterator[events.Event] = iter(())

    def build(self, text: str) -> Value:
        self._events = iter(yaml.parse(text, Loader=_LOADER))
        data: Value = None
        documents = 0
        for event in self._events:
            if isinstance(event, events.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._refuse(event, (), "starts a second document; one file holds one")
            elif isinstance(event, events.NodeEvent):
                value = self._value(event, ())
                data = value if documents == 1 else data
        return data

    def _refuse(self, event: events.Event, location: Location, message: str) -> None:
        name = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
        self.problems.append(Problem(self.path, _line(event), name, message))

    def _value(self, event: events.Event, location: Location) -> Value:
        self.lines.setdefault(location, _line(event))
        if isinstance(event, events.AliasEvent):
            self._refuse(event, location, "uses an alias (*); write the value out")
            return None
        if isinstance(event, events.NodeEvent) and event.anchor:
            self._refuse(event, location, "sets an anchor (&); write the value out where it is needed")
        if isinstance(event, events.ScalarEvent | events.CollectionStartEvent) and event.tag:
            self._refuse(event, location, f"carries the tag {event.tag}; plain values only")
        if len(location) > MAX_DEPTH:
            self._refuse(event, location[:1], f"is more than {MAX_DEPTH} levels deep")
            raise _Unusable
        if isinstance(event, events.ScalarEvent):
            return self._scalar(event)
        return self._list(location) if isinstance(event, events.SequenceStartEvent) else self._mapping(location)

    def _scalar(self, event: events.ScalarEvent) -> Scalar:
        text: str = event.value
        if not event.implicit[0]:  # quoted or a block: text, whatever it looks like
            return text
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if _WHOLE_NUMBER.fullmatch(text):
            return int(text)
        return float(text) if _DECIMAL_NUMBER.fullmatch(text) else text

    def _list(self, location: Location) -> list[Value]:
        values: list[Value] = []
        for index in count():
            event = next(self._events)
            if isinstance(event, events.SequenceEndEvent):
                break
            values.append(self._value(event, (*location, index)))
        return values

    def _mapping(self, location: Location) -> dict[str, Value]:
        values: dict[str, Value] = {}
        while not isinstance(event := next(self._events), events.MappingEndEvent):
            key = self._key(event, location)
            if (*location, key) in self.lines and key in values:
                first = self.lines[*location, key]
                self._refuse(event, (*location, key), f"stands twice; the first is in line {first}")
                self._value(next(self._events), (*location, key))
                continue
            self.lines[*location, key] = _line(event)
            values[key] = self._value(next(self._events), (*location, key))
        return values

    def _key(self, event: events.Event, location: Location) -> str:
        if isinstance(event, events.ScalarEvent) and not event.tag and not event.anchor:
            return str(event.value)
        self._refuse(event, location, "has a key that is not plain text")
        raise _Unusable


def _line(event: events.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
