"""Escalation policies as data: their four kinds of steps, their hours, their rounds, and how they are edited."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connections
from django.test import Client
from django.urls import reverse

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.loader import RunbookRefused, load
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.transitions import Refused, apply
from config.casework.work.services import tick
from incidents.models import Call, Incident, Page
from incidents.paging import holds
from incidents.paging.calls import carry_out
from incidents.paging.policies import as_lines, set_policy
from incidents.paging.runbook import PAGING
from incidents.paging.services import judge, renew, run_step
from incidents.services import acknowledge, open_incident
from integrations.messages.models import Message
from tests.incidents.conftest import RUNBOOK, level
from tests.incidents.test_oncall import rotation

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def policy(system: System, actor: User, lines: str, *, key: str = "SEV-1", paging: str = "always", **more: Any) -> None:
    values: dict[str, Any] = {"repeat": 0, "every": "PT15M", "lasts": ""} | more
    set_policy(level(system, key), lines=lines, paging=paging, actor=actor, at=clock.now(), **values)


def opened(system: System, at: datetime, key: str = "SEV-1") -> Incident:
    with clock.at(at):
        return open_incident(system, title="Trouble", actor=None, at=at, severity=level(system, key))


def pages(incident: Incident) -> list[tuple[Any, ...]]:
    rows = Page.objects.filter(incident=incident).order_by("pk")
    return [(page.target, page.person, page.state, page.paged_at) for page in rows]


def fresh(incident: Incident) -> Incident:
    return Incident.objects.get(pk=incident.pk)


class TestSteps:
    def test_a_person_by_address(self, jobarium: System, lead: User, agent: User, now: datetime) -> None:
        policy(jobarium, lead, f"PT0S person {agent.email}")
        case = opened(jobarium, now)
        tick(now)
        assert pages(case) == [(str(agent), agent, "sent", now)]

    def test_a_chat_target(self, jobarium: System, lead: User, now: datetime, settings: Any) -> None:
        settings.NOTIFY_URLS = ["json://127.0.0.1:9/first", "json://127.0.0.1:9/second"]
        policy(jobarium, lead, "PT0S channel json-2")
        case = opened(jobarium, now)
        tick(now)
        assert pages(case) == [("channel json-2", None, "sent", now)]
        assert list(Message.objects.filter(channel="chat").values_list("target", flat=True)) == ["1"]

    def test_a_rotation_of_the_system(self, jobarium: System, lead: User, agent: User, now: datetime) -> None:
        rotation(jobarium, "platform", agent)
        policy(jobarium, lead, "PT0S rotation platform")
        case = opened(jobarium, now)
        tick(now)
        assert pages(case) == [("platform", agent, "sent", now)]

    def test_one_that_is_not_there_is_passed_over_with_a_warning(
        self, jobarium: System, lead: User, chief: User, now: datetime
    ) -> None:
        policy(jobarium, lead, "PT0S channel slack\nPT5M rotation nobody-has\nPT15M ceo")
        case = opened(jobarium, now)
        tick(now)
        assert [(target, state) for target, _person, state, _at in pages(case)] == [
            ("channel slack", "skipped"),
            ("nobody-has", "skipped"),
            ("ceo", "sent"),
        ]
        said = AuditEntry.objects.filter(case_reference=case.reference, action="page.skipped")
        assert said.count() == 2

    def test_someone_who_left_is_passed_over(self, jobarium: System, lead: User, agent: User, now: datetime) -> None:
        policy(jobarium, lead, f"PT0S person {agent.email}\nPT15M cto")
        case = opened(jobarium, now)
        User.objects.filter(pk=agent.pk).update(is_active=False)
        tick(now)
        assert [(person, state) for _target, person, state, _at in pages(case)] == [(None, "skipped"), (lead, "sent")]

    def test_rounds_and_the_time_between_them(self, jobarium: System, lead: User, chief: User, now: datetime) -> None:
        policy(jobarium, lead, "PT0S primary\nPT5M secondary", repeat=2, every="PT10M")
        case = opened(jobarium, now)
        for minute in range(60):
            tick(now + minute * MINUTE)
        sent = [(at - now) / MINUTE for _target, _person, _state, at in pages(case)]
        assert sent == [0, 5, 15, 20, 30, 35]

    def test_a_case_under_way_keeps_the_policy_it_began_with(
        self, jobarium: System, lead: User, chief: User, agent: User, now: datetime
    ) -> None:
        case = opened(jobarium, now, "SEV-2")
        policy(jobarium, lead, f"PT0S person {agent.email}", key="SEV-2")
        tick(now)
        tick(now + 15 * MINUTE)
        assert [person for _target, person, _state, _at in pages(case)] == [lead, chief]

    def test_a_step_is_carried_out_once(self, jobarium: System, lead: User, now: datetime) -> None:
        case = fresh(opened(jobarium, now))
        found = [run_step(case.pk, generation=case.paging_generation, step=0, round_=0, at=now) for _time in range(3)]
        assert [page is not None for page in found] == [True, False, False]
        assert Page.objects.count() == 1


class TestHours:
    SATURDAY = datetime(2026, 3, 7, 11, tzinfo=UTC)
    MONDAY = datetime(2026, 3, 9, 9, tzinfo=UTC)

    def test_a_sunday_is_paged_on_monday_at_opening(self, jobarium: System, lead: User) -> None:
        """SC-23, INC-10."""
        policy(jobarium, lead, "PT0S primary", paging="business_hours")
        sunday = self.SATURDAY + timedelta(days=1)
        case = opened(jobarium, sunday)
        tick(sunday)
        tick(self.MONDAY - MINUTE)
        assert pages(case) == []
        tick(self.MONDAY)
        assert pages(case) == [("primary", lead, "sent", self.MONDAY)]

    def test_a_later_step_waits_for_the_opening_too(self, jobarium: System, lead: User, chief: User) -> None:
        policy(jobarium, lead, "PT0S primary\nPT15M secondary", paging="business_hours")
        friday = datetime(2026, 3, 6, 16, 50, tzinfo=UTC)
        case = opened(jobarium, friday)
        for moment in (friday, friday + 15 * MINUTE, self.SATURDAY, self.MONDAY):
            tick(moment)
        assert [(person, at) for _target, person, _state, at in pages(case)] == [(lead, friday), (chief, self.MONDAY)]

    def test_a_step_for_business_hours_is_passed_over_at_night(self, jobarium: System, lead: User, chief: User) -> None:
        policy(jobarium, lead, "PT0S secondary in business hours\nPT15M primary")
        case = opened(jobarium, self.SATURDAY)
        tick(self.SATURDAY)
        assert [(person, state, at) for _target, person, state, at in pages(case)] == [
            (None, "skipped", self.SATURDAY),
            (lead, "sent", self.SATURDAY),
        ]


class TestHolds:
    @pytest.fixture
    def maintenance(self, now: datetime) -> Iterator[datetime]:
        """Nobody is paged for the first hour."""
        end = now + HOUR

        def hold(incident: Incident, at: datetime) -> datetime | None:
            return end

        holds.register(hold)
        yield end
        holds._holds.remove(hold)

    def test_what_still_waits_at_the_end_begins_with_the_first_step(
        self, jobarium: System, lead: User, chief: User, now: datetime, maintenance: datetime
    ) -> None:
        case = opened(jobarium, now, "SEV-2")
        for minute in (0, 15, 59):
            tick(now + minute * MINUTE)
        assert pages(case) == []
        tick(maintenance)
        assert [(person, at) for _target, person, _state, at in pages(case)] == [(lead, maintenance)]

    def test_what_is_over_by_then_pages_nobody(
        self, jobarium: System, lead: User, now: datetime, maintenance: datetime
    ) -> None:
        case = opened(jobarium, now, "SEV-2")
        tick(now)
        with clock.at(now + 30 * MINUTE):
            apply(fresh(case), "resolve", actor=lead)
        tick(maintenance)
        assert pages(case) == []


class TestExpiry:
    @pytest.fixture
    def case(self, jobarium: System, lead: User, chief: User, now: datetime) -> Incident:
        """The CTO has it, and an acknowledgement lasts four hours."""
        policy(jobarium, lead, "PT0S primary\nPT15M secondary", lasts="PT4H")
        case = opened(jobarium, now)
        tick(now)
        with clock.at(now + MINUTE):
            acknowledge(case, actor=lead, at=now + MINUTE)
        return fresh(case)

    def reasons(self) -> list[str]:
        return list(Page.objects.order_by("pk").values_list("reason", flat=True))

    def test_without_any_work_paging_begins_anew(self, case: Incident, lead: User, chief: User, now: datetime) -> None:
        tick(now + 4 * HOUR)
        assert self.reasons() == ["opened"]
        tick(now + 4 * HOUR + 2 * MINUTE)
        assert self.reasons() == ["opened", "expired"]
        tick(now + 4 * HOUR + 17 * MINUTE)
        assert [page.person for page in Page.objects.order_by("pk")] == [lead, lead, chief]

    def test_work_renews_it(self, case: Incident, lead: User, now: datetime) -> None:
        with clock.at(now + 3 * HOUR):
            apply(fresh(case), "triage", actor=lead, severity=case.severity, scope="all")
        tick(now + 4 * HOUR + 2 * MINUTE)
        assert self.reasons() == ["opened"]
        tick(now + 7 * HOUR + 2 * MINUTE)
        assert self.reasons() == ["opened", "expired"]

    def test_a_word_renews_it(self, case: Incident, lead: User, now: datetime) -> None:
        renew(case, actor=lead, at=now + 3 * HOUR)
        tick(now + 4 * HOUR + 2 * MINUTE)
        assert self.reasons() == ["opened"]

    def test_only_of_whoever_has_it(self, case: Incident, chief: User, now: datetime) -> None:
        with pytest.raises(Refused):
            renew(case, actor=chief, at=now + HOUR)

    def test_taking_it_again_keeps_the_first_moment_and_stops_paging(
        self, case: Incident, chief: User, now: datetime
    ) -> None:
        tick(now + 4 * HOUR + 2 * MINUTE)
        with clock.at(now + 4 * HOUR + 5 * MINUTE):
            apply(fresh(case), "acknowledge", actor=chief)
        row = fresh(case)
        assert (row.acknowledged_at, row.acknowledged_by, row.acknowledgement_expired) == (now + MINUTE, chief, False)
        tick(now + 4 * HOUR + 17 * MINUTE)
        assert self.reasons() == ["opened", "expired"]

    @pytest.mark.parametrize("step", ["impact_over", "resolve"])
    def test_what_is_over_expires_no_more(self, case: Incident, lead: User, now: datetime, step: str) -> None:
        with clock.at(now + HOUR):
            apply(fresh(case), step, actor=lead)
        tick(now + 6 * HOUR)
        assert self.reasons() == ["opened"]

    def test_without_the_policy_it_lasts(self, jobarium: System, lead: User, now: datetime) -> None:
        case = opened(jobarium, now)
        with clock.at(now + MINUTE):
            acknowledge(case, actor=lead, at=now + MINUTE)
        tick(now + 72 * HOUR)
        assert not fresh(case).acknowledgement_expired
        assert not case.paging_plan.get("lasts")


class TestWorth:
    @pytest.fixture
    def page(self, jobarium: System, lead: User, chief: User, now: datetime) -> Page:
        opened(jobarium, now)
        tick(now)
        return Page.objects.get()

    def test_the_person_called_says_so_once(self, page: Page, lead: User, now: datetime) -> None:
        for minute in (1, 2):
            judge(page, worth_it=False, actor=lead, at=now + minute * MINUTE)
        assert (page.worth_it, page.judged_at) == (False, now + MINUTE)
        assert AuditEntry.objects.filter(action="page.judged").count() == 1

    def test_others_do_not(self, page: Page, agent: User, stranger: User, now: datetime) -> None:
        for actor in (agent, stranger):
            with pytest.raises(PermissionDenied):
                judge(page, worth_it=False, actor=actor, at=now)

    def test_by_the_link_of_the_page(self, page: Page, lead: User, now: datetime) -> None:
        message = Message.objects.get(purpose="page", channel="email")
        path = message.text[message.text.index("/a/") :].split()[0]
        with clock.at(now + MINUTE):
            Client().post(path, {"act": "have"})
            Client().post(path, {"act": "confirm"})
            assert b"not worth it" in Client().get(path).content
            assert Client().post(path, {"act": "not_worth"}).status_code == 302
        assert Page.objects.get(pk=page.pk).worth_it is False

    def test_in_the_page_log(self, page: Page, lead: User, settings: Any) -> None:
        settings.STAFF_NEEDS_SECOND_FACTOR = False
        client = Client()
        client.force_login(lead)
        client.post(reverse("admin:incidents_page_act", args=[page.pk, "not_worth"]), {})
        assert Page.objects.get(pk=page.pk).worth_it is False


class TestEditing:
    LINES = "PT0S primary\nPT10M secondary in business hours\nPT20M channel slack"

    def test_what_is_kept_reads_as_it_was_written(self, jobarium: System, lead: User, agent: User) -> None:
        lines = f"{self.LINES}\nPT30M person {agent.email}\nPT40M rotation weekly"
        policy(jobarium, lead, lines, repeat=3, every="PT30M", lasts="PT4H")
        row = level(jobarium, "SEV-1")
        assert (as_lines(row), row.paging_repeat, row.paging_every, row.paging_lasts) == (lines, 3, "PT30M", "PT4H")
        assert agent.email not in str(row.paging_steps)

    @pytest.mark.parametrize(
        ("lines", "why"),
        [
            ("", "at least one"),
            ("PT5M primary", "at once"),
            ("PT0S primary\nPT0S secondary", "later than"),
            ("PT0S nobody-such", "neither"),
            ("PT0S person x@y.example", "nobody at the desk"),
            ("soon primary", "duration"),
            ("PT0S", "PT15M secondary"),
            ("PT0S team one two", "PT15M secondary"),
        ],
    )
    def test_what_cannot_be_is_refused_by_line(self, jobarium: System, lead: User, lines: str, why: str) -> None:
        before = as_lines(level(jobarium, "SEV-1"))
        with pytest.raises(ValidationError) as refusal:
            policy(jobarium, lead, lines)
        assert why in str(refusal.value.message_dict["steps"])
        assert as_lines(level(jobarium, "SEV-1")) == before

    @pytest.mark.parametrize(("field", "value"), [("every", "often"), ("lasts", "-PT1H"), ("repeat", 25)])
    def test_so_are_its_figures(self, jobarium: System, lead: User, field: str, value: Any) -> None:
        with pytest.raises(ValidationError) as refusal:
            policy(jobarium, lead, "PT0S primary", **{field: value})
        assert field in refusal.value.message_dict

    def test_by_leads_alone(self, jobarium: System, agent: User) -> None:
        with pytest.raises(PermissionDenied):
            policy(jobarium, agent, "PT0S primary")

    def test_on_its_page(self, jobarium: System, lead: User, settings: Any) -> None:
        settings.STAFF_NEEDS_SECOND_FACTOR = False
        client = Client()
        client.force_login(lead)
        url = reverse("admin:incidents_severity_act", args=[level(jobarium, "SEV-2").pk, "policy"])
        assert b"PT15M secondary" in client.get(url).content
        data = {"paging": "always", "steps": "PT0S cto", "repeat": "0", "every": "PT15M", "lasts": ""}
        assert client.post(url, data).status_code == 302
        assert as_lines(level(jobarium, "SEV-2")) == "PT0S cto"
        assert AuditEntry.objects.filter(action="severity.paging_changed").count() == 1


class TestFile:
    def test_what_is_exported_loads_to_the_same_rows(
        self, jobarium: System, lead: User, agent: User, now: datetime, tmp_path: Any
    ) -> None:
        policy(jobarium, lead, f"PT0S primary\nPT10M person {agent.email} in business hours", repeat=1, lasts="PT4H")
        said = PAGING.export(jobarium)
        assert said is not None
        whole = yaml.safe_load(RUNBOOK.read_text())
        whole["paging"] = PAGING.dump(said)
        file = tmp_path / "jobarium.yaml"
        file.write_text(yaml.safe_dump(whole, sort_keys=False))
        before = list(jobarium.severities.order_by("pk").values())
        load([file], at=now)
        assert list(jobarium.severities.order_by("pk").values()) == before

    @pytest.mark.parametrize(
        ("step", "why"),
        [
            ({"after": "PT0S"}, "exactly one"),
            ({"after": "PT0S", "to": "primary", "channel": "slack"}, "exactly one"),
            ({"after": "PT0S", "person": "nobody@mail.example"}, "nobody at the desk"),
            ({"after": "PT0S", "rotation": "no-such"}, "no-such"),
            ({"after": "PT0S", "to": "primary", "hours": "sometimes"}, "hours"),
            ({"after": "PT0S", "to": "primary", "loud": True}, "loud"),
        ],
    )
    def test_a_bad_step_refuses_the_file_by_line_and_changes_nothing(
        self, jobarium: System, now: datetime, tmp_path: Any, step: dict[str, Any], why: str
    ) -> None:
        whole = yaml.safe_load(RUNBOOK.read_text())
        whole["paging"]["policies"][0]["steps"] = [step]
        file = tmp_path / "jobarium.yaml"
        file.write_text(yaml.safe_dump(whole, sort_keys=False))
        before = list(jobarium.severities.order_by("pk").values())
        with pytest.raises(RunbookRefused) as refusal:
            load([file], at=now)
        assert why in str(refusal.value)
        assert re.search(r"jobarium\.yaml:\d+", str(refusal.value))
        assert list(jobarium.severities.order_by("pk").values()) == before


class TestNightOfTheSentinel:
    """SC-23: page at once, a miss after five minutes, the second person after fifteen."""

    def test_from_the_page_to_the_second_person(self, jobarium: System, lead: User, chief: User, now: datetime) -> None:
        policy(jobarium, lead, "PT0S primary\nPT15M secondary")
        jobarium.severities.filter(key="SEV-1").update(acknowledge="PT5M")
        case = opened(jobarium, now)
        for minute in (0, 5, 6, 14, 15, 16):
            tick(now + minute * MINUTE)
        assert [(person, at - now) for _target, person, _state, at in pages(case)] == [
            (lead, 0 * MINUTE),
            (chief, 15 * MINUTE),
        ]
        clock_ = Deadline.objects.of(case).get(kind="acknowledge")
        assert (clock_.due_at, clock_.breached_at) == (now + 5 * MINUTE, now + 6 * MINUTE)


@pytest.mark.django_db(transaction=True)
class TestParallel:
    def test_two_senders_make_one_message_of_what_waits(self, jobarium: System, lead: User, chief: User) -> None:
        moment = clock.now()
        cases = [opened(jobarium, moment, "SEV-2") for _number in range(2)]
        for case in cases:
            run_step(case.pk, generation=1, step=0, round_=0, at=moment)
        gate = threading.Barrier(2)

        def send(call_id: int) -> None:
            gate.wait(30)
            carry_out(call_id, at=moment)
            connections.close_all()

        threads = [threading.Thread(target=send, args=[pk]) for pk in Call.objects.values_list("pk", flat=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert Message.objects.filter(purpose="page", channel="email").count() == 1
        assert set(Call.objects.values_list("state", flat=True)) == {"sent"}
