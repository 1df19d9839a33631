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

THOROUGH = (
    "test_access_table",
    "test_schemathesis",
    "test_assessment_calls",
    "test_state_machine",
    "test_demo",
    "test_budgets",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes minutes: drills, browsers, volumes, generated calls, and every page for every role."""
    for item in items:
        slow = item.get_closest_marker("drill") or item.get_closest_marker("browser")
        if slow or item.path.stem in THOROUGH or "e2e" in item.path.parts:
            item.add_marker("thorough")


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
