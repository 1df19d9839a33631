"""The figures of the incident desk: each table is one question to the database, whatever the number of cases.

Duplicates and made-up cases of the demo do not count. Times are minutes; a mean over nothing is None.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import connection

from config.casework.access.models import User
from incidents.figures.periods import Period
from incidents.models import Incident

NIGHT_FROM, NIGHT_TO = 22, 7
"""Hours on the clock of the person who is paged."""

MONTH = "date_trunc('month', {column} AT TIME ZONE %(zone)s)::date"

RESPONSE = f"""
WITH promised AS (
    SELECT object_id,
        count(*) FILTER (WHERE kind = 'acknowledge') AS acks,
        count(*) FILTER (WHERE kind = 'acknowledge' AND breached_at IS NULL AND (met_at IS NULL OR met_at <= due_at)) AS acks_kept,
        count(*) FILTER (WHERE kind = 'mitigate') AS mitigations,
        count(*) FILTER (WHERE kind = 'mitigate' AND breached_at IS NULL AND (met_at IS NULL OR met_at <= due_at)) AS mitigations_kept
    FROM casework_deadline
    WHERE content_type_id = %(type)s AND kind IN ('acknowledge', 'mitigate') AND cancelled_at IS NULL AND due_at IS NOT NULL
        AND (met_at IS NOT NULL OR due_at < %(now)s)
        AND started_at >= %(start)s
    GROUP BY object_id
)
SELECT {MONTH.format(column="i.received_at")} AS month, s.name, coalesce(v.key, ''), min(coalesce(v.rank, 99)),
    count(*),
    avg(extract(epoch FROM i.acknowledged_at - i.received_at)) / 60,
    avg(extract(epoch FROM coalesce(i.impact_over_at, i.resolved_at) - i.received_at)) / 60,
    coalesce(sum(p.acks), 0), coalesce(sum(p.acks_kept), 0),
    coalesce(sum(p.mitigations), 0), coalesce(sum(p.mitigations_kept), 0),
    sum(extract(epoch FROM greatest(coalesce(i.impact_over_at, i.resolved_at, %(now)s), i.received_at) - i.received_at)) / 60
FROM incidents_incident i
JOIN casework_system s ON s.id = i.system_id
LEFT JOIN incidents_severity v ON v.id = i.severity_id
LEFT JOIN promised p ON p.object_id = i.id
WHERE i.received_at >= %(start)s AND i.received_at < %(end)s AND i.duplicate_of_id IS NULL AND (%(demo)s OR NOT i.is_demo)
    AND (%(organizations)s::bigint[] IS NULL OR i.organization_id = ANY(%(organizations)s::bigint[]))
GROUP BY 1, 2, 3 ORDER BY 1, 2, 4, 3
"""  # noqa: S608 - constants

PAGES = f"""
SELECT {MONTH.format(column="p.paged_at")} AS month, u.name, u.email, count(*),
    count(*) FILTER (WHERE extract(hour FROM p.paged_at AT TIME ZONE u.zone) >= {NIGHT_FROM}
                        OR extract(hour FROM p.paged_at AT TIME ZONE u.zone) < {NIGHT_TO}),
    avg(extract(epoch FROM p.acknowledged_at - p.paged_at)) / 60
FROM incidents_page p
JOIN casework_user u ON u.id = p.person_id
JOIN incidents_incident i ON i.id = p.incident_id
WHERE p.paged_at >= %(start)s AND p.paged_at < %(end)s AND p.state <> 'skipped' AND (%(demo)s OR NOT i.is_demo)
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""  # noqa: S608 - constants

ACTIONS = """
SELECT coalesce(u.name, ''), coalesce(u.email, ''), count(*), count(*) FILTER (WHERE a.due_on < %(today)s), min(a.due_on)
FROM incidents_actionitem a
JOIN incidents_incident i ON i.id = a.incident_id
LEFT JOIN casework_user u ON u.id = a.owner_id
WHERE a.state = 'open' AND (%(demo)s OR NOT i.is_demo)
GROUP BY 1, 2 ORDER BY 4 DESC, 3 DESC, 1
"""

