"""Deployments in the admin: one page from the prerequisites to the end of the watch, or back."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.desk.base import acting_user
from config.casework.desk.casepage import Tab
from config.casework.desk.cases import CaseAdmin
from config.casework.desk.clocks import name_clock
from config.casework.desk.display import NOTHING, person_name
from config.casework.desk.navigation import WORK, Line, register_line
from config.casework.words import ago_words, duration_words
from incidents.deployments.choices import ROLL_BACK_CLOCK, DeploymentState
from incidents.deployments.models import Deployment
from incidents.deployments.selectors import watched_until
from incidents.deployments.services import plan_deployment
from incidents.procedures.choices import RunState, Stage
from incidents.procedures.drawing import DRAWN_WITH, drawn_run

name_clock(ROLL_BACK_CLOCK, gettext_lazy("finish the way back"))


def steps_tab(page: CaseAdmin, request: HttpRequest, deployment: Deployment) -> dict[str, Any]:
    """The lists of a deployment, what is to do now first, and when its watch may end."""
    user, now = acting_user(request), clock.now()
    rows = deployment.runs.select_related("procedure", "assigned_to").prefetch_related(*DRAWN_WITH).order_by("pk")
    runs = [drawn_run(run, user) | {"stage": Stage(run.stage)} for run in rows]
    until = watched_until(deployment)
    watching = deployment.state == DeploymentState.WATCHING and until is not None
    return {
        "runs": sorted(runs, key=lambda item: item["run"].state != RunState.ACTIVE),
        "watch_words": (_("The watch ends %(when)s.") if until > now else _("The watch was over %(when)s."))
        % {"when": ago_words(until, now)}
        if watching and until is not None
        else "",
        "rollback_url": reverse("admin:incidents_deployment_step", args=[deployment.pk, "roll_back"])
        if any(step["state"] == "failed" for item in runs for step in item["steps"])
        and deployment.state in {DeploymentState.RUNNING, DeploymentState.WATCHING}
        and user.has_perm("incidents.change_deployment")
        else "",
        "planned": deployment.state == DeploymentState.PLANNED,
    }


@admin.register(Deployment)
class DeploymentAdmin(CaseAdmin):
    facts = (
        "system", "version_tag", "previous_version", "received_at", "started_at", "watching_at", "rollback_reason", "rollback_started_at",
        "rolled_back_at", "took", "loss", "suspected", "called_off_reason", "closed_at",
    )  # fmt: skip
    edit_fields = ("title", "owner", "restricted")
    add_fields = ("system", "version_tag", "previous_version")
    add_optional = ("previous_version",)
    consequence = gettext_lazy("Its prerequisites are copied here. It starts when all of them are ticked.")
    tabs = (Tab("steps", gettext_lazy("Steps"), "incidents/deployment_steps.html", steps_tab, "incidents.view_run"),)
    empty_title = gettext_lazy("No deployment is under way")
    empty_why = gettext_lazy("Plan one before you deploy, and its lists come with it. Past ones are under “All”.")

    @admin.display(description=gettext_lazy("the way back took"))
    def took(self, obj: Deployment) -> str:
        length = obj.rollback_took
        if length is None:
            return ""
        run = obj.runs.filter(stage=Stage.ROLLBACK).exclude(state=RunState.ABANDONED).first()
        allowed = run.objectives.get("rto_minutes") if run else None
        if not allowed:
            return duration_words(length)
        words = {"took": duration_words(length), "allowed": allowed}
        if length.total_seconds() <= allowed * 60:
            return _("%(took)s of %(allowed)d min: kept") % words
        return _("%(took)s of %(allowed)d min: RTO missed") % words

    @admin.display(description=gettext_lazy("age of the newest backup"))
    def loss(self, obj: Deployment) -> str:
        return duration_words(obj.backup_age) if obj.backup_age is not None else ""

    @admin.display(description=gettext_lazy("suspected of"))
    def suspected(self, obj: Deployment) -> SafeString:
        found = format_html_join(
            ", ",
            '<a href="{}">{} {}</a>',
            (
                (reverse("admin:incidents_incident_change", args=[row.pk]), row.reference, row.title)
                for row in obj.suspect_of.filter(restricted=False)
            ),
        )
        return format_html("{}", found) if found else SafeString(NOTHING)

    def choices_for(self, request: HttpRequest, obj: Any, name: str) -> Any:
        """Systems and the people of the desk are few enough to choose from."""
        if name == "system":
            return System.objects.order_by("name")
        if name == "owner":
            return User.objects.filter(is_staff=True, is_active=True).order_by("name", "email")
        return super().choices_for(request, obj, name)

    def open_case(self, *, actor: User, at: datetime, **values: Any) -> Deployment:
        return plan_deployment(
            values["system"],
            version=values["version_tag"],
            previous_version=values.get("previous_version", ""),
            actor=actor,
            at=at,
        )

    def people(self, obj: Deployment) -> list[tuple[str, str]]:
        return [(_("Deploys"), person_name(obj.owner))]


register_line(
    WORK,
    Line(
        gettext_lazy("Deployments"),
        "admin:incidents_deployment_changelist",
        "incidents.view_deployment",
        "rocket_launch",
        30,
    ),
)
