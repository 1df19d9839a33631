"""What the first page says about people whom nothing is proven to wake."""

from datetime import datetime

from django.core.cache import cache
from django.urls import reverse
from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.choices import Tone
from config.casework.desk.dashboard import NextItem, register_next
from config.casework.desk.display import Mark
from incidents.contact_methods.models import SET_FOR_OTHERS
from incidents.contact_methods.selectors import unproven

WAKING = "waking"
KEPT = "contact_methods.unproven"
KEPT_FOR = 60  # seconds


def declare() -> None:
    register_next(next_steps)


def next_steps(user: User, now: datetime) -> list[NextItem]:
    """One line for each person concerned: their own, and for those who set the methods of others, everybody's."""
    if not user.has_perm("incidents.view_contactmethod"):
        return []
    sees_all = user.has_perm(SET_FOR_OTHERS)
    url = reverse("admin:incidents_contactmethod_changelist")
    return [
        NextItem(
            what=_("Prove that you can be woken") if pk == user.pk else _("Have it proven that they can be woken"),
            reference=reference,
            title=_("on call at night for %(systems)s") % {"systems": ", ".join(systems)},
            url=url,
            badge=Mark(_("not proven"), str(Tone.WARN)),
            kind=WAKING,
        )
        for pk, (reference, systems) in _unproven(now).items()
        if sees_all or pk == user.pk
    ]


def _unproven(now: datetime) -> dict[int, tuple[str, list[str]]]:
    """Keys and references of people with names of systems, as they were within the last minute: who has which shift is a long question."""
    kept: dict[int, tuple[str, list[str]]] | None = cache.get(KEPT)
    if kept is None:
        kept = {person.pk: (str(person), [system.name for system in systems]) for person, systems in unproven(now)}
        cache.set(KEPT, kept, KEPT_FOR)
    return kept
