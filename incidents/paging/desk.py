"""The paging tab: who is called next by the plan of this case, and what is silent."""

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from config.casework.desk.base import acting_user
from config.casework.words import duration_words
from incidents.models import Incident
from incidents.paging import plans
from incidents.paging.targets import words
from incidents.severity.choices import Paging

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin


def tab(admin: "CaseAdmin", request: HttpRequest, incident: Incident) -> dict[str, Any]:
    """The plan as it was copied into the case, and the way to mute its alerts."""
    plan = incident.paging_plan
    steps = [
        {
            "when": duration_words(plans.after(step)) if plans.after(step) else _("at once"),
            "whom": words(step),
            "hours": step.get("hours") == Paging.BUSINESS_HOURS,
        }
        for step in plan.get("steps", [])
    ]
    may_mute = incident.alert_group_id is not None and acting_user(request).has_perm("incidents.add_mute")
    return {
        "plan_steps": steps,
        "plan_repeat": plan.get("repeat", 0),
        "plan_hours": plan.get("hours") == Paging.BUSINESS_HOURS,
        "plan_lasts": duration_words(plans.lasts(plan)) if plan.get("lasts") else "",
        "waiting": incident.waits_for_somebody,
        "mute_url": f"{reverse('admin:incidents_mute_add')}?incident={incident.pk}" if may_mute else "",
    }
