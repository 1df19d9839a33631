"""Many alerts at once: one storm case with members, and what it never swallows."""

import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.db import connections
from django.test import Client

from config.casework import clock
from config.casework.access.choices import Scope
from config.casework.access.models import User
from config.casework.access.services import issue_token
from config.casework.catalogue.loader import load
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.transitions import IllegalTransition, apply
from config.casework.work.services import tick
from incidents.choices import IncidentState
from incidents.models import Incident, Page, Storm, StormMember
from incidents.storms.choices import MemberState
from tests import factories
from tests.incidents.conftest import RUNBOOK
from tests.incidents.test_alerts import URL, Sender, alert, entries, message

MINUTE = timedelta(minutes=1)


@pytest.fixture
def token(db: None, now: datetime) -> str:
    return issue_token("alertmanager", [Scope.ALERTS], actor=None, at=now)


@pytest.fixture
def send(client: Client, token: str, jobarium: System, lead: User, chief: User, now: datetime) -> Sender:
    return Sender(client, token, now)


def fire(send: Sender, number: int, *, after: timedelta = timedelta(), severity: str = "SEV-2", **more: Any) -> str:
    """One group of alerts of its own; the reference of its case."""
    labels = {"severity": severity, **more.pop("labels", {})}
    name, key = f"Trouble{number}", f"group-{number}"
    (reference,) = send(alert(name, f"f{number}", **labels, **more), after=after, groupKey=key)
    return reference


def burst(send: Sender, count: int, **more: Any) -> list[str]:
    return [fire(send, number, after=number * timedelta(seconds=20), **more) for number in range(count)]


def storm_case() -> Incident:
    case: Incident = Storm.objects.select_related("incident__system", "incident__severity").get().incident
    return case


class TestBeginning:
    def test_five_are_five_cases(self, send: Sender) -> None:
        assert len(set(burst(send, 5))) == 5
        assert not Storm.objects.exists()

    def test_the_sixth_opens_the_storm_and_the_further_ones_join(self, send: Sender) -> None:
        references = burst(send, 9)
        assert len(set(references[:5])) == 5
        assert references[5:] == [storm_case().reference] * 4
        assert Incident.objects.count() == 6
        assert list(StormMember.objects.values_list("title", flat=True)) == [f"Trouble{n}" for n in range(5, 9)]

    def test_it_is_one_page_and_one_clock(self, send: Sender) -> None:
        burst(send, 9)
        case = storm_case()
        assert Page.objects.filter(incident=case).count() == 1
        assert Deadline.objects.of(case).filter(kind="acknowledge").count() == 1
        assert "Many alerts at once" in mail.outbox[-1].subject + mail.outbox[-1].body

    def test_six_over_a_longer_time_are_six_cases(self, send: Sender) -> None:
        assert len({fire(send, number, after=number * 61 * timedelta(seconds=1)) for number in range(6)}) == 6
        assert not Storm.objects.exists()

    def test_exactly_within_the_time_counts(self, send: Sender) -> None:
        for number in range(6):
            fire(send, number, after=number * MINUTE)
        assert Storm.objects.count() == 1

    def test_repeats_do_not_count(self, send: Sender) -> None:
        for _time in range(8):
            fire(send, 1)
        assert Incident.objects.count() == 1

    def test_alerts_that_never_page_make_no_storm(self, send: Sender) -> None:
        for number in range(8):
            name = "jobarium-dispute-filed"
            send(alert(name, f"f{number}", severity="SEV-2"), groupKey=f"group-{number}")
        assert (Storm.objects.count(), Incident.objects.count()) == (0, 8)


class TestNeverSwallowed:
    def test_a_graver_alert_has_its_own_case(self, send: Sender) -> None:
        burst(send, 7)
        reference = fire(send, 50, after=3 * MINUTE, severity="SEV-1")
        assert reference != storm_case().reference
        assert Incident.objects.get(reference=reference).severity.key == "SEV-1"

    def test_a_milder_one_joins(self, send: Sender) -> None:
        burst(send, 7)
        assert fire(send, 50, after=3 * MINUTE, severity="SEV-3") == storm_case().reference

    def test_lost_data_has_its_own_case(self, send: Sender) -> None:
        burst(send, 7)
        reference = fire(send, 50, after=3 * MINUTE, labels={"data_loss": "true"})
        assert reference != storm_case().reference
        assert Incident.objects.get(reference=reference).data_loss_risk

    def test_a_member_that_becomes_graver_leaves(self, send: Sender) -> None:
        burst(send, 7)
        before = storm_case().reference
        reference = fire(send, 6, after=4 * MINUTE, severity="SEV-1")
        own = Incident.objects.get(reference=reference)
        member = StormMember.objects.get(title="Trouble6")
        assert (reference == before, own.severity.key, member.state, member.taken_as) == (
            False,
            "SEV-1",
            "taken_out",
            own,
        )

    def test_another_system_has_its_own(self, send: Sender, now: datetime) -> None:
        burst(send, 7)
        factories.system("sentinel")
        references = send(alert("Other", "f99", system="sentinel"), groupKey="elsewhere", after=3 * MINUTE)
        assert references != [storm_case().reference]

    def test_alerts_of_two_systems_are_not_counted_together(self, send: Sender) -> None:
        factories.system("sentinel")
        for number in range(4):
            fire(send, number)
            send(alert("Other", f"s{number}", system="sentinel"), groupKey=f"sentinel-{number}")
        assert (Storm.objects.count(), Incident.objects.count()) == (0, 8)


