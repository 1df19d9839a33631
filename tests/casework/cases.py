"""A case to hang things on, made without its desk's services."""

from typing import Any

from config.casework import clock
from config.casework.access.services import operator_organization
from config.casework.cases.references import next_reference
from incidents.models import Incident
from tests import factories


def a_case(**fields: Any) -> Incident:
    at = clock.now()
    values = {
        "reference": next_reference("INC", at),
        "system": factories.system(),
        "organization": operator_organization(),
        "title": "Invitations are not going out",
        "received_at": at,
    }
    return Incident.objects.create(**{**values, **fields})
