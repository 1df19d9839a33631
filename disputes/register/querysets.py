"""Which entries give authority at a moment."""

from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q

from config.casework.catalogue.models import System


class AuthorityQuerySet(models.QuerySet[Any]):
    def valid(self, at: datetime, system: System | None = None) -> Self:
        """Entries that hold at `at`, for one system or for all."""
        rows = self.filter(Q(revoked_at=None) | Q(revoked_at__gt=at), starts_at__lte=at, ends_at__gt=at)
        return rows.filter(Q(system=None) | Q(system=system)) if system is not None else rows
