"""A desk with a few incidents, and clients who are signed in."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from config.casework.access.models import User
from config.casework.catalogue.models import System
from incidents.models import Incident, Severity
from incidents.services import open_incident
from tests import factories


@pytest.fixture(autouse=True)
def one_factor_is_enough(settings: Any) -> None:
    settings.STAFF_NEEDS_SECOND_FACTOR = False
    settings.ROOT_URLCONF = "tests.casework.desk.urls"


@pytest.fixture
def jobarium(db: None) -> System:
    system = factories.system()
    promises = (("SEV-1", "PT15M", "PT1H"), ("SEV-2", "PT30M", "PT4H"), ("SEV-3", "PT4H", "PT48H"))
    for rank, (key, acknowledge, mitigate) in enumerate(promises, 1):
        Severity.objects.create(
            system=system,
            key=key,
            name=key,
            meaning="down",
            rank=rank,
            acknowledge=acknowledge,
            mitigate=mitigate,
            is_untriaged=rank == 3,
        )
    return system


@pytest.fixture
def sev1(jobarium: System) -> Severity:
    return Severity.objects.get(system=jobarium, key="SEV-1")


@pytest.fixture
def incident(jobarium: System, lead: User, now: datetime, sev1: Severity) -> Incident:
    incident = open_incident(
        jobarium, title="No invitations leave", actor=lead, at=now, severity=sev1, scope="All candidates"
    )
    Incident.objects.filter(pk=incident.pk).update(owner=lead)
    incident.refresh_from_db()
    return incident


@pytest.fixture
def as_person(now: datetime) -> Callable[[User], Client]:
    """Makes a client that is signed in as somebody, at the fixed moment."""

    def sign_in(person: User) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return sign_in


@pytest.fixture
def as_lead(lead: User, as_person: Callable[[User], Client]) -> Client:
    return as_person(lead)
