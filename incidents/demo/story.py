"""The form in which the made-up week is written down: who did what, how many minutes after the start."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from config.casework.access.choices import Role
from incidents.choices import Source

DOMAIN = "demo.invalid"  # below RESERVED: nothing is ever sent there


@dataclass(frozen=True)
class Person:
    """Somebody who does not exist, and cannot sign in."""

    key: str
    name: str
    role: Role

    @property
    def email(self) -> str:
        return f"{self.key}@{DOMAIN}"


PEOPLE = (
    Person("cto", "Demo Dana Torres (CTO)", Role.CTO),
    Person("ceo", "Demo Ravi Menon (CEO)", Role.CEO),
    Person("mia", "Demo Mia Olsen (Support)", Role.SUPPORT),
    Person("jon", "Demo Jon Bakare (Support)", Role.SUPPORT),
)


@dataclass(frozen=True)
class Step:
    """Somebody does something; `act` is a function of incidents.demo.acts, `values` its arguments."""

    after: int
    who: str
    act: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Story:
    """One incident of the week.

    Attributes:
        ago: how long before now it began.
        reporter: key of the person who reported it; empty for an alert.
        steps: minutes after the start, in order.
    """

    key: str
    title: str
    ago: timedelta
    description: str
    steps: tuple[Step, ...] = ()
    severity: str = ""
    source: Source = Source.MANUAL
    reporter: str = ""
    monitor: str = ""
    playbook: str = ""
    impacts_hiring: bool = False


def step(after: int, who: str, act: str, **values: Any) -> Step:
    """One line of a story; `after` in minutes."""
    return Step(after, who, act, values)
