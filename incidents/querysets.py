"""Rows that hang on a case are seen by whoever sees the case."""

from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.contrib.auth.models import AnonymousUser
from django.db import models

if TYPE_CHECKING:
    from config.casework.access.models import User


class OfIncidentQuerySet(models.QuerySet[Any]):
    """For models with a key named `incident`."""

    def visible_to(self, user: "User | AnonymousUser") -> Self:
        incidents: Any = apps.get_model("incidents", "Incident")
        return self.filter(incident__in=incidents.objects.visible_to(user))


class MitigationQuerySet(OfIncidentQuerySet):
    def overdue(self, at: Any) -> Self:
        """Temporary measures that somebody should have taken back."""
        return self.filter(reverted_at=None, expires_at__lt=at)
