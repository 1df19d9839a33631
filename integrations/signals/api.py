"""Where alerts come in."""

from django.http import HttpRequest
from ninja import Router
from ninja.responses import Status

from config.casework import clock
from config.casework.access.choices import Scope
from config.casework.api.base import answers
from config.casework.api.security import Bearer, caller
from integrations.signals.schemas import AlertmanagerMessage, Ingested
from integrations.signals.services import receive_alertmanager

router = Router(tags=["ingest"])


@router.post(
    "/alertmanager",
    auth=Bearer(Scope.ALERTS),
    response=answers({202: Ingested}),
    summary="Alertmanager webhook, version 4",
)
def alertmanager(request: HttpRequest, payload: AlertmanagerMessage) -> Status[dict[str, object]]:
    """Take in a group of alerts. The answer comes after the commit: what was answered with 202 is kept."""
    received = receive_alertmanager(payload, token=caller(request), at=clock.now())
    return Status(202, {"accepted": received.accepted, "incidents": received.references})
