"""Take in alerts: store the message, bring its groups up to date, tell the floors above, all in one transaction."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F

from config.casework.access.models import ApiToken
from config.casework.catalogue.models import System
from config.casework.events import publish
from integrations.signals.choices import AlertStatus, Source
from integrations.signals.events import AlertsReceived
from integrations.signals.models import Alert, AlertGroup, Delivery
from integrations.signals.schemas import AlertmanagerAlert, AlertmanagerMessage
from integrations.signals.severities import Reader, says_data_loss

RAW_KEPT = timedelta(days=30)
PRUNE_BATCH = 1000
log = structlog.get_logger("desk.signals")


@dataclass(frozen=True)
class Received:
    """What came of a message: alerts it held, and the references of the cases they belong to."""

    accepted: int
    references: list[str]


@dataclass(frozen=True)
class _Changes:
    new: tuple[Alert, ...]
    repeated: tuple[Alert, ...]
    resolved: tuple[Alert, ...]


@transaction.atomic
def receive_alertmanager(message: AlertmanagerMessage, *, token: ApiToken | None, at: datetime) -> Received:
    """Store a message of Alertmanager and open or join the cases of its alerts (rules "Alerts to cases").

    Groups are locked first and in one order, so that parallel messages about the same group wait for each other: the
    subscriber of `AlertsReceived` never runs twice at once for a group. Alerts a message does not name stay as they
    are: the sender truncates, and leaves out what is silenced, while it still fires.

    Args:
        message: the body, checked; `AlertmanagerMessage.model_validate` checks plain data.
        token: who sent it.
        at: aware instant of the receipt; clocks start here, not at `startsAt`.
    """
    reader = Reader.of({alert.labels.get("alertname", "") for alert in message.alerts})
    delivery = _keep(message, token, at)
    by_system: dict[System | None, dict[str, AlertmanagerAlert]] = {}
    for alert in message.alerts:
        by_system.setdefault(reader.system(alert.labels), {})[alert.fingerprint] = alert
    groups = _lock_groups(message, by_system, at)
    references: list[str] = []
    for group in groups:
        changes = _store(group, by_system[group.system], reader, at)
        if group.system is not None:
            answers = publish(_event(group, group.system, changes, reader, at))
            references += [str(answer) for answer in answers if answer]
    references = list(dict.fromkeys(references))
    _tie(delivery, groups, references)
    log.info("alerts_received", alerts=len(message.alerts), groups=len(groups), cases=references)
    return Received(accepted=len(message.alerts), references=references)


def prune(at: datetime) -> int:
    """Delete raw messages whose time is over and that no case holds."""
    old = Delivery.objects.filter(expires_at__lte=at).order_by("expires_at").values("pk")[:PRUNE_BATCH]
    return (
        Delivery.objects.filter(pk__in=list(old.values_list("pk", flat=True)))
        .delete()[1]
        .get("integrations.Delivery", 0)
    )


def _keep(message: AlertmanagerMessage, token: ApiToken | None, at: datetime) -> Delivery:
    """Store the raw message; the very same one again only counts."""
    digest = hashlib.sha256(json.dumps(message.raw, sort_keys=True).encode()).hexdigest()
    row = Delivery(
        digest=digest, payload=message.raw, token=token, received_at=at, last_received_at=at, expires_at=at + RAW_KEPT
    )
    Delivery.objects.bulk_create([row], ignore_conflicts=True)
    Delivery.objects.filter(digest=digest).update(times=F("times") + 1, last_received_at=at)
    Delivery.objects.filter(digest=digest, expires_at__isnull=False).update(expires_at=at + RAW_KEPT)
    return Delivery.objects.get(digest=digest)


def _tie(delivery: Delivery, groups: Iterable[AlertGroup], references: list[str]) -> None:
    delivery.groups.add(*groups)
    if not set(references) <= set(delivery.references):
        delivery.references = list(dict.fromkeys([*delivery.references, *references]))
        delivery.expires_at = None
        delivery.save(update_fields=["references", "expires_at"])


def _lock_groups(message: AlertmanagerMessage, systems: Iterable[System | None], at: datetime) -> list[AlertGroup]:
    """The groups of a message, one for each system, made when new, updated and locked."""
    key_hash = hashlib.sha256(message.groupKey.encode()).hexdigest()
    wanted = sorted(systems, key=lambda system: system.pk if system else 0)
    AlertGroup.objects.bulk_create(
        [
            AlertGroup(
                source=Source.ALERTMANAGER,
                key=message.groupKey,
                key_hash=key_hash,
                system=system,
                first_at=at,
                last_at=at,
            )
            for system in wanted
        ],
        ignore_conflicts=True,
    )
    rows = AlertGroup.objects.filter(source=Source.ALERTMANAGER, key_hash=key_hash).order_by("pk")
    locked = {row.system_id: row for row in rows.select_for_update(of=("self",))}
    groups = []
    for system in wanted:
        group = locked[system.pk if system else None]
        group.system = system
        group.receiver, group.group_labels, group.external_url = (
            message.receiver,
            message.groupLabels,
            message.externalURL,
        )
        group.truncated, group.last_at = message.truncatedAlerts, max(group.last_at, at)
        groups.append(group)
    AlertGroup.objects.bulk_update(groups, ["receiver", "group_labels", "external_url", "truncated", "last_at"])
    return groups


def _store(group: AlertGroup, alerts: dict[str, AlertmanagerAlert], reader: Reader, at: datetime) -> _Changes:
    """Bring the alerts of a locked group up to date and say what changed."""
    known = {alert.fingerprint: alert for alert in Alert.objects.filter(group=group, fingerprint__in=alerts)}
    sorted_out: dict[str, list[Alert]] = {"new": [], "repeated": [], "resolved": []}
    rows = []
    for fingerprint, sent in alerts.items():
        row = known.get(fingerprint) or Alert(group=group, fingerprint=fingerprint, first_received_at=at, times=0)
        before = row.status
        _fill(row, sent, reader, at)
        rows.append(row)
        kind = "repeated" if before == row.status else "new" if row.status == AlertStatus.FIRING else "resolved"
        sorted_out[kind].append(row)
    Alert.objects.bulk_create([row for row in rows if row.pk is None])
    Alert.objects.bulk_update([row for row in rows if row.fingerprint in known], _TOLD, batch_size=200)
    if group.system is not None:  # its system was named meanwhile: it stands in the list of unknown ones no longer
        Alert.objects.filter(
            group__source=group.source, group__key_hash=group.key_hash, group__system=None, fingerprint__in=alerts
        ).delete()
    return _Changes(tuple(sorted_out["new"]), tuple(sorted_out["repeated"]), tuple(sorted_out["resolved"]))


_TOLD = (
    "name", "system", "monitor", "status", "severity_hint", "data_loss", "labels", "annotations", "generator_url", "starts_at", "ends_at",
    "last_received_at", "times",
)  # fmt: skip


def _fill(row: Alert, sent: AlertmanagerAlert, reader: Reader, at: datetime) -> None:
    row.name = sent.labels.get("alertname", "")
    row.system = reader.system(sent.labels)
    row.monitor = reader.monitor(sent.labels, row.system)
    row.status = AlertStatus(sent.status)
    row.severity_hint = reader.severity(sent.labels, row.system, row.monitor)
    row.data_loss = says_data_loss(sent.labels, row.monitor)
    row.labels, row.annotations, row.generator_url = sent.labels, sent.annotations, sent.generatorURL
    row.starts_at = sent.startsAt
    row.ends_at = (sent.endsAt or at) if row.status == AlertStatus.RESOLVED else None
    row.last_received_at = at
    row.times += 1


def _event(group: AlertGroup, system: System, changes: _Changes, reader: Reader, at: datetime) -> AlertsReceived:
    firing = [alert for alert in (*changes.new, *changes.repeated) if alert.is_firing]
    gravest = min(firing, key=lambda alert: reader.rank(alert.severity_hint, system), default=None)
    return AlertsReceived(
        group=group,
        new=changes.new,
        repeated=changes.repeated,
        resolved=changes.resolved,
        severity=gravest.severity_hint if gravest else "",
        monitor=gravest.monitor if gravest else None,
        data_loss=any(alert.data_loss for alert in firing),
        truncated=group.truncated,
        at=at,
    )
