"""What the outside world adds to a case: its timeline knows the messages, `redact` finds raw alerts."""

from collections.abc import Iterator
from typing import Any

from django.db import models

from config.casework.cases.models import Case
from config.casework.cases.redaction import register_holder
from config.casework.cases.timeline import register_source
from integrations.messages.services import timeline_entries
from integrations.signals.models import Alert, AlertGroup, Delivery


def connect() -> None:
    register_source(timeline_entries)
    register_holder(_raw_alerts)


def _raw_alerts(case: Case) -> Iterator[tuple[models.QuerySet[Any], tuple[str, ...]]]:
    """What senders told about a case, as it came."""
    deliveries = Delivery.objects.filter(references__contains=[case.reference])
    yield deliveries, ("payload",)
    yield Alert.objects.filter(group__deliveries__in=deliveries), ("name", "labels", "annotations", "generator_url")
    yield AlertGroup.objects.filter(deliveries__in=deliveries), ("key", "receiver", "group_labels", "external_url")
