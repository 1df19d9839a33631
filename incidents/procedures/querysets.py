"""Runs are seen by whoever sees their case; those without one, by the operator's staff."""

from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from incidents.procedures.choices import RunState, StepKind, StepState

if TYPE_CHECKING:
    from config.casework.access.models import User
    from incidents.procedures.models import Run, RunStep  # noqa: F401 - the types of the rows


def _visible(user: "User | AnonymousUser", path: str = "") -> Q:
    if not user.is_authenticated or not user.is_active:
        return Q(pk__in=[])
    incidents: Any = apps.get_model("incidents", "Incident")
    deployments: Any = apps.get_model("incidents", "Deployment")
    alone = Q(**{f"{path}incident": None, f"{path}deployment": None})
    seen = Q(**{f"{path}incident__in": incidents.objects.visible_to(user)}) | Q(
        **{f"{path}deployment__in": deployments.objects.visible_to(user)}
    )
    return seen | alone if user.is_operator or user.is_superuser else seen


class RunQuerySet(models.QuerySet["Run"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        return self.filter(_visible(user))

    def active(self) -> Self:
        return self.filter(state=RunState.ACTIVE)

    def scheduled(self) -> Self:
        """Those that the calendar or an event made, for somebody to work."""
        return self.exclude(slot="")


class RunStepQuerySet(models.QuerySet["RunStep"]):
    def visible_to(self, user: "User | AnonymousUser") -> Self:
        return self.filter(_visible(user, "run__"))

    def open(self) -> Self:
        """Steps that still have to be settled; rules never have to."""
        return self.filter(state=StepState.OPEN).exclude(kind=StepKind.POLICY)
