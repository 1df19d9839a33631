"""The acceptance scenarios of the incident desk, driven by the clock as `tick --now` drives it."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError

from config.casework import clock
from config.casework.access.models import User
from config.casework.approvals.services import current_approval
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.transitions import Refused, apply
from config.casework.work.services import tick
from incidents.choices import IncidentState
from incidents.communications.services import preview, send
from incidents.models import Incident
from incidents.procedures.services import skip
from incidents.procedures.services import tick as tick_step
from incidents.reviews.services import decide, start_postmortem, write_postmortem
from incidents.services import apply_mitigation, open_incident
from incidents.transitions import JOINT_DECISION
from tests.incidents.conftest import level, template

MINUTE = timedelta(minutes=1)


def tick_at(moment: datetime) -> None:
    with clock.at(moment):
        tick(moment)


def due(incident: Incident, kind: str) -> datetime | None:
    return Deadline.objects.of(incident).get(kind=kind, cancelled_at=None).due_at


def refreshed(incident: Incident) -> Incident:
    return Incident.objects.get(pk=incident.pk)


class TestMissedPromise:
    """SC-03: CTO, then CEO, once each, then the joint decision."""

    def test_nobody_is_told_before_the_clock_ran_out(self, incident: Incident, now: datetime) -> None:
        tick_at(now + 14 * MINUTE)
        assert list(incident.escalations.all()) == []

    def test_cto_then_ceo_a_minute_later_and_nobody_more(
        self, incident: Incident, lead: User, chief: User, now: datetime
    ) -> None:
        for minute in (14, 16, 17, 30, 31):
            tick_at(now + minute * MINUTE)
        rows = [(row.person, row.escalated_at) for row in incident.escalations.order_by("escalated_at")]
        assert rows == [(lead, now + 16 * MINUTE), (chief, now + 17 * MINUTE)]
        told = [message.to[0] for message in mail.outbox if "Missed" in message.subject]
        assert [lead.email in told[0], chief.email in told[1], len(told)] == [True, True, 2]

    def test_exactly_on_time_is_no_miss(self, incident: Incident, lead: User, now: datetime) -> None:
        tick_at(now + 15 * MINUTE)
        assert list(incident.escalations.all()) == []

    def test_an_acknowledgement_stops_the_second_step(self, incident: Incident, lead: User, now: datetime) -> None:
        tick_at(now + 16 * MINUTE)
        with clock.at(now + timedelta(minutes=16, seconds=30)):
            apply(refreshed(incident), "acknowledge", actor=lead)
        tick_at(now + 17 * MINUTE)
        assert incident.escalations.count() == 1

    def test_the_same_person_cannot_sign_twice(self, incident: Incident, lead: User, now: datetime) -> None:
        tick_at(now + 16 * MINUTE)
        words = {"mitigation_path": "Second mail path.", "stakeholder_updates": "Employers by noon."}
        decide(incident, actor=lead, at=now, **words)
        with pytest.raises(Refused, match="another person"):
            decide(incident, actor=lead, at=now, **words)

    def test_resolving_is_recorded_at_once_and_closing_waits_for_both(
        self, incident: Incident, lead: User, chief: User, now: datetime
    ) -> None:
        tick_at(now + 16 * MINUTE)
        with clock.at(now + 20 * MINUTE):
            row = apply(refreshed(incident), "resolve", actor=lead)
            assert row.state == IncidentState.RESOLVED
            apply(row, "reclassify", actor=lead, severity=level(row.system, "SEV-3"), scope="all employers")
            with pytest.raises(Refused, match="joint decision"):
                apply(
                    row,
                    "close",
                    actor=lead,
                    cause="Full disk",
                    fix_reference="r1",
                    no_communication_reason="Nobody noticed.",
                )
            words = {"mitigation_path": "Second mail path.", "stakeholder_updates": "Employers by noon."}
            decide(row, actor=lead, at=now, **words)
            assert current_approval(row, JOINT_DECISION).granted_at is None
            decide(row, actor=chief, at=now, **words)
            assert (
                apply(
                    row,
                    "close",
                    actor=lead,
                    cause="Full disk",
                    fix_reference="r1",
                    no_communication_reason="Nobody noticed.",
                ).state
                == "closed"
            )

    def test_changed_words_void_the_first_signature(
        self, incident: Incident, lead: User, chief: User, now: datetime
    ) -> None:
        tick_at(now + 16 * MINUTE)
        decide(incident, actor=lead, at=now, mitigation_path="Path one.", stakeholder_updates="Tell all.")
        decide(incident, actor=chief, at=now, mitigation_path="Path two.", stakeholder_updates="Tell all.")
        approval = current_approval(incident, JOINT_DECISION)
        assert approval.granted_at is None
        assert [signature.person for signature in approval.signatures.all()] == [chief]


class TestBusinessDay:
    """SC-04: one business day over a weekend."""

    @pytest.mark.parametrize(
        ("received", "holiday", "expected"),
        [
            (datetime(2026, 3, 6, 15, tzinfo=UTC), "2026-03-09", datetime(2026, 3, 10, 15, tzinfo=UTC)),
            (datetime(2026, 3, 7, 11, tzinfo=UTC), "2026-03-09", datetime(2026, 3, 10, 17, tzinfo=UTC)),
            (datetime(2026, 3, 6, 15, tzinfo=UTC), "", datetime(2026, 3, 9, 15, tzinfo=UTC)),
        ],
    )
    def test_it_is_due_after_eight_open_hours(
        self, jobarium: System, lead: User, received: datetime, holiday: str, expected: datetime
    ) -> None:
        jobarium.calendar.closed_days = [holiday] if holiday else []
        jobarium.calendar.save()
        row = open_incident(jobarium, title="A figure lags", actor=lead, at=received, severity=level(jobarium, "SEV-3"))
        assert due(row, "acknowledge") == expected

    def test_every_due_date_explains_itself(self, jobarium: System, lead: User) -> None:
        row = open_incident(
            jobarium,
            title="A figure lags",
            actor=lead,
            at=datetime(2026, 3, 6, 15, tzinfo=UTC),
            severity=level(jobarium, "SEV-3"),
        )
        steps = Deadline.objects.of(row).get(kind="acknowledge").steps
        assert any("weekend" in step["rule"] for step in steps)


class TestDataLossGuard:
    """SC-05: no text may promise safe data while they may be lost."""

    @pytest.fixture
    def risky(self, incident: Incident) -> Incident:
        Incident.objects.filter(pk=incident.pk).update(data_loss_risk=True)
        return refreshed(incident)

    def test_support_is_refused(self, risky: Incident, agent: User, now: datetime) -> None:
        text = template(risky.system, "employer_delay")
        with pytest.raises(PermissionDenied, match="CTO or CEO"):
            send(
                risky,
                text,
                actor=agent,
                at=now,
                values=dict.fromkeys(("feature", "eta", "system"), "x"),
                recipients=["hr@acme.example"],
            )

    def test_the_cto_must_confirm(self, risky: Incident, lead: User, now: datetime) -> None:
        text = template(risky.system, "employer_delay")
        values = dict.fromkeys(preview(text, risky, {}).unfilled, "soon")
        with pytest.raises(ValidationError) as refusal:
            send(risky, text, actor=lead, at=now, values=values, recipients=["hr@acme.example"])
        assert "confirm_data_safety" in refusal.value.message_dict
        sent = send(
            risky, text, actor=lead, at=now, values=values, recipients=["hr@acme.example"], confirm_data_safety=True
        )
        assert sent.data_safety_confirmed_by == lead

    def test_nobody_sends_an_unfilled_slot(self, incident: Incident, lead: User, now: datetime) -> None:
        text = template(incident.system, "employer_delay")
        with pytest.raises(ValidationError) as refusal:
            send(incident, text, actor=lead, at=now, values={"feature": "Invitations"}, recipients=["hr@acme.example"])
        assert "[eta]" in str(refusal.value.message_dict["slots"]).lower()

    def test_a_provider_name_is_refused_by_name(self, incident: Incident, lead: User, now: datetime) -> None:
        text = template(incident.system, "employer_delay")
        values = dict.fromkeys(preview(text, incident, {}).unfilled, "Twilio is slow")
        with pytest.raises(ValidationError) as refusal:
            send(incident, text, actor=lead, at=now, values=values, recipients=["hr@acme.example"])
        assert "Twilio" in str(refusal.value.message_dict["body"])


class TestWholeLife:
    """SC-01 as far as alerts open it: acknowledge, triage, playbook, message, resolve, review, close."""

    def test_two_people_carry_it_from_detection_to_close(
        self, jobarium: System, lead: User, chief: User, now: datetime
    ) -> None:
        playbook = jobarium.procedures.get(key="jobarium-a")
        row = open_incident(
            jobarium, title=playbook.title, actor=lead, at=now, severity=level(jobarium, "SEV-2"), playbook=playbook
        )
        assert (due(row, "acknowledge"), due(row, "mitigate")) == (now + timedelta(hours=1), now + timedelta(hours=8))
        with clock.at(now + 5 * MINUTE):
            apply(row, "acknowledge", actor=lead)
            apply(row, "triage", actor=lead, scope="candidates who upload a CV")
            for step in row.runs.get().steps.exclude(kind="policy"):
                if step.approval or step.position % 2:
                    skip(step, actor=lead, at=clock.now(), reason="Not needed here.")
                else:
                    tick_step(step, actor=lead, at=clock.now(), note="Looked at it.")
            assert row.runs.get().state == "finished"
            apply_mitigation(row, actor=lead, text="Parser alone", at=clock.now())
            apply(row, "stabilize", actor=lead)
            text = template(jobarium, "candidate_issue")
            values = dict.fromkeys(preview(text, row, {}).unfilled, "shortly")
            send(row, text, actor=lead, at=clock.now(), values=values, recipients=["candidates@lists.example"])
            apply(row, "resolve", actor=lead)
            with pytest.raises(ValidationError):
                apply(row, "close", actor=lead)
            with pytest.raises(Refused, match="postmortem"):
                apply(row, "close", actor=lead, cause="A codec", fix_reference="r42")
            postmortem = start_postmortem(row, actor=lead, at=clock.now())
            assert len(postmortem.schema) == 10
            with pytest.raises(Refused, match="Still empty"):
                apply(postmortem, "publish", actor=lead)
            write_postmortem(
                postmortem, actor=lead, at=clock.now(), values={field["key"]: "said" for field in postmortem.schema}
            )
            apply(postmortem, "publish", actor=lead)
            assert apply(row, "close", actor=lead, cause="A codec", fix_reference="r42").state == IncidentState.CLOSED


class TestClosingIsRefused:
    def test_before_it_is_resolved(self, incident: Incident, lead: User) -> None:
        with pytest.raises(Refused, match="Resolve it first"):
            apply(incident, "close", actor=lead, cause="x", fix_reference="y")

    def test_to_support(self, incident: Incident, agent: User) -> None:
        with pytest.raises(PermissionDenied):
            apply(incident, "close", actor=agent, cause="x", fix_reference="y")

    def test_to_a_stranger_everything(self, incident: Incident, stranger: User) -> None:
        with pytest.raises(PermissionDenied):
            apply(incident, "acknowledge", actor=stranger)
