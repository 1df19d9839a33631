"""The first page: numbers that lead to what they count, and what each person should do next."""

from datetime import datetime, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.desk import dashboard
from config.casework.desk.dashboard import Card, NextItem
from config.casework.transitions import apply
from config.casework.work.choices import JobState
from config.casework.work.models import Job
from config.casework.work.services import tick
from incidents.choices import Clock
from incidents.contact_methods.dashboard import WAKING
from incidents.models import Incident
from incidents.oncall.models import OnCallRole
from incidents.reviews.actions import add_action_item
from incidents.reviews.choices import ActionKind
from incidents.reviews.services import decide, start_postmortem
from incidents.services import apply_mitigation, open_incident
from incidents.waits import WAITS
from tests import factories
from tests.incidents.conftest import level

MINUTE = timedelta(minutes=1)
WORDS = {"mitigation_path": "Second mail path.", "stakeholder_updates": "Employers by noon."}


@pytest.fixture
def auditor(db: None) -> User:
    return factories.person(Role.AUDITOR, name="Aud Itor")


@pytest.fixture
def resolved(jobarium: System, lead: User, agent: User, now: datetime) -> Incident:
    """A SEV-2 of the CTO, resolved an hour ago."""
    with clock.at(now - 60 * MINUTE):
        row = open_incident(
            jobarium,
            title="CVs come out empty",
            actor=agent,
            at=clock.now(),
            severity=level(jobarium, "SEV-2"),
            scope="some candidates",
        )
        return apply(row, "resolve", actor=lead)


def cards(user: User, at: datetime) -> dict[str, Card]:
    fresh = User.objects.get(pk=user.pk)
    return {str(card.label): card for card in dashboard.cards(fresh, at)}


def items(user: User, at: datetime) -> list[NextItem]:
    found = dashboard.next_items(User.objects.get(pk=user.pk), at)
    return [item for item in found if item.kind != WAKING]  # tests/incidents/test_contacts.py


def acts(user: User, at: datetime) -> list[tuple[str, str]]:
    return [(str(item.what), item.title) for item in items(user, at)]


