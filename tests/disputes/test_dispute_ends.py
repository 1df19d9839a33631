"""How disputes end: appeal, time-out (SC-41), given up, rehearsed, forgotten."""

from datetime import datetime, timedelta

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied

from config.casework import clock
from config.casework.access.models import User
from config.casework.approvals.services import sign
from config.casework.catalogue.loader import load
from config.casework.catalogue.models import System
from config.casework.events import subscribe
from config.casework.transitions import Refused, apply
from config.casework.work.services import tick
from disputes import retention
from disputes.assessments.services import standing
from disputes.checklists import OPEN_DISPUTES
from disputes.choices import Clock, DisputeState, Outcome
from disputes.decisions.services import decide
from disputes.events import RehearsalPassed
from disputes.filing.models import CircumstanceReport
from disputes.letters.models import Letter, LetterKind
from disputes.models import Dispute
from disputes.services import rehearse
from disputes.status import services as status
from disputes.undecided import services as undecided
from incidents.models import Incident
from incidents.procedures.models import Procedure, RunStep
from incidents.procedures.services import start_run
from incidents.services import open_incident
from integrations.messages.models import Message
from tests import factories
from tests.disputes.disputing import contested, filed, reviewed, reviewer, taken

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@pytest.fixture
def rita(db: None, now: datetime) -> User:
    return reviewer(now)


def shown(dispute: Dispute, at: datetime) -> tuple[str | None, str]:
    dispute.assessment.refresh_from_db()
    view = standing(dispute.assessment, at)
    return view.label, view.status


class TestAppeal:
    def test_another_person_decides_it_and_the_label_hides_again(self, now: datetime, rita: User) -> None:
        other = reviewer(now, "Olga Other")
        dispute = reviewed(filed(now), rita, now)
        decide(dispute, outcome="label_confirmed", reasons="It stays.", actor=rita, at=now)
        assert shown(dispute, now)[0] is not None
        with clock.at(now + DAY):
            status.appeal(dispute, grounds="I did dictate.", at=now + DAY)
            assert shown(dispute, now + DAY) == (None, "under_review")
            with pytest.raises(Refused, match="decided it before"):
                taken(dispute, rita, now + DAY)
            reviewed(dispute, other, now + DAY)
            decide(dispute, outcome="label_removed", reasons="You did.", actor=other, at=now + DAY)
        assert [row.outcome for row in dispute.decisions.order_by("pk")] == ["label_confirmed", "label_removed"]
        with clock.at(now + 2 * DAY), pytest.raises(Refused, match="once"):
            status.appeal(dispute, grounds="Again.", at=now + 2 * DAY)

    def test_too_late_is_refused(self, now: datetime, rita: User) -> None:
        dispute = reviewed(filed(now), rita, now)
        decide(dispute, outcome="label_confirmed", reasons="It stays.", actor=rita, at=now)
        with clock.at(now + 31 * DAY), pytest.raises(Refused, match="over"):
            status.appeal(dispute, grounds="Late.", at=now + 31 * DAY)


