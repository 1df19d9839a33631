"""The admin pages of assessments: who sees what, what they may cost at 100,000 rows, what the trail keeps."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.desk.dashboard import cards
from disputes.assessments.models import Assessment
from disputes.assessments.services import mark_under_review
from disputes.hiring.choices import Door
from disputes.hiring.services import check_decision
from tests import factories
from tests.disputes.makers import LABEL, assessment
from tests.kept import kept, rolled_back

ASSESSMENTS = 100_000
LIST = "/admin/disputes/assessment/"


@pytest.fixture(scope="module")
def db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One transaction for the whole module: the rows are written once."""
    with kept(django_db_blocker):
        yield


@pytest.fixture(scope="module")
def people(db: None) -> dict[str, User]:
    """People at a desk that holds 100,000 assessments."""
    made = {role.value: factories.person(role) for role in (Role.CTO, Role.CEO, Role.REVIEWER)}
    for person in made.values():
        Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={})
    call_command("load_volume", assessments=ASSESSMENTS, verbosity=0)
    return made


@pytest.fixture
def as_role(people: dict[str, User]) -> Iterator[Callable[[str], Client]]:
    def sign_in(role: str) -> Client:
        client = Client()
        client.force_login(people[role])
        return client

    with rolled_back():
        yield sign_in


@pytest.fixture
def desk(as_role: Callable[[str], Client]) -> Client:
    return as_role("cto")


def opened(client: Client, address: str) -> tuple[Any, int]:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = client.get(address)
    assert response.status_code == 200, address
    return response, len(queries)


class TestBudgets:
    @pytest.mark.parametrize(
        "query",
        ["", "?standing__exact=under_review", "?notice=untold", "?q=bench-77777", "?q=bench-candidate-77777", "?p=40"],
    )
    def test_a_list_costs_at_most_eight_questions_and_a_hundred_kilobytes(self, desk: Client, query: str) -> None:
        opened(desk, LIST + query)  # warms caches that live longer than a request
        response, questions = opened(desk, LIST + query)
        assert questions <= 8
        assert len(response.content) <= 100_000

    def test_a_search_finds_the_one_row_by_its_index(self, desk: Client) -> None:
        response, _questions = opened(desk, f"{LIST}?q=bench-77777")
        assert [row.external_id for row in response.context["cl"].result_list] == ["bench-77777"]
        rows = Assessment.objects.filter(external_id="bench-77777")
        assert "assessment_external_id" in rows.explain()

    def test_a_page_of_an_assessment_costs_at_most_twenty_questions(self, desk: Client) -> None:
        address = f"{LIST}{Assessment.objects.order_by('pk')[7].pk}/change/"
        opened(desk, address)
        _response, questions = opened(desk, address)
        assert questions <= 20

    @pytest.mark.parametrize("table", ["hiringdecision", "refusedattempt"])
    def test_lists_of_decisions_do_not_ask_for_each_row(self, desk: Client, table: str) -> None:
        now = clock.now()
        for row in Assessment.objects.select_related("system", "organization").order_by("pk")[:40]:
            for reasons in (["authenticity"], ["skills"]):
                check_decision(row, reasons, decision="reject", actor=None, at=now, door=Door.API)
        opened(desk, f"/admin/disputes/{table}/")
        _response, questions = opened(desk, f"/admin/disputes/{table}/")
        assert questions <= 8

    def test_every_row_of_the_volume_is_as_the_models_want_it(self, desk: Client) -> None:
        rows = Assessment.objects.select_related("current").order_by("pk")[:: ASSESSMENTS // 20]
        for row in rows:
            row.clean_fields()
            row.validate_constraints()
            assert row.current is not None
            row.current.clean_fields()
            row.current.validate_constraints()
        assert len(rows) == 20


class TestPages:
    def test_every_look_is_in_the_trail_under_a_pseudonym(self, as_role: Callable[[str], Client]) -> None:
        assessed = assessment(clock.now(), email="kim@candidate.example")
        as_role("reviewer").get(f"{LIST}{assessed.pk}/change/")
        entry = AuditEntry.objects.get(action="assessment.viewed", object_id=assessed.pk)
        assert entry.actor is not None
        assert entry.actor.roles == {Role.REVIEWER}
        assert entry.subject is not None

    def test_while_it_is_under_review_no_result_is_shown(self, desk: Client) -> None:
        assessed = assessment(clock.now())
        address = f"{LIST}{assessed.pk}/change/"
        assert LABEL in desk.get(address).text
        mark_under_review(assessed, actor=None, at=clock.now())
        text = desk.get(address).text
        assert "hidden while it is under review" in text
        assert [word for word in (LABEL, "91%", "paste_burst") if word in text] == []

    def test_nothing_can_be_changed_by_hand(self, desk: Client) -> None:
        assessed = assessment(clock.now())
        assert desk.post(f"{LIST}{assessed.pk}/change/", {"label": "x"}).status_code == 403
        assert desk.get(f"{LIST}add/").status_code == 403

    def test_labels_without_notice_are_a_red_figure(self, people: dict[str, User], desk: Client) -> None:
        (card,) = [card for card in cards(people["cto"], clock.now()) if "notice=untold" in card.url]
        assert (card.tone, card.number) == ("danger", ASSESSMENTS // 500)

    def test_a_lead_records_a_reviewers_authority(self, desk: Client, people: dict[str, User]) -> None:
        now = clock.now()
        form = {
            "person": people["reviewer"].pk,
            "competence": "trained in March",
            "authority": "decides disputes",
            "starts_at": f"{now:%Y-%m-%dT%H:%M}",
            "ends_at": f"{now + timedelta(days=300):%Y-%m-%dT%H:%M}",
        }
        assert desk.post("/admin/disputes/reviewerauthority/add/", form).status_code == 302
        assert "holds" in desk.get("/admin/disputes/reviewerauthority/").text

    def test_a_reviewer_records_none(self, as_role: Callable[[str], Client]) -> None:
        assert as_role("reviewer").get("/admin/disputes/reviewerauthority/add/").status_code == 403

    @pytest.mark.parametrize(
        "table",
        ["scoringversion", "employerswitch", "proxyfinding", "aisystem", "seriousincident", "refusedattempt"],
    )
    def test_the_other_lists_open_also_when_empty(self, desk: Client, table: str) -> None:
        opened(desk, f"/admin/disputes/{table}/")

    def test_an_organisation_is_hidden_from_by_hand(self, desk: Client) -> None:
        shown = assessment(clock.now(), organization=factories.organization("acme").key)
        form = {"organization": shown.organization_id, "system": "", "reason": "asked for"}
        answer = desk.post("/admin/disputes/employerswitch/add/", form)
        assert answer.status_code == 302, answer.text
        assert "hidden" in desk.get("/admin/disputes/employerswitch/").text
