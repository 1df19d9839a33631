"""Plan maintenance, announce it, run it, end it. The sweep does what is due; people may do it earlier."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.catalogue.fields import parse_duration
from config.casework.catalogue.models import System
from config.casework.transitions import apply
from incidents.choices import UNRESOLVED, Source
from incidents.maintenance import notices, suppression
from incidents.maintenance.choices import Stage, WindowKind, WindowState
from incidents.maintenance.events import MaintenanceBegun, MaintenanceEnded
from incidents.maintenance.models import MaintenanceRule, MaintenanceWindow
from incidents.maintenance.recurrence import occurrences
from incidents.maintenance.selectors import in_maintenance
from incidents.models import Incident
from incidents.paging.services import begin as begin_paging

AHEAD = 12
NOTICE = "P7D"
LONGEST_MODE = timedelta(days=3)
RULE_CHANGED = "the rule of the runbook changed"
LOOK_BACK = timedelta(days=7)  # for so long what recovered in a maintenance may wait for an opening


def plan(
    system: System, *, title: str, starts_at: datetime, ends_at: datetime, actor: User, at: datetime, reason: str = ""
) -> MaintenanceWindow:
    """Plan a single maintenance; customers are told as by the system's rule, at once when the usual lead has passed.

    Args:
        starts_at, ends_at: aware; the end lies in the future.
    Raises:
        ValidationError: keyed by field.
        PermissionDenied: the person may not plan maintenance.
    """
    require(actor, "incidents.add_maintenancewindow")
    if ends_at <= at:
        raise ValidationError({"ends_at": _("The end lies in the past.")})
    rule = system.maintenance_rules.order_by("key").first()
    due_at = starts_at - parse_duration(rule.notice if rule and rule.notice else NOTICE)
    window = MaintenanceWindow(
        system=system,
        kind=WindowKind.AD_HOC,
        title=title.strip(),
        starts_at=starts_at,
        ends_at=ends_at,
        why=reason.strip(),
        templates=dict(rule.templates) if rule else {},
        notice_due_at=due_at,
        notice_late=due_at < at,
        opened_by=actor,
    )
    return _kept(window, actor=actor, at=at)


def enter_mode(system: System, *, reason: str, ends_at: datetime, actor: User, at: datetime) -> MaintenanceWindow:
    """Maintenance mode from now until an end: alerts page nobody and the status page says so (INC-27). Nobody is mailed.

    Raises:
        ValidationError: no reason, an end in the past or more than three days ahead, or it is on already.
    """
    require(actor, "incidents.add_maintenancewindow")
    if not at < ends_at <= at + LONGEST_MODE:
        raise ValidationError({"ends_at": _("The end must lie in the next three days.")})
    if not reason.strip():
        raise ValidationError({"why": _("Say why: it stands on the status page and in the log.")})
    with transaction.atomic():
        System.objects.select_for_update(of=("self",)).get(pk=system.pk)
        if in_maintenance(system, at) is not None:
            raise ValidationError({"system": _("A maintenance of this system runs already. Move its end instead.")})
        window = MaintenanceWindow(
            system=system,
            kind=WindowKind.MODE,
            title=_("Maintenance mode"),
            starts_at=at,
            ends_at=ends_at,
            why=reason.strip(),
            opened_by=actor,
        )
        return apply(_kept(window, actor=actor, at=at), "begin", actor=actor, at=at)


def sweep(at: datetime) -> int:
    """Make windows ahead, announce, begin and end them, and page what waited for its end; returns how much was done."""
    done = sum(make_ahead(rule, at=at) for rule in MaintenanceRule.objects.select_related("system"))
    due = _due(WindowState.PLANNED, notice_due_at__lte=at, starts_at__gt=at)
    done += sum(_announce(pk, at=at) for pk in due)
    done += sum(_step(pk, "begin", at=at) for pk in _due(WindowState.PLANNED, starts_at__lte=at))
    done += sum(_step(pk, "finish", at=at) for pk in _due(WindowState.RUNNING, ends_at__lte=at))
    return done + _let_go(at)


def make_ahead(rule: MaintenanceRule, *, at: datetime, count: int = AHEAD) -> int:
    """Keep the next windows of a rule ready, and take away those the rule no longer means; returns how many changed."""
    starts = occurrences(rule.recurrence, begins=rule.begins, at=rule.at, zone=rule.zone, after=at, count=count)
    ahead = MaintenanceWindow.objects.filter(rule=rule, starts_at__gt=at)
    there = set(ahead.exclude(why=RULE_CHANGED).values_list("starts_at", flat=True))
    missing = [start for start in starts if start not in there]
    made = sum(_make(rule, start, at=at) for start in missing)
    gone = [
        window
        for window in ahead.filter(state=WindowState.PLANNED).exclude(starts_at__in=starts)
        if not starts or window.starts_at < starts[-1] or len(starts) < count
    ]
    for window in gone:
        apply(window, "cancel", actor=None, at=at, why=RULE_CHANGED)
    return made + len(gone)


def follow_rule(window: MaintenanceWindow, rule: MaintenanceRule, *, at: datetime) -> None:
    """Bring a window that has not begun in line with what its rule says now beside the dates."""
    window.title, window.work, window.templates = rule.title, rule.work, rule.templates
    window.ends_at = window.starts_at + rule.length
    if not window.messages.filter(stage=Stage.NOTICE).exists():
        window.notice_due_at = window.starts_at - parse_duration(rule.notice) if rule.notice else None
    window.save(update_fields=["title", "work", "templates", "ends_at", "notice_due_at"])


def begun(event: MaintenanceBegun) -> None:
    """Clocks of alerts that nobody has taken yet stand still from here."""
    for incident in _unanswered(event.window.system):
        suppression.hold_clocks(incident, at=event.at)


def ended(event: MaintenanceEnded) -> None:
    _let_go(event.at, system=event.window.system)


def _let_go(at: datetime, system: System | None = None) -> int:
    """What nobody answered and maintenance no longer holds back is paged from the first step, its clocks run on."""
    recent = MaintenanceWindow.objects.filter(state=WindowState.COMPLETED, finished_at__gte=at - LOOK_BACK)
    systems = [system] if system else list(System.objects.filter(maintenance_windows__in=recent).distinct())
    freed = 0
    for place in systems:
        for incident in _unanswered(place):
            with transaction.atomic():
                row = (
                    Incident.objects.select_for_update(of=("self",))
                    .select_related("system", "severity")
                    .get(pk=incident.pk)
                )
                if suppression.held_until(row, at) is None and suppression.let_clocks_run(row, at=at):
                    begin_paging(row, at=at)
                    freed += 1
    return freed


def _unanswered(system: System) -> list[Incident]:
    rows = Incident.objects.filter(system=system, source=Source.ALERT, state__in=UNRESOLVED, acknowledged_at=None)
    return list(rows.select_related("system", "severity"))


def _due(state: WindowState, **conditions: object) -> list[int]:
    rows = MaintenanceWindow.objects.filter(state=state, **conditions).order_by("starts_at")
    return list(rows.values_list("pk", flat=True))


def _step(pk: int, name: str, *, at: datetime) -> int:
    """Take a step when its time has come; somebody may have been faster."""
    with transaction.atomic():
        window = MaintenanceWindow.objects.select_for_update(of=("self",)).select_related("system").get(pk=pk)
        if window.state not in window.MACHINE.transitions[name].sources:
            return 0
        apply(window, name, actor=None, at=at)
    return 1


def _announce(pk: int, *, at: datetime) -> int:
    """Tell that a window comes; one that cannot be told is flagged, and tried again until it begins."""
    with transaction.atomic():
        window = MaintenanceWindow.objects.select_for_update(of=("self",)).select_related("system").get(pk=pk)
        if window.state != WindowState.PLANNED or window.messages.filter(stage=Stage.NOTICE).exists():
            return 0
        told = notices.tell(window, Stage.NOTICE, at=at)
        if not told and not window.notice_late:
            window.notice_late = True
            window.save(update_fields=["notice_late"])
            record(window, "maintenance.notice_missing", actor=None, at=at)
    return len(told)


def _make(rule: MaintenanceRule, start: datetime, *, at: datetime) -> int:
    due_at = start - parse_duration(rule.notice) if rule.notice else None
    window = MaintenanceWindow(
        system=rule.system,
        rule=rule,
        kind=WindowKind.PLANNED,
        title=rule.title,
        starts_at=start,
        ends_at=start + rule.length,
        work=rule.work,
        templates=rule.templates,
        notice_due_at=due_at,
        notice_late=due_at is not None and due_at < at,
    )
    try:
        with transaction.atomic():
            _kept(window, actor=None, at=at)
    except IntegrityError:  # another sweep was faster
        return 0
    return 1


def _kept(window: MaintenanceWindow, *, actor: User | None, at: datetime) -> MaintenanceWindow:
    window.clean_fields()
    window.clean()
    window.validate_constraints()
    with transaction.atomic():
        window.save(force_insert=True)
        record(window, "maintenance.planned", actor=actor, at=at, detail={"kind": str(window.kind)})
    return window