class TestTimeOut:
    def test_sc_41_undecided_withdraws_the_label_and_stays_our_fault(self, now: datetime, lead: User) -> None:
        dispute = filed(now)
        with clock.at(now + 9 * DAY - HOUR):
            tick(now + 9 * DAY - HOUR)
        dispute.refresh_from_db()
        assert dispute.state == DisputeState.UNDER_REVIEW
        late = now + 9 * DAY
        with clock.at(late):
            tick(late)
        dispute.refresh_from_db()
        assert (dispute.state, dispute.outcome) == (DisputeState.WITHDRAWN_UNDECIDED, Outcome.WITHDRAWN_UNDECIDED)
        assert shown(dispute, late) == (None, "withdrawn_undecided")
        told = set(dispute.letters.filter(kind=LetterKind.UNDECIDED).values_list("audience", flat=True))
        assert told == {"candidate", "employer", "recipient"}
        assert dispute.next_due_kind == Clock.ACCOUNT or dispute.next_due_kind == Clock.REVERSE
        with clock.at(late), pytest.raises(Refused, match="undecided"):
            apply(dispute, "close", actor=lead, at=late)

    def test_it_happens_once(self, now: datetime, db: None) -> None:
        filed(now)
        with clock.at(now + 9 * DAY):
            assert undecided.sweep(now + 9 * DAY) == 1
            assert undecided.sweep(now + 9 * DAY) == 0

    def test_nobody_takes_this_step_by_hand(self, now: datetime, lead: User) -> None:
        with pytest.raises(PermissionDenied):
            apply(filed(now), "time_out", actor=lead, at=now, outcome=Outcome.WITHDRAWN_UNDECIDED)

    def test_ceo_and_cto_together_hold_it_until_a_date(self, now: datetime, lead: User, chief: User) -> None:
        dispute = filed(now)
        incident = open_incident(dispute.system, title="Flood", actor=None, at=now)
        switch = undecided.ask_for_switch(incident, reason="Flood", until=now + 20 * DAY, actor=lead, at=now)
        assert undecided.switch_in_force(now) is None
        assert switch.approval is not None
        for person in (lead, chief):
            sign(switch.approval, actor=person, at=now)
        assert undecided.switch_in_force(now) == switch
        assert undecided.sweep(now + 9 * DAY) == 0
        assert shown(dispute, now + 9 * DAY)[0] is None
        with clock.at(now + 21 * DAY):
            assert undecided.sweep(now + 21 * DAY) == 1

    def test_a_flood_opens_one_incident(self, now: datetime, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(undecided, "FLOOD", 3)
        for number in range(5):
            filed(now, contested(now, external_id=f"x-{number}"))
        assert Incident.objects.filter(source_key=undecided.FLOOD_KEY).count() == 1


class TestGivingUp:
    def test_the_label_stands_as_before_and_circumstances_are_gone(self, now: datetime, db: None) -> None:
        dispute = filed(now)
        status.end(dispute, at=now)
        assert dispute.state == DisputeState.CLOSED
        assert shown(dispute, now) == ("heavy assistance suspected", "final")
        assert not CircumstanceReport.objects.exists()

    def test_it_can_be_contested_again(self, now: datetime, db: None) -> None:
        row = contested(now)
        first = filed(now, row)
        status.end(first, at=now)
        assert filed(now + HOUR, row).pk != first.pk


class TestRehearsal:
    def test_it_sends_nothing_and_its_decision_is_told(self, now: datetime, lead: User, rita: User) -> None:
        heard: list[RehearsalPassed] = []
        subscribe(RehearsalPassed, heard.append)
        dispute = rehearse(factories.system(), actor=lead, at=now)
        assert set(Message.objects.values_list("state", flat=True)) == {"expired"}
        reviewed(dispute, rita, now)
        decide(dispute, outcome="label_removed", reasons="Rehearsed.", actor=rita, at=now)
        assert heard[-1].dispute == dispute

    def test_it_ticks_the_readiness_item_and_renews_it(self, now: datetime, lead: User, rita: User) -> None:
        load([settings.BASE_DIR / "config" / "runbooks" / "jobarium.yaml"], at=now)
        system = System.objects.get(key="jobarium")
        board = Procedure.objects.get(system=system, extra__has_key="gate", steps__key="disputes")
        start_run(board, actor=None, at=now)
        for moment in (now, now + 60 * DAY):
            with clock.at(moment):
                dispute = reviewed(rehearse(system, actor=lead, at=moment), rita, moment)
                decide(dispute, outcome="label_removed", reasons="Rehearsed.", actor=rita, at=moment)
            step = RunStep.objects.get(run__procedure=board, key="disputes")
            assert (step.state, dispute.reference in step.evidence) == ("done", True)
            assert step.valid_until == moment + 90 * DAY

    def test_an_agent_may_not_rehearse(self, now: datetime, agent: User) -> None:
        with pytest.raises(PermissionDenied):
            rehearse(factories.system(), actor=agent, at=now)


class TestPlaybook:
    def test_inc_50_filing_attaches_playbook_e(self, now: datetime, db: None) -> None:
        load([settings.BASE_DIR / "config" / "runbooks" / "jobarium.yaml"], at=now)
        dispute = filed(now, contested(now, system=System.objects.get(key="jobarium")))
        assert dispute.playbook_run is not None
        assert dispute.playbook_run.procedure.key == "jobarium-e"


class TestRetention:
    def test_a_year_after_closing_everything_goes(self, now: datetime, db: None) -> None:
        dispute = filed(now)
        status.end(dispute, at=now)
        assert retention.sweep(now + 364 * DAY) == 0
        assert retention.sweep(now + 366 * DAY) == 1
        assert not Dispute.objects.exists()
        assert not Letter.objects.exists()
        assert not Message.objects.filter(address="eva@mail.example").exists()


class TestEveningList:
    def test_dsp_12_the_button_counts_open_disputes(self, now: datetime, db: None) -> None:
        filed(now)
        assert str(OPEN_DISPUTES) == "Open the 1 open dispute"
