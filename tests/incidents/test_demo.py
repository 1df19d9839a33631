"""The made-up week: believable at any moment, sent to nobody, gone without a trace but its trail."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.apps import apps
from django.core import mail
from django.core.management import call_command
from django.core.management.base import CommandError
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.access.services import first_administrator
from config.casework.approvals.models import Approval
from config.casework.audit.models import AuditEntry
from config.casework.cases.models import Note
from config.casework.catalogue.loader import load
from config.casework.deadlines.models import Deadline
from config.casework.links.models import Grant
from config.casework.work.models import Job
from config.casework.work.services import tick
from incidents.choices import Clock, IncidentState
from incidents.demo import services
from incidents.demo.services import remove, seed
from incidents.models import Incident, Page
from incidents.oncall.selectors import holder
from incidents.services import open_incident
from incidents.waits import open_approvals, review_missing
from integrations.messages.choices import MessageState, Purpose
from integrations.messages.models import Message
from integrations.messages.services import queue_mail
from tests import factories
from tests.conftest import NOW
from tests.incidents.conftest import RUNBOOK
from tests.kept import kept, rolled_back

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One transaction for the whole module: playing the week takes seconds."""
    with kept(django_db_blocker):
        yield


@pytest.fixture(scope="module")
def shared(db: None) -> dict[str, User]:
    """A desk with two real leads on which the demo was played."""
    with time_machine.travel(NOW, tick=False):
        load([RUNBOOK], at=NOW)
        people = {"lead": factories.person(Role.CTO), "chief": factories.person(Role.CEO)}
        seed(at=NOW)
    return people


@pytest.fixture
def week(shared: dict[str, User]) -> Iterator[list[Incident]]:
    """The incidents of the demo; what a test does to them is undone."""
    with rolled_back():
        yield list(Incident.objects.order_by("received_at"))


@pytest.fixture
def lead(shared: dict[str, User]) -> User:
    return shared["lead"]


@pytest.fixture
def chief(shared: dict[str, User]) -> User:
    return shared["chief"]


def story(key: str) -> Incident:
    return Incident.objects.get(source_key=f"demo:{key}")


class TestWeek:
    def test_every_incident_is_marked(self, week: list[Incident]) -> None:
        assert 8 <= len(week) <= 12
        assert all(row.is_demo and row.title.startswith("Demo: ") for row in week)

    def test_references_follow_the_times(self, week: list[Incident]) -> None:
        assert [row.reference for row in week] == sorted(row.reference for row in week)

    def test_it_holds_every_state(self, week: list[Incident]) -> None:
        assert {row.state for row in week} == set(IncidentState.values)

    def test_one_was_just_paged_and_nobody_has_it(self, week: list[Incident], now: datetime) -> None:
        row = story("invites-stopped")
        page = Page.objects.get(incident=row)
        assert (row.severity.key, row.acknowledged_at, page.person.email) == ("SEV-1", None, "cto@demo.invalid")
        assert Deadline.objects.of(row).get(kind="acknowledge").due_at == now + 11 * MINUTE

    def test_a_playbook_is_half_ticked(self, week: list[Incident]) -> None:
        states = list(story("cv-scans").runs.get().steps.values_list("state", flat=True))
        assert states.count("done") == 4
        assert states.count("skipped") == 1
        assert states.count("open") >= 3

    def test_a_measure_waits_to_be_taken_back_and_an_update_is_overdue(
        self, week: list[Incident], now: datetime
    ) -> None:
        row = story("qa-sessions")
        assert row.state == IncidentState.STABILIZED
        assert row.mitigations.get(temporary=True).expires_at == now + timedelta(hours=3)
        assert Deadline.objects.open().of(row).get(kind="update").due_at == now - timedelta(hours=2)

    def test_records_wait_for_their_postmortem(self, week: list[Incident]) -> None:
        waiting = Incident.objects.filter(review_missing())
        assert {row.source_key for row in waiting} == {"demo:packets-late", "demo:packets-unreadable"}
        assert all(Deadline.objects.open().of(row).filter(kind=Clock.PAPERWORK).exists() for row in waiting)

    def test_a_missed_promise_was_escalated_and_signed_by_one(
        self, week: list[Incident], lead: User, chief: User, now: datetime
    ) -> None:
        row = story("packets-unreadable")
        began = row.received_at
        told = [
            (escalation.person.email, escalation.escalated_at)
            for escalation in row.escalations.order_by("escalated_at")
        ]
        late = timedelta(minutes=15, seconds=30)
        assert told == [("cto@demo.invalid", began + late), ("ceo@demo.invalid", began + late + MINUTE)]
        assert [approval.object_id for approval in open_approvals(lead, now)] == [row.pk]
        assert list(open_approvals(chief, now)) == []

    def test_closed_ones_are_complete(self, week: list[Incident]) -> None:
        closed = [row for row in week if row.state == IncidentState.CLOSED]
        assert len(closed) >= 3
        assert all(row.closed_at > row.resolved_at > row.received_at for row in closed)

    def test_the_trail_carries_the_moments_of_the_stories(self, week: list[Incident], now: datetime) -> None:
        row = story("qa-sessions")
        entries = AuditEntry.objects.filter(case_reference=row.reference)
        assert entries.order_by("at").first().at == row.received_at
        assert all(entry.at <= now and entry.at == entry.happened_at for entry in entries)

    def test_a_second_time_adds_nothing(self, week: list[Incident], now: datetime) -> None:
        assert seed(at=now) == 0
        assert Incident.objects.count() == len(week)


