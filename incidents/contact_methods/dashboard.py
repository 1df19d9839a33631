"""What the first page says about people whom nothing is proven to wake."""

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.choices import Tone
from config.casework.desk.dashboard import NextItem, register_next
from config.casework.desk.display import Mark
from incidents.contact_methods.models import SET_FOR_OTHERS
from incidents.contact_methods.selectors import unproven

WAKING = "waking"


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
            what=_("Prove that you can be woken") if person == user else _("Have it proven that they can be woken"),
            reference=str(person),
            title=_("on call at night for %(systems)s") % {"systems": ", ".join(system.name for system in systems)},
            url=url,
            badge=Mark(_("not proven"), str(Tone.WARN)),
            kind=WAKING,
        )
        for person, systems in unproven(now)
        if sees_all or person == user
    ]