class TestCards:
    def test_everyone_sees_those_they_may_look_behind(
        self, incident: Incident, lead: User, agent: User, auditor: User, now: datetime
    ) -> None:
        assert list(cards(lead, now)) == ["Unacknowledged", "Clocks", "Decisions", "Attention", "Promises", "On call"]
        assert list(cards(agent, now)) == ["Unacknowledged", "Clocks", "Promises", "On call"]
        assert list(cards(auditor, now)) == [
            "Unacknowledged",
            "Clocks",
            "Decisions",
            "Attention",
            "Promises",
            "On call",
        ]

    def test_a_member_of_an_employer_sees_none(self, incident: Incident, stranger: User, now: datetime) -> None:
        assert cards(stranger, now) == {}

    def test_a_quiet_desk_says_so(self, jobarium: System, lead: User, chief: User, now: datetime) -> None:
        found = cards(lead, now)
        assert [found[name].number for name in ("Unacknowledged", "Clocks", "Decisions", "Attention", "Promises")] == [
            0
        ] * 5
        assert {card.tone for card in found.values()} == {""}

    def test_unacknowledged_counts_until_somebody_has_it(self, incident: Incident, lead: User, now: datetime) -> None:
        card = cards(lead, now)["Unacknowledged"]
        assert (card.number, card.tone) == (1, "danger")
        assert card.sentence == "open incident that nobody has taken yet, of 1 open"
        apply(incident, "acknowledge", actor=lead)
        assert cards(lead, now)["Unacknowledged"].number == 0

    def test_an_acknowledgement_that_must_be_confirmed_does_not_count(
        self, incident: Incident, lead: User, now: datetime
    ) -> None:
        apply(incident, "acknowledge", actor=lead, acknowledgement_provisional=True)
        assert cards(lead, now)["Unacknowledged"].number == 1

    @pytest.mark.parametrize(
        ("minutes", "number", "tone", "sentence"),
        [
            (1, 0, "", "incidents are late or at risk"),
            (13, 1, "warn", "incident is at risk of being late"),
            (15, 1, "warn", "incident is at risk of being late"),
            (16, 1, "danger", "incident is late"),
        ],
    )
    def test_clocks(
        self, incident: Incident, lead: User, now: datetime, minutes: int, number: int, tone: str, sentence: str
    ) -> None:
        card = cards(lead, now + minutes * MINUTE)["Clocks"]
        assert (card.number, card.tone, card.sentence) == (number, tone, sentence)

    def test_clocks_of_both_kinds(
        self, incident: Incident, jobarium: System, agent: User, lead: User, now: datetime
    ) -> None:
        open_incident(jobarium, title="Another", actor=agent, at=now + 3 * MINUTE, severity=level(jobarium, "SEV-1"))
        assert (
            cards(lead, now + 17 * MINUTE)["Clocks"].sentence
            == "incidents with a clock that needs you: 1 late, 1 at risk"
        )

    def test_decisions_wait_for_my_signature_only(
        self, incident: Incident, lead: User, chief: User, auditor: User, now: datetime
    ) -> None:
        tick(now + 16 * MINUTE)
        later = now + 17 * MINUTE
        assert [cards(person, later)["Decisions"].number for person in (lead, chief, auditor)] == [1, 1, 1]
        decide(incident, actor=chief, at=later, **WORDS)
        assert [cards(person, later)["Decisions"].number for person in (lead, chief, auditor)] == [1, 0, 1]
        assert cards(auditor, later)["Decisions"].sentence == "joint decision is not signed by both yet"
        decide(incident, actor=lead, at=later, **WORDS)
        assert [cards(person, later)["Decisions"].number for person in (lead, chief, auditor)] == [0, 0, 0]

    def test_a_second_holder_of_a_role_is_not_asked_again(
        self, incident: Incident, lead: User, chief: User, now: datetime
    ) -> None:
        tick(now + 16 * MINUTE)
        decide(incident, actor=lead, at=now + 17 * MINUTE, **WORDS)
        assert cards(factories.person(Role.CTO), now + 17 * MINUTE)["Decisions"].number == 0

    def test_attention_names_messages_that_did_not_leave(self, jobarium: System, lead: User, now: datetime) -> None:
        for number, kind in enumerate(["messages.deliver", "incidents.page"]):
            Job.objects.create(kind=kind, key=f"k{number}", state=JobState.PARKED, created_at=now)
        card = cards(lead, now)["Attention"]
        assert (card.number, card.tone) == (2, "danger")
        assert card.sentence == "pieces of work failed and need a person; 1 message did not leave"

    def test_promises_are_overdue_updates_and_action_items(self, incident: Incident, lead: User, now: datetime) -> None:
        add_action_item(
            incident, actor=lead, at=now, kind=ActionKind.CORRECTIVE, text="Second queue", owner=lead, due_on=now.date()
        )
        assert cards(lead, now + 31 * MINUTE)["Promises"].sentence == "overdue: 1 update to people"
        tomorrow = now + timedelta(days=1)
        card = cards(lead, tomorrow)["Promises"]
        assert (card.number, card.sentence) == (2, "overdue: 1 update to people and 1 action item")

    def test_who_is_on_call_in_words(
        self, jobarium: System, lead: User, chief: User, agent: User, now: datetime
    ) -> None:
        card = cards(lead, now)["On call"]
        assert (card.number, card.tone) == ("2 of 2", "")
        assert card.sentence == "on call now. Jobarium: Lea Lead (primary), Carl Chief (secondary)"
        OnCallRole.objects.filter(part="secondary").update(person=agent)
        assert "Ana Agent (secondary)" in cards(lead, now)["On call"].sentence

    def test_a_part_nobody_holds_stands_out(self, jobarium: System, lead: User, now: datetime) -> None:
        card = cards(lead, now)["On call"]
        assert (card.number, card.tone) == ("1 of 2", "danger")
        assert "nobody (secondary)" in card.sentence


