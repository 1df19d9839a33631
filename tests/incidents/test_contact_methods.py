"""Contact methods: what is taken, who sets them, how they are proven, and who may sleep through a page."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core import mail
from django.core.checks import run_checks
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.models import System
from config.casework.transitions import Refused
from config.casework.work.services import tick
from incidents.contact_methods import services
from incidents.contact_methods.models import ContactMethod, TrialPage
from incidents.contact_methods.selectors import unproven
from integrations.messages import personal
from integrations.messages.models import Message
from tests import factories
from tests.incidents.test_oncall import rotation

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/987654321/"
RINGING = "pover://uuuuuuuuuuuuuuuuuuuuuuuuuuuuuu@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?priority=emergency"
LINK = re.compile(r"/a/test/[A-Za-z0-9_-]{64}/")


class Gateway(ThreadingHTTPServer):
    """A person's own gateway on this machine; it keeps what it is told, and answers with `status`."""

    status = 200

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), Listener)

    @property
    def address(self) -> str:
        return f"json://127.0.0.1:{self.server_address[1]}/page"


class Listener(BaseHTTPRequestHandler):
    server: Gateway

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append(json.loads(body))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quiet."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    server = Gateway()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def add(person: User, address: str, actor: User, at: datetime, **more: Any) -> ContactMethod:
    return services.add_method(person, address=address, actor=actor, at=at, **more)


class TestAddresses:
    @pytest.mark.parametrize(
        ("address", "channel", "may_wake"),
        [
            ("eva@mail.example", "email", False),
            ("mailto:eva@mail.example", "email", False),
            (TELEGRAM, "chat", False),
            (RINGING, "push", True),
            (RINGING.replace("emergency", "normal"), "push", False),
            ("twilio://AC" + "a" * 32 + ":" + "b" * 32 + "@15551234567/15557654321", "sms", False),
            ("twilio://AC" + "a" * 32 + ":" + "b" * 32 + "@15551234567/15557654321?method=call", "voice", True),
            ("jsons://gateway.example/x", "push", True),
        ],
    )
    def test_these_are_taken(self, address: str, channel: str, may_wake: bool) -> None:
        read = personal.read(address)
        assert (read.channel, read.may_wake) == (channel, may_wake)

    @pytest.mark.parametrize(
        "address",
        [
            "",
            "nobody",
            "gotify://inside.example/token",
            "ntfy://inside.example/topic",
            "xml://inside.example/",
            "form://inside.example/",
            "apprise://inside.example/",
            "matrix://user:word@inside.example/",
            "file:///etc/passwd",
            "tgram://wrong",
            f"{TELEGRAM}?verify=no",
            f"{TELEGRAM} json://inside.example",
            f"{TELEGRAM}\njson://inside.example",
            "json:///path",
            "x" * 501,
        ],
    )
    def test_these_are_refused_without_being_repeated(self, address: str) -> None:
        with pytest.raises(ValidationError) as refusal:
            personal.read(address)
        assert not address or address not in str(refusal.value)

    def test_the_mask_shows_the_service_and_the_last_letters(self) -> None:
        masked = personal.read(TELEGRAM).masked
        assert masked.startswith("Telegram")
        assert "abcdefg" not in masked
        assert personal.read("eva@mail.example").masked == "e...@mail.example"

    def test_every_scheme_says_why_it_is_taken(self) -> None:
        assert all(scheme.reason for scheme in personal.SCHEMES.values())


