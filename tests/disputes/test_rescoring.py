"""New scores, patterns, explanations and figures: SC-21 and what the scoring service really answers."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from config.casework import clock
from config.casework.access.models import User
from config.casework.deadlines.models import Deadline
from config.casework.months import month_after
from config.casework.transitions import Refused, apply
from config.casework.work.models import Job
from config.casework.work.services import tick
from disputes.assessments.services import standing
from disputes.dashboard import card
from disputes.decisions.models import Decision
from disputes.decisions.services import decide
from disputes.explanations.services import ask as ask_explanation
from disputes.figures.selectors import LEAST, summary, tables
from disputes.models import Dispute
from disputes.rescoring import services
from disputes.rescoring.models import PipelineFault, Rescore, RescoreState, ScoringService
from incidents.models import Incident
from tests.disputes.disputing import contested, filed, reviewed, reviewer

GAPS = [{"from": 300, "to": 396}]
RESULT = {"label": "no label", "confidence": 0.2, "reason_codes": [], "model_version": "m-1", "rules_version": "r-1"}


class Scoring(BaseHTTPRequestHandler):
    """A scoring service: answers what the test put, remembers what it was sent."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((dict(self.headers), body))  # type: ignore[attr-defined]
        status, answer = self.server.answers.pop(0) if self.server.answers else (200, RESULT)  # type: ignore[attr-defined]
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def scoring() -> Iterator[Any]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scoring)
    server.asked, server.answers = [], []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def rita(db: None, now: datetime) -> User:
    return reviewer(now)


def with_gap(at: datetime, server: Any = None, **fields: Any) -> Dispute:
    row = contested(at, telemetry={"expected": 1200, "received": 1104, "gaps": GAPS}, **fields)
    if server is not None:
        ScoringService.objects.get_or_create(
            system=row.system, defaults={"url": f"http://127.0.0.1:{server.server_address[1]}/rescore"}
        )
    return filed(at, row)


def faulty(dispute: Dispute, person: User, at: datetime, kind: str = "gap") -> PipelineFault:
    return services.record_fault(dispute, kind=kind, detail="The recorder stopped.", actor=person, at=at)