class TestQueueBehindACard:
    @pytest.fixture
    def client(self, lead: User) -> Client:
        Authenticator.objects.create(user=lead, type=Authenticator.Type.TOTP, data={"secret": "x"})
        client = Client()
        client.force_login(lead)
        return client

    def test_each_number_is_the_length_of_its_list(
        self, incident: Incident, resolved: Incident, client: Client, lead: User, chief: User, now: datetime
    ) -> None:
        apply_mitigation(incident, actor=lead, text="Slower", at=now, temporary=True, expires_at=now + 10 * MINUTE)
        tick(now + 40 * MINUTE)
        with clock.at(now + 41 * MINUTE):
            found = cards(lead, clock.now())
            for name in ("Unacknowledged", "Clocks", "Decisions", "Promises"):
                queue = client.get(found[name].url).content
                assert queue.count(b'class="action-select"') == found[name].number > 0, name
            measure = client.get("/admin/incidents/incident/?waits=measure").content
            postmortem = client.get("/admin/incidents/incident/?waits=postmortem").content
        assert incident.reference.encode() in measure
        assert resolved.reference.encode() not in measure
        assert resolved.reference.encode() in postmortem
        assert incident.reference.encode() not in postmortem

    def test_an_unknown_wait_narrows_nothing(self, incident: Incident, client: Client) -> None:
        assert incident.reference.encode() in client.get("/admin/incidents/incident/?waits=rain").content

    def test_late_action_items(self, incident: Incident, client: Client, lead: User, now: datetime) -> None:
        for text, days in (("Late one", -1), ("Later one", 1)):
            add_action_item(
                incident,
                actor=lead,
                at=now,
                kind=ActionKind.CORRECTIVE,
                text=text,
                owner=lead,
                due_on=(now + timedelta(days=days)).date(),
            )
        page = client.get(cards(lead, now)["Promises"].url).content
        assert b"Late one" in page
        assert b"Later one" not in page

    def test_the_page_itself_draws_them(self, incident: Incident, client: Client) -> None:
        text = client.get("/admin/").content.decode()
        assert text.count("card__number") == 6
        assert "Acknowledge" in text
        assert all(f"?waits={key}" in text for key in ("acknowledgement", "clocks", "decision", "update"))
        assert set(WAITS) >= {"acknowledgement", "clocks", "decision", "update"}