class TestSetting:
    def test_the_person_and_the_leads_set_them(self, agent: User, lead: User, chief: User, now: datetime) -> None:
        for number, actor in enumerate((agent, lead, chief)):
            add(agent, f"a{number}@mail.example", actor, now)
        assert list(agent.contact_methods.values_list("position", flat=True)) == [1, 2, 3]

    def test_nobody_else_does(self, agent: User, stranger: User, lead: User, now: datetime) -> None:
        other = factories.person(Role.SUPPORT)
        for actor in (other, stranger):
            with pytest.raises(PermissionDenied):
                add(agent, "a@mail.example", actor, now)
        method = add(agent, "a@mail.example", agent, now)
        for act in (services.send_trial, services.try_first):
            with pytest.raises(PermissionDenied):
                act(method, actor=other, at=now)
        with pytest.raises(PermissionDenied):
            services.set_in_use(method, in_use=False, actor=other, at=now)

    def test_it_is_shown_to_both_and_to_nobody_else(self, agent: User, lead: User, now: datetime) -> None:
        method = add(agent, TELEGRAM, lead, now)
        other = factories.person(Role.SUPPORT)
        seen = [ContactMethod.objects.visible_to(user).filter(pk=method.pk).exists() for user in (agent, lead, other)]
        assert seen == [True, True, False]

    def test_it_is_kept_encrypted(self, agent: User, now: datetime) -> None:
        method = add(agent, TELEGRAM, agent, now)
        assert b"abcdefg" not in bytes(method.sealed)
        assert services.opened(ContactMethod.objects.get()) == TELEGRAM
        assert not any("abcdefg" in str(value) for value in ContactMethod.objects.values_list().get())

    def test_neither_the_trail_nor_the_refusal_knows_it(self, agent: User, now: datetime) -> None:
        add(agent, TELEGRAM, agent, now)
        assert not any("abcdefg" in str(row) for row in AuditEntry.objects.values_list("detail", "fields"))

    def test_not_twice(self, agent: User, now: datetime) -> None:
        add(agent, TELEGRAM, agent, now)
        with pytest.raises(ValidationError) as refusal:
            add(agent, TELEGRAM, agent, now)
        assert "address" in refusal.value.message_dict

    def test_what_does_not_ring_cannot_be_said_to(self, agent: User, now: datetime) -> None:
        with pytest.raises(ValidationError) as refusal:
            add(agent, TELEGRAM, agent, now, wakes=True)
        assert "wakes" in refusal.value.message_dict

    def test_the_page_of_others_is_not_found_and_the_address_is_nowhere(
        self, agent: User, lead: User, now: datetime, settings: Any
    ) -> None:
        settings.STAFF_NEEDS_SECOND_FACTOR = False
        method = add(agent, TELEGRAM, lead, now)
        other = factories.person(Role.SUPPORT)
        url = reverse("admin:incidents_contactmethod_change", args=[method.pk])
        for user, status in ((agent, 200), (lead, 200), (other, 404)):
            client = Client()
            client.force_login(user)
            answer = client.get(url)
            assert (answer.status_code, b"abcdefg" in answer.content) == (status, False)

    def test_by_the_form(self, agent: User, now: datetime, settings: Any) -> None:
        settings.STAFF_NEEDS_SECOND_FACTOR = False
        client = Client()
        client.force_login(agent)
        url = reverse("admin:incidents_contactmethod_add")
        refused = client.post(url, {"person": agent.pk, "address": "gotify://inside.example/t"})
        assert (refused.status_code, ContactMethod.objects.count()) == (200, 0)
        assert client.post(url, {"person": agent.pk, "address": "a@mail.example"}).status_code == 302
        assert ContactMethod.objects.get().added_by == agent


class TestTrial:
    @pytest.fixture
    def method(self, agent: User, gateway: Gateway, now: datetime) -> ContactMethod:
        return add(agent, gateway.address, agent, now, wakes=True)

    def send(self, method: ContactMethod, actor: User, gateway: Gateway, now: datetime) -> str:
        services.send_trial(method, actor=actor, at=now)
        tick(now)
        found = LINK.search(gateway.heard[-1]["message"])
        assert found is not None
        return found[0]

    def test_its_link_proves_the_method(
        self, method: ContactMethod, agent: User, gateway: Gateway, now: datetime
    ) -> None:
        link = self.send(method, agent, gateway, now)
        phone = Client()
        with clock.at(now + 9 * MINUTE):
            assert b"It reached me" in phone.get(link).content
            assert ContactMethod.objects.get().proven_at is None
            assert phone.post(link).status_code == 302
            assert b"proven" in phone.get(link).content
        assert ContactMethod.objects.get().proven_at == now + 9 * MINUTE

    def test_after_ten_minutes_it_proves_nothing(
        self, method: ContactMethod, agent: User, gateway: Gateway, now: datetime
    ) -> None:
        link = self.send(method, agent, gateway, now)
        with clock.at(now + 10 * MINUTE):
            assert Client().post(link).status_code == 410
        assert ContactMethod.objects.get().proven_at is None

    def test_an_altered_link_is_not_found(
        self, method: ContactMethod, agent: User, gateway: Gateway, now: datetime
    ) -> None:
        link = self.send(method, agent, gateway, now)
        other = link[:-3] + ("AA/" if link[-3:] != "AA/" else "BB/")
        with clock.at(now + MINUTE):
            assert Client().post(other).status_code == 404

    def test_a_second_tap_changes_nothing(
        self, method: ContactMethod, agent: User, gateway: Gateway, now: datetime
    ) -> None:
        link = self.send(method, agent, gateway, now)
        for minute in (1, 5):
            with clock.at(now + minute * MINUTE):
                Client().post(link)
        assert TrialPage.objects.get().acknowledged_at == now + MINUTE

    def test_not_two_within_a_minute(self, method: ContactMethod, agent: User, now: datetime) -> None:
        services.send_trial(method, actor=agent, at=now)
        with pytest.raises(Refused, match="minute"):
            services.send_trial(method, actor=agent, at=now + timedelta(seconds=30))

    def test_nothing_goes_out_of_use(self, method: ContactMethod, agent: User, gateway: Gateway, now: datetime) -> None:
        services.send_trial(method, actor=agent, at=now)
        services.set_in_use(method, in_use=False, actor=agent, at=now)
        tick(now)
        assert (gateway.heard, Message.objects.get(purpose="test").state) == ([], "failed")

    def test_a_refused_one_unproves_and_is_told_by_mail(
        self, method: ContactMethod, agent: User, gateway: Gateway, now: datetime
    ) -> None:
        ContactMethod.objects.update(proven_at=now - DAY)
        gateway.status = 403
        services.send_trial(method, actor=agent, at=now)
        tick(now)
        tick(now)
        assert ContactMethod.objects.get().failed_at is not None
        told = [sent for sent in mail.outbox if "contact methods failed" in sent.subject]
        assert [agent.email in sent.to[0] for sent in told] == [True]

    def test_a_host_inside_is_never_called(self, agent: User, gateway: Gateway, now: datetime, settings: Any) -> None:
        settings.OUTBOUND_ALLOW = []
        method = add(agent, gateway.address, agent, now)
        services.send_trial(method, actor=agent, at=now)
        tick(now)
        assert (gateway.heard, Message.objects.get(purpose="test").outcome) == (
            [],
            "Permanent: the desk does not call this host",
        )


