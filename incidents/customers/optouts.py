"""Who does not want news of a kind any more. Notices about incidents are owed by contract and know no opt-out."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from config.casework import crypto
from config.casework.links.services import issue
from incidents.customers.choices import Topic
from incidents.customers.models import Notice, OptOut

LINK_PURPOSE = "unsubscribe"
LINK_LIFETIME = timedelta(days=365)
KEY = "opt-out"


def unsubscribe(address: str, topic: Topic, *, at: datetime) -> None:
    """Send no more news of this kind to an address; twice is once."""
    OptOut.objects.get_or_create(topic=topic, digest=crypto.mac(KEY, _plain(address, topic)).hex(), defaults={"at": at})


def subscribe_again(address: str, topic: Topic) -> None:
    """Take the wish back."""
    OptOut.objects.filter(topic=topic, digest__in=_digests(address, topic)).delete()


def opted_out(addresses: Iterable[str], topic: Topic) -> frozenset[str]:
    """Those of the addresses that want no news of this kind."""
    digests = {digest: address for address in addresses for digest in _digests(address, topic)}
    found = OptOut.objects.filter(topic=topic, digest__in=digests).values_list("digest", flat=True)
    return frozenset(digests[digest] for digest in found)


def stop_link(notice: Notice, topic: Topic, *, at: datetime) -> dict[str, str]:
    """The link that stops news of this kind for the address of one entry of the log."""
    token = issue(LINK_PURPOSE, notice, at=at, expires_at=at + LINK_LIFETIME, bound={"topic": str(topic)})
    return {
        "url": settings.BASE_URL + reverse("unsubscribe", args=[token]),
        "label": _("Stop %(what)s") % {"what": topic.label},
    }


def _digests(address: str, topic: Topic) -> list[str]:
    return [mac.hex() for mac in crypto.macs(KEY, _plain(address, topic))]


def _plain(address: str, topic: Topic) -> bytes:
    return f"{topic}\n{address.strip().casefold()}".encode()