GAPS = f"""
SELECT {MONTH.format(column="i.received_at")} AS month, count(*),
    avg(extract(epoch FROM i.received_at - m.began_at)) / 60, max(extract(epoch FROM i.received_at - m.began_at)) / 60
FROM incidents_postmortem m JOIN incidents_incident i ON i.id = m.incident_id
WHERE m.began_at IS NOT NULL AND i.received_at >= %(start)s AND i.received_at < %(end)s AND (%(demo)s OR NOT i.is_demo)
GROUP BY 1 ORDER BY 1
"""  # noqa: S608 - constants

FACTORS = """
SELECT f.kind, count(*) FROM incidents_contributingfactor f JOIN incidents_incident i ON i.id = f.incident_id
WHERE i.received_at >= %(start)s AND i.received_at < %(end)s AND (%(demo)s OR NOT i.is_demo)
GROUP BY 1 ORDER BY 2 DESC, 1
"""


@dataclass(frozen=True)
class Response:
    """How one severity of one system was answered in one month."""

    month: date
    system: str
    severity: str
    rank: int
    incidents: int
    mtta: float | None
    mttr: float | None
    acks: int
    acks_kept: int
    mitigations: int
    mitigations_kept: int
    minutes: float

    @property
    def promises(self) -> int:
        return self.acks + self.mitigations

    @property
    def kept(self) -> int:
        return self.acks_kept + self.mitigations_kept


@dataclass(frozen=True)
class Pages:
    """How often one person was paged in one month, and how often of that at night on their own clock."""

    month: date
    person: str
    pages: int
    at_night: int
    minutes_to_answer: float | None


@dataclass(frozen=True)
class OpenActions:
    """What one person still has to do; the empty name is nobody."""

    person: str
    open: int
    overdue: int
    oldest: date | None


@dataclass(frozen=True)
class Gap:
    """How long trouble went on unseen, by month, as far as postmortems say when it began."""

    month: date
    incidents: int
    mean: float
    longest: float


@dataclass(frozen=True)
class Figures:
    period: Period
    response: list[Response]
    pages: list[Pages]
    actions: list[OpenActions]
    gaps: list[Gap]
    factors: list[tuple[str, int]]


def figures(period: Period, *, user: User | None, now: datetime, demo: bool = False) -> Figures:
    """All tables for a period: five questions.

    Args:
        user: whose organisations count; None is the desk itself, which sees all.
        demo: count made-up cases too (bench data is marked as such).
    """
    organizations = None if user is None or user.is_superuser or user.is_operator else sorted(user.organization_ids)
    values = {
        "zone": period.zone,
        "start": period.start,
        "end": period.end,
        "now": now,
        "type": ContentType.objects.get_for_model(Incident).pk,
        "demo": demo,
        "organizations": organizations,
        "today": now.date(),
    }
    response = [Response(*row) for row in _rows(RESPONSE, values)]
    if organizations is not None:  # people, actions and causes are the operator's own business
        return Figures(period, response, [], [], [], [])
    return Figures(
        period,
        response,
        [Pages(row[0], row[1] or row[2], *row[3:]) for row in _rows(PAGES, values)],
        [OpenActions(row[0] or row[1], *row[2:]) for row in _rows(ACTIONS, values)],
        [Gap(*row) for row in _rows(GAPS, values)],
        [(row[0], row[1]) for row in _rows(FACTORS, values)],
    )


def _rows(query: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return [tuple(_plain(cell) for cell in row) for row in cursor.fetchall()]


def _plain(cell: Any) -> Any:
    """Averages and sums come as Decimal; charts and CSV take floats."""
    return float(cell) if type(cell).__name__ == "Decimal" else cell


def weighted(pairs: list[tuple[float | None, int]]) -> float | None:
    """A mean of means, each with its number of cases."""
    known = [(mean, count) for mean, count in pairs if mean is not None and count]
    total = sum(count for _mean, count in known)
    return sum(mean * count for mean, count in known) / total if total else None
