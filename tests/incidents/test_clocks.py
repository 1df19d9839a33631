"""The clocks of an incident: what moves them, what meets them, and what the desk does when one ran out."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError

from config.casework import clock
from config.casework.access.models import User
from config.casework.approvals.services import current_approval
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.models import Calendar, System
from config.casework.deadlines import services as deadlines
from config.casework.deadlines.models import Deadline
from config.casework.events import DeadlineWarned, subscribe
from config.casework.transitions import Refused, apply
from config.casework.work.services import tick
from incidents.choices import Clock
from incidents.communications.services import send
from incidents.models import Incident, JointDecision, ReleaseWindow
from incidents.reviews.services import decide
from incidents.services import apply_mitigation, open_incident
from incidents.severity.models import Severity
from incidents.transitions import JOINT_DECISION
from tests.incidents.conftest import level, template

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def opened(system: System, key: str, at: datetime) -> Incident:
    return open_incident(system, title="Trouble", actor=None, at=at, severity=level(system, key) if key else None)


def running(incident: Incident, kind: str) -> Deadline:
    return Deadline.objects.open().of(incident).get(kind=kind)


def judged(incident: Incident, key: str, lead: User, at: datetime) -> Incident:
    """Triage or reclassify, whichever it is time for."""
    row = Incident.objects.get(pk=incident.pk)
    with clock.at(at):
        return apply(
            row,
            "triage" if row.state == "detected" else "reclassify",
            actor=lead,
            severity=level(row.system, key),
            scope="candidates",
        )


class TestPromisesOfTheLevels:
    @pytest.mark.parametrize(
        ("key", "acknowledge", "mitigate"),
        [("SEV-1", 15 * MINUTE, 2 * HOUR), ("SEV-2", HOUR, 8 * HOUR), ("", HOUR, 8 * HOUR)],
    )
    def test_each_has_its_own_and_an_unjudged_one_runs_as_sev_2(
        self, jobarium: System, now: datetime, key: str, acknowledge: timedelta, mitigate: timedelta
    ) -> None:
        incident = opened(jobarium, key, now)
        assert (running(incident, Clock.ACKNOWLEDGE).due_at, running(incident, Clock.MITIGATE).due_at) == (
            now + acknowledge,
            now + mitigate,
        )

    def test_an_unjudged_one_without_an_untriaged_level_has_no_clocks(self, jobarium: System, now: datetime) -> None:
        Severity.objects.filter(system=jobarium).update(is_untriaged=False)
        assert not Deadline.objects.of(opened(jobarium, "", now)).exists()

    def test_the_nearest_clock_stands_on_the_case(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = opened(jobarium, "SEV-1", now)
        assert (incident.next_due_at, incident.next_due_kind) == (now + 15 * MINUTE, Clock.ACKNOWLEDGE)
        with clock.at(now + MINUTE):
            apply(incident, "acknowledge", actor=lead)
        assert incident.next_due_kind == Clock.UPDATE

    def test_a_case_knows_its_clocks_when_it_is_closed(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = judged(opened(jobarium, "SEV-3", now), "SEV-3", lead, now)
        with clock.at(now + MINUTE):
            apply(incident, "resolve", actor=lead)
            apply(
                incident,
                "close",
                actor=lead,
                cause="A codec",
                fix_reference="r1",
                no_communication_reason="Nobody noticed.",
            )
        assert (incident.next_due_at, incident.next_due_kind) == (None, "")
        assert not Deadline.objects.open().of(incident).exists()


class TestChangeOfSeverity:
    def test_it_counts_from_the_detection(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = opened(jobarium, "SEV-2", now)
        judged(incident, "SEV-1", lead, now + 10 * MINUTE)
        assert (running(incident, Clock.ACKNOWLEDGE).due_at, running(incident, Clock.MITIGATE).due_at) == (
            now + 15 * MINUTE,
            now + 2 * HOUR,
        )

    def test_moved_into_the_past_it_is_missed_at_once(
        self, jobarium: System, lead: User, chief: User, now: datetime
    ) -> None:
        incident = opened(jobarium, "SEV-2", now)
        tick(now + 30 * MINUTE)
        judged(incident, "SEV-1", lead, now + 30 * MINUTE)
        tick(now + 30 * MINUTE)
        assert running(incident, Clock.ACKNOWLEDGE).breached_at == now + 30 * MINUTE
        assert incident.escalations.get().person == lead
        assert current_approval(incident, JOINT_DECISION) is not None

    def test_pauses_are_carried_over(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = opened(jobarium, "SEV-2", now)
        deadlines.pause(incident, at=now + 10 * MINUTE, kinds=[Clock.MITIGATE])
        deadlines.resume(incident, at=now + 40 * MINUTE, kinds=[Clock.MITIGATE])
        assert running(incident, Clock.MITIGATE).due_at == now + 8 * HOUR + 30 * MINUTE
        judged(incident, "SEV-1", lead, now + HOUR)
        assert running(incident, Clock.MITIGATE).due_at == now + 2 * HOUR + 30 * MINUTE

    def test_also_over_a_level_that_waits_for_a_release(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = opened(jobarium, "SEV-2", now)
        deadlines.pause(incident, at=now + 10 * MINUTE, kinds=[Clock.MITIGATE])
        deadlines.resume(incident, at=now + 40 * MINUTE, kinds=[Clock.MITIGATE])
        for minute, key in ((60, "SEV-3"), (61, "SEV-2")):
            judged(incident, key, lead, now + minute * MINUTE)
        assert running(incident, Clock.MITIGATE).due_at == now + 8 * HOUR + 30 * MINUTE

    def test_a_milder_level_takes_an_old_miss_back_and_may_be_missed_anew(
        self, jobarium: System, lead: User, chief: User, now: datetime
    ) -> None:
        incident = opened(jobarium, "SEV-1", now)
        tick(now + 15 * MINUTE + timedelta(seconds=30))
        assert [row.person for row in incident.escalations.all()] == [lead]
        judged(incident, "SEV-2", lead, now + 16 * MINUTE)
        tick(now + 17 * MINUTE)
        assert running(incident, Clock.ACKNOWLEDGE).breached_at is None
        assert incident.escalations.count() == 1  # the second step was for a miss that is none any more
        for minute in (61, 62):
            tick(now + minute * MINUTE)
        assert [row.person for row in incident.escalations.order_by("order")] == [lead, chief]

    def test_a_level_without_a_promise_ends_the_clock(self, jobarium: System, lead: User, now: datetime) -> None:
        Severity.objects.filter(system=jobarium, key="SEV-3").update(acknowledge="", update_every="")
        incident = opened(jobarium, "SEV-2", now)
        judged(incident, "SEV-3", lead, now + MINUTE)
        assert set(Deadline.objects.open().of(incident).values_list("kind", flat=True)) == {Clock.MITIGATE}

    def test_what_was_acknowledged_is_not_asked_for_again(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = opened(jobarium, "SEV-2", now)
        with clock.at(now + MINUTE):
            apply(incident, "acknowledge", actor=lead)
        judged(incident, "SEV-1", lead, now + 2 * MINUTE)
        assert not Deadline.objects.open().of(incident).filter(kind=Clock.ACKNOWLEDGE).exists()

    def test_a_promised_update_stays_promised(self, jobarium: System, lead: User, chief: User, now: datetime) -> None:
        incident = judged(opened(jobarium, "SEV-1", now), "SEV-1", lead, now)
        send(
            incident,
            template(jobarium, "internal_update"),
            actor=lead,
            at=now + MINUTE,
            values=dict.fromkeys(
                ("reference", "system", "severity", "impact", "mitigation", "owner", "next_update", "channel"), "x"
            ),
            recipients=[],
            next_update_at=now + 20 * MINUTE,
        )
        judged(incident, "SEV-2", lead, now + 2 * MINUTE)
        assert running(incident, Clock.UPDATE).due_at == now + 20 * MINUTE

    def test_after_the_resolve_nothing_starts_again(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = opened(jobarium, "SEV-3", now)
        with clock.at(now + MINUTE):
            apply(incident, "resolve", actor=lead)
            apply(incident, "reclassify", actor=lead, severity=level(jobarium, "SEV-1"), scope="all")
        assert set(Deadline.objects.open().of(incident).values_list("kind", flat=True)) == {Clock.PAPERWORK}

    def test_a_reopened_case_counts_from_its_return(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = opened(jobarium, "SEV-2", now)
        with clock.at(now + HOUR):
            apply(incident, "resolve", actor=lead)
        with clock.at(now + 10 * HOUR):
            apply(incident, "reopen", actor=lead)
        judged(incident, "SEV-1", lead, now + 10 * HOUR + MINUTE)
        assert running(incident, Clock.ACKNOWLEDGE).due_at == now + 10 * HOUR + 15 * MINUTE

    def test_a_milder_level_pages_nobody_twice_and_goes_on_with_the_next(
        self, jobarium: System, lead: User, chief: User, now: datetime
    ) -> None:
        incident = opened(jobarium, "SEV-1", now)
        tick(now)
        judged(incident, "SEV-2", lead, now + 5 * MINUTE)
        tick(now + 5 * MINUTE)
        assert [page.person for page in incident.pages.all()] == [lead]
        tick(now + 15 * MINUTE)
        assert [page.person for page in incident.pages.all()] == [lead, chief]


class TestWarning:
    @pytest.mark.parametrize(("warn", "minute"), [(0.8, 48), (0.5, 30)])
    def test_it_comes_at_the_share_the_level_names(
        self, jobarium: System, now: datetime, warn: float, minute: int
    ) -> None:
        Severity.objects.filter(system=jobarium, key="SEV-2").update(warn=warn)
        incident = opened(jobarium, "SEV-2", now)
        assert running(incident, Clock.ACKNOWLEDGE).warn_at == now + minute * MINUTE
        tick(now + minute * MINUTE - timedelta(seconds=1))
        assert running(incident, Clock.ACKNOWLEDGE).warned_at is None
        tick(now + minute * MINUTE)
        assert running(incident, Clock.ACKNOWLEDGE).warned_at == now + minute * MINUTE

    def test_it_follows_a_change_of_severity(self, jobarium: System, lead: User, now: datetime) -> None:
        Severity.objects.filter(system=jobarium, key="SEV-1").update(warn=0.6)
        incident = opened(jobarium, "SEV-2", now)
        judged(incident, "SEV-1", lead, now + MINUTE)
        assert running(incident, Clock.ACKNOWLEDGE).warn_at == now + 9 * MINUTE

    def test_it_is_given_once(self, jobarium: System, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
        heard: list[DeadlineWarned] = []
        monkeypatch.setattr("config.casework.events._signals", {})
        subscribe(DeadlineWarned, heard.append)
        opened(jobarium, "SEV-1", now)
        for minute in (12, 13, 14):
            tick(now + minute * MINUTE)
        assert [event.deadline.kind for event in heard] == [Clock.ACKNOWLEDGE]

    def test_of_a_business_day_it_comes_in_open_hours(self, jobarium: System) -> None:
        incident = opened(jobarium, "SEV-3", datetime(2026, 3, 6, 15, tzinfo=UTC))  # Friday, 8 h open time: 6.4 h later
        assert running(incident, Clock.ACKNOWLEDGE).warn_at == datetime(2026, 3, 9, 13, 24, tzinfo=UTC)


class TestReleaseWindow:
    """SEV-3 is fixed with the next release (INC-08)."""

    def window(self, system: System, name: str, start: datetime) -> ReleaseWindow:
        return ReleaseWindow.objects.create(system=system, name=name, starts_at=start, ends_at=start + 2 * HOUR)

    def test_the_next_one_is_the_date(self, jobarium: System, now: datetime) -> None:
        self.window(jobarium, "Over", now - DAY)
        self.window(jobarium, "April", now + 30 * DAY)
        self.window(jobarium, "March", now + 3 * DAY)
        row = running(opened(jobarium, "SEV-3", now), Clock.MITIGATE)
        assert (row.due_at, row.steps[0]["rule"]) == (now + 3 * DAY + 2 * HOUR, "release window March")

    def test_without_one_it_says_so(self, jobarium: System, now: datetime) -> None:
        row = running(opened(jobarium, "SEV-3", now), Clock.MITIGATE)
        assert (row.due_at, row.steps[0]["rule"]) == (None, "no release window is planned")
        tick(now + 40 * DAY)
        row.refresh_from_db()
        assert row.breached_at is None

    def test_one_planned_later_becomes_the_date(self, jobarium: System, now: datetime) -> None:
        incident = opened(jobarium, "SEV-3", now)
        tick(now)
        self.window(jobarium, "March", now + 3 * DAY)
        tick(now + MINUTE)
        row = running(incident, Clock.MITIGATE)
        assert (row.due_at, row.steps[0]["rule"]) == (now + 3 * DAY + 2 * HOUR, "release window March")
        tick(now + 3 * DAY + 2 * HOUR + MINUTE)
        row.refresh_from_db()
        assert row.breached_at is not None

    def test_one_that_is_moved_or_called_off_moves_the_date(self, jobarium: System, now: datetime) -> None:
        window = self.window(jobarium, "March", now + 3 * DAY)
        incident = opened(jobarium, "SEV-3", now)
        ReleaseWindow.objects.filter(pk=window.pk).update(ends_at=now + 5 * DAY)
        tick(now + MINUTE)
        assert running(incident, Clock.MITIGATE).due_at == now + 5 * DAY
        window.delete()
        tick(now + 2 * MINUTE)
        assert running(incident, Clock.MITIGATE).due_at is None

    def test_another_systems_window_does_not_count(self, jobarium: System, now: datetime) -> None:
        self.window(System.objects.create(key="other", name="Other"), "March", now + DAY)
        assert running(opened(jobarium, "SEV-3", now), Clock.MITIGATE).due_at is None


class TestTrueTimes:
    def test_impact_that_ended_in_time_was_no_miss_though_recorded_late(
        self, jobarium: System, lead: User, now: datetime
    ) -> None:
        incident = opened(jobarium, "SEV-1", now)
        with clock.at(now + 3 * HOUR):
            apply(incident, "impact_over", actor=lead, at=now + HOUR)
        row = Deadline.objects.of(incident).get(kind=Clock.MITIGATE)
        assert (row.met_at, row.is_late(now + 3 * HOUR), row.breached_at) == (now + HOUR, False, None)

    def test_recorded_after_the_resolve_it_still_counts(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = opened(jobarium, "SEV-1", now)
        with clock.at(now + 3 * HOUR):
            apply(incident, "resolve", actor=lead)
        assert Deadline.objects.of(incident).get(kind=Clock.MITIGATE).is_late(now + 3 * HOUR)
        with clock.at(now + 4 * HOUR):
            apply(incident, "impact_over", actor=lead, at=now + HOUR)
        row = Deadline.objects.of(incident).get(kind=Clock.MITIGATE)
        assert (row.met_at, row.is_late(now + 4 * HOUR)) == (now + HOUR, False)
        assert (incident.state, incident.impact_over_at) == ("resolved", now + HOUR)

    def test_the_first_of_measure_and_end_meets_the_clock(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = judged(opened(jobarium, "SEV-2", now), "SEV-2", lead, now)
        with clock.at(now + HOUR):
            apply(incident, "stabilize", actor=lead, no_mitigation_reason="It healed by itself.")
            apply(incident, "impact_over", actor=lead)
        with clock.at(now + 2 * HOUR):
            apply(incident, "impact_over", actor=lead)
        assert Deadline.objects.of(incident).get(kind=Clock.MITIGATE).met_at == now + HOUR

    def test_too_late_is_a_miss_though_no_sweep_saw_it(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = opened(jobarium, "SEV-1", now)
        with clock.at(now + 16 * MINUTE):
            apply(incident, "acknowledge", actor=lead)
        assert Deadline.objects.of(incident).get(kind=Clock.ACKNOWLEDGE).breached_at == now + 16 * MINUTE
        assert current_approval(incident, JOINT_DECISION) is not None
        tick(now + 17 * MINUTE)
        assert AuditEntry.objects.filter(case_reference=incident.reference, action="clock.missed").count() == 1
        assert not incident.escalations.exists()  # it was acknowledged: nobody needs to be woken

    def test_exactly_on_time_is_no_miss(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = opened(jobarium, "SEV-1", now)
        with clock.at(now + 15 * MINUTE):
            apply(incident, "acknowledge", actor=lead)
        assert current_approval(incident, JOINT_DECISION) is None

    def test_a_paused_clock_is_not_missed(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = opened(jobarium, "SEV-1", now)
        deadlines.pause(incident, at=now + MINUTE, kinds=[Clock.ACKNOWLEDGE])
        with clock.at(now + HOUR):
            apply(incident, "acknowledge", actor=lead)
        assert current_approval(incident, JOINT_DECISION) is None

    @pytest.mark.parametrize("step", ["acknowledge", "impact_over", "resolve"])
    def test_nothing_happened_before_it_began_or_in_the_future(
        self, jobarium: System, lead: User, now: datetime, step: str
    ) -> None:
        incident = opened(jobarium, "SEV-1", now)
        with clock.at(now + HOUR):
            with pytest.raises(Refused):
                apply(incident, step, actor=lead, at=now - MINUTE)
            with pytest.raises(ValidationError):
                apply(incident, step, actor=lead, at=now + 2 * HOUR)


class TestMeasures:
    def test_a_temporary_one_starts_a_clock_and_taking_it_back_meets_it(
        self, jobarium: System, lead: User, now: datetime
    ) -> None:
        incident = opened(jobarium, "SEV-2", now)
        measure = apply_mitigation(
            incident, actor=lead, text="Longer sessions", at=now, temporary=True, expires_at=now + 6 * HOUR
        )
        other = apply_mitigation(
            incident, actor=lead, text="Softer checks", at=now, temporary=True, expires_at=now + 7 * HOUR
        )
        rows = Deadline.objects.open().of(incident).filter(kind=Clock.REVERT)
        assert {(row.about, row.due_at) for row in rows} == {(measure, now + 6 * HOUR), (other, now + 7 * HOUR)}
        with clock.at(now + HOUR):
            apply(measure, "revert", actor=lead, effect="Nobody was signed out.")
        assert [row.about for row in Deadline.objects.open().of(incident).filter(kind=Clock.REVERT)] == [other]
        assert Deadline.objects.of(incident).get(kind=Clock.REVERT, met_at__isnull=False).met_at == now + HOUR

    def test_past_its_end_it_is_late_and_no_promise_is_missed(
        self, jobarium: System, lead: User, now: datetime
    ) -> None:
        incident = opened(jobarium, "SEV-3", now)
        apply_mitigation(incident, actor=lead, text="Longer sessions", at=now, temporary=True, expires_at=now + HOUR)
        tick(now + HOUR + MINUTE)
        assert running(incident, Clock.REVERT).breached_at is not None
        assert (
            incident.mitigations.overdue(now + HOUR + MINUTE).count(),
            current_approval(incident, JOINT_DECISION),
        ) == (1, None)

    @pytest.mark.parametrize(
        ("fields", "wrong"),
        [
            ({"temporary": True}, "expires_at"),
            ({"temporary": True, "expires_at": -1}, "__all__"),
            ({"temporary": False, "expires_at": 1}, "__all__"),
        ],
    )
    def test_an_end_is_demanded_of_a_temporary_one_only(
        self, jobarium: System, lead: User, now: datetime, fields: dict[str, Any], wrong: str
    ) -> None:
        if "expires_at" in fields:
            fields = fields | {"expires_at": now + fields["expires_at"] * HOUR}
        with pytest.raises(ValidationError) as refusal:
            apply_mitigation(opened(jobarium, "SEV-2", now), actor=lead, text="Longer sessions", at=now, **fields)
        assert wrong in refusal.value.message_dict

    def test_resolving_leaves_it_to_be_taken_back(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = opened(jobarium, "SEV-2", now)
        apply_mitigation(incident, actor=lead, text="Longer sessions", at=now, temporary=True, expires_at=now + HOUR)
        with clock.at(now + MINUTE):
            apply(incident, "resolve", actor=lead)
        assert running(incident, Clock.REVERT).due_at == now + HOUR


class TestPaperwork:
    """What the record lacks falls due at local noon of the next business day."""

    @pytest.fixture
    def berlin(self, jobarium: System) -> System:
        hours = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}
        jobarium.calendar = Calendar.objects.create(
            key="berlin", name="Berlin", zone="Europe/Berlin", hours=hours, holidays="DE-BE"
        )
        jobarium.save()
        return jobarium

    @pytest.mark.parametrize(
        ("resolved", "due"),
        [
            (datetime(2026, 3, 11, 5, 12, tzinfo=UTC), datetime(2026, 3, 12, 11, tzinfo=UTC)),  # Wednesday, winter time
            (
                datetime(2026, 3, 27, 16, tzinfo=UTC),
                datetime(2026, 3, 30, 10, tzinfo=UTC),
            ),  # over the weekend of the spring change
            (
                datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
                datetime(2026, 3, 30, 10, tzinfo=UTC),
            ),  # in the night of the change
            (
                datetime(2026, 10, 23, 16, tzinfo=UTC),
                datetime(2026, 10, 26, 11, tzinfo=UTC),
            ),  # over the weekend of the autumn change
            (
                datetime(2026, 4, 2, 10, tzinfo=UTC),
                datetime(2026, 4, 7, 10, tzinfo=UTC),
            ),  # Good Friday and Easter Monday
            (
                datetime(2026, 3, 10, 23, 30, tzinfo=UTC),
                datetime(2026, 3, 12, 11, tzinfo=UTC),
            ),  # already Wednesday in Berlin
        ],
    )
    def test_it_is_noon_in_the_calendar_of_the_system(
        self, berlin: System, lead: User, resolved: datetime, due: datetime
    ) -> None:
        incident = opened(berlin, "SEV-2", resolved - HOUR)
        with clock.at(resolved):
            apply(incident, "resolve", actor=lead)
        assert running(incident, Clock.PAPERWORK).due_at == due

    def test_a_reopened_case_has_none(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = opened(jobarium, "SEV-2", now)
        with clock.at(now + HOUR):
            apply(incident, "resolve", actor=lead)
            apply(incident, "reopen", actor=lead)
        assert not Deadline.objects.open().of(incident).filter(kind=Clock.PAPERWORK).exists()

    def test_a_late_one_is_no_missed_promise(self, jobarium: System, lead: User, now: datetime) -> None:
        incident = opened(jobarium, "SEV-2", now)
        with clock.at(now + MINUTE):
            apply(incident, "resolve", actor=lead)
        mail.outbox.clear()
        tick(now + 3 * DAY)
        assert running(incident, Clock.PAPERWORK).breached_at is not None
        assert (mail.outbox, current_approval(incident, JOINT_DECISION)) == ([], None)


class TestUpdates:
    def test_an_overdue_one_reminds_whoever_speaks_for_us_once(
        self, jobarium: System, lead: User, chief: User, now: datetime
    ) -> None:
        incident = opened(jobarium, "SEV-2", now)
        with clock.at(now + MINUTE):
            apply(incident, "acknowledge", actor=lead)
        mail.outbox.clear()
        for minute in (121, 122, 130):
            tick(now + minute * MINUTE)
        assert [(sent.to[0].count(chief.email), "overdue" in sent.subject) for sent in mail.outbox] == [(1, True)]


class TestWarnings:
    """80 % of a promise: a quiet word to the owner, once."""

    def told(self) -> list[str]:
        return [str(sent.subject) for sent in mail.outbox if "Soon due" in sent.subject]

    def test_the_owner_is_told_once(self, jobarium: System, lead: User, chief: User, now: datetime) -> None:
        opened(jobarium, "SEV-1", now)
        tick(now + 11 * MINUTE)
        assert self.told() == []
        for minute in (12, 13, 14):
            tick(now + minute * MINUTE)
        assert len(self.told()) == 1
        assert [lead.email in sent.to[0] for sent in mail.outbox if "Soon due" in sent.subject] == [True]

    def test_what_was_met_warns_nobody(self, jobarium: System, lead: User, chief: User, now: datetime) -> None:
        incident = opened(jobarium, "SEV-1", now)
        with clock.at(now + MINUTE):
            apply(incident, "acknowledge", actor=lead)
        tick(now + 13 * MINUTE)
        assert self.told() == []


class TestAnEarlierTrueTime:
    """A miss that turns out to be none: the mark goes, and the question for a joint decision with it."""

    def missed(self, system: System, now: datetime) -> Incident:
        incident = opened(system, "SEV-1", now)
        tick(now + 16 * MINUTE)
        assert current_approval(incident, JOINT_DECISION) is not None
        return incident

    def test_acknowledged_in_time_after_all(self, jobarium: System, lead: User, chief: User, now: datetime) -> None:
        incident = self.missed(jobarium, now)
        with clock.at(now + 20 * MINUTE):
            apply(incident, "acknowledge", actor=lead, at=now + 10 * MINUTE)
        row = Deadline.objects.of(incident).get(kind=Clock.ACKNOWLEDGE)
        assert (row.met_at, row.breached_at) == (now + 10 * MINUTE, None)
        assert current_approval(incident, JOINT_DECISION) is None
        assert not JointDecision.objects.filter(incident=incident).exists()
        tick(now + 25 * MINUTE)
        assert Deadline.objects.of(incident).get(kind=Clock.ACKNOWLEDGE).breached_at is None

    def test_a_late_one_stays_missed(self, jobarium: System, lead: User, chief: User, now: datetime) -> None:
        incident = self.missed(jobarium, now)
        with clock.at(now + 20 * MINUTE):
            apply(incident, "acknowledge", actor=lead, at=now + 15.5 * MINUTE)
        assert Deadline.objects.of(incident).get(kind=Clock.ACKNOWLEDGE).breached_at is not None
        assert current_approval(incident, JOINT_DECISION) is not None

    def test_the_impact_was_over_in_time_after_all(
        self, jobarium: System, lead: User, chief: User, now: datetime
    ) -> None:
        incident = opened(jobarium, "SEV-1", now)
        with clock.at(now + MINUTE):
            apply(incident, "acknowledge", actor=lead)
        tick(now + 3 * HOUR)
        with clock.at(now + 4 * HOUR):
            apply(incident, "resolve", actor=lead)
            assert current_approval(incident, JOINT_DECISION) is not None
            apply(incident, "impact_over", actor=lead, at=now + HOUR)
        row = Deadline.objects.of(incident).get(kind=Clock.MITIGATE)
        assert (row.met_at, row.breached_at) == (now + HOUR, None)
        assert current_approval(incident, JOINT_DECISION) is None

    def test_another_miss_keeps_the_question(self, jobarium: System, lead: User, chief: User, now: datetime) -> None:
        incident = self.missed(jobarium, now)
        tick(now + 3 * HOUR)
        with clock.at(now + 4 * HOUR):
            apply(incident, "acknowledge", actor=lead, at=now + 10 * MINUTE)
        assert current_approval(incident, JOINT_DECISION) is not None

    def test_a_signature_keeps_it(self, jobarium: System, lead: User, chief: User, now: datetime) -> None:
        incident = self.missed(jobarium, now)
        decide(incident, actor=chief, at=now + 17 * MINUTE, mitigation_path="One.", stakeholder_updates="Two.")
        with clock.at(now + 20 * MINUTE):
            apply(Incident.objects.get(pk=incident.pk), "acknowledge", actor=lead, at=now + 10 * MINUTE)
        assert current_approval(incident, JOINT_DECISION) is not None

    def test_it_may_be_asked_anew(self, jobarium: System, lead: User, chief: User, now: datetime) -> None:
        incident = self.missed(jobarium, now)
        with clock.at(now + 20 * MINUTE):
            apply(incident, "acknowledge", actor=lead, at=now + 10 * MINUTE)
        tick(now + 3 * HOUR)
        assert current_approval(incident, JOINT_DECISION) is not None
        assert JointDecision.objects.get(incident=incident).because == Clock.MITIGATE