class TestRescore:
    def test_sc_21_whole_telemetry_is_not_scored_anew(self, now: datetime, rita: User) -> None:
        dispute = filed(now)
        with pytest.raises(Refused, match="whole"):
            faulty(dispute, rita, now)
        with pytest.raises(Refused, match="recorded fault"):
            services.ask(dispute, actor=rita, at=now)
        assert not Rescore.objects.exists()

    def test_sc_21_with_a_gap_a_second_result_stands_beside_the_first(
        self, now: datetime, rita: User, scoring: Any
    ) -> None:
        dispute = with_gap(now, scoring)
        faulty(dispute, rita, now)
        services.ask(dispute, actor=rita, at=now)
        tick(now)
        rescore = Rescore.objects.get()
        assert rescore.state == RescoreState.DONE
        assert rescore.version is not None
        assert rescore.version.supersedes == dispute.contested
        dispute.refresh_from_db()
        assert (dispute.contested.label, dispute.contested.model_version) == ("heavy assistance suspected", "m-1")
        assert dispute.assessment.versions.count() == 2
        sent = json.loads(scoring.asked[0][1])
        assert sent == {"assessment": dispute.assessment.external_id, "model_version": "m-1", "rules_version": "r-1", "fault": "gap"}  # fmt: skip
        assert standing(dispute.assessment, now).label is None

    def test_who_asked_does_not_decide_and_another_person_does(self, now: datetime, rita: User, scoring: Any) -> None:
        other = reviewer(now, "Olga Other")
        dispute = reviewed(with_gap(now, scoring), rita, now)
        faulty(dispute, rita, now)
        services.ask(dispute, actor=rita, at=now)
        tick(now)
        dispute.refresh_from_db()
        with pytest.raises(Refused, match="asked for the new score"):
            decide(dispute, outcome="rescored", reasons="A gap.", actor=rita, at=now)
        reviewed(dispute, other, now)
        decide(dispute, outcome="rescored", reasons="A gap.", actor=other, at=now)
        dispute.assessment.refresh_from_db()
        view = standing(dispute.assessment, now)
        assert (view.status, view.label) == ("rescored", "no label")

    def test_no_new_score_no_outcome_of_that_name(self, now: datetime, rita: User) -> None:
        dispute = reviewed(filed(now), rita, now)
        with pytest.raises(Refused, match="no new score"):
            decide(dispute, outcome="rescored", reasons="A gap.", actor=rita, at=now)

    def test_a_busy_service_is_asked_again_with_the_same_key(self, now: datetime, rita: User, scoring: Any) -> None:
        scoring.answers = [(503, {}), (200, RESULT)]
        dispute = with_gap(now, scoring)
        faulty(dispute, rita, now)
        services.ask(dispute, actor=rita, at=now)
        tick(now)
        assert Rescore.objects.get().state == RescoreState.ASKED
        later = now + timedelta(hours=2)
        with clock.at(later):
            tick(later)
        assert Rescore.objects.get().state == RescoreState.DONE
        keys = {headers["Idempotency-Key"] for headers, _body in scoring.asked}
        assert (len(scoring.asked), len(keys)) == (2, 1)

    @pytest.mark.parametrize(
        "answer", [(400, {}), (200, {"label": "x"}), (200, {**RESULT, "confidence": 7}), (200, [])]
    )
    def test_rubbish_is_no_score(self, now: datetime, rita: User, scoring: Any, answer: Any) -> None:
        scoring.answers = [answer]
        dispute = with_gap(now, scoring)
        faulty(dispute, rita, now)
        services.ask(dispute, actor=rita, at=now)
        tick(now)
        assert Rescore.objects.get().state == RescoreState.FAILED
        assert Job.objects.get(kind="disputes.rescore").state == "parked"
        assert dispute.assessment.versions.count() == 1

    def test_the_call_is_signed(self, now: datetime, lead: User, rita: User, scoring: Any) -> None:
        dispute = with_gap(now, scoring)
        secret = services.set_secret(ScoringService.objects.get(), actor=lead, at=now)
        faulty(dispute, rita, now)
        services.ask(dispute, actor=rita, at=now)
        tick(now)
        headers, body = scoring.asked[0]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"


class TestPattern:
    def test_dsp_17_an_incident_lists_all_with_the_same_gap(self, now: datetime, lead: User, rita: User) -> None:
        dispute = with_gap(now)
        twin = with_gap(now, external_id="twin-1", candidate_ref="cand-2")
        filed(now, contested(now, external_id="whole-1", candidate_ref="cand-3"))
        fault = faulty(dispute, rita, now)
        incident = services.open_pattern_incident(fault, actor=lead, at=now)
        assert twin.assessment.external_id in incident.description
        assert "whole-1" not in incident.description
        assert services.open_pattern_incident(fault, actor=lead, at=now) == incident
        assert Incident.objects.filter(pk=incident.pk, impacts_hiring=True).exists()

    def test_a_mass_rescore_does_what_its_preview_said(
        self, now: datetime, lead: User, rita: User, scoring: Any
    ) -> None:
        dispute = with_gap(now, scoring)
        with_gap(now, external_id="twin-1", candidate_ref="cand-2")
        fault = faulty(dispute, rita, now)
        with pytest.raises(PermissionDenied):
            services.ask_all(fault, expected=1, actor=rita, at=now)
        with pytest.raises(Refused, match="Look at the preview"):
            services.ask_all(fault, expected=9, actor=lead, at=now)
        assert services.ask_all(fault, expected=1, actor=lead, at=now) == 1
        tick(now)
        assert Rescore.objects.get().state == RescoreState.DONE


