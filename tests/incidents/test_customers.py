"""Customers: whom an incident hits, who exactly gets a text, agreed notice times, calls, bounces, opt-outs."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse

from config.casework import clock
from config.casework.access.models import User
from config.casework.catalogue.models import Organization, System
from config.casework.deadlines.models import Deadline
from config.casework.links.services import issue
from config.casework.transitions import Refused, apply
from config.casework.work.services import tick
from incidents.choices import Clock
from incidents.communications.models import Communication, MessageTemplate
from incidents.communications.services import preview, send
from incidents.customers import optouts, services
from incidents.customers.choices import NoticeResult, Topic
from incidents.customers.models import Affected, CustomerContact, Notice, OptOut, Usage
from incidents.customers.selectors import customers_of, groups_of, readers
from incidents.customers.sheet import sheet_of
from incidents.models import Customer, Incident
from incidents.services import open_incident
from integrations.messages.services import mark_failed
from tests import factories
from tests.incidents.conftest import level, template

HOUR = timedelta(hours=1)
CONTACT_COLUMNS = ("organization__key", "name", "duty", "email", "phone", "language", "is_active")


def tick_at(moment: datetime) -> None:
    with clock.at(moment):
        tick(moment)


def customer(
    system: System, key: str, *, regions: tuple[str, ...] = (), features: tuple[str, ...] = (), **times: str
) -> Organization:
    row = factories.organization(key)
    row.notice_times = times
    row.save()
    Usage.objects.create(organization=row, system=system, regions=list(regions), features=list(features))
    CustomerContact.objects.create(
        organization=row, name=f"{key} ops", email=f"ops@{key}.example.com", phone="+49 30 1234567"
    )
    return row


@pytest.fixture
def acme(jobarium: System) -> Organization:
    return customer(jobarium, "acme", regions=("eu",), features=("invites",), incident="PT4H", **{"SEV-1": "PT1H"})


@pytest.fixture
def globex(jobarium: System) -> Organization:
    return customer(jobarium, "globex", regions=("us",), features=("invites", "qa"))


def notice_clock(incident: Incident) -> Deadline | None:
    return Deadline.objects.of(incident).filter(kind=Clock.NOTICE, cancelled_at=None).first()


def write_to(incident: Incident, groups: list[str], actor: User, at: datetime) -> Communication:
    text = template(incident.system, "employer_delay")
    contacts = readers(incident.system, groups, text, incident).contacts
    values = dict.fromkeys(preview(text, incident, {}).unfilled, "soon")
    return send(incident, text, actor=actor, at=at, values=values, contacts=contacts)


class TestWhoGetsIt:
    @pytest.mark.parametrize(
        ("groups", "names"),
        [
            (["all"], ["Acme", "Globex"]),
            (["region:eu"], ["Acme"]),
            (["feature:invites"], ["Acme", "Globex"]),
            (["feature:qa", "region:eu"], ["Acme", "Globex"]),
            (["region:mars"], []),
            (["organization:x", "rubbish"], []),
        ],
    )
    def test_by_use_region_and_feature(
        self, jobarium: System, acme: Organization, globex: Organization, groups: list[str], names: list[str]
    ) -> None:
        assert [row.name for row in customers_of(jobarium, groups)] == names

    def test_the_operator_is_never_among_them(self, jobarium: System, incident: Incident) -> None:
        assert not customers_of(jobarium, [f"organization:{incident.organization_id}"])

    def test_privacy_contacts_and_former_ones_are_left_out(self, jobarium: System, acme: Organization) -> None:
        CustomerContact.objects.create(organization=acme, name="P", email="p@acme.example.com", duty="privacy")
        CustomerContact.objects.create(organization=acme, name="F", email="f@acme.example.com", is_active=False)
        found = readers(jobarium, ["all"], template(jobarium, "employer_delay"))
        assert [contact.email for contact in found.contacts] == ["ops@acme.example.com"]

    def test_who_reads_another_language_gets_the_text_in_it(
        self, jobarium: System, acme: Organization, lead: User, now: datetime
    ) -> None:
        CustomerContact.objects.create(organization=acme, name="D", email="d@acme.example.com", language="de-de")
        english = template(jobarium, "employer_delay")
        assert len(readers(jobarium, ["all"], english).contacts) == 2
        german = MessageTemplate.objects.create(
            system=jobarium, key=english.key, language="de", audience="employer", subject="x", body="y", approved_at=now
        )
        assert readers(jobarium, ["all"], english).others == (("de", 1),)
        assert [row.name for row in readers(jobarium, ["all"], german).contacts] == ["D"]

    def test_a_customer_without_an_address_is_named_to_be_called(self, jobarium: System, acme: Organization) -> None:
        acme.contacts.update(email="")
        assert readers(jobarium, ["all"], template(jobarium, "employer_delay")).silent == ("Acme",)

    def test_groups_are_offered_in_words(self, incident: Incident, acme: Organization) -> None:
        offered = dict(groups_of(incident.system, incident))
        assert offered["region:eu"] == "region: eu"
        assert "untold" not in offered


class TestAgreedNotice:
    def test_the_shortest_time_that_fits_runs_as_a_clock(
        self, incident: Incident, acme: Organization, lead: User, now: datetime
    ) -> None:
        services.name_affected(incident, [acme], actor=lead, at=now)
        found = notice_clock(incident)
        assert found is not None
        assert found.due_at == now + HOUR

    def test_naming_twice_is_once(self, incident: Incident, acme: Organization, lead: User, now: datetime) -> None:
        assert len(services.name_affected(incident, [acme], actor=lead, at=now)) == 1
        assert services.name_affected(incident, [acme], actor=lead, at=now + HOUR) == []
        assert Affected.objects.get().since == now

    def test_a_milder_severity_brings_the_milder_time_counted_from_the_same_moment(
        self, incident: Incident, acme: Organization, lead: User, now: datetime
    ) -> None:
        services.name_affected(incident, [acme], actor=lead, at=now)
        with clock.at(now + HOUR / 2):
            apply(incident, "triage", actor=lead, severity=level(incident.system, "SEV-2"), scope="all")
        found = notice_clock(incident)
        assert found is not None
        assert found.due_at == now + 4 * HOUR

    def test_breach_times_hold_where_data_may_be_lost(
        self, incident: Incident, globex: Organization, lead: User, now: datetime
    ) -> None:
        globex.notice_times = {"breach": "PT2H"}
        globex.save()
        services.name_affected(incident, [globex], actor=lead, at=now)
        assert notice_clock(incident) is None
        with clock.at(now):
            apply(incident, "triage", actor=lead, scope="all", data_loss_risk=True)
        found = notice_clock(incident)
        assert found is not None
        assert found.due_at == now + 2 * HOUR

    def test_an_incident_of_an_employer_hits_it_from_the_start(
        self, jobarium: System, acme: Organization, lead: User, now: datetime
    ) -> None:
        row = open_incident(
            jobarium, title="x", actor=lead, at=now, severity=level(jobarium, "SEV-2"), organization=acme
        )
        assert [hit.organization for hit in row.affected.all()] == [acme]

    def test_it_is_met_when_the_mail_was_accepted_not_before(
        self, incident: Incident, acme: Organization, lead: User, now: datetime
    ) -> None:
        services.name_affected(incident, [acme], actor=lead, at=now)
        write_to(incident, ["affected"], lead, now)
        assert incident.affected.get().told_at is None
        tick_at(now + timedelta(minutes=2))
        assert incident.affected.get().told_at == now + timedelta(minutes=2)
        found = notice_clock(incident)
        assert found is not None
        assert found.met_at is not None
        assert [message.to[0] for message in mail.outbox if "delay" in message.subject] == [
            '"acme ops" <ops@acme.example.com>'
        ]

    def test_a_bounce_within_72_hours_opens_it_again_and_later_does_not(
        self, incident: Incident, acme: Organization, lead: User, now: datetime
    ) -> None:
        services.name_affected(incident, [acme], actor=lead, at=now)
        write_to(incident, ["affected"], lead, now)
        tick_at(now)
        notice = Notice.objects.get(organization=acme)
        assert notice.result == NoticeResult.ACCEPTED
        services.came_back(notice, actor=lead, at=now + 10 * HOUR)
        found = notice_clock(incident)
        assert incident.affected.get().told_at is None
        assert found is not None
        assert found.met_at is None
        with pytest.raises(Refused):
            services.came_back(notice, actor=lead, at=now + 11 * HOUR)

    def test_a_mail_that_is_given_up_is_told_to_whoever_speaks_for_us(
        self, incident: Incident, acme: Organization, lead: User, chief: User, now: datetime
    ) -> None:
        services.name_affected(incident, [acme], actor=lead, at=now)
        write_to(incident, ["affected"], lead, now)
        waiting = Notice.objects.get().message_id
        assert waiting is not None
        mark_failed(waiting, "the mail server refused the address")
        assert (Notice.objects.get().result, incident.affected.get().told_at) == (NoticeResult.FAILED, None)
        with clock.at(now):
            tick(now)
        (reminder,) = [message for message in mail.outbox if "did not arrive" in message.subject]
        assert chief.email in reminder.to[0]

    def test_a_late_bounce_is_kept_in_the_log_alone(
        self, incident: Incident, acme: Organization, lead: User, now: datetime
    ) -> None:
        services.name_affected(incident, [acme], actor=lead, at=now)
        write_to(incident, ["affected"], lead, now)
        tick_at(now)
        services.came_back(Notice.objects.get(organization=acme), actor=lead, at=now + 73 * HOUR)
        assert incident.affected.get().told_at == now

    def test_a_phone_call_still_counts_when_the_mail_bounces(
        self, incident: Incident, acme: Organization, lead: User, now: datetime
    ) -> None:
        write_to(incident, [f"organization:{acme.pk}"], lead, now)
        services.log_call(incident, acme, result="spoken", actor=lead, at=now)
        tick_at(now)
        services.came_back(Notice.objects.get(channel="mail"), actor=lead, at=now + HOUR)
        assert incident.affected.get().told_at == now

    def test_whoever_speaks_for_us_is_told_when_it_runs_out(
        self, incident: Incident, acme: Organization, lead: User, chief: User, now: datetime
    ) -> None:
        services.name_affected(incident, [acme], actor=lead, at=now)
        tick_at(now + HOUR)
        assert not [message for message in mail.outbox if "Not told in time" in message.subject]
        tick_at(now + HOUR + timedelta(minutes=1))
        (reminder,) = [message for message in mail.outbox if "Not told in time" in message.subject]
        assert chief.email in reminder.to[0]
        assert "/sheet/" in reminder.body

    def test_closing_waits_for_it(self, incident: Incident, acme: Organization, lead: User, now: datetime) -> None:
        services.name_affected(incident, [acme], actor=lead, at=now)
        apply(incident, "resolve", actor=lead)
        apply(incident, "reclassify", actor=lead, severity=level(incident.system, "SEV-3"), scope="all")
        with pytest.raises(Refused, match="Acme"):
            apply(incident, "close", actor=lead, cause="c", fix_reference="f", no_communication_reason="None.")
        services.log_call(incident, acme, result="spoken", actor=lead, at=now)
        assert apply(incident, "close", actor=lead, cause="c", fix_reference="f").state == "closed"

    def test_taking_a_customer_off_the_list_needs_a_reason_and_ends_the_clock(
        self, incident: Incident, acme: Organization, lead: User, now: datetime
    ) -> None:
        (row,) = services.name_affected(incident, [acme], actor=lead, at=now)
        with pytest.raises(ValidationError):
            services.not_affected(row, actor=lead, at=now, reason=" ")
        services.not_affected(row, actor=lead, at=now, reason="Other region.")
        assert notice_clock(incident) is None


class TestCalls:
    def test_not_reached_is_no_telling(
        self, incident: Incident, acme: Organization, agent: User, now: datetime
    ) -> None:
        services.log_call(incident, acme, result="not_reached", actor=agent, at=now)
        assert incident.affected.get().told_at is None

    @pytest.mark.parametrize("result", ["accepted", "", "rubbish"])
    def test_a_call_has_one_of_two_results(
        self, incident: Incident, acme: Organization, agent: User, now: datetime, result: str
    ) -> None:
        with pytest.raises(ValidationError):
            services.log_call(incident, acme, result=result, actor=agent, at=now)
        assert not Notice.objects.exists()

    def test_a_contact_of_another_customer_is_refused(
        self, incident: Incident, acme: Organization, globex: Organization, agent: User, now: datetime
    ) -> None:
        with pytest.raises(ValidationError, match="another customer"):
            services.log_call(incident, acme, contact=globex.contacts.get(), result="spoken", actor=agent, at=now)

    def test_a_double_tap_is_one_call(self, incident: Incident, acme: Organization, agent: User, now: datetime) -> None:
        for seconds in (0, 2):
            services.log_call(incident, acme, result="spoken", actor=agent, at=now + timedelta(seconds=seconds))
        assert Notice.objects.count() == 1
        services.log_call(incident, acme, result="spoken", actor=agent, at=now + HOUR)
        assert Notice.objects.count() == 2

    def test_a_stranger_logs_none(self, incident: Incident, acme: Organization, stranger: User, now: datetime) -> None:
        with pytest.raises(PermissionDenied):
            services.log_call(incident, acme, result="spoken", actor=stranger, at=now)


class TestSheet:
    @pytest.fixture(autouse=True)
    def _no_second_factor(self, settings: object) -> None:
        settings.STAFF_NEEDS_SECOND_FACTOR = False  # type: ignore[attr-defined]

    def test_not_told_yet_stands_first(self, incident: Incident, acme: Organization, lead: User, now: datetime) -> None:
        older = open_incident(incident.system, title="Older", actor=lead, at=now, severity=incident.severity)
        services.name_affected(older, [acme], actor=lead, at=now)
        services.log_call(older, acme, result="spoken", actor=lead, at=now)
        services.name_affected(incident, [acme], actor=lead, at=now)
        sheet = sheet_of(Customer.objects.get(pk=acme.pk), lead, now)
        assert [hit.row.incident for hit in sheet.now] == [incident, older]
        assert sheet.untold == 1

    def test_this_quarter_shows_what_is_closed(
        self, incident: Incident, acme: Organization, lead: User, now: datetime
    ) -> None:
        services.log_call(incident, acme, result="spoken", actor=lead, at=now)
        Incident.objects.filter(pk=incident.pk).update(
            state="closed", resolved_at=now, closed_at=now, cause="c", fix_reference="f", scope="s"
        )
        sheet = sheet_of(Customer.objects.get(pk=acme.pk), lead, now)
        assert ([], [incident]) == (sheet.now, [hit.row.incident for hit in sheet.quarter])
        later = sheet_of(Customer.objects.get(pk=acme.pk), lead, now + timedelta(days=100))
        assert later.quarter == []

    def test_a_restricted_incident_is_not_shown_to_others(
        self, incident: Incident, acme: Organization, agent: User, lead: User, now: datetime
    ) -> None:
        services.log_call(incident, acme, result="spoken", actor=lead, at=now)
        Incident.objects.filter(pk=incident.pk).update(restricted=True)
        sheet = sheet_of(Customer.objects.get(pk=acme.pk), agent, now)
        assert (sheet.now, sheet.log) == ([], [])

    def test_a_call_is_two_taps(
        self, client: Client, incident: Incident, acme: Organization, lead: User, now: datetime
    ) -> None:
        services.name_affected(incident, [acme], actor=lead, at=now)
        client.force_login(lead)
        page = client.get(reverse("admin:incidents_customer_sheet", args=[acme.pk])).content.decode()
        assert 'href="tel:+49301234567"' in page
        assert "not told yet" in page
        call = reverse("admin:incidents_customer_call", args=[acme.pk])
        posted = {"incident": incident.pk, "contact": acme.contacts.get().pk, "result": "spoken", "note": "Knows."}
        assert client.get(call).status_code == 404
        assert client.post(call, posted).status_code == 302
        assert incident.affected.get().told_at == now
        assert Notice.objects.get().note == "Knows."
        assert client.post(call, posted | {"incident": "999999"}).status_code == 404
        assert client.post(call, posted | {"incident": "x' OR 1"}).status_code == 404

    def test_a_member_of_the_customer_sees_nothing_of_it(
        self, client: Client, acme: Organization, stranger: User
    ) -> None:
        client.force_login(stranger)
        assert client.get(reverse("admin:incidents_customer_sheet", args=[acme.pk])).status_code in {302, 403, 404}

    def test_the_operator_has_no_sheet(self, client: Client, incident: Incident, lead: User) -> None:
        client.force_login(lead)
        url = reverse("admin:incidents_customer_sheet", args=[incident.organization_id])
        assert client.get(url).status_code == 404

    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            ("incident: PT4H\nSEV-1: PT60M", {"incident": "PT4H", "SEV-1": "PT1H"}),
            ("SEV-9: PT1H", None),
            ("incident: soon", None),
            ("", {}),
        ],
    )
    def test_agreed_times_are_checked_when_they_are_kept(
        self, client: Client, acme: Organization, lead: User, typed: str, kept: dict[str, str] | None
    ) -> None:
        client.force_login(lead)
        formsets = {
            f"{name}-{field}": "0" for name in ("contacts", "usages") for field in ("TOTAL_FORMS", "INITIAL_FORMS")
        }
        url = reverse("admin:incidents_customer_change", args=[acme.pk])
        before = acme.notice_times
        answer = client.post(url, {"privacy_contact": "", "notice_times": typed, **formsets})
        acme.refresh_from_db()
        assert answer.status_code == (200 if kept is None else 302)
        assert acme.notice_times == (before if kept is None else kept)

    def test_the_list_puts_who_was_not_told_first(
        self, client: Client, incident: Incident, acme: Organization, globex: Organization, lead: User, now: datetime
    ) -> None:
        services.name_affected(incident, [globex], actor=lead, at=now)
        client.force_login(lead)
        page = client.get(reverse("admin:incidents_customer_changelist")).content.decode()
        assert page.index("Globex") < page.index("Acme")


class TestComposing:
    @pytest.fixture(autouse=True)
    def _no_second_factor(self, settings: object) -> None:
        settings.STAFF_NEEDS_SECOND_FACTOR = False  # type: ignore[attr-defined]

    def test_one_sees_who_exactly_gets_it_before_sending(
        self, client: Client, incident: Incident, acme: Organization, globex: Organization, lead: User
    ) -> None:
        client.force_login(lead)
        url = f"{reverse('admin:incidents_incident_compose', args=[incident.pk])}?template=employer_delay"
        posted = {"slot_feature": "Invitations", "slot_eta": "noon", "groups": ["feature:invites"], "act": "look"}
        page = client.post(url, posted)
        text = page.content.decode()
        assert "Send to 2 recipients" in text
        assert "ops@acme.example.com" in text
        assert "ops@globex.example.com" in text
        seen = page.context["seen"]
        globex.contacts.update(is_active=False)
        assert "changed the text" in client.post(url, posted | {"act": "send", "seen": seen}).content.decode()
        seen = client.post(url, posted).context["seen"]
        assert client.post(url, posted | {"act": "send", "seen": seen}).status_code == 302
        assert Communication.objects.get().recipients == ["ops@acme.example.com"]

    def test_a_group_that_is_not_offered_is_refused(self, client: Client, incident: Incident, lead: User) -> None:
        client.force_login(lead)
        url = f"{reverse('admin:incidents_incident_compose', args=[incident.pk])}?template=employer_delay"
        posted = {"slot_feature": "x", "slot_eta": "y", "groups": ["organization:1"], "act": "send"}
        assert client.post(url, posted).status_code == 200
        assert not Communication.objects.exists()

    def test_a_typed_promise_needs_the_word_of_a_lead(self, incident: Incident, agent: User, now: datetime) -> None:
        """SC-05: also what is typed into a slot may not promise safe data."""
        Incident.objects.filter(pk=incident.pk).update(data_loss_risk=True)
        incident.refresh_from_db()
        text = template(incident.system, "employer_recovered")
        values = {"feature": "Invitations", "what_was_late": "All your data is safe.", "system": "Jobarium"}
        with pytest.raises(PermissionDenied, match="CTO or CEO"):
            send(incident, text, actor=agent, at=now, values=values, recipients=["hr@acme.example.com"])

    def test_the_page_names_customers_with_their_counts(
        self, client: Client, incident: Incident, acme: Organization, lead: User
    ) -> None:
        client.force_login(lead)
        url = reverse("admin:incidents_incident_affected", args=[incident.pk])
        assert "region: eu (1)" in client.get(url).content.decode()
        assert client.post(url, {"groups": ["region:eu"]}).status_code == 302
        page = client.get(f"{reverse('admin:incidents_incident_change', args=[incident.pk])}?tab=messages")
        assert "not told yet" in page.content.decode()


class TestOptOut:
    @pytest.fixture
    def status_text(self, jobarium: System, now: datetime) -> MessageTemplate:
        return MessageTemplate.objects.create(
            system=jobarium,
            key="status_note",
            audience="status",
            subject="News of {system}",
            body="Slow.",
            approved_at=now,
        )

    def test_status_news_leave_them_out_and_carry_the_link(
        self, incident: Incident, acme: Organization, status_text: MessageTemplate, lead: User, now: datetime
    ) -> None:
        optouts.unsubscribe("OPS@acme.example.com", Topic.STATUS, at=now)
        sent = send(
            incident,
            status_text,
            actor=lead,
            at=now,
            values={"system": "Jobarium"},
            recipients=["one@example.org"],
            contacts=list(acme.contacts.all()),
        )
        tick_at(now)
        results = dict(sent.notices.values_list("address", "result"))
        assert results == {"ops@acme.example.com": "left_out", "one@example.org": "accepted"}
        (letter,) = [message for message in mail.outbox if message.subject == "News of Jobarium"]
        assert "/unsubscribe/" in letter.body

    def test_incident_notices_under_contract_know_no_opt_out(
        self, incident: Incident, acme: Organization, lead: User, now: datetime
    ) -> None:
        for topic in Topic:
            optouts.unsubscribe("ops@acme.example.com", topic, at=now)
        write_to(incident, [f"organization:{acme.pk}"], lead, now)
        tick_at(now)
        (letter,) = [message for message in mail.outbox if "delay" in message.subject]
        assert "/unsubscribe/" not in letter.body

    def test_a_status_text_without_readers_is_kept_for_the_status_page(
        self, incident: Incident, status_text: MessageTemplate, lead: User, now: datetime
    ) -> None:
        sent = send(incident, status_text, actor=lead, at=now, values={"system": "Jobarium"})
        assert (sent.audience, sent.recipient_count) == ("status", 0)

    def test_only_the_button_stops_and_only_this_topic(
        self, client: Client, incident: Incident, acme: Organization, now: datetime, lead: User
    ) -> None:
        services.log_call(incident, acme, result="spoken", actor=lead, at=now)
        notice = Notice.objects.get()
        Notice.objects.filter(pk=notice.pk).update(address="ops@acme.example.com")
        token = issue(
            optouts.LINK_PURPOSE, notice, at=now, expires_at=now + HOUR, bound={"topic": str(Topic.MAINTENANCE)}
        )
        url = reverse("unsubscribe", args=[token])
        for _scanner in range(3):
            assert client.get(url).status_code == 200
        assert not OptOut.objects.exists()
        assert "no more" in client.post(url, {"act": "stop"}).content.decode()
        client.post(url, {"act": "stop"})
        assert OptOut.objects.count() == 1
        assert optouts.opted_out(["ops@acme.example.com"], Topic.MAINTENANCE)
        assert not optouts.opted_out(["ops@acme.example.com"], Topic.STATUS)
        client.post(url, {"act": "again"})
        assert not OptOut.objects.exists()
        assert (
            client.get(reverse("unsubscribe", args=[token[:-1] + ("A" if token[-1] != "A" else "B")])).status_code
            == 404
        )
        with clock.at(now + 2 * HOUR):
            assert client.post(url, {"act": "stop"}).status_code == 410

    def test_no_address_is_kept(self, db: None, now: datetime) -> None:
        optouts.unsubscribe("ops@acme.example.com", Topic.STATUS, at=now)
        assert "acme" not in str(OptOut.objects.values().get())


class TestContacts:
    def test_a_table_of_contacts_comes_in_row_by_row(self, acme: Organization, lead: User) -> None:
        importer: Any = admin.site._registry[CustomerContact]
        row = {"organization__key": "acme", "name": "New", "email": "NEW@acme.example.com", "is_active": "1"}
        contact, created = importer.apply_row(row, actor=lead)
        assert (contact.email, created) == ("new@acme.example.com", True)
        again, created = importer.apply_row(row | {"phone": "+49 30 9999999"}, actor=lead)
        assert (again.pk, again.phone, created) == (contact.pk, "+49 30 9999999", False)
        with pytest.raises(ValidationError) as refusal:
            importer.apply_row(row | {"organization__key": "nobody"}, actor=lead)
        assert "organization__key" in refusal.value.message_dict
        with pytest.raises(ValidationError) as refusal:
            importer.apply_row(row | {"duty": "chef"}, actor=lead)
        assert "duty" in refusal.value.message_dict

    def test_the_export_has_the_columns_of_the_import(
        self, client: Client, acme: Organization, lead: User, settings: object
    ) -> None:
        settings.STAFF_NEEDS_SECOND_FACTOR = False  # type: ignore[attr-defined]
        client.force_login(lead)
        answer = client.post(
            reverse("admin:incidents_customercontact_export"),
            {"format": "0", "resource": "0", **{f"deskresource_{name}": "on" for name in CONTACT_COLUMNS}},
        )
        assert answer.status_code == 200
        assert "ops@acme.example.com" in answer.content.decode()

    @pytest.mark.parametrize(
        ("values", "field"),
        [({"email": "", "phone": ""}, "__all__"), ({"phone": "call me"}, "phone"), ({"email": "nonsense"}, "email")],
    )
    def test_rubbish_is_refused(self, acme: Organization, values: dict[str, str], field: str) -> None:
        contact = CustomerContact(organization=acme, name="N", **({"email": "n@acme.example.com"} | values))
        with pytest.raises(ValidationError) as refusal:
            contact.full_clean()
        assert field in refusal.value.message_dict


class TestUpdateClock:
    """INC-97: every 30 minutes, 2 hours, or daily; a sent update starts it anew."""

    def test_a_message_renews_the_rhythm_of_the_severity(
        self, incident: Incident, acme: Organization, lead: User, now: datetime
    ) -> None:
        at = now + timedelta(minutes=20)
        write_to(incident, [f"organization:{acme.pk}"], lead, at)
        clocks = Deadline.objects.of(incident).filter(kind=Clock.UPDATE).order_by("pk")
        assert [row.met_at for row in clocks] == [at, None]
        assert clocks[1].due_at == at + timedelta(minutes=30)

    @pytest.mark.parametrize(("key", "span"), [("SEV-1", "PT30M"), ("SEV-2", "PT2H"), ("SEV-3", "1BD")])
    def test_each_severity_has_its_rhythm(
        self, jobarium: System, lead: User, now: datetime, key: str, span: str
    ) -> None:
        row = open_incident(jobarium, title="x", actor=lead, at=now, severity=level(jobarium, key))
        assert Deadline.objects.of(row).get(kind=Clock.UPDATE).span == span

    def test_the_overdue_update_is_reminded_once_and_without_a_speaker_too(
        self, incident: Incident, lead: User, now: datetime
    ) -> None:
        Incident.objects.filter(pk=incident.pk).update(comms_lead=None)
        for minute in (30, 31, 35, 40):
            tick_at(now + timedelta(minutes=minute))
        reminders = [message for message in mail.outbox if "next update is overdue" in message.subject]
        assert [lead.email in message.to[0] for message in reminders] == [True]
