"""Filters that cost little: pickers instead of lists, a date range instead of a date hierarchy."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from config.casework.desk.skin import SkinAutocompleteFilter, SkinDateFilter


class PickFilter(SkinAutocompleteFilter):
    """Filter by one row of another table, found by typing."""


class DateRangeFilter(SkinDateFilter):
    """From one day to another, both included, in the person's own zone."""

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        start, end = self._day("from"), self._day("to")
        if start is not None:
            queryset = queryset.filter(**{f"{self.field_path}__gte": start})
        if end is not None:
            queryset = queryset.filter(**{f"{self.field_path}__lt": end + timedelta(days=1)})
        return queryset

    def _day(self, edge: str) -> datetime | None:
        value = self.used_parameters.get(f"{self.field_path}_{edge}")
        try:
            day = parse_date(str(value)) if value else None
        except ValueError:
            return None
        return timezone.make_aware(datetime.combine(day, time.min)) if day else None


class QueueFilter(admin.SimpleListFilter):
    """Open cases unless one asks for others; whoever searches, searches everything."""

    title = _("queue")
    parameter_name = "queue"
    is_queue = True
    OPEN = frozenset({"open", "mine"})
    template = "desk/admin/nothing.html"  # desk/admin/queues.html draws it above the list

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("Open")), ("mine", _("Mine")), ("closed", _("Closed")), ("all", _("All"))]

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[models.Model], model_admin: Any
    ) -> None:
        super().__init__(request, params, model, model_admin)
        self.asked_for = self.asked(request)

    @classmethod
    def asked(cls, request: HttpRequest) -> str:
        """The queue a request means."""
        value = request.GET.get(cls.parameter_name, "")
        if value in {*cls.OPEN, "closed", "all"}:
            return value
        return "all" if request.GET.get("q") else "open"

    def chosen(self) -> str:
        return self.asked_for

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        open_states = queryset.model.OPEN_STATES
        match self.chosen():
            case "open":
                return queryset.filter(state__in=open_states)
            case "mine":
                return queryset.filter(state__in=open_states, owner=request.user.pk)
            case "closed":
                return queryset.exclude(state__in=open_states)
        return queryset

    def choices(self, changelist: Any) -> Iterator[Any]:
        chosen = self.chosen()
        for key, words in self.lookup_choices:
            yield {
                "selected": key == chosen,
                "query_string": changelist.get_query_string({self.parameter_name: key}),
                "display": words,
            }


class RevokedFilter(admin.SimpleListFilter):
    """Tokens that work, and tokens that were revoked."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("valid", _("valid")), ("revoked", _("revoked"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        match self.value():
            case "valid":
                return queryset.filter(revoked_at=None)
            case "revoked":
                return queryset.filter(revoked_at__isnull=False)
        return queryset
