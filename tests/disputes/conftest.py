"""A desk as it stands after the runbook of Jobarium was loaded."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from config.casework.access.models import User
from config.casework.catalogue.loader import load
from config.casework.catalogue.models import System

RUNBOOK = django_settings.BASE_DIR / "config" / "runbooks" / "jobarium.yaml"


@pytest.fixture
def jobarium(db: None, now: datetime) -> System:
    """The system as its shipped runbook file describes it."""
    load([RUNBOOK], at=now)
    return System.objects.get(key="jobarium")


@pytest.fixture
def as_person(now: datetime, settings: Any) -> Callable[[User], Client]:
    """Makes a client that is signed in as somebody."""
    settings.STAFF_NEEDS_SECOND_FACTOR = False

    def sign_in(person: User) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return sign_in
