"""From alerts to cases (rules: "Alerts to cases"): one open case for each group, repeats add nothing, a resolve is an entry."""

from datetime import timedelta
from typing import Any

from config.casework.audit.services import record
from config.casework.catalogue.fields import parse_duration
from config.casework.catalogue.models import System
from config.casework.events import publish
from config.casework.transitions import apply
from incidents import clocks
from incidents.choices import UNRESOLVED, IncidentState, Source
from incidents.events import AlertsCameBack, DataLossFlagged, SeverityJudged
from incidents.models import Incident
from incidents.mutes import services as mutes
from incidents.procedures.models import Procedure
from incidents.services import find_last, find_recent_fix, find_unresolved, open_or_join
from incidents.severity.models import Severity
from incidents.storms import services as storms
from integrations.signals.events import AlertsReceived, LevelsAsked

WATCH = (
    "P1D"  # how long after a fix the same trouble counts as a recurrence (INC-95), unless the runbook says otherwise
)


def levels(event: LevelsAsked) -> list[str]:
    """The severity keys of a system, gravest first."""
    return list(Severity.objects.filter(system=event.system).order_by("rank", "key").values_list("key", flat=True))


def received(event: AlertsReceived) -> str | None:
    """Open, join or reopen the case of a group of alerts; returns its reference, None when there is none."""
    system = event.group.system
    if system is None:
        return None
    source_key = f"alertmanager:{event.group.pk}"
    if not event.new and not event.repeated:
        return _resolved(event, source_key)
    incident = find_unresolved(Source.ALERT, source_key) or _storm(event, system, source_key)
    if incident is not None and incident.is_storm:
        return incident.reference
    if incident is None and mutes.hides(event, system):
        return None
    if incident is None and not event.new and (known := _resolved_within_the_watch(event, system, source_key)):
        return known.reference  # a person said that it is over; the alert has the watch to fall silent
    how = "joined"
    if incident is None:
        incident, how = _open(event, system, source_key)
        if incident.is_storm:
            return incident.reference
    incident = incident.duplicate_of or incident  # what repeats in a duplicate counts where it was merged into
    if event.new or how != "joined":
        record(
            incident,
            "alert.firing",
            actor=None,
            at=event.at,
            detail={"alerts": [alert.fingerprint for alert in event.new or event.firing], "how": how},
        )
    if event.resolved:
        record(
            incident,
            "alert.resolved",
            actor=None,
            at=event.at,
            detail={"alerts": [alert.fingerprint for alert in event.resolved]},
        )
    _take_gravest(incident, event)
    if event.new and how == "joined":
        publish(AlertsCameBack(incident, event.at))
    return incident.reference


def _open(event: AlertsReceived, system: System, source_key: str) -> tuple[Incident, str]:
    monitor = event.monitor
    playbook = (
        Procedure.objects.filter(key=monitor.playbook, system=system).first() if monitor and monitor.playbook else None
    )
    name = event.firing[0].name
    title = (playbook.title if playbook else "") or (monitor.title if monitor else "") or name or "Alert"
    known: dict[str, Any] = {
        "title": title[:200],
        "at": event.at,
        "source_key": source_key,
        "severity": _severity(event, system),
        "monitor_key": monitor.key if monitor else "",
        "paging_override": monitor.page if monitor else "",
        "data_loss_risk": event.data_loss,
        "alert_group": event.group,
    }
    since = event.at - _watch(system)
    storms.lock(system)
    if (
        find_unresolved(Source.ALERT, source_key) is None
        and find_recent_fix(Source.ALERT, source_key, since=since) is None
    ):
        storm = storms.take_in(system, **known)
        if storm is not None:
            return storm, "storm"
    return open_or_join(system, watch_since=since, playbook=playbook, **known)


def _storm(event: AlertsReceived, system: System, source_key: str) -> Incident | None:
    """The case that speaks for a group that a storm took in."""
    return storms.heard_again(
        source_key,
        severity=_severity(event, system),
        data_loss=event.data_loss,
        new=bool(event.new),
        at=event.at,
        watch_since=event.at - _watch(system),
    )


def _severity(event: AlertsReceived, system: System) -> Severity | None:
    return Severity.objects.filter(system=system, key=event.severity).select_related("system__calendar").first()


def _resolved(event: AlertsReceived, source_key: str) -> str | None:
    """A resolve is a timeline entry and never changes a state; one for a case nobody ever opened is kept with the alert alone."""
    incident = (
        find_unresolved(Source.ALERT, source_key)
        or storms.alerts_resolved(source_key, at=event.at)
        or find_last(Source.ALERT, source_key)
    )
    if incident is None:
        return None
    incident = incident.duplicate_of or incident
    if event.resolved:
        record(
            incident,
            "alert.resolved",
            actor=None,
            at=event.at,
            detail={"alerts": [alert.fingerprint for alert in event.resolved]},
        )
    return incident.reference


def _resolved_within_the_watch(event: AlertsReceived, system: System, source_key: str) -> Incident | None:
    incident = find_last(Source.ALERT, source_key)
    if incident is None or incident.resolved_at is None or incident.resolved_at < event.at - _watch(system):
        return None
    return incident


def _watch(system: System) -> timedelta:
    """How long after a fix the same trouble is a recurrence of it."""
    return parse_duration(system.setting("recurrence_watch", WATCH))


def _take_gravest(incident: Incident, event: AlertsReceived) -> None:
    """One case carries the gravest severity of its alerts, and a data-loss flag once raised; neither is ever lowered by an alert."""
    if event.data_loss and not incident.data_loss_risk:
        Incident.objects.filter(pk=incident.pk).update(data_loss_risk=True)
        incident.refresh_from_db(fields=["data_loss_risk"])
        record(incident, "incident.data_loss_flagged", actor=None, at=event.at)
        publish(DataLossFlagged(incident, event.at))
    graver = (
        Severity.objects.filter(system=incident.system, key=event.severity).select_related("system__calendar").first()
        if event.severity
        else None
    )
    current = clocks.effective_level(incident)
    if graver is None or graver == incident.severity or (current is not None and graver.rank > current.rank):
        return
    if incident.severity is not None and current is not None and graver.rank == current.rank:
        return
    Incident.objects.filter(pk=incident.pk).update(paging_override=event.monitor.page if event.monitor else "")
    if incident.state in UNRESOLVED and incident.state != IncidentState.DETECTED:
        apply(incident, "reclassify", actor=None, at=event.at, severity=graver)
        return
    before = incident.severity.key if incident.severity else None
    Incident.objects.filter(pk=incident.pk).update(severity=graver)
    incident.refresh_from_db()
    record(
        incident,
        "incident.severity_raised",
        actor=None,
        at=event.at,
        fields=["severity"],
        detail={"severity": [before, graver.key]},
    )
    clocks.follow_severity(incident, at=event.at)
    publish(SeverityJudged(incident, event.at, by_alert=True))
