"""A desk as it stands after the runbook of Jobarium was loaded: two leads, an agent, an incident."""

from datetime import datetime

import pytest
from django.conf import settings

from config.casework.access.models import User
from config.casework.catalogue.loader import load
from config.casework.catalogue.models import System
from incidents.models import Incident, MessageTemplate, Severity
from incidents.services import open_incident
from tests.conftest import NOW
from tests.kept import Kept

RUNBOOK = settings.BASE_DIR / "config" / "runbooks" / "jobarium.yaml"
LOADED = Kept(lambda: load([RUNBOOK], at=NOW))


@pytest.fixture
def jobarium(db: None, now: datetime) -> System:
    """The system as its shipped runbook file describes it."""
    if System.objects.filter(key="jobarium").exists():
        load([RUNBOOK], at=now)
    else:
        LOADED.restore()
    return System.objects.get(key="jobarium")


@pytest.fixture
def incident(jobarium: System, lead: User, chief: User, agent: User, now: datetime) -> Incident:
    """A SEV-1 reported by an agent at `now`; the CTO leads, the CEO speaks for us."""
    return open_incident(jobarium, title="No invites leave", actor=agent, at=now, severity=level(jobarium, "SEV-1"))


def level(system: System, key: str) -> Severity:
    return Severity.objects.select_related("system__calendar").get(system=system, key=key)


def template(system: System, key: str) -> MessageTemplate:
    return MessageTemplate.objects.get(system=system, key=key, is_current=True, language="en")
