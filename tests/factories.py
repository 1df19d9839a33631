"""Typed makers of rows for tests."""

from itertools import count

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.access.services import add_person
from config.casework.catalogue.models import Calendar, Organization, System

_numbers = count(1)
PASSWORD = "correct horse battery staple"


def organization(key: str = "", **fields: str) -> Organization:
    key = key or f"org-{next(_numbers)}"
    return Organization.objects.get_or_create(key=key, defaults={"name": key.title(), **fields})[0]


def person(*roles: Role, organization: Organization | None = None, name: str = "", email: str = "") -> User:
    number = next(_numbers)
    address = email or f"{(roles[0].value if roles else 'nobody')}{number}@example.com"
    user, _password = add_person(
        address, roles=roles, actor=None, at=clock.now(), organization=organization, name=name, password=PASSWORD
    )
    return User.objects.get(pk=user.pk)


def calendar(key: str = "weekdays", **fields: object) -> Calendar:
    hours = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
    return Calendar.objects.get_or_create(key=key, defaults={"name": key, "hours": hours, **fields})[0]


def system(key: str = "jobarium", **fields: object) -> System:
    return System.objects.get_or_create(key=key, defaults={"name": key.title(), "calendar": calendar(), **fields})[0]
