"""The daily and the weekly report: the same text on standard output and, by schedule, as mail to CEO and CTO.

Each ends with the head of the trail's seals, so that it also lies where nobody who writes the database can reach it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count, F, Q
from django.utils.translation import gettext as _
from django.utils.translation import override

from config.casework.access.choices import Role
from config.casework.access.models import RESERVED, User
from config.casework.audit.models import AuditSeal
from config.casework.catalogue.choices import OrganizationKind
from config.casework.desk.charts import number
from config.casework.words import ago_words, duration_words, moment
from config.casework.work.choices import JobState
from config.casework.work.models import Job
from config.casework.work.services import enqueue
from incidents import waits
from incidents.backups.choices import BackupResult
from incidents.backups.models import BackupRun, BackupVerification
from incidents.choices import OPEN_STATES, SLA_CLOCKS
from incidents.figures.periods import Period
from incidents.figures.selectors import Response, figures, weighted
from incidents.models import ActionItem, Incident, Page
from incidents.oncall.selectors import duties
from incidents.reviews.choices import ActionState
from integrations.messages.choices import MessageState, Purpose
from integrations.messages.models import Message
from integrations.messages.services import queue_mail

KIND = "reports.send"
DAILY, WEEKLY = "daily", "weekly"
FROM_HOUR, UNTIL_HOUR = 6, 9  # UTC; a desk that was down meanwhile leaves the report of that day out
MONDAY = 0
NAMED = 12


@dataclass(frozen=True)
class Report:
    """What a report says."""

    subject: str
    text: str


def daily(at: datetime, zone: str = "UTC") -> Report:
    """The last 24 hours, and what waits now.

    Args:
        at: aware.
        zone: in which its times are told.
    """
    since = at - timedelta(days=1)
    lines = [
        _("Daily report, %(when)s") % {"when": moment(at, zone)},
        "",
        *_open_now(at),
        *_happened(since, at),
        *_waits(at),
        *_on_call(at),
        *_machine(at),
        *_head(),
    ]
    return Report(_("Daily report of the desk, %(day)s") % {"day": _day(at, zone)}, "\n".join(lines) + "\n")


def weekly(at: datetime, zone: str = "UTC") -> Report:
    """The last seven days: how incidents were answered, who was paged, what is still to be done."""
    since = at - timedelta(days=7)
    months = (since.astimezone(ZoneInfo(zone)).date(),)
    found = figures(Period(months, since, at, zone), user=None, now=at)
    lines = [
        _("Weekly report, %(since)s to %(when)s") % {"since": moment(since, zone), "when": moment(at, zone)},
        "",
        *_open_now(at),
        *_happened(since, at),
        _("How they were answered"),
        *(_answered(found.response) or [_("  no incident was received")]),
        "",
        _("Pages"),
        *(
            _("  %(who)s: %(pages)d, of them %(night)d at night")
            % {"who": row.person, "pages": row.pages, "night": row.at_night}
            for row in found.pages
        ),
        *([] if found.pages else [_("  nobody was paged")]),
        "",
        _("Open action items"),
        *(
            _("  %(who)s: %(open)d, of them %(late)d past their date")
            % {"who": row.person or _("nobody"), "open": row.open, "late": row.overdue}
            for row in found.actions
        ),
        *([] if found.actions else [_("  none")]),
        "",
        *_waits(at),
        *_machine(at),
        *_head(),
    ]
    return Report(_("Weekly report of the desk, %(day)s") % {"day": _day(at, zone)}, "\n".join(lines) + "\n")


REPORTS = {DAILY: daily, WEEKLY: weekly}


def queue_due(at: datetime) -> int:
    """Ask for the report of this morning, once; on Mondays for that of the week too."""
    if not FROM_HOUR <= at.hour < UNTIL_HOUR:
        return 0
    wanted = [DAILY, *([WEEKLY] if at.weekday() == MONDAY else [])]
    keys = {f"report:{name}:{at:%Y-%m-%d}": name for name in wanted}
    known = set(Job.objects.filter(key__in=keys).values_list("key", flat=True))
    for key, name in keys.items():
        if key not in known:
            enqueue(KIND, key=key, at=at, report=name)
    return len(keys) - len(known)


def send(name: str, *, at: datetime) -> int:
    """Mail a report to CEO and CTO, to each in their own zone; says to how many."""
    people = (
        User.objects.filter(
            is_active=True,
            groups__name__in=[Role.CEO, Role.CTO],
            memberships__organization__kind=OrganizationKind.OPERATOR,
        )
        .exclude(email__endswith=RESERVED)
        .distinct()
        .order_by("pk")
    )
    count = 0
    for person in people:
        with override(person.language):
            report = REPORTS[name](at, person.zone)
        queue_mail(
            to=person.email,
            name=person.name,
            subject=report.subject,
            text=report.text,
            key=f"report:{name}:{at:%Y%m%d}:{person.pk}",
            purpose=Purpose.NOTICE,
            person=person,
            at=at,
        )
        count += 1
    return count


# --- parts -------------------------------------------------------------------------------------------------------------


def _open_now(at: datetime) -> list[str]:
    rows = (
        Incident.objects.filter(state__in=OPEN_STATES, duplicate_of=None, is_demo=False)
        .values("system__name", "severity__key")
        .annotate(count=Count("pk"), late=Count("pk", filter=waits.late(at)), rank=F("severity__rank"))
        .order_by("system__name", "rank")
    )
    said = [
        _("  %(system)s %(severity)s: %(count)d, of them %(late)d late")
        % {
            "system": row["system__name"],
            "severity": row["severity__key"] or _("not judged"),
            "count": row["count"],
            "late": row["late"],
        }
        for row in rows
    ]
    return [_("Open incidents"), *(said or [_("  none")]), ""]


def _happened(since: datetime, at: datetime) -> list[str]:
    span = (since, at)
    found = Incident.objects.filter(is_demo=False, duplicate_of=None).aggregate(
        received=Count("pk", filter=Q(received_at__range=span)),
        resolved=Count("pk", filter=Q(resolved_at__range=span)),
        closed=Count("pk", filter=Q(closed_at__range=span)),
    )
    missed = (
        Incident.objects.filter(is_demo=False, escalations__escalated_at__range=span).aggregate(
            count=Count("escalations__deadline", distinct=True)
        )["count"]
        if SLA_CLOCKS
        else 0
    )
    pages = Page.objects.filter(paged_at__range=span, incident__is_demo=False).count()
    return [
        _("Since then"),
        _("  received %(received)d, resolved %(resolved)d, closed %(closed)d") % found,
        _("  promises missed %(missed)d, pages %(pages)d") % {"missed": missed, "pages": pages},
        "",
    ]


def _answered(rows: list[Response]) -> list[str]:
    """One line for each system and severity, over all months the span touches."""
    groups: dict[tuple[str, int, str], list[Response]] = {}
    for row in rows:
        groups.setdefault((row.system, row.rank, row.severity), []).append(row)
    lines = []
    for (system, _rank, severity), found in sorted(groups.items()):
        mtta = weighted([(row.mtta, row.incidents) for row in found])
        mttr = weighted([(row.mttr, row.incidents) for row in found])
        lines.append(
            _(
                "  %(system)s %(severity)s: %(count)d; taken after %(mtta)s, over after %(mttr)s; promises kept %(kept)d of %(promises)d"
            )
            % {
                "system": system,
                "severity": severity or _("not judged"),
                "count": sum(row.incidents for row in found),
                "mtta": _minutes(mtta),
                "mttr": _minutes(mttr),
                "kept": sum(row.kept for row in found),
                "promises": sum(row.promises for row in found),
            }
        )
    return lines


def _waits(at: datetime) -> list[str]:
    late = ActionItem.objects.filter(state=ActionState.OPEN, due_on__lt=at.date(), incident__is_demo=False).count()
    reviews = Incident.objects.filter(waits.review_missing(), is_demo=False)
    named = ", ".join(reviews.order_by("received_at").values_list("reference", flat=True)[:NAMED])
    parked = Job.objects.filter(state=JobState.PARKED).count()
    unsent = Message.objects.filter(state=MessageState.FAILED).count()
    return [
        _("What waits"),
        _("  postmortems: %(count)d%(named)s") % {"count": reviews.count(), "named": f" ({named})" if named else ""},
        _("  action items past their date: %(count)d") % {"count": late},
        _("  work that failed: %(parked)d; messages that did not leave: %(unsent)d")
        % {"parked": parked, "unsent": unsent},
        "",
    ]


def _on_call(at: datetime) -> list[str]:
    said = [
        _("  %(system)s, %(part)s: %(who)s")
        % {
            "system": duty.system.name,
            "part": duty.get_part_display(),
            "who": person.get_full_name() if person else _("nobody"),
        }
        for duty, person in duties(at)
    ]
    return [_("On call"), *(said or [_("  no system has on-call parts yet")]), ""]


def _machine(at: datetime) -> list[str]:
    run = BackupRun.objects.filter(result=BackupResult.DONE, system=None).order_by("-finished_at").first()
    proof = BackupVerification.objects.order_by("-started_at").first()
    return [
        _("Backups"),
        _("  last one: %(when)s") % {"when": ago_words(run.finished_at, at) if run else _("none yet")},
        _("  last proof: %(what)s")
        % {"what": f"{proof.get_state_display()}, {ago_words(proof.started_at, at)}" if proof else _("none yet")},
        "",
    ]


def _head() -> list[str]:
    last = AuditSeal.objects.order_by("-number").values_list("number", "mac").first()
    return [_("Head of the trail: %(head)s") % {"head": f"{last[0]} {last[1]}" if last else _("nothing is sealed yet")}]


def _minutes(value: float | None) -> str:
    if value is None:
        return "–"
    return duration_words(timedelta(minutes=value)) if value >= 1 else _("%(number)s min") % {"number": number(value)}


def _day(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d}"
