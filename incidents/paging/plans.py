"""The plan of a case: the policy of its level as it stood when paging began."""

from datetime import datetime, timedelta
from typing import Any

from config.casework import calendars
from config.casework.catalogue.fields import parse_duration
from config.casework.catalogue.models import System
from incidents.models import Incident
from incidents.oncall.choices import OnCallPart
from incidents.severity.choices import Paging
from incidents.severity.models import Severity

ROUND_AFTER = timedelta(minutes=15)  # unanswered for this long, the plan is gone through again

type PlanStep = dict[str, Any]


def snapshot(incident: Incident, level: Severity | None) -> dict[str, Any]:
    """What is copied into the case: later changes of the policy do not touch a case under way (INC-29)."""
    paging = _paging(incident, level)
    return {
        "level": level.key if level else "",
        "hours": paging,
        "steps": _steps(level, paging),
        "repeat": level.paging_repeat if level else 0,
        "every": level.paging_every if level else "PT15M",
        "lasts": level.paging_lasts if level else "",
        "breach": list(level.breach_steps) if level else [],
    }


def after(step: PlanStep, default: str = "PT0S") -> timedelta:
    """How long after the first moment a step is due."""
    return parse_duration(step.get("after", default))


def round_after(plan: dict[str, Any]) -> timedelta:
    """Time between the last step and the next round."""
    return parse_duration(plan.get("every") or ROUND_AFTER)


def lasts(plan: dict[str, Any]) -> timedelta:
    """How long an acknowledgement counts without any work; nothing: until the incident is resolved."""
    return parse_duration(plan["lasts"]) if plan.get("lasts") else timedelta()


def moment(incident: Incident, at: datetime) -> datetime:
    """When a step that is due at `at` may page: at once, or at the next opening when the plan keeps business hours (INC-10)."""
    if incident.paging_plan.get("hours") == Paging.BUSINESS_HOURS:
        return next_opening(incident.system, at)
    return at


def passed_over(incident: Incident, step: PlanStep, at: datetime) -> bool:
    """A step for business hours alone, at another time, in a plan that pages at any time."""
    return step.get("hours") == Paging.BUSINESS_HOURS and next_opening(incident.system, at) > at


def next_opening(system: System, at: datetime) -> datetime:
    """`at` itself while the system's calendar is open or there is none."""
    return calendars.next_open(at, system.calendar.business()) if system.calendar is not None else at


def _paging(incident: Incident, level: Severity | None) -> str:
    return incident.paging_override or (level.paging if level else Paging.NEVER)


def _steps(level: Severity | None, paging: str) -> list[PlanStep]:
    if level is None or paging == Paging.NEVER:
        return []
    return list(level.paging_steps) or [{"to": OnCallPart.PRIMARY.value, "after": "PT0S"}]
