"""The daily warning that somebody on call may sleep through a page."""

from datetime import datetime
from zoneinfo import ZoneInfo

from config.casework.access.choices import Role
from config.casework.access.models import User
from incidents.contact_methods import services
from incidents.contact_methods.selectors import unproven
from incidents.oncall.selectors import holder
from integrations.messages.models import Message

HOUR = 9  # local time of whoever reads it


def warn(at: datetime) -> int:
    """Warn each person concerned and the CTO, once a day between nine and ten of their own time; returns how many mails."""
    lead = holder(Role.CTO)
    readers = {lead} if lead else set()
    sent = 0
    if not any(_is_hour(zone, at) for zone in _zones()):
        return 0
    for person, _systems in unproven(at):
        for to in {person} | readers:
            key = f"waking:{person.pk}:{to.pk}:{at.astimezone(ZoneInfo(to.zone)).date().isoformat()}"
            if _is_hour(to.zone, at) and not Message.objects.filter(idempotency_key=key).exists():
                services.send_proof_reminder(person, to=to, key=key, at=at)
                sent += 1
    return sent


def _zones() -> set[str]:
    return set(User.objects.filter(is_active=True, is_staff=True).values_list("zone", flat=True))


def _is_hour(zone: str, at: datetime) -> bool:
    return at.astimezone(ZoneInfo(zone)).hour == HOUR
