"""Many new alerts of one system at once become one storm case (rules: "Alerts to cases").

One page, one clock, one postmortem; members keep a resolve state of their own and can be taken out. A storm never takes
in what is graver than itself, what says that data may be lost, or another system.
"""

from datetime import datetime, timedelta

from django.db import connection
from django.utils.translation import gettext as _

from config.casework.audit.services import record
from config.casework.catalogue.fields import parse_duration
from config.casework.catalogue.models import System
from config.casework.transitions import apply
from incidents.choices import UNRESOLVED, IncidentState, Source
from incidents.clocks import effective_level
from incidents.models import Incident
from incidents.services import open_incident
from incidents.severity.choices import Paging
from incidents.severity.models import Severity
from incidents.severity.selectors import untriaged_level
from incidents.storms.choices import MemberState
from incidents.storms.models import Storm, StormMember
from integrations.signals.models import AlertGroup

LOCK = 7_263  # first half of the advisory lock under which alert cases of a system are opened
QUIET = timedelta(hours=1)  # a storm that took nothing in for this long takes in nothing more


def lock(system: System) -> None:
    """One new alert case of a system at a time, until the transaction ends: else parallel ones would not see each other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, system.pk])


def take_in(
    system: System,
    *,
    source_key: str,
    title: str,
    severity: Severity | None,
    at: datetime,
    alert_group: AlertGroup,
    monitor_key: str = "",
    paging_override: str = "",
    data_loss_risk: bool = False,
) -> Incident | None:
    """Have a storm case take a new alert in, opening one when it is due; None: it gets a case of its own.

    The caller holds `lock` and knows that no case of this trouble is open. Alerts that never page make no storm.
    """
    level = severity or untriaged_level(system)
    if data_loss_risk or level is None or paging_override == Paging.NEVER:
        return None
    storm = _open_storm(system, level, at) or _new_storm(system, level, at)
    if storm is None:
        return None
    member = StormMember.objects.create(
        incident=storm.incident,
        title=title,
        source_key=source_key,
        monitor_key=monitor_key,
        severity=severity,
        alert_group=alert_group,
        joined_at=at,
    )
    Storm.objects.filter(pk=storm.pk).update(last_joined_at=at)
    record(storm.incident, "storm.joined", actor=None, at=at, about=member)
    return storm.incident


def heard_again(
    source_key: str, *, severity: Severity | None, data_loss: bool, new: bool, at: datetime, watch_since: datetime
) -> Incident | None:
    """The case that speaks for a member whose alerts fire again: its storm, or its own when it outgrew the storm.

    Args:
        new: an alert of it fires that did not before.
        watch_since: a storm resolved after this still speaks for alerts that merely have not fallen silent.
    """
    member = _member(source_key)
    if member is None:
        return None
    storm: Incident = member.incident
    if storm.state not in UNRESOLVED:
        waits = storm.state == IncidentState.RESOLVED and storm.resolved_at is not None and not new
        return storm if waits and storm.resolved_at >= watch_since else None  # type: ignore[operator]
    if _outgrew(storm, severity, data_loss):
        return apply(member, "take_out", actor=None, at=at, severity=severity or member.severity).taken_as
    if new and member.state == MemberState.RESOLVED:
        apply(member, "fire_again", actor=None, at=at)
    return storm


def alerts_resolved(source_key: str, *, at: datetime) -> Incident | None:
    """The alerts of a member are over: its own resolve state follows, the storm case stays as it is."""
    member = _member(source_key)
    if member is None:
        return None
    if member.state == MemberState.OPEN:
        apply(member, "resolve", actor=None, at=at)
    return member.incident


def case_resolved(incident: Incident, *, at: datetime) -> None:
    """A resolved storm case is over for all its members."""
    for member in StormMember.objects.filter(incident=incident, state=MemberState.OPEN):
        apply(member, "resolve", actor=None, at=at)


def _member(source_key: str) -> StormMember | None:
    """The last membership of a trouble that was not taken out."""
    rows = StormMember.objects.filter(source_key=source_key).select_related("incident__system", "severity")
    member: StormMember | None = rows.order_by("-joined_at", "-pk").first()
    return None if member is None or member.state == MemberState.TAKEN_OUT else member


def _outgrew(storm: Incident, severity: Severity | None, data_loss: bool) -> bool:
    level = effective_level(storm)
    return data_loss or (severity is not None and level is not None and severity.rank < level.rank)


def _open_storm(system: System, level: Severity, at: datetime) -> Storm | None:
    """The storm case of a system that still takes in, and is at least as grave."""
    rows = Storm.objects.filter(system=system, last_joined_at__gt=at - QUIET, incident__state__in=UNRESOLVED)
    found = rows.filter(incident__severity__rank__lte=level.rank, incident__data_loss_risk=False)
    storm: Storm | None = found.select_related("incident__system").order_by("-last_joined_at").first()
    return storm


def _new_storm(system: System, level: Severity, at: datetime) -> Storm | None:
    """A storm case, when this alert is one too many within the time that the runbook names."""
    rule = system.setting("storm")
    if not rule:
        return None
    recent = Incident.objects.filter(
        system=system,
        source=Source.ALERT,
        received_at__gte=at - parse_duration(rule["within"]),
        received_at__lte=at,
        storm=None,
        is_demo=False,
        data_loss_risk=False,
    ).exclude(paging_override=Paging.NEVER)
    if Storm.objects.filter(system=system, last_joined_at__gt=at - QUIET, incident__state__in=UNRESOLVED).exists():
        recent = recent.filter(severity__rank__lte=level.rank)  # the others have made their storm
    levels = [incident.severity for incident in recent.select_related("severity")[: rule["more_than"]]]
    if len(levels) < rule["more_than"]:
        return None
    gravest = min((found for found in [*levels, level] if found is not None), key=lambda found: found.rank)
    incident = open_incident(
        system,
        title=_("Many alerts at once"),
        actor=None,
        at=at,
        source=Source.ALERT,
        severity=gravest,
        source_key=f"{Incident.STORM_KEY}{system.pk}:{at.timestamp()}",
    )
    storm = Storm.objects.create(incident=incident, system=system, last_joined_at=at)
    record(incident, "storm.opened", actor=None, at=at, detail={"before": len(levels)})
    return storm