class TestPeople:
    def test_they_cannot_sign_in(self, week: list[Incident]) -> None:
        people = User.objects.filter(email__endswith="@demo.invalid")
        assert people.count() == 4
        assert not any(person.has_usable_password() for person in people)
        assert all(person.name.startswith("Demo ") for person in people)

    def test_they_are_never_on_call_for_a_real_incident(self, week: list[Incident], lead: User, now: datetime) -> None:
        assert open_incident(week[0].system, title="Real", actor=None, at=now).owner == lead
        User.objects.filter(pk=lead.pk).update(is_active=False)
        assert holder(Role.CTO) is None
        assert open_incident(week[0].system, title="Real", actor=None, at=now).owner is None

    def test_real_people_are_never_paged_for_a_made_up_one(self, week: list[Incident], lead: User, chief: User) -> None:
        assert not Page.objects.filter(person__in=[lead, chief]).exists()
        assert story("invites-stopped").owner.email == "cto@demo.invalid"

    def test_the_first_administrator_is_made_all_the_same(
        self, week: list[Incident], lead: User, chief: User, now: datetime
    ) -> None:
        User.objects.filter(pk__in=[lead.pk, chief.pk]).update(is_staff=False)
        made = first_administrator(None, None, now)
        assert made is not None
        person, password = made
        assert password
        assert person.roles == {Role.CTO}


class TestNothingLeaves:
    def test_messages_are_kept_and_none_is_sent(self, week: list[Incident], now: datetime) -> None:
        for minute in (1, 12, 14, 40, 120):
            with clock.at(now + minute * MINUTE):
                tick(now + minute * MINUTE)
        assert Message.objects.count() > 20
        assert set(Message.objects.values_list("state", "outcome")) == {(MessageState.EXPIRED, "demo: nothing leaves")}
        assert mail.outbox == []

    def test_the_story_of_the_page_goes_on_by_itself(self, week: list[Incident], now: datetime) -> None:
        for minute in (12, 14):
            with clock.at(now + minute * MINUTE):
                tick(now + minute * MINUTE)
        told = story("invites-stopped").escalations.order_by("escalated_at").values_list("person__email", flat=True)
        assert list(told) == ["cto@demo.invalid", "ceo@demo.invalid"]

    def test_a_reserved_address_gets_nothing_whatever_the_cause(self, week: list[Incident], now: datetime) -> None:
        message = queue_mail(
            to="Somebody@Example.INVALID", subject="Hello", text="Hello", key="reserved", purpose=Purpose.NOTICE, at=now
        )
        tick(now)
        message.refresh_from_db()
        assert (message.state, message.outcome) == (MessageState.EXPIRED, "address is reserved")
        assert mail.outbox == []

    def test_an_ordinary_address_still_gets_its_mail(self, week: list[Incident], now: datetime) -> None:
        queue_mail(
            to="somebody@example.com", subject="Hello", text="Hello", key="ordinary", purpose=Purpose.NOTICE, at=now
        )
        tick(now)
        assert [message.subject for message in mail.outbox] == ["Hello"]


class TestRemoval:
    def test_it_leaves_what_was_there_before_and_the_trail(self, week: list[Incident], now: datetime) -> None:
        real = open_incident(week[0].system, title="Real", actor=None, at=now)
        assert remove(at=now) == len(services.STORIES)
        entries, after = AuditEntry.objects.count(), _counts()
        assert list(Incident.objects.all()) == [real]
        assert AuditEntry.objects.filter(case_reference=week[0].reference).exists()
        assert not User.objects.filter(email__endswith="@demo.invalid").exists()
        assert seed(at=now) == len(services.STORIES)
        remove(at=now)
        assert _counts() == after
        assert AuditEntry.objects.count() > entries

    def test_nothing_of_it_hangs_about_without_its_case(self, week: list[Incident], now: datetime) -> None:
        remove(at=now)
        left = [Deadline, Message, Note, Approval, Grant, Page, Job]
        assert {model.__name__: model._default_manager.count() for model in left} == dict.fromkeys(
            (model.__name__ for model in left), 0
        )

    def test_a_second_time_finds_nothing(self, week: list[Incident], now: datetime) -> None:
        remove(at=now)
        assert remove(at=now) == 0


class TestAnyMoment:
    @pytest.mark.parametrize(
        "moment",
        [datetime(2026, 1, 1, 0, 2, tzinfo=UTC), datetime(2026, 6, 6, 23, 59, tzinfo=UTC)],
        ids=["new year", "saturday night"],
    )
    def test_it_can_be_played(self, week: list[Incident], moment: datetime) -> None:
        remove(at=moment)
        with time_machine.travel(moment, tick=False):
            assert seed(at=moment) == len(services.STORIES)


class TestCommand:
    @pytest.mark.parametrize("options", [[], ["--remove"]])
    def test_production_refuses_it(self, settings: Settings, options: list[str]) -> None:
        settings.PRODUCTION = True
        with pytest.raises(CommandError, match="refused in production") as refusal:
            call_command("demo", *options)
        assert refusal.value.returncode == 2

    def test_it_puts_them_there_once_and_takes_them_off(
        self, week: list[Incident], capsys: pytest.CaptureFixture[str]
    ) -> None:
        call_command("demo")
        assert "here already" in capsys.readouterr().out
        call_command("demo", remove=True)
        assert "are gone" in capsys.readouterr().out
        call_command("demo", remove=True)
        assert "no demo here" in capsys.readouterr().out
        call_command("demo")
        assert "marked “Demo”" in capsys.readouterr().out


KEPT = {"casework.AuditEntry", "casework.AuditSeal", "casework.ReferenceCounter", "casework.Organization"}


def _counts() -> dict[str, int]:
    """How many rows every table holds, but those the trail and the counters need."""
    return {
        model._meta.label: model._default_manager.count()
        for model in apps.get_models()
        if model._meta.label not in KEPT
    }
