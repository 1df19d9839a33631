"""What happened to a case, in words: the trail, people's notes, and what other rooms add (messages, alerts).

Sources keep one rule: `what` is system words without personal data, for it also leaves by the API; what people wrote
stands in `text`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypedDict

from django.contrib.contenttypes.models import ContentType
from django.utils.translation import gettext as _

from config.casework.access.actors import actor_label
from config.casework.audit.models import AuditEntry
from config.casework.cases.models import Case, Note

type Kind = Literal["person", "system"]
type Words = Any  # a lazy translation or a plain text


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a timeline.

    Attributes:
        at: true time, aware.
        recorded_at: when the desk was told.
        actor: who did it, for staff: a name; empty for the desk itself.
        what: system words.
        text: what a person wrote, or "".
        kind: people's words stand out, system entries are folded.
        internal: not for the person the case is about, nor for the API.
        label: who did it, without a name (P-0001, desk, token:...).
    """

    at: datetime
    recorded_at: datetime
    actor: str
    what: str
    text: str = ""
    kind: Kind = "system"
    internal: bool = False
    label: str = "desk"


class PublicEntry(TypedDict):
    """One line of a timeline without personal data, as the API gives it."""

    at: datetime
    actor: str
    what: str


type Source = Callable[[Case], Iterable[Entry]]

_sources: dict[str, Source] = {}
_words: dict[str, Words | Callable[[AuditEntry], str]] = {}

NOTE_ADDED = "note.added"


def register_source(source: Source) -> Source:
    """Add what a room knows of a case; it may ask the database one question. Returns the function, as a decorator."""
    _sources[f"{source.__module__}.{source.__qualname__}"] = source
    return source


def describe(action: str, words: Words | Callable[[AuditEntry], str]) -> None:
    """Say how the timeline words an action of the trail.

    Args:
        action: such as "incident.acknowledged".
        words: a text, which may name coded values of the entry's detail as `%(severity)s`, or a function of the entry.
    """
    _words[action] = words


def wording(entry: AuditEntry) -> str:
    """The words of a trail entry; a readable form of its action when nobody described it."""
    words = _words.get(entry.action)
    if words is None:
        return entry.action.replace(".", " ").replace("_", " ").capitalize()
    if callable(words):
        return str(words(entry))
    text = str(words)
    return text % _Detail(entry.detail) if "%(" in text else text


def timeline(case: Case) -> list[Entry]:
    """Everything that happened to a case, newest first: one question to the database for each source."""
    entries = [*_steps_and_notes(case)]
    for source in _sources.values():
        entries.extend(source(case))
    return sorted(entries, key=lambda entry: (entry.at, entry.recorded_at))[::-1]


def public_timeline(case: Case) -> list[PublicEntry]:
    """The timeline without personal data: no names, nothing people wrote, nothing internal; newest first."""
    return [
        PublicEntry(at=entry.at, actor=entry.label, what=entry.what) for entry in timeline(case) if not entry.internal
    ]


def _steps_and_notes(case: Case) -> Iterable[Entry]:
    """The trail with each step's reason beside it, and the notes that explain no step."""
    notes = list(
        Note.objects.filter(content_type=ContentType.objects.get_for_model(case), object_id=case.pk).select_related(
            "author"
        )
    )
    reasons: dict[tuple[str, datetime, int | None], list[Note]] = {}
    for note in notes:
        if note.about:
            reasons.setdefault((note.about, note.at, note.author_id), []).append(note)
    told: set[int] = set()
    for entry in AuditEntry.objects.filter(case_reference=case.reference).select_related("actor").order_by("pk"):
        if entry.action == NOTE_ADDED:
            continue  # the note itself stands here
        waiting = reasons.get((entry.action, entry.happened_at, entry.actor_id))
        reason = waiting.pop(0) if waiting else None
        if reason is not None:
            told.add(reason.pk)
        yield _step(entry, reason)
    for note in notes:
        if note.pk not in told:
            yield _note(note)


def _step(entry: AuditEntry, reason: Note | None) -> Entry:
    return Entry(
        at=entry.happened_at,
        recorded_at=entry.at,
        actor=entry.actor.get_full_name() if entry.actor else "" if entry.actor_label == "desk" else entry.actor_label,
        what=wording(entry),
        text=reason.text if reason else "",
        kind="person" if entry.actor_id or reason else "system",
        label=entry.actor_label,
    )


def _note(note: Note) -> Entry:
    return Entry(
        at=note.at,
        recorded_at=note.recorded_at,
        actor=note.author.get_full_name() if note.author else "",
        what=_("Note") if note.internal else _("Note, not internal"),
        text=note.text,
        kind="person",
        internal=note.internal,
        label=actor_label(note.author),
    )


class _Detail(dict[str, Any]):
    """Coded values of an entry by name; a change is said by its new value, a missing one by three dots."""

    def __init__(self, detail: Mapping[str, Any]) -> None:
        super().__init__(
            {key: value[-1] if isinstance(value, list) and value else value for key, value in detail.items()}
        )

    def __missing__(self, key: str) -> str:
        return "…"
