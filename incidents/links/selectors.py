"""Incidents beside an incident: duplicates, linked ones, and past ones that look alike."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Upper
from django.utils.translation import gettext as _

from config.casework import clock
from config.casework.access.actors import actor_label
from config.casework.access.models import User
from config.casework.cases.models import Note
from config.casework.cases.timeline import Entry, register_source
from config.casework.catalogue.models import System
from config.casework.desk.display import Mark
from config.casework.words import duration_words
from incidents.choices import IncidentState
from incidents.links.models import Link
from incidents.models import Incident

SIMILAR = 5
CANDIDATES = 2_000
"""At most so many rows whose title shares trigrams are compared, however many incidents there are."""
RECENT = timedelta(hours=24)
MOST_CHANGES = 20


@dataclass(frozen=True)
class Change:
    """Something that was changed on a system shortly before an incident, such as a deployment.

    Attributes:
        url: its page; empty when it has none.
        act_url, act_label: what one may do about it, such as rolling it back; empty when nothing.
    """

    title: str
    at: datetime
    state: Mark
    url: str = ""
    act_url: str = ""
    act_label: str = ""


type Changes = Callable[[System, datetime, timedelta], Iterable[Change]]

_changes: list[Changes] = []


def register_changes(source: Changes) -> Changes:
    """Add what another room knows of recent changes: (system, before, within) -> changes. Returns the function."""
    if source not in _changes:
        _changes.append(source)
    return source


def recent_changes(incident: Incident) -> list[Change]:
    """What was changed on the system in the 24 hours before the incident, and until now, the newest first (INC-79)."""
    until = max(clock.now(), incident.received_at)
    within = RECENT + (until - incident.received_at)
    found = [change for source in _changes for change in source(incident.system, until, within)]
    return sorted(found, key=lambda change: change.at, reverse=True)[:MOST_CHANGES]


ALIKE = """
SELECT id FROM (
    SELECT id, similarity(UPPER(title), UPPER(%s)) AS score FROM incidents_incident
    WHERE UPPER(title) %% UPPER(%s) AND state IN ('resolved', 'closed') AND duplicate_of_id IS NULL LIMIT %s
) AS candidates ORDER BY score DESC, id DESC LIMIT %s
"""


@dataclass(frozen=True)
class Past:
    """A past incident that looks like this one, and how it ended."""

    incident: Incident
    ended: str
    same_system: bool


def similar(incident: Incident, user: User, *, limit: int = SIMILAR) -> list[Past]:
    """Past incidents whose title is like this one's, most alike first: one question that the trigram index answers.

    Only resolved ones the person may see; a recurrence of the same alert is among them by its title.
    """
    pool = RawSQL(ALIKE, [incident.title, incident.title, CANDIDATES, limit * 4])  # noqa: S611 - constants
    rows = (
        Incident.objects.visible_to(user)
        .filter(pk__in=pool)
        .exclude(pk=incident.pk)
        .annotate(
            score=models.Func(
                Upper("title"),
                Upper(models.Value(incident.title)),
                function="similarity",
                output_field=models.FloatField(),
            ),
            here=models.Case(
                models.When(system=incident.system_id, then=models.Value(1)),
                default=models.Value(0),
                output_field=models.IntegerField(),
            ),
        )
        .select_related("severity", "system")
        .order_by("-here", "-score", "-received_at")[:limit]
    )
    return [Past(row, how_it_ended(row), row.system_id == incident.system_id) for row in rows]


def how_it_ended(incident: Incident) -> str:
    """One sentence: how long it took, why it happened, and what fixed it."""
    over = incident.impact_over_at or incident.resolved_at
    parts = []
    if over is not None:
        parts.append(_("over after %(time)s") % {"time": duration_words(over - incident.received_at)})
    if incident.cause:
        parts.append(_("cause: %(cause)s") % {"cause": _short(incident.cause)})
    if incident.fix_reference:
        parts.append(_("fix: %(fix)s") % {"fix": _short(incident.fix_reference)})
    if not parts:
        return _("resolved; nothing was written about how")
    said = "; ".join(parts)
    return said[0].upper() + said[1:] + "."


def linked(incident: Incident, user: User) -> list[tuple[Link, Incident]]:
    """The links of an incident in both directions, with the other one; only those the person may see."""
    pairs = Link.objects.filter(Q(incident=incident) | Q(other=incident)).select_related(
        "incident__severity", "other__severity", "linked_by"
    )
    found = [(pair, pair.other if pair.incident_id == incident.pk else pair.incident) for pair in pairs]
    allowed = set(
        Incident.objects.visible_to(user)
        .filter(pk__in=[other.pk for _pair, other in found])
        .values_list("pk", flat=True)
    )
    return [(pair, other) for pair, other in found if other.pk in allowed]


def mergeable_into(incident: Incident, user: User) -> models.QuerySet[Incident]:
    """The incidents this one may be merged into: open, of the same system and organisation, no duplicate itself."""
    rows: models.QuerySet[Incident] = (
        Incident.objects.visible_to(user)
        .filter(
            system=incident.system_id,
            organization=incident.organization_id,
            duplicate_of=None,
            state__in=(IncidentState.DETECTED, IncidentState.TRIAGED, IncidentState.STABILIZED),
        )
        .exclude(pk=incident.pk)
        .order_by("-received_at", "-pk")
    )
    return rows


@register_source
def notes_of_duplicates(case: Any) -> Iterable[Entry]:
    """What people wrote on duplicates stands in the timeline of the incident they were merged into."""
    if not isinstance(case, Incident):
        return
    type_ = ContentType.objects.get_for_model(Incident)
    duplicates = Incident.objects.filter(duplicate_of=case).values("pk")
    notes = (
        Note.objects.filter(content_type=type_, object_id__in=duplicates)
        .select_related("author")
        .annotate(reference=_reference())
    )
    for note in notes:
        yield Entry(
            at=note.at,
            recorded_at=note.recorded_at,
            actor=note.author.get_full_name() if note.author else "",
            what=_("Note on %(reference)s") % {"reference": note.reference},
            text=note.text,
            kind="person",
            internal=note.internal,
            label=actor_label(note.author),
        )


def _reference() -> models.Subquery:
    return models.Subquery(Incident.objects.filter(pk=models.OuterRef("object_id")).values("reference")[:1])


def _short(text: str, most: int = 140) -> str:
    line = " ".join(text.split()).rstrip(".")
    return line if len(line) <= most else f"{line[: most - 1]}…"
