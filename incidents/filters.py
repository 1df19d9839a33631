"""Filters of the incident desk's lists."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from config.casework import clock
from config.casework.access.models import User
from incidents.choices import OPEN_STATES
from incidents.reviews.choices import ActionState
from incidents.waits import WAITS


class WaitFilter(admin.SimpleListFilter):
    """Open incidents by what they wait for; the cards of the first page lead here."""

    title = _("waits for")
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(key, wait.label) for key, wait in WAITS.items()]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        wait = WAITS.get(self.value() or "")
        if wait is None or not isinstance(request.user, User):
            return queryset
        return queryset.filter(wait.condition(request.user, clock.now()), state__in=OPEN_STATES)


class DueFilter(admin.SimpleListFilter):
    """Open action items past their date."""

    title = _("date")
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("late", _("past and still open"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return (
            queryset.filter(state=ActionState.OPEN, due_on__lt=clock.now().date())
            if self.value() == "late"
            else queryset
        )


class MineFilter(admin.SimpleListFilter):
    """Open action items of the person who looks."""

    title = _("whose")
    parameter_name = "whose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("mine", _("mine and still open"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(state=ActionState.OPEN, owner=request.user.pk) if self.value() == "mine" else queryset
