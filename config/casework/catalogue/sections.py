"""The sections of a runbook file: each app registers those it owns, the loader knows none of them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from config.casework.catalogue.documents import Document, Location

if TYPE_CHECKING:  # apps announce their sections before the models exist
    from config.casework.access.actors import Actor
    from config.casework.catalogue.models import System


@dataclass(frozen=True)
class Finding:
    """Something wrong in a section, where `location` counts from the section."""

    location: Location
    message: str


@dataclass(frozen=True)
class Changes:
    """What loading one section did to the rows of the database."""

    created: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0

    @property
    def total(self) -> int:
        """Rows that are not as they were before."""
        return self.created + self.changed + self.removed

    def __add__(self, other: "Changes") -> "Changes":
        return Changes(
            self.created + other.created,
            self.changed + other.changed,
            self.removed + other.removed,
            self.unchanged + other.unchanged,
        )


def _nothing_lent(key: str, system: str) -> Any:
    return None


@dataclass(frozen=True)
class Context:
    """What a section may look at beside itself: the whole file, and who loads it when.

    Attributes:
        lend: returns section `key` of another system, from the files loaded together or else from the database.
    """

    document: Document
    parsed: Mapping[str, Any]
    at: datetime
    actor: "Actor" = None
    broken: frozenset[str] = frozenset()
    lend: Callable[[str, str], Any] = _nothing_lent

    def section(self, key: str) -> Any:
        """Return the parsed section `key`, or None when the file has none (or a broken one).

        Where the file borrows the section, it is the lender's.
        """
        parsed = self.parsed.get(key)
        lender = _sections[key].lender(parsed) if parsed is not None and key in _sections else None
        return self.lend(key, lender) if lender else parsed

    def names(self, key: str) -> frozenset[str] | None:
        """Return the names that section `key` of this file defines.

        Returns:
            An empty set when the file has no such section; None when it is broken, so that no second error is reported for it.
        """
        if key in self.broken:
            return None
        parsed = self.section(key)
        section = _sections.get(key)
        if parsed is None or section is None:
            return frozenset()
        return frozenset(section.names(parsed))

    def unknown(self, name: str, *, section: str, location: Location) -> Iterable[Finding]:
        """Yield a finding when `name` is not defined by `section` of this file."""
        known = self.names(section)
        if known is not None and name not in known:
            choices = ", ".join(sorted(known)) or "none"
            yield Finding(location, f"{name!r} is not in the section {section} of this file (there: {choices})")


def _no_findings(parsed: Any, context: Context) -> Iterable[Finding]:
    return ()


def _no_blanks(system: "System") -> Iterable[str]:
    return ()


def _own(parsed: Any) -> str | None:
    return None


def _entry_names(parsed: Any) -> Iterable[str]:
    entries = parsed if isinstance(parsed, list) else ()
    return [name for entry in entries if (name := getattr(entry, "id", None) or getattr(entry, "key", None))]


@dataclass(frozen=True, kw_only=True)
class Section[Parsed]:
    """One top-level key of a runbook file.

    Args:
        key: the top-level key.
        schema: a pydantic model, or any type pydantic understands (`list[Playbook]`).
        load: writes the parsed section to the rows of a system; idempotent; runs inside the loader's transaction.
        export: reads the rows of a system back; None when there is nothing, so that the file holds no such section.
        order: sections are checked and loaded in this order; what is referred to comes first.
        check: rules that need more than the section's own schema; yields what is wrong.
        names: what other sections may refer to; by default the `id` or `key` of each entry of a list.
        required: every file must have it.
        shared: all systems share one list of these names, so that no two files may use the same one.
        lender: key of the system whose section holds instead; None: the file's own.
        blanks: what is left open on purpose and somebody should fill in, as words behind "left open:"; no error.
    """

    key: str
    schema: Any
    load: Callable[["System", Parsed, Context], Changes]
    export: Callable[["System"], Parsed | None]
    order: int
    check: Callable[[Parsed, Context], Iterable[Finding]] = _no_findings
    names: Callable[[Parsed], Iterable[str]] = _entry_names
    required: bool = False
    shared: bool = False
    lender: Callable[[Parsed], str | None] = _own
    blanks: Callable[["System"], Iterable[str]] = _no_blanks

    @cached_property
    def adapter(self) -> TypeAdapter[Parsed]:
        return TypeAdapter(self.schema)

    def dump(self, parsed: Parsed) -> Any:
        """Turn a parsed section into plain data, defaults left out, as it would stand in a file."""
        return self.adapter.dump_python(parsed, mode="json", by_alias=True, exclude_defaults=True)


_sections: dict[str, Section[Any]] = {}
_modules: list[str] = []


def announce(*modules: str) -> None:
    """Name the modules that register an app's sections (call it in `AppConfig.ready`).

    They are imported when a runbook is first loaded, so that no other command pays for the schemas.

    Args:
        modules: dotted paths, such as `incidents.runbook`.
    """
    _modules.extend(module for module in modules if module not in _modules)


def register[Parsed](section: Section[Parsed]) -> Section[Parsed]:
    """Make a section known to the loader.

    Raises:
        ValueError: another section has the same key.
    """
    if _sections.setdefault(section.key, section) is not section:
        raise ValueError(f"the runbook section {section.key!r} is registered twice")
    return section


def sections() -> tuple[Section[Any], ...]:
    """Return all sections in loading order."""
    for module in _modules:
        import_module(module)
    return tuple(sorted(_sections.values(), key=lambda section: (section.order, section.key)))


def setting[Parsed](
    key: str,
    schema: Any,
    *,
    order: int,
    check: Callable[[Parsed, Context], Iterable[Finding]] = _no_findings,
    names: Callable[[Parsed], Iterable[str]] = _entry_names,
    shared: bool = False,
    blanks: Callable[["System"], Iterable[str]] = _no_blanks,
) -> Section[Parsed]:
    """Make and register a section that has no rows of its own: it lies in `System.settings` under its key, defaults written out.

    `export(system)` of the section reads it back as its schema; `system.setting(key)` gives the plain data.
    """

    def load(system: "System", parsed: Parsed, context: Context) -> Changes:
        wanted = section.adapter.dump_python(parsed, mode="json", by_alias=True)
        if key in system.settings and system.settings[key] == wanted:
            return Changes(unchanged=1)
        created = key not in system.settings
        system.settings = system.settings | {key: wanted}
        system.save(update_fields=["settings"])
        return Changes(created=1) if created else Changes(changed=1)

    def export(system: "System") -> Parsed | None:
        return section.adapter.validate_python(system.settings[key]) if key in system.settings else None

    section: Section[Parsed] = Section(
        key=key,
        schema=schema,
        load=load,
        export=export,
        order=order,
        check=check,
        names=names,
        shared=shared,
        blanks=blanks,
    )
    return register(section)
