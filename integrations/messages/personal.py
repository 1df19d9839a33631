"""Addresses that people enter for themselves: which kinds are taken, why, and how a message is carried there.

The operator sets NOTIFY_URLS and vouches for their hosts. A person's address is data, so it may not choose a host that
the desk then calls: only services with a host of their own are taken, and plain web addresses go through the one
client that refuses what is not public (design rules, "Outbound calls").
"""

import json
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import apprise
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from config.casework import outbound
from config.casework.work.failures import Permanent, Retry
from integrations.messages.choices import Channel

LONGEST = 500
MAIL = "mailto"
OWN_CLIENT = {"json": "http", "jsons": "https"}


@dataclass(frozen=True)
class Scheme:
    """One kind of address.

    Attributes:
        service: its name as people know it.
        channel: what arrives.
        may_wake: it can ring until somebody answers.
        reason: why it is taken.
    """

    service: str
    channel: Channel
    may_wake: bool
    reason: str


SCHEMES: dict[str, Scheme] = {
    "pover": Scheme("Pushover", Channel.PUSH, True, "fixed host; emergency priority repeats until acknowledged"),
    "pagerduty": Scheme("PagerDuty", Channel.PUSH, True, "fixed hosts; rings until acknowledged"),
    "opsgenie": Scheme("Opsgenie", Channel.PUSH, True, "fixed hosts; rings until acknowledged"),
    "signl4": Scheme("SIGNL4", Channel.PUSH, True, "fixed host; rings until acknowledged"),
    "ilert": Scheme("ilert", Channel.PUSH, True, "fixed host; rings until acknowledged"),
    "pagertree": Scheme("PagerTree", Channel.PUSH, True, "fixed host; rings until acknowledged"),
    "splunk": Scheme("Splunk On-Call", Channel.PUSH, True, "fixed host; rings until acknowledged"),
    "twilio": Scheme("Twilio", Channel.SMS, True, "fixed host; SMS, or a call with method=call"),
    "vonage": Scheme("Vonage", Channel.SMS, False, "fixed host; SMS"),
    "msgbird": Scheme("MessageBird", Channel.SMS, False, "fixed host; SMS"),
    "threema": Scheme("Threema", Channel.CHAT, False, "fixed host; chat"),
    "tgram": Scheme("Telegram", Channel.CHAT, False, "fixed host; chat"),
    "slack": Scheme("Slack", Channel.CHAT, False, "fixed host; chat"),
    "discord": Scheme("Discord", Channel.CHAT, False, "fixed host; chat"),
    MAIL: Scheme("mail", Channel.EMAIL, False, "leaves by the desk's own mail server"),
    "jsons": Scheme("own gateway", Channel.PUSH, True, "called by the client that refuses hosts that are not public"),
    "json": Scheme("own gateway", Channel.PUSH, True, "as jsons; plain http outside production alone"),
}
"""Everything else is refused: schemes such as gotify, ntfy, matrix or xml let the writer name the host that is called."""


@dataclass(frozen=True)
class Address:
    """An address that may be used.

    Attributes:
        masked: what people may see of it: the service and the last letters.
        may_wake: whether it can ring until somebody answers, as it is written.
    """

    text: str
    scheme: str
    channel: Channel
    masked: str
    may_wake: bool


def read(text: str) -> Address:
    """Check an address that a person entered.

    Args:
        text: a mail address, or an address in the notation of apprise.
    Raises:
        ValidationError: it is not understood, or of a kind that is not taken; the address itself is never repeated.
    """
    text = text.strip()
    name = text.partition(":")[0].lower() if ":" in text else MAIL
    scheme = SCHEMES.get(name)
    if len(text) > LONGEST or any(letter.isspace() or not letter.isprintable() for letter in text):
        raise ValidationError(_("Write one address without blanks, at most %(most)s letters.") % {"most": LONGEST})
    if scheme is None:
        raise ValidationError(
            _("Addresses of this kind are not taken. Write a mail address or one of: %(known)s.")
            % {"known": ", ".join(f"{key}://" for key in SCHEMES if key != MAIL)}
        )
    if name == MAIL:
        return _read_mail(text, scheme)
    query = parse_qs(urlsplit(text).query)
    if query.get("verify", ["yes"])[-1].lower() in ("no", "false", "0", "off"):
        raise ValidationError(_("Certificates are always checked: leave out “verify”."))
    if name in OWN_CLIENT:
        if not urlsplit(text).hostname:
            raise ValidationError(_("Write the host after the two slashes."))
    elif apprise.Apprise.instantiate(text, suppress_exceptions=True) is None:
        raise ValidationError(
            _("%(service)s does not understand this address. Compare it with its instructions.")
            % {"service": scheme.service}
        )
    calls = name == "twilio" and query.get("method", [""])[-1].lower().startswith("c")
    channel = Channel.VOICE if calls else scheme.channel
    repeats = name != "pover" or query.get("priority", [""])[-1].lower() in ("emergency", "e", "2")
    may_wake = scheme.may_wake and channel != Channel.SMS and repeats
    return Address(text, name, channel, f"{scheme.service} ...{_tail(text)}", may_wake)


def send(address: str, *, subject: str, text: str) -> None:
    """Carry a message to a person's address.

    Raises:
        Permanent: the address is not understood or refused for good.
        Retry: the service was not reached or did not take it.
    """
    name = address.partition(":")[0].lower()
    if name in OWN_CLIENT:
        _post(OWN_CLIENT[name] + address[len(name) :], subject, text)
        return
    plugin = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    if plugin is None or name not in SCHEMES:
        raise Permanent("the address is not understood any more")
    if not plugin.notify(title=subject, body=text):
        raise Retry("the service did not take the message")


def _read_mail(text: str, scheme: Scheme) -> Address:
    mailbox = text.partition(":")[2].removeprefix("//") if ":" in text else text
    try:
        validate_email(mailbox)
    except ValidationError:
        raise ValidationError(_("Write a mail address such as name@example.com.")) from None
    local, _at, host = mailbox.rpartition("@")
    return Address(mailbox, MAIL, Channel.EMAIL, f"{local[:1]}...@{host}", may_wake=False)


def _post(url: str, subject: str, text: str) -> None:
    body = json.dumps({"title": subject, "message": text, "type": "failure"}).encode()
    try:
        answer = outbound.client().request("POST", url, headers={"Content-Type": "application/json"}, body=body)
    except outbound.OutboundRefused as error:
        raise Permanent("the desk does not call this host") from error
    except outbound.OutboundFailed as error:
        if error.permanent:
            raise Permanent("the gateway cannot be called") from error
        raise Retry("the gateway was not reached") from error
    if answer.status in (400, 401, 403, 404, 405, 410, 422):
        raise Permanent(f"the gateway refused the message ({answer.status})")
    if not answer.ok:
        raise Retry(f"the gateway did not take the message ({answer.status})")


def _tail(text: str) -> str:
    letters = [letter for letter in urlsplit(text).path + urlsplit(text).netloc if letter.isalnum()]
    return "".join(letters[-3:]) if len(letters) > 8 else ""
