"""How a page gets to its person: ways, limits, bundles, and what happens when a way is dead."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import aiosmtpd.controller
import pytest
from django.core import mail

from config.casework import clock
from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.transitions import apply
from config.casework.work.registry import find
from config.casework.work.services import run_kind, self_service, tick
from incidents.contact_methods.models import ContactMethod
from incidents.contact_methods.services import add_method, set_in_use
from incidents.models import Call, Incident, Page
from incidents.paging.texts import SMS_LENGTH, plain, short_text
from incidents.services import open_incident
from integrations.messages.models import Message
from tests.incidents.conftest import level
from tests.incidents.test_contact_methods import TELEGRAM, Gateway, gateway
from tests.integrations.alertmanager import free_port

__all__ = ["gateway"]
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
SMS = "twilio://AC" + "a" * 32 + ":" + "b" * 32 + "@15551234567/15557654321"


def opened(system: System, at: datetime, severity: str = "SEV-1") -> Incident:
    with clock.at(at):
        return open_incident(system, title="Trouble", actor=None, at=at, severity=level(system, severity))


def method(person: User, address: str, at: datetime, **more: Any) -> ContactMethod:
    return add_method(person, address=address, actor=person, at=at, **more)


@pytest.fixture
def ringing(jobarium: System, lead: User, chief: User, gateway: Gateway, now: datetime) -> ContactMethod:
    """The CTO is on call, and has a gateway of their own."""
    return method(lead, gateway.address, now, wakes=True)


class Refusing:
    """A mail server that refuses every recipient for good."""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        return "550 no such mailbox"


@pytest.fixture
def refusing_mail(settings: Any) -> Iterator[None]:
    controller = aiosmtpd.controller.Controller(Refusing(), hostname="127.0.0.1", port=free_port())
    controller.start()
    options = {"host": "127.0.0.1", "port": controller.port, "timeout": 5}
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}}
    try:
        yield
    finally:
        controller.stop()


class TestWays:
    def test_mail_and_the_first_method_carry_a_page(
        self, ringing: ContactMethod, jobarium: System, gateway: Gateway, now: datetime
    ) -> None:
        case = opened(jobarium, now)
        tick(now)
        assert (len(mail.outbox), len(gateway.heard)) == (1, 1)
        said = gateway.heard[0]
        assert case.reference in said["title"]
        assert "/a/" in said["message"]
        assert "Trouble" not in str(said)

    def test_the_second_method_waits_for_the_first_to_fail(
        self, ringing: ContactMethod, lead: User, jobarium: System, gateway: Gateway, now: datetime
    ) -> None:
        method(lead, gateway.address + "/second", now)
        opened(jobarium, now)
        tick(now)
        assert len(gateway.heard) == 1

    def test_a_method_that_fails_for_good_hands_on_to_the_next(
        self, ringing: ContactMethod, lead: User, jobarium: System, gateway: Gateway, now: datetime
    ) -> None:
        second = method(lead, gateway.address + "/second", now)
        ContactMethod.objects.filter(pk=ringing.pk).update(sealed=ContactMethod.objects.get(pk=second.pk).sealed)
        set_in_use(ringing, in_use=True, actor=lead, at=now)
        gateway.status = 403
        opened(jobarium, now)
        tick(now)
        assert [call.state for call in Call.objects.order_by("pk")] == ["sent", "failed", "failed"]
        assert Page.objects.get().state == "sent"  # the mail left

    def test_out_of_use_is_never_tried(
        self, ringing: ContactMethod, lead: User, jobarium: System, gateway: Gateway, now: datetime
    ) -> None:
        set_in_use(ringing, in_use=False, actor=lead, at=now)
        opened(jobarium, now)
        tick(now)
        assert (gateway.heard, len(mail.outbox)) == ([], 1)

    def test_nothing_leaves_after_the_acknowledgement(
        self, ringing: ContactMethod, lead: User, jobarium: System, gateway: Gateway, now: datetime
    ) -> None:
        case = opened(jobarium, now)
        apply(case, "acknowledge", actor=lead)
        tick(now)
        assert (gateway.heard, mail.outbox) == ([], [])


@pytest.mark.usefixtures("refusing_mail")
class TestDeadMail:
    def test_the_page_goes_by_the_other_way(
        self, ringing: ContactMethod, jobarium: System, gateway: Gateway, now: datetime
    ) -> None:
        opened(jobarium, now)
        tick(now)
        assert (len(gateway.heard), Page.objects.get().state) == (1, "sent")

    def test_without_any_way_the_next_person_is_called_at_once(
        self, jobarium: System, lead: User, chief: User, gateway: Gateway, now: datetime
    ) -> None:
        method(chief, gateway.address, now)
        opened(jobarium, now, "SEV-2")
        tick(now)
        assert [(page.person, page.state, page.step) for page in Page.objects.order_by("pk")] == [
            (lead, "failed", 0),
            (chief, "sent", 1),
        ]
        assert len(gateway.heard) == 1

    def test_the_step_is_not_carried_out_again_at_its_own_time(
        self, jobarium: System, lead: User, chief: User, gateway: Gateway, now: datetime
    ) -> None:
        method(chief, gateway.address, now)
        opened(jobarium, now, "SEV-2")
        tick(now)
        tick(now + 15 * MINUTE)
        assert Page.objects.filter(step=1, round=0).count() == 1

    def test_an_escalation_goes_by_the_other_way_too(
        self, ringing: ContactMethod, jobarium: System, gateway: Gateway, now: datetime
    ) -> None:
        opened(jobarium, now)
        tick(now + 16 * MINUTE)
        assert any("Missed" in said["title"] for said in gateway.heard)


class TestDeadChat:
    def test_a_mail_says_so_once_a_day(
        self, jobarium: System, lead: User, chief: User, now: datetime, settings: Any
    ) -> None:
        settings.NOTIFY_URLS = ["json://127.0.0.1:9/"]
        for minute in (0, 1):
            opened(jobarium, now + minute * MINUTE, "SEV-2")
            tick(now + minute * MINUTE)
        for minute in range(2, 12):
            tick(now + minute * MINUTE)
        told = [sent for sent in mail.outbox if "chat target" in sent.subject]
        assert [lead.email in sent.to[0] for sent in told] == [True]
        assert Message.objects.filter(channel="chat", state="failed").count() == 2


class TestLimits:
    def test_pages_of_one_moment_are_one_message(
        self, ringing: ContactMethod, jobarium: System, gateway: Gateway, now: datetime
    ) -> None:
        cases = [opened(jobarium, now, "SEV-2") for _number in range(3)]
        tick(now)
        assert (len(gateway.heard), len(mail.outbox)) == (1, 1)
        assert gateway.heard[0]["message"].count("/a/") == 3
        assert all(case.reference in str(gateway.heard[0]) for case in cases)
        assert all(case.reference in mail.outbox[0].body + mail.outbox[0].subject for case in cases)

    def test_within_a_minute_nothing_more_leaves_and_then_all_at_once(
        self, ringing: ContactMethod, jobarium: System, gateway: Gateway, now: datetime
    ) -> None:
        for second in (0, 20, 40):
            opened(jobarium, now + second * SECOND, "SEV-2")
            tick(now + second * SECOND)
        assert len(gateway.heard) == 1
        tick(now + MINUTE)
        assert [said["message"].count("/a/") for said in gateway.heard] == [1, 2]

    def test_what_somebody_took_meanwhile_is_left_out(
        self, ringing: ContactMethod, lead: User, jobarium: System, gateway: Gateway, now: datetime
    ) -> None:
        opened(jobarium, now, "SEV-2")
        tick(now)
        taken = opened(jobarium, now + 20 * SECOND, "SEV-2")
        with clock.at(now + 30 * SECOND):
            tick(now + 30 * SECOND)
            apply(taken, "acknowledge", actor=lead)
        tick(now + MINUTE)
        assert len(gateway.heard) == 1
        assert set(Call.objects.filter(page__incident=taken).values_list("state", flat=True)) == {"dropped"}

    def test_five_sms_in_a_quarter_of_an_hour(self, jobarium: System, lead: User, chief: User, now: datetime) -> None:
        sms = method(lead, SMS, now)
        for minute in range(8):
            opened(jobarium, now + minute * MINUTE, "SEV-2")
            with clock.at(now + minute * MINUTE):
                place_all(now + minute * MINUTE)
        assert Message.objects.filter(target=f"contact:{sms.pk}").count() == 5
        with clock.at(now + 15 * MINUTE):
            place_all(now + 15 * MINUTE)
        sent = Message.objects.filter(target=f"contact:{sms.pk}").order_by("pk")
        assert (sent.count(), "+2" in sent.last().text) == (6, True)


def place_all(at: datetime) -> None:
    """Carry out everything but the delivery itself: no SMS leaves a test."""

    with self_service():
        for kind in ("incidents.page", "incidents.call"):
            run_kind(find(kind))


class TestShortText:
    def page(self, system: System, at: datetime) -> Page:
        opened(system, at)
        tick(at)
        page: Page = Page.objects.select_related("incident__system").get()
        return page

    @pytest.mark.parametrize(
        "base", ["http://127.0.0.1:8000", "https://desk.example.com", "https://" + "d" * 90 + ".example"]
    )
    @pytest.mark.parametrize("more", [0, 12])
    def test_it_fits_and_holds_what_is_needed(
        self, jobarium: System, lead: User, chief: User, now: datetime, settings: Any, base: str, more: int
    ) -> None:
        settings.BASE_URL = base
        page = self.page(jobarium, now)
        text = short_text(page, more=more, at=now)
        assert len(text) <= SMS_LENGTH
        assert all(word in text for word in ("SEV-1", "Jobarium", page.incident.reference))
        assert ("/a/" in text) is (len(base) < 60)

    def test_no_letter_takes_two_places(self) -> None:
        assert plain("Zähler – “steht” [still] {1} €") == "Zahler steht still 1"

    def test_chat_has_no_room_for_what_people_wrote(
        self, jobarium: System, lead: User, chief: User, now: datetime
    ) -> None:
        method(lead, TELEGRAM, now)
        page = self.page(jobarium, now)
        said = Message.objects.get(target__startswith="contact:")
        assert "Trouble" not in said.subject + said.text + short_text(page, more=0, at=now)