class TestMembers:
    def test_an_alert_that_is_over_ends_its_member_and_not_the_case(self, send: Sender, now: datetime) -> None:
        burst(send, 7)
        send(alert("Trouble6", "f6", resolved=True), after=4 * MINUTE, groupKey="group-6")
        states = dict(StormMember.objects.values_list("title", "state"))
        assert states == {"Trouble5": MemberState.OPEN, "Trouble6": MemberState.RESOLVED}
        case = storm_case()
        assert (case.state, len(entries(case, "alert.resolved"))) == (IncidentState.DETECTED, 1)

    def test_it_may_fire_again(self, send: Sender) -> None:
        burst(send, 7)
        send(alert("Trouble6", "f6", resolved=True), after=4 * MINUTE, groupKey="group-6")
        assert fire(send, 6, after=5 * MINUTE) == storm_case().reference
        assert StormMember.objects.get(title="Trouble6").state == MemberState.OPEN

    def test_a_resolved_storm_is_over_for_all(self, send: Sender, lead: User, now: datetime) -> None:
        burst(send, 7)
        with clock.at(now + 10 * MINUTE):
            apply(storm_case(), "resolve", actor=lead)
        assert set(StormMember.objects.values_list("state", flat=True)) == {MemberState.RESOLVED}

    def test_what_still_fires_after_the_resolve_opens_nothing(self, send: Sender, lead: User, now: datetime) -> None:
        burst(send, 7)
        with clock.at(now + 10 * MINUTE):
            apply(storm_case(), "resolve", actor=lead)
        count = Incident.objects.count()
        assert fire(send, 6, after=12 * MINUTE) == storm_case().reference
        assert Incident.objects.count() == count

    def test_a_new_trouble_after_the_resolve_is_a_new_case(self, send: Sender, lead: User, now: datetime) -> None:
        burst(send, 7)
        with clock.at(now + 10 * MINUTE):
            apply(storm_case(), "resolve", actor=lead)
        assert fire(send, 60, after=12 * MINUTE) != storm_case().reference

    def test_after_a_quiet_hour_a_storm_takes_nothing_in(self, send: Sender) -> None:
        burst(send, 7)
        assert fire(send, 60, after=70 * MINUTE) != storm_case().reference


class TestTakingOut:
    @pytest.fixture
    def member(self, send: Sender) -> StormMember:
        burst(send, 7)
        return StormMember.objects.get(title="Trouble6")

    def test_it_becomes_a_case_with_a_page_of_its_own(self, member: StormMember, lead: User, now: datetime) -> None:
        with clock.at(now + 4 * MINUTE):
            apply(member, "take_out", actor=lead)
        tick(now + 4 * MINUTE)
        own = StormMember.objects.get(pk=member.pk).taken_as
        assert own is not None
        assert (own.title, own.received_at, own.source_key) == ("Trouble6", now + 4 * MINUTE, member.source_key)
        assert Page.objects.filter(incident=own).count() == 1

    def test_its_alerts_speak_to_its_own_case_from_then_on(self, member: StormMember, send: Sender, lead: User) -> None:
        with clock.at(send.now + 4 * MINUTE):
            apply(member, "take_out", actor=lead)
        own = StormMember.objects.get(pk=member.pk).taken_as
        assert own is not None
        assert fire(send, 6, after=5 * MINUTE) == own.reference

    def test_not_twice(self, member: StormMember, lead: User, now: datetime) -> None:
        with clock.at(now + 4 * MINUTE):
            apply(member, "take_out", actor=lead)
            with pytest.raises(IllegalTransition, match="own already"):
                apply(StormMember.objects.get(pk=member.pk), "take_out", actor=lead)

    def test_not_by_a_stranger(self, member: StormMember, stranger: User) -> None:
        with pytest.raises(PermissionDenied):
            apply(member, "take_out", actor=stranger)


@pytest.mark.django_db(transaction=True)
class TestParallel:
    def test_twenty_at_once_make_five_cases_and_one_storm(self) -> None:
        load([RUNBOOK], at=clock.now())
        token = issue_token("alertmanager", [Scope.ALERTS], actor=None, at=datetime.now(UTC))
        gate = threading.Barrier(20)
        answers: list[Any] = []
        failures: list[Exception] = []

        def call(number: int) -> None:
            try:
                gate.wait(60)
                body = message(alert(f"Trouble{number}", f"f{number}", severity="SEV-2"), groupKey=f"group-{number}")
                answers.append(
                    Client().post(
                        URL,
                        json.dumps(body),
                        content_type="application/json",
                        headers={"authorization": f"Bearer {token}"},
                    )
                )
            except Exception as error:
                failures.append(error)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=call, args=[number]) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(90)
        assert (failures, {answer.status_code for answer in answers}) == ([], {202})
        assert (Storm.objects.count(), Incident.objects.count(), StormMember.objects.count()) == (1, 6, 15)
