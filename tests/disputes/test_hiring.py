"""The guard through every door, the proxy watch (SC-42), the weekly figure."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client

from config.casework.access.models import User
from config.casework.catalogue.models import Organization, System
from config.casework.transitions import Refused
from config.casework.work.services import tick
from disputes.assessments.models import Assessment, EmployerSwitch
from disputes.assessments.services import standing
from disputes.hiring.choices import Decision, Door
from disputes.hiring.models import HiringDecision, ProxyFinding, RefusedAttempt
from disputes.hiring.services import check_decision, record_decision
from disputes.hiring.statistics import wilson
from disputes.hiring.watch import close_finding, hide_labels, send_letter, show_labels
from tests import factories
from tests.disputes.makers import assessment

pytestmark = pytest.mark.django_db


def decide(assessed: Assessment, *reasons: str, now: datetime, **fields: Any) -> HiringDecision:
    values: dict[str, Any] = {"actor": None, "at": now, "door": Door.DESK} | fields
    return record_decision(assessed, Decision.REJECT, reasons, **values)


class TestGuard:
    @pytest.mark.parametrize("reasons", [["authenticity"], ["authenticity", "other"], ["other", "authenticity"]])
    def test_model_and_database_refuse_authenticity_alone(self, now: datetime, reasons: list[str]) -> None:
        assessed = assessment(now)
        row = HiringDecision(
            assessment=assessed,
            organization=assessed.organization,
            decision="reject",
            reasons=reasons,
            door="model",
            decided_at=now,
        )
        with pytest.raises(ValidationError, match="authenticity alone"):
            row.full_clean()
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()

    def test_the_service_refuses_it(self, now: datetime) -> None:
        with pytest.raises(Refused):
            decide(assessment(now), "authenticity", now=now)

    def test_the_last_decision_counts(self, now: datetime) -> None:
        assessed = assessment(now)
        decide(assessed, "skills", now=now)
        record_decision(assessed, Decision.ADVANCE, ["skills"], actor=None, at=now, door=Door.DESK)
        assert HiringDecision.objects.get().decision == "advance"


ROOT = "/admin/disputes/hiringdecision/"


def upload(client: Client, text: str, root: str = ROOT) -> Any:
    table = SimpleUploadedFile("rows.csv", text.encode())
    return client.post(f"{root}import/", {"import_file": table, "format": 0, "resource": "0"})


class TestImport:
    def test_a_row_with_authenticity_alone_errors_and_is_logged(
        self, as_person: Callable[[User], Client], lead: User, now: datetime
    ) -> None:
        assessment(now, external_id="a1")
        answer = upload(as_person(lead), "assessment,decision,reasons\njobarium/a1,reject,authenticity\n")
        assert "Line 2: Nobody is rejected on authenticity alone" in answer.text
        assert not HiringDecision.objects.exists()
        assert RefusedAttempt.objects.get().door == Door.IMPORT

    def test_a_good_table_is_taken(self, as_person: Callable[[User], Client], lead: User, now: datetime) -> None:
        assessment(now, external_id="a1")
        client = as_person(lead)
        first = upload(client, "assessment,decision,reasons\njobarium/a1,reject,authenticity;skills\n")
        client.post(f"{ROOT}process_import/", dict(first.context["confirm_form"].initial))
        assert HiringDecision.objects.get().reasons == ["authenticity", "skills"]

    def test_assessments_come_by_table_through_the_same_checks(
        self, as_person: Callable[[User], Client], lead: User, now: datetime
    ) -> None:
        factories.system()
        root, client = "/admin/disputes/assessment/", as_person(lead)
        head = "system,external_id,candidate_ref,label,confidence,reason_codes,model_version,rules_version,assessed_at"
        bad = upload(client, f"{head}\njobarium,t1,c,heavy,1.2,a;b,m,r,2026-03-09\n", root)
        assert "Line 2: This time has no zone" in bad.text
        assert (
            "share between 0 and 1"
            in upload(client, f"{head}\njobarium,t1,c,heavy,1.2,,m,r,2026-03-09T09:00Z\n", root).text
        )
        good = upload(client, f"{head}\njobarium,t1,c,heavy,0.9,a;b,m,r,2026-03-09T09:00Z\n", root)
        client.post(f"{root}process_import/", dict(good.context["confirm_form"].initial))
        made = Assessment.objects.get(external_id="t1")
        assert made.current is not None
        assert (made.current.reason_codes, made.current.intake) == (["a", "b"], "import")

    def test_an_export_holds_no_label(self, as_person: Callable[[User], Client], lead: User, now: datetime) -> None:
        assessment(now)
        text = as_person(lead).post("/admin/disputes/assessment/export/", {"format": 0, "resource": "0"}).text
        (row,) = csv.DictReader(io.StringIO(text))
        assert "label" not in row


def many(acme: Organization, now: datetime, *, seen: tuple[int, int], unseen: tuple[int, int], job: str = "") -> None:
    """Decisions: (rejected, all) of those whose label was seen, and of the others."""
    for kind, (rejected, everybody) in (("seen", seen), ("unseen", unseen)):
        for number in range(everybody):
            assessed = assessment(now, external_id=f"{job}{kind}{number}", organization=acme.key, job_ref=job)
            check_decision(
                assessed,
                ["skills"],
                decision="reject" if number < rejected else "advance",
                actor=None,
                at=now,
                door=Door.API,
                label_seen_at=now if kind == "seen" else None,
            )


class TestProxyWatch:
    @pytest.fixture
    def acme(self, jobarium: System, chief: User) -> Organization:
        return factories.organization("acme", privacy_contact="privacy@acme.example")

    def test_thirty_of_thirty_against_twelve_of_forty_opens_a_case_for_the_ceo(
        self, acme: Organization, chief: User, now: datetime
    ) -> None:
        many(acme, now, seen=(30, 30), unseen=(12, 40))
        tick(now)
        finding = ProxyFinding.objects.get()
        assert finding.incident is not None
        assert (finding.seen_rejected, finding.unseen_rejected) == (30, 12)
        assert (finding.incident.owner, finding.incident.impacts_hiring) == (chief, True)
        assert "30 of 30" in finding.letter
        tick(now + timedelta(minutes=5))
        assert ProxyFinding.objects.count() == 1

    @pytest.mark.parametrize(("seen", "unseen"), [((19, 19), (0, 40)), ((20, 30), (12, 20)), ((0, 30), (30, 30))])
    def test_too_few_chance_or_the_other_way_round_opens_none(
        self, acme: Organization, now: datetime, seen: tuple[int, int], unseen: tuple[int, int]
    ) -> None:
        many(acme, now, seen=seen, unseen=unseen)
        tick(now)
        assert not ProxyFinding.objects.exists()

    def test_a_job_is_looked_at_by_itself(self, acme: Organization, now: datetime) -> None:
        many(acme, now, seen=(22, 22), unseen=(3, 22), job="chef")
        many(acme, now, seen=(1, 5), unseen=(1, 5), job="cook")
        tick(now)
        assert ProxyFinding.objects.get().job_ref == "chef"

    def test_the_letter_goes_out_once(self, acme: Organization, chief: User, now: datetime) -> None:
        many(acme, now, seen=(30, 30), unseen=(12, 40))
        tick(now)
        finding = ProxyFinding.objects.get()
        send_letter(finding, text=finding.letter, to=finding.letter_to, actor=chief, at=now)
        with pytest.raises(Refused):
            send_letter(finding, text=finding.letter, to=finding.letter_to, actor=chief, at=now)
        tick(now)
        assert [message.to for message in mail.outbox if "Acme" in str(message.body)] == [["privacy@acme.example"]]

    def test_the_switch_hides_labels_until_it_is_lifted(
        self, acme: Organization, chief: User, agent: User, now: datetime
    ) -> None:
        shown = assessment(now, external_id="x", organization="acme")
        with pytest.raises(PermissionDenied):
            hide_labels(acme, reason="r", actor=agent, at=now)
        switch = hide_labels(acme, reason="r", actor=chief, at=now)
        assert standing(shown, now).label is None
        show_labels(switch, actor=chief, at=now)
        assert standing(shown, now).label is not None

    def test_a_closed_finding_stays_closed_until_new_decisions_come(
        self, acme: Organization, chief: User, now: datetime
    ) -> None:
        many(acme, now, seen=(30, 30), unseen=(12, 40))
        tick(now)
        close_finding(ProxyFinding.objects.get(), actor=chief, at=now)
        tick(now + timedelta(minutes=1))
        assert ProxyFinding.objects.filter(closed_at=None).count() == 0

    def test_wilson_bounds_are_those_of_the_book(self) -> None:
        assert wilson(0, 0) == (0.0, 1.0)
        low, high = wilson(12, 40)
        assert (round(low, 3), round(high, 3)) == (0.181, 0.454)
        assert round(wilson(30, 30)[0], 3) == 0.886


class TestWeeklyFigure:
    def test_the_ceo_gets_it_once_a_week(self, jobarium: System, chief: User, now: datetime) -> None:
        friday = datetime(2026, 3, 6, 12, tzinfo=UTC)
        assessed = assessment(friday, system=jobarium)
        Assessment.objects.update(received_at=friday)
        check_decision(assessed, ["authenticity"], decision="reject", actor=None, at=friday, door=Door.API)
        tick(now)
        tick(now + timedelta(days=1))
        (message,) = [message for message in mail.outbox if "the week in figures" in message.subject]
        assert message.to == [f"{chief.name} <{chief.email}>"] or chief.email in message.to[0]
        assert "authenticity alone: 1" in str(message.body)


class TestPages:
    def test_the_ceo_reads_the_letter_changes_it_and_sends_it(
        self, as_person: Callable[[User], Client], jobarium: System, chief: User, now: datetime
    ) -> None:
        acme = factories.organization("acme", privacy_contact="privacy@acme.example")
        many(acme, now, seen=(30, 30), unseen=(12, 40))
        tick(now)
        finding, client = ProxyFinding.objects.get(), as_person(chief)
        address = f"/admin/disputes/proxyfinding/{finding.pk}/act/"
        assert "30 of 30 candidates" in client.get(f"{address}letter/").text
        client.post(f"{address}letter/", {"to": "privacy@acme.example", "text": "Call us."})
        client.post(f"{address}hide/", {"reason": "until we talked"})
        client.post(f"{address}close/")
        finding.refresh_from_db()
        assert (finding.letter, finding.letter_sent_at, finding.closed_at) == ("Call us.", now, now)
        assert EmployerSwitch.objects.get().organization == acme
        assert client.get("/admin/disputes/employerswitch/").status_code == 200
