from typing import Any, Self

from django.db import models

from integrations.signals.choices import AlertStatus


class AlertQuerySet(models.QuerySet[Any]):
    def firing(self) -> Self:
        return self.filter(status=AlertStatus.FIRING)


class AlertGroupQuerySet(models.QuerySet[Any]):
    def unknown(self) -> Self:
        """Groups of no system we know; somebody must name the system."""
        return self.filter(system=None, alerts__isnull=False).distinct()
