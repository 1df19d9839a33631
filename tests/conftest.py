"""Fixtures shared by all tests: people, systems, time."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import time_machine
from django.test import override_settings

from config.casework.access.choices import Role
from config.casework.access.models import User
from tests import factories

NOW = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)  # a Monday


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash passwords quickly: hundreds of people are made, and how slowly Django hashes is not ours to test."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture
def now() -> Iterator[datetime]:
    """A fixed moment, Monday 9 March 2026, 10:00 UTC; time stands still."""
    with time_machine.travel(NOW, tick=False):
        yield NOW


@pytest.fixture
def lead(db: None) -> User:
    return factories.person(Role.CTO, name="Lea Lead")


@pytest.fixture
def chief(db: None) -> User:
    return factories.person(Role.CEO, name="Carl Chief")


@pytest.fixture
def agent(db: None) -> User:
    return factories.person(Role.SUPPORT, name="Ana Agent")


@pytest.fixture
def stranger(db: None) -> User:
    """A member of an employer, who may see that employer's rows only."""
    return factories.person(Role.MEMBER, organization=factories.organization("acme"), name="Sten Stranger")