class TestReadiness:
    @pytest.fixture
    def ringing(self, jobarium: System, lead: User, chief: User, now: datetime) -> ContactMethod:
        return add(lead, RINGING, lead, now, wakes=True)

    def people(self, at: datetime) -> list[User]:
        return [person for person, _systems in unproven(at)]

    def test_who_is_called_at_night_needs_a_proven_way(
        self, ringing: ContactMethod, lead: User, chief: User, now: datetime
    ) -> None:
        assert self.people(now) == [lead, chief]
        ContactMethod.objects.update(proven_at=now)
        assert self.people(now) == [chief]

    def test_so_does_everybody_with_a_shift_ahead(
        self, jobarium: System, lead: User, chief: User, agent: User, now: datetime
    ) -> None:
        rotation(jobarium, "primary", lead, agent, part="primary")
        assert set(self.people(now)) == {lead, agent, chief}

    def test_a_proof_lasts_thirty_days(self, ringing: ContactMethod, lead: User, now: datetime) -> None:
        ContactMethod.objects.update(proven_at=now)
        assert lead not in self.people(now + 29 * DAY)
        assert lead in self.people(now + 30 * DAY)

    @pytest.mark.parametrize("change", [{"is_active": False}, {"wakes": False}])
    def test_what_is_out_of_use_or_does_not_ring_is_no_proof(
        self, ringing: ContactMethod, lead: User, now: datetime, change: dict[str, Any]
    ) -> None:
        ContactMethod.objects.update(proven_at=now, **change)
        assert lead in self.people(now)

    def test_a_failure_since_is_no_proof(self, ringing: ContactMethod, lead: User, now: datetime) -> None:
        ContactMethod.objects.update(proven_at=now, failed_at=now + MINUTE)
        assert lead in self.people(now + 2 * MINUTE)

    def test_nobody_is_called_at_night_by_a_level_of_business_hours(
        self, ringing: ContactMethod, jobarium: System, now: datetime
    ) -> None:
        jobarium.severities.update(paging="business_hours")
        assert self.people(now) == []

    def test_the_check_names_them_without_a_name(self, ringing: ContactMethod, lead: User) -> None:
        said = [
            str(found.msg)
            for found in run_checks(tags=["desk"], include_deployment_checks=True, databases=["default"])
            if found.id == "desk.W011"
        ]
        assert [str(lead) in line for line in said] == [True, False]
        assert lead.name not in " ".join(said)

    def test_they_and_the_cto_are_warned_once_a_day_in_the_morning(
        self, ringing: ContactMethod, lead: User, chief: User, now: datetime
    ) -> None:
        nine = now.replace(hour=8, minute=5)  # 09:05 in Berlin
        for minute in (0, 1, 30):
            tick(nine + minute * MINUTE)
        told = sorted(sent.to[0].split("<")[1].strip(">") for sent in mail.outbox)
        assert told == sorted([lead.email, lead.email, chief.email])
        mail.outbox.clear()
        tick(nine + 3 * timedelta(hours=1))
        assert mail.outbox == []
        tick(nine + DAY)
        assert len(mail.outbox) == 3

    def test_the_first_page_says_it(self, ringing: ContactMethod, chief: User, settings: Any) -> None:
        settings.STAFF_NEEDS_SECOND_FACTOR = False
        client = Client()
        client.force_login(chief)
        assert b"Prove that you can be woken" in client.get(reverse("admin:index")).content
