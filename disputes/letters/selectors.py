"""Which letters did not arrive."""

from django.db.models import Q

from disputes.letters.models import Letter
from disputes.models import Dispute
from integrations.messages.choices import MessageState

REACHED = (MessageState.SENT, MessageState.DELIVERED, MessageState.EXPIRED)


def unreachable(dispute: Dispute) -> set[int]:
    """Keys of letters that only a person can bring: without an address, or failed."""
    rows = dispute.letters.filter(told_by_hand_at=None)
    lost = Q(message=None) | Q(message__state__in=(MessageState.FAILED, MessageState.OUTREACH))
    return set(rows.filter(lost).values_list("pk", flat=True))


def untold(dispute: Dispute) -> list[Letter]:
    """Letters that nobody got yet: without an address, failed, or still on their way."""
    rows = dispute.letters.filter(told_by_hand_at=None).filter(Q(message=None) | ~Q(message__state__in=REACHED))
    return list(rows.select_related("message"))
