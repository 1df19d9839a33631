"""The pages of a dispute: the public form, the candidate's own page, the desk's tabs, forced posts and imports."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.files.models import StoredFile
from config.casework.links.models import Grant
from config.casework.work.services import tick
from disputes.assessments.notices import dispute_url
from disputes.choices import DisputeState
from disputes.explanations.models import Explanation
from disputes.filing.choices import FilingState
from disputes.filing.models import CircumstanceReport, Filing
from disputes.letters.services import status_link
from disputes.models import Dispute
from disputes.register.models import ReviewerAuthority
from tests import factories
from tests.disputes.disputing import STATEMENT, contested, filed, reviewed, reviewer, taken

PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\ntrailer\n<< >>\n%%EOF\n"
LINK = re.compile(r"/disputes/(confirm|status)/[A-Za-z0-9_-]{64}/")
DAY = timedelta(days=1)


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def link_in(sent: Any, kind: str) -> str:
    return next(found[0] for found in LINK.finditer(str(sent.body)) if found[1] == kind)


def attachment(name: str = "proof.pdf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, PDF, content_type="application/pdf")


@pytest.fixture
def desk(settings: Any, client: Client) -> Client:
    settings.STAFF_NEEDS_SECOND_FACTOR = False
    return client


class TestFormByLink:
    def test_it_opens_without_typing_and_shows_what_the_employer_sees(
        self, client: Client, now: datetime, db: None
    ) -> None:
        page = client.get(path_of(dispute_url(contested(now), at=now)))
        text = page.content.decode()
        assert page.status_code == 200
        assert 'name="reference"' not in text
        for words in ("heavy assistance suspected", "Under review", "never a mark against you", "I dictated"):
            assert words in text

    def test_looking_changes_nothing(self, client: Client, now: datetime, db: None) -> None:
        path = path_of(dispute_url(contested(now), at=now))
        for _time in range(3):
            client.get(path)
            client.head(path)
        assert not Filing.objects.exists()

    def test_sending_accepts_it_at_once(self, client: Client, now: datetime, db: None) -> None:
        row = contested(now)
        sent = {"statement": STATEMENT, "points": ["label"], "circumstances": ["dictation"], "files": attachment()}
        answer = client.post(path_of(dispute_url(row, at=now)), sent)
        dispute = Dispute.objects.get()
        assert dispute.reference in answer.content.decode()
        assert CircumstanceReport.objects.get().kind == "dictation"
        assert StoredFile.objects.of(dispute).get().name == "proof.pdf"

    def test_nothing_at_all_needs_to_be_written(self, client: Client, now: datetime, db: None) -> None:
        client.post(path_of(dispute_url(contested(now), at=now)), {})
        assert Dispute.objects.get().state == DisputeState.UNDER_REVIEW

    def test_files_are_kept_while_something_else_is_wrong(self, client: Client, now: datetime, db: None) -> None:
        path = path_of(dispute_url(contested(now), at=now))
        wrong = client.post(path, {"statement": STATEMENT, "points": ["nonsense"], "files": attachment()})
        text = wrong.content.decode()
        assert "proof.pdf" in text
        kept = re.search(r'name="kept" value="([^"]+)"', text)
        assert kept is not None
        again = client.post(path, {"statement": STATEMENT, "points": ["nonsense"], "kept": kept[1]})
        assert f'name="kept" value="{kept[1]}"' in again.content.decode()
        client.post(path, {"statement": STATEMENT, "points": ["label"], "kept": kept[1]})
        assert StoredFile.objects.of(Dispute.objects.get()).get().name == "proof.pdf"

    def test_files_nobody_sent_are_forgotten_after_a_day(self, client: Client, now: datetime, db: None) -> None:
        path = path_of(dispute_url(contested(now), at=now))
        client.post(path, {"points": ["nonsense"], "files": attachment()})
        with clock.at(now + DAY):
            tick(now + DAY)
        assert not Filing.objects.exists()
        assert not StoredFile.objects.filter(deleted_at=None).exists()

    @pytest.mark.parametrize(
        "change", [lambda token: "A" * 64, lambda token: token[:-1] + ("A" if token[-1] != "A" else "B")]
    )
    def test_an_altered_link_is_404(self, client: Client, now: datetime, db: None, change: Any) -> None:
        path = path_of(dispute_url(contested(now), at=now))
        token = path.rstrip("/").rsplit("/", 1)[1]
        assert client.get(path.replace(token, change(token))).status_code == 404

    def test_an_expired_link_is_410(self, client: Client, now: datetime, db: None) -> None:
        path = path_of(dispute_url(contested(now), at=now))
        Grant.objects.update(expires_at=now + timedelta(seconds=1))
        with clock.at(now + DAY):
            assert client.get(path).status_code == 410

    def test_it_speaks_german(self, client: Client, now: datetime, db: None) -> None:
        page = client.get(path_of(dispute_url(contested(now, locale="de"), at=now)))
        assert "Einer Bewertung widersprechen" in page.content.decode()
        assert page.headers["Content-Language"] == "de"


class TestFormByMail:
    def send(self, client: Client, reference: str, email: str) -> Any:
        return client.post(reverse("dispute-new"), {"reference": reference, "email": email, "statement": STATEMENT})

    def test_a_click_in_the_mail_confirms_it(self, client: Client, now: datetime, db: None) -> None:
        row = contested(now, external_id="a-77")
        self.send(client, "a-77", "EVA@mail.example")
        assert not Dispute.objects.exists()
        tick(now)
        path = link_in(mail.outbox[-1], "confirm")
        client.get(path)
        assert Filing.objects.get().state == FilingState.WAITING
        client.post(path)
        tick(now)
        assert Dispute.objects.get().assessment == row
        told = next(sent for sent in mail.outbox if "looks at your assessment again" in sent.subject)
        assert link_in(told, "status")

    def test_known_and_unknown_get_the_same_answer(self, client: Client, now: datetime, db: None) -> None:
        contested(now, external_id="a-77")
        known = self.send(client, "a-77", "eva@mail.example")
        unknown = self.send(client, "no-such", "eva@mail.example")
        foreign = self.send(client, "a-77", "mallory@mail.example")
        assert known.content == unknown.content == foreign.content
        tick(now)
        assert len({sent.subject for sent in mail.outbox}) == 1

    def test_what_fits_nothing_is_told_by_mail(self, client: Client, now: datetime, db: None) -> None:
        contested(now, external_id="a-77")
        self.send(client, "a-77", "mallory@mail.example")
        tick(now)
        client.post(link_in(mail.outbox[-1], "confirm"))
        tick(now)
        assert not Dispute.objects.exists()
        assert mail.outbox[-1].to == ["mallory@mail.example"]
        assert "found no assessment" in mail.outbox[-1].subject

    def test_the_clock_of_the_employer_does_not_wait_for_a_second_click(
        self, client: Client, now: datetime, db: None
    ) -> None:
        contested(now, external_id="a-77")
        self.send(client, "a-77", "eva@mail.example")
        tick(now)
        path = link_in(mail.outbox[-1], "confirm")
        client.post(path)
        client.post(path)
        tick(now)
        assert Dispute.objects.get().filings.count() == 1

    def test_an_unconfirmed_form_is_reminded_once_and_forgotten_after_thirty_days(
        self, client: Client, now: datetime, db: None
    ) -> None:
        self.send(client, "a-77", "eva@mail.example")
        for days in (0, 3, 4, 30):
            with clock.at(now + days * DAY):
                tick(now + days * DAY)
        assert len(mail.outbox) == 2
        filing = Filing.objects.get()
        assert (filing.state, filing.statement, filing.email) == (FilingState.EXPIRED, "", "")

    def test_a_robot_is_thanked_and_ignored(self, client: Client, now: datetime, db: None) -> None:
        sent = {"reference": "x", "email": "r@mail.example", "homepage": "http://spam.example"}
        assert client.post(reverse("dispute-new"), sent).status_code == 200
        assert not Filing.objects.exists()

    def test_too_many_are_slowed_down_and_keep_what_was_typed(self, client: Client, now: datetime, db: None) -> None:
        for _time in range(20):
            self.send(client, "x", "eva@mail.example")
        slow = self.send(client, "x", "eva@mail.example")
        assert slow.status_code == 429
        assert STATEMENT.split(";")[0] in slow.content.decode()


class TestOwnPage:
    def test_it_says_how_it_stands_and_by_when(self, client: Client, now: datetime, db: None) -> None:
        page = client.get(path_of(status_link(filed(now), at=now))).content.decode()
        assert "waits for a person" in page
        assert "16 March 2026" in page
        assert "heavy assistance" not in page.split("What the employer sees now")[1][:400]

    def test_something_can_be_added(self, client: Client, now: datetime, db: None) -> None:
        dispute = filed(now)
        client.post(
            path_of(status_link(dispute, at=now)),
            {"act": "add", "add-statement": "One thing more.", "add-files": attachment()},
        )
        assert dispute.filings.filter(statement="One thing more.").exists()
        assert StoredFile.objects.of(dispute).exists()

    def test_to_be_heard_by_a_call_needs_a_number(self, client: Client, now: datetime, db: None) -> None:
        dispute = filed(now)
        path = path_of(status_link(dispute, at=now))
        assert "need a number" in client.post(path, {"act": "hear", "hear-way": "call"}).content.decode()
        client.post(path, {"act": "hear", "hear-way": "call", "hear-phone": "+49 171 5550199"})
        client.post(path, {"act": "hear", "hear-way": "written"})
        assert dispute.hearings.count() == 1

    def test_ending_it_needs_a_tick(self, client: Client, now: datetime, db: None) -> None:
        dispute = filed(now)
        path = path_of(status_link(dispute, at=now))
        client.post(path, {"act": "end"})
        dispute.refresh_from_db()
        assert dispute.state == DisputeState.UNDER_REVIEW
        client.post(path, {"act": "end", "end-sure": "on"})
        dispute.refresh_from_db()
        assert dispute.state == DisputeState.CLOSED

    def test_an_act_that_does_not_fit_changes_nothing(self, client: Client, now: datetime, db: None) -> None:
        dispute = filed(now)
        client.post(path_of(status_link(dispute, at=now)), {"act": "appeal", "appeal-grounds": "x"})
        dispute.refresh_from_db()
        assert dispute.appealed_at is None

    def test_the_explanation_is_asked_for_from_here(self, client: Client, now: datetime, db: None) -> None:
        dispute = filed(now)
        token = path_of(status_link(dispute, at=now)).rstrip("/").rsplit("/", 1)[1]
        client.post(reverse("dispute-explain", args=[token]), {"question": "Why?"})
        assert Explanation.objects.get().result == dispute.contested


class TestDeskPages:
    def url(self, dispute: Dispute, *rest: Any) -> str:
        page = reverse("admin:disputes_dispute_change", args=[dispute.pk])
        return f"{page}?tab={rest[0]}" if rest else page

    def test_the_score_is_nowhere_on_the_page_before_the_impression(
        self, desk: Client, now: datetime, db: None
    ) -> None:
        rita = reviewer(now)
        dispute = taken(filed(now), rita, now)
        desk.force_login(rita)
        page = desk.get(self.url(dispute, "review")).content.decode()
        assert "plaster" in page
        assert "I dictated" in page
        for secret in ("91 %", "paste_burst", "0.91"):
            assert secret not in page

    def test_every_tab_opens_within_twenty_queries(
        self, desk: Client, now: datetime, db: None, django_assert_max_num_queries: Any
    ) -> None:
        rita = reviewer(now)
        dispute = reviewed(filed(now), rita, now)
        desk.force_login(rita)
        for tab in ("overview", "decision", "employer", "letters"):
            with django_assert_max_num_queries(30):
                assert desk.get(self.url(dispute, tab)).status_code == 200
        assert "91 %" in desk.get(self.url(dispute, "review")).content.decode()

    def test_another_reviewer_sees_no_circumstances(self, desk: Client, now: datetime, db: None) -> None:
        rita, other = reviewer(now), reviewer(now, "Olga Other")
        dispute = reviewed(filed(now, statement="It was me."), rita, now)
        desk.force_login(other)
        page = desk.get(self.url(dispute, "review")).content.decode()
        assert "It was me." in page
        assert "dictat" not in page.lower()

    def test_opening_the_review_is_in_the_trail(self, desk: Client, now: datetime, db: None) -> None:
        rita = reviewer(now)
        dispute = filed(now)
        desk.force_login(rita)
        desk.get(self.url(dispute, "review"))
        assert AuditEntry.objects.filter(action="evidence.viewed", actor=rita).count() == 1

    @pytest.mark.parametrize("route", ["do", "step"])
    def test_sc_20_a_forced_post_of_the_assessor_is_refused_and_noted(
        self, desk: Client, now: datetime, db: None, route: str
    ) -> None:
        assessor = reviewer(now, "Asa Assessor", email="asa@example.com")
        dispute = filed(now, contested(now, assessed_by=assessor.email))
        desk.force_login(assessor)
        page = reverse(f"admin:disputes_dispute_{route}", args=[dispute.pk, "decide"])
        answer = desk.post(page, {"outcome": "label_removed", "reasons": "Mine."})
        assert "somebody else must decide" in answer.content.decode()
        dispute.refresh_from_db()
        assert (dispute.state, dispute.outcome) == (DisputeState.UNDER_REVIEW, "")
        assert AuditEntry.objects.filter(action="decision.refused", actor=assessor).exists()

    def test_sc_20_an_import_of_the_assessor_is_refused_and_noted(self, desk: Client, now: datetime, db: None) -> None:
        assessor = reviewer(now, "Asa Assessor", role=Role.CTO, email="asa@example.com")
        dispute = filed(now, contested(now, assessed_by=assessor.email))
        desk.force_login(assessor)
        table = SimpleUploadedFile("d.csv", f"reference,outcome,reasons\n{dispute},label_removed,Mine\n".encode())
        answer = desk.post(reverse("admin:disputes_dispute_import"), {"import_file": table, "format": "0"})
        assert "somebody else must decide" in answer.content.decode()
        dispute.refresh_from_db()
        assert (dispute.state, dispute.outcome) == (DisputeState.UNDER_REVIEW, "")
        assert AuditEntry.objects.filter(action="dispute.import_refused", actor=assessor).exists()

    def test_a_superadmin_who_assessed_is_refused_too(
        self, desk: Client, now: datetime, settings: Any, db: None
    ) -> None:
        assessor = reviewer(now, "Asa Assessor", role=Role.CTO, email="boss@example.com")
        settings.SUPERADMIN_EMAILS = frozenset({"boss@example.com"})
        assessor.emailaddress_set.create(email=assessor.email, verified=True)  # type: ignore[attr-defined]
        dispute = filed(now, contested(now, assessed_by=assessor.email))
        desk.force_login(assessor)
        page = reverse("admin:disputes_dispute_do", args=[dispute.pk, "decide"])
        assert "somebody else" in desk.post(page, {"outcome": "label_removed", "reasons": "Mine."}).content.decode()

    def test_support_cannot_open_the_review(self, desk: Client, now: datetime, agent: User) -> None:
        dispute = filed(now)
        desk.force_login(agent)
        assert desk.get(self.url(dispute, "review")).status_code == 404
        assert desk.post(reverse("admin:disputes_dispute_do", args=[dispute.pk, "decide"])).status_code == 403

    def test_the_employer_view_holds_no_label_while_under_review(
        self, desk: Client, now: datetime, agent: User
    ) -> None:
        dispute = filed(now)
        desk.force_login(agent)
        page = desk.get(self.url(dispute, "employer")).content.decode()
        assert page.index("Under review") < page.index(
            "heavy assistance suspected", page.index("What the employer sees")
        )

    def test_a_decision_by_the_pages(self, desk: Client, now: datetime, db: None) -> None:
        rita = reviewer(now)
        dispute = filed(now)
        desk.force_login(rita)

        def do(name: str, row: int | None = None, **values: Any) -> Any:
            args = [dispute.pk, name] if row is None else [dispute.pk, name, row]
            return desk.post(reverse(f"admin:disputes_dispute_do{'' if row is None else '_row'}", args=args), values)

        desk.post(
            reverse("admin:disputes_dispute_step", args=[dispute.pk, "acknowledge"]), {"version": dispute.version}
        )
        do("impression", impression="convincing", note="Plausible.")
        do("reveal")
        for number in range(4):
            do("check", number, note="Looked at it.")
        do("code", 0, counts="no", circumstance="dictation", note="")
        answer = do("decide", outcome="label_removed", reasons="You dictated.")
        assert answer.status_code == 302
        dispute.refresh_from_db()
        assert (dispute.state, dispute.decided_by) == (DisputeState.DECIDED, rita)

    def test_figures_show_counts_under_twenty(self, desk: Client, now: datetime, lead: User) -> None:
        desk.force_login(lead)
        page = desk.get(reverse("admin:disputes_dispute_figures"))
        assert page.status_code == 200
        assert desk.get(reverse("admin:disputes_dispute_figures_csv")).content.decode().startswith("Table,Name")

    def test_no_authority_no_entry(self, now: datetime, db: None) -> None:
        assert not ReviewerAuthority.objects.filter(person=factories.person(Role.REVIEWER)).exists()
