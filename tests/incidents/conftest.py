"""A desk as it stands after the runbook of Jobarium was loaded: two leads, an agent, an incident."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from config.casework.access.models import User
from config.casework.catalogue.loader import load
from config.casework.catalogue.models import System
from incidents.models import Incident, MessageTemplate, Severity
from incidents.services import open_incident
from tests.conftest import NOW
from tests.kept import Kept

RUNBOOK = settings.BASE_DIR / "config" / "runbooks" / "jobarium.yaml"
LOADED = Kept(lambda: load([RUNBOOK], at=NOW))
ALL_LOADED = Kept(lambda: load(sorted(RUNBOOK.parent.glob("*.yaml")), at=NOW))


@pytest.fixture
def jobarium(db: None, now: datetime) -> System:
    """The system as its shipped runbook file describes it."""
    if System.objects.filter(key="jobarium").exists():
        load([RUNBOOK], at=now)
    else:
        LOADED.restore()
    return System.objects.get(key="jobarium")


@pytest.fixture
def systems(db: None, now: datetime) -> dict[str, System]:
    """All systems as their shipped runbook files describe them, by key."""
    ALL_LOADED.restore()
    return {system.key: system for system in System.objects.all()}


@pytest.fixture
def sentinel(systems: dict[str, System]) -> System:
    return systems["jobsentinel"]


@pytest.fixture
def incident(jobarium: System, lead: User, chief: User, agent: User, now: datetime) -> Incident:
    """A SEV-1 reported by an agent at `now`; the CTO leads, the CEO speaks for us."""
    return open_incident(jobarium, title="No invites leave", actor=agent, at=now, severity=level(jobarium, "SEV-1"))


def level(system: System, key: str) -> Severity:
    return Severity.objects.select_related("system__calendar").get(system=system, key=key)


def template(system: System, key: str) -> MessageTemplate:
    return MessageTemplate.objects.get(system=system, key=key, is_current=True, language="en")


@pytest.fixture
def as_person(now: datetime, settings: Any) -> Callable[[User], Client]:
    """Makes a client that is signed in as somebody, at the fixed moment; one factor is enough."""
    settings.STAFF_NEEDS_SECOND_FACTOR = False

    def sign_in(person: User) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return sign_in
