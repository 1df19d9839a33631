"""The side bar: what one may open, grouped by what one is about to do. Each desk brings its own lines."""

from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User

WORK, PEOPLE, TRAIL, MACHINE_ROOM = "work", "people", "trail", "machine"
_GROUPS: dict[str, Any] = {
    WORK: _("Work"),
    PEOPLE: _("People and systems"),
    TRAIL: _("The trail"),
    MACHINE_ROOM: _("Machine room"),
}


@dataclass(frozen=True)
class Line:
    """One line of the side bar.

    Attributes:
        view: name of a URL pattern without arguments, such as "admin:incidents_incident_changelist".
        permission: "app.codename" a person needs to see it.
        icon: name of a Material symbol.
    """

    title: Any
    view: str
    permission: str
    icon: str
    order: int = 100


_lines: dict[str, list[Line]] = {}


def register_group(key: str, title: Any) -> None:
    """Add a group after those there are."""
    _GROUPS.setdefault(key, title)


def register_line(group: str, line: Line) -> None:
    """Add a line to a group."""
    if line not in _lines.setdefault(group, []):
        _lines[group].append(line)


def lines_for(user: User) -> list[dict[str, Any]]:
    """The groups with the lines this person may open, in the form the skin takes."""
    groups = []
    for key, title in _GROUPS.items():
        items = [
            {"title": line.title, "icon": line.icon, "link": link}
            for line in sorted(_lines.get(key, []), key=lambda line: line.order)
            if (link := _link(line, user))
        ]
        if items:
            groups.append({"title": title, "open": key == WORK, "items": items})
    return groups


def _link(line: Line, user: User) -> str:
    if not user.has_perm(line.permission):
        return ""
    try:
        return reverse(line.view)
    except NoReverseMatch:  # that desk is not installed
        return ""