class TestNext:
    def test_whoever_works_here_is_asked_to_take_what_nobody_has(
        self, incident: Incident, lead: User, chief: User, agent: User, now: datetime
    ) -> None:
        for person in (lead, chief, agent):
            assert acts(person, now) == [("Acknowledge", "No invites leave")]

    def test_once_taken_it_is_its_owners(self, incident: Incident, lead: User, agent: User, now: datetime) -> None:
        apply(incident, "acknowledge", actor=lead)
        assert acts(lead, now) == [("Update people", "No invites leave")]
        assert acts(agent, now) == []

    def test_whoever_leads_answers_for_what_is_late(
        self, incident: Incident, lead: User, chief: User, now: datetime
    ) -> None:
        apply(incident, "acknowledge", actor=lead)
        assert acts(chief, now) == []
        assert acts(chief, now + 31 * MINUTE) == [("Update people", "No invites leave")]

    def test_a_reader_has_nothing_to_do(self, incident: Incident, auditor: User, now: datetime) -> None:
        assert items(auditor, now) == []

    def test_the_nearest_clock_stands_beside_it(self, incident: Incident, lead: User, now: datetime) -> None:
        item = items(lead, now + 3 * MINUTE)[0]
        assert item.clock.words == "acknowledge within 12 min"
        assert (item.reference, item.badge.label, item.due_at) == (incident.reference, "SEV-1", now + 15 * MINUTE)

    def test_paperwork_however_late_never_stands_before_an_acknowledgement(
        self, incident: Incident, resolved: Incident, lead: User, now: datetime
    ) -> None:
        later = now + timedelta(days=5)
        assert [what for what, _title in acts(lead, later)][:2] == ["Acknowledge", "Write the postmortem"]

    def test_a_postmortem_is_written_then_finished(self, resolved: Incident, lead: User, now: datetime) -> None:
        assert acts(lead, now) == [("Write the postmortem", "CVs come out empty")]
        start_postmortem(resolved, actor=lead, at=now)
        item = items(lead, now)[0]
        assert item.what == "Finish the postmortem"
        assert item.url.endswith(f"/{resolved.pk}/change/?tab=review")
        assert item.due_at == datetime(2026, 3, 10, 12, tzinfo=now.tzinfo)

    def test_a_record_without_postmortem_duty_is_only_completed(
        self, jobarium: System, lead: User, now: datetime
    ) -> None:
        row = open_incident(
            jobarium, title="A figure lags", actor=lead, at=now, severity=level(jobarium, "SEV-3"), scope="few"
        )
        apply(row, "resolve", actor=lead)
        assert acts(lead, now) == [("Complete the record", "A figure lags")]

    def test_a_joint_decision_is_signed_by_whose_word_is_missing(
        self, incident: Incident, lead: User, chief: User, now: datetime
    ) -> None:
        tick(now + 16 * MINUTE)
        later = now + 17 * MINUTE
        decide(incident, actor=chief, at=later, **WORDS)
        assert ("Sign the joint decision", "No invites leave") in acts(lead, later)
        assert "Sign the joint decision" not in dict(acts(chief, later))

    def test_a_measure_is_taken_back_in_its_last_day(self, incident: Incident, lead: User, now: datetime) -> None:
        apply(incident, "acknowledge", actor=lead)
        apply_mitigation(
            incident,
            actor=lead,
            text="Sessions of 8 hours",
            at=now,
            temporary=True,
            expires_at=now + timedelta(hours=48),
        )
        assert "Take the measure back" not in dict(acts(lead, now))
        found = acts(lead, now + timedelta(hours=25))
        assert found.count(("Take the measure back", "Sessions of 8 hours")) == 1

    def test_a_measure_concerns_who_took_it_and_who_leads(
        self, incident: Incident, lead: User, chief: User, agent: User, now: datetime
    ) -> None:
        apply(incident, "acknowledge", actor=lead)
        apply_mitigation(incident, actor=agent, text="Slower", at=now, temporary=True, expires_at=now + 90 * MINUTE)
        for person in (lead, chief, agent):
            assert ("Take the measure back", "Slower") in acts(person, now)
        assert ("Take the measure back", "Slower") not in acts(factories.person(Role.SUPPORT), now)

    def test_a_measure_that_is_the_nearest_clock_is_said_once(
        self, incident: Incident, lead: User, now: datetime
    ) -> None:
        apply(incident, "acknowledge", actor=lead)
        apply_mitigation(
            incident, actor=lead, text="Sessions of 8 hours", at=now, temporary=True, expires_at=now + 5 * MINUTE
        )
        incident.refresh_from_db()
        assert incident.next_due_kind == Clock.REVERT
        assert acts(lead, now) == [("Take the measure back", "Sessions of 8 hours")]

    @pytest.mark.parametrize(("days", "listed"), [(4, False), (3, True), (-2, True)])
    def test_action_items_show_three_days_ahead(
        self, resolved: Incident, lead: User, agent: User, now: datetime, days: int, listed: bool
    ) -> None:
        add_action_item(
            resolved,
            actor=lead,
            at=now,
            kind=ActionKind.PREVENTIVE,
            text="Watch it",
            owner=agent,
            due_on=(now + timedelta(days=days)).date(),
        )
        assert (acts(agent, now) == [("Finish the action item", "Watch it")]) is listed