class TestExplanation:
    def test_it_is_drafted_in_plain_words_and_read_by_a_person(self, now: datetime, rita: User) -> None:
        dispute = filed(now)
        explanation = ask_explanation(
            dispute.assessment, question="Why?", email="eva@mail.example", language="en-gb", at=now
        )
        for words in ("What was measured", "91 % sure", "Model m-1 with rules r-1", "computer alone", "Who saw it"):
            assert words in explanation.text
        with pytest.raises(Refused, match="read it"):
            apply(explanation, "send", actor=None, at=now, text="Nobody read this.")
        apply(explanation, "send", actor=rita, at=now, text=explanation.text)
        tick(now)
        sent = next(message for message in mail.outbox if "came about" in message.subject)
        assert sent.to == ["eva@mail.example"]
        assert Deadline.objects.of(explanation).get().met_at == now

    def test_it_speaks_the_persons_language(self, now: datetime, db: None) -> None:
        text = ask_explanation(contested(now), question="", email="", language="de", at=now).text
        assert "Was gemessen wurde" in text

    def test_asked_twice_it_is_one(self, now: datetime, db: None) -> None:
        row = contested(now)
        first = ask_explanation(row, question="", email="", language="en-gb", at=now)
        assert ask_explanation(row, question="", email="", language="en-gb", at=now) == first

    @pytest.mark.parametrize(
        ("received", "due"),
        [
            (datetime(2026, 3, 9, 10, tzinfo=UTC), datetime(2026, 4, 9, 21, 59, 59, tzinfo=UTC)),
            (datetime(2026, 1, 31, 10, tzinfo=UTC), datetime(2026, 3, 2, 22, 59, 59, tzinfo=UTC)),  # 28 February is a Saturday
            (datetime(2026, 11, 25, 10, tzinfo=UTC), datetime(2026, 12, 28, 22, 59, 59, tzinfo=UTC)),  # Christmas, weekend
            (datetime(2026, 3, 9, 23, 30, tzinfo=UTC), datetime(2026, 4, 10, 21, 59, 59, tzinfo=UTC)),  # already the 10th here
        ],
    )  # fmt: skip
    def test_the_month_ends_on_a_working_day(self, received: datetime, due: datetime) -> None:
        assert month_after(received)[0] == due


class TestFigures:
    def decided(self, dispute: Dispute, person: User, outcome: str, at: datetime) -> None:
        Decision.objects.create(
            dispute=dispute, stage="review", outcome=outcome, reasons="x", decided_by=person, proposed_at=at,
            effective_at=at, seconds=600,
        )  # fmt: skip

    def test_under_twenty_there_are_counts_and_no_rates(self, now: datetime, rita: User) -> None:
        for number in range(LEAST):
            dispute = filed(now, contested(now, external_id=f"f-{number}", candidate_ref=f"c-{number}"))
            self.decided(dispute, rita, "label_removed" if number % 2 else "label_confirmed", now)
            row = next(table for table in tables() if table.rows).rows[0]
            assert row.rate == (50 if number + 1 == LEAST else None)
        assert (row.decided, row.overturned, row.minutes_each) == (20, 10, 10)
        assert summary().total.rate == 50

    def test_a_rehearsal_counts_nowhere(self, now: datetime, rita: User) -> None:
        dispute = filed(now)
        Dispute.objects.filter(pk=dispute.pk).update(is_rehearsal=True)
        self.decided(dispute, rita, "label_removed", now)
        assert summary().total.decided == 0


class TestBudget:
    def test_the_list_of_a_hundred_stays_within_eight_queries_and_a_hundred_kilobytes(
        self, client: Client, settings: Any, now: datetime, lead: User, django_assert_max_num_queries: Any
    ) -> None:
        settings.STAFF_NEEDS_SECOND_FACTOR = False
        for number in range(105):
            filed(now, contested(now, external_id=f"b-{number}", candidate_ref=f"c-{number}"))
        client.force_login(lead)
        client.get(reverse("admin:disputes_dispute_changelist"))
        with django_assert_max_num_queries(8):
            page = client.get(reverse("admin:disputes_dispute_changelist"))
        assert len(page.content) <= 100_000
        assert lead.has_perm("disputes.review_dispute")  # asks once for all permissions
        assert lead.is_operator
        with django_assert_max_num_queries(1):
            made = card(lead, now)
        assert made is not None
        assert made.number == 105
