"""Queues: who sees which rows, in which order, and what a list may cost."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.paginator import EmptyPage
from django.db import connection
from django.test import Client

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.desk import paging
from config.casework.desk.paging import BoundedPaginator
from config.casework.transitions import apply
from incidents.models import Incident
from incidents.services import open_incident
from tests import factories

LIST = "/admin/incidents/incident/"
pytestmark = pytest.mark.django_db


def references(client: Client, query: str = "") -> list[str]:
    changelist = client.get(f"{LIST}{query}").context["cl"]
    return [row.reference for row in changelist.result_list]


class TestQueue:
    def test_it_shows_open_cases_with_the_nearest_clock_first(
        self, as_lead: Client, jobarium: System, lead: User, incident: Incident, now: datetime
    ) -> None:
        later = open_incident(jobarium, title="Slow", actor=lead, at=now)
        done = open_incident(jobarium, title="Old", actor=lead, at=now)
        Incident.objects.filter(pk=later.pk).update(owner=None)
        Incident.objects.filter(pk=done.pk).update(
            state="closed",
            resolved_at=now,
            closed_at=now,
            cause="c",
            fix_reference="f",
            severity=incident.severity,
            scope="s",
        )
        assert references(as_lead) == [incident.reference, later.reference]
        assert references(as_lead, "?queue=closed") == [done.reference]
        assert references(as_lead, "?queue=mine") == [incident.reference]
        assert set(references(as_lead, "?queue=all")) == {incident.reference, later.reference, done.reference}

    def test_it_says_how_each_clock_stands(self, as_lead: Client, incident: Incident) -> None:
        assert "acknowledge within 15 min" in as_lead.get(LIST).text

    def test_an_empty_one_says_why(self, as_lead: Client, jobarium: System) -> None:
        assert "Nothing is open here" in as_lead.get(LIST).text

    def test_it_filters_by_days_in_the_persons_own_zone(self, as_lead: Client, incident: Incident, lead: User) -> None:
        User.objects.filter(pk=lead.pk).update(zone="Europe/Berlin")
        Incident.objects.filter(pk=incident.pk).update(received_at=datetime.fromisoformat("2026-03-08T23:30:00+00:00"))
        assert references(as_lead, "?received_at_from=2026-03-09&received_at_to=2026-03-09") == [incident.reference]
        assert references(as_lead, "?received_at_from=2026-03-08&received_at_to=2026-03-08") == []


class TestSight:
    def test_a_member_of_an_employer_has_no_desk(
        self, as_person: Callable[[User], Client], stranger: User, incident: Incident
    ) -> None:
        assert as_person(stranger).get(LIST).status_code == 302

    def test_a_restricted_case_is_seen_by_its_owner_alone(
        self, as_lead: Client, as_person: Callable[[User], Client], agent: User, lead: User, incident: Incident
    ) -> None:
        Incident.objects.filter(pk=incident.pk).update(restricted=True, owner=lead)
        page = f"{LIST}{incident.pk}/change/"
        assert references(as_person(agent)) == []
        assert as_person(agent).get(page).status_code == 404
        assert as_person(agent).get(f"{LIST}{incident.pk}/step/acknowledge/").status_code == 404
        assert references(as_lead) == [incident.reference]
        assert as_lead.get(page).status_code == 200


class TestSearch:
    def test_an_exact_reference_wins_in_every_queue(self, as_lead: Client, incident: Incident, now: datetime) -> None:
        Incident.objects.filter(pk=incident.pk).update(
            state="resolved", resolved_at=now, title=f"like {incident.reference}"
        )
        assert references(as_lead, f"?q={incident.reference.lower()}") == [incident.reference]

    def test_all_words_must_stand_in_the_title(self, as_lead: Client, incident: Incident) -> None:
        assert references(as_lead, "?q=invitations+LEAVE") == [incident.reference]
        assert references(as_lead, "?q=invitations+scores") == []

    def test_it_uses_the_trigram_index(self, incident: Incident) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        assert "incident_title_search" in Incident.objects.filter(title__icontains="vitation").order_by().explain()


class TestCost:
    @pytest.fixture
    def many(self, jobarium: System, lead: User, now: datetime) -> None:
        for number in range(110):
            open_incident(
                jobarium,
                title=f"Invitations of the spring campaign are late for employer {number}",
                actor=lead,
                at=now - timedelta(minutes=number),
            )

    def test_a_hundred_rows_take_few_queries_and_bytes(
        self, many: None, as_lead: Client, django_assert_max_num_queries: Any
    ) -> None:
        as_lead.get(LIST)
        with django_assert_max_num_queries(8):
            response = as_lead.get(LIST)
        assert len(response.context["cl"].result_list) == 100
        assert len(response.content) <= 100_000

    def test_counting_stops(self, many: None, as_lead: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(paging, "COUNT_LIMIT", 105)
        assert "105+" in as_lead.get(LIST).text

    def test_deep_pages_are_refused(self, incident: Incident, as_lead: Client) -> None:
        response = as_lead.get(f"{LIST}?p=101")
        assert response.status_code == 200
        assert "Narrow your search" in response.text

    def test_a_paginator_offers_a_hundred_pages(self) -> None:
        paginator = BoundedPaginator(list(range(30_000)), 100)
        assert (paginator.count, paginator.num_pages, paginator.count_text) == (10_000, 100, "10,000+")
        with pytest.raises(EmptyPage):
            paginator.page(101)


class TestPickers:
    URL = "/admin/autocomplete/?app_label=incidents&model_name=incident&field_name=owner&term=ana"

    def test_they_show_names(self, as_lead: Client, agent: User) -> None:
        assert as_lead.get(self.URL).json()["results"] == [{"id": str(agent.pk), "text": f"Ana Agent ({agent})"}]

    def test_staff_without_the_right_to_people_may_still_choose_one(
        self, as_person: Callable[[User], Client], agent: User
    ) -> None:
        assert as_person(agent).get(self.URL).status_code == 200

    def test_members_may_not(self, as_person: Callable[[User], Client], stranger: User) -> None:
        assert as_person(stranger).get(self.URL).status_code == 302


class TestActions:
    def test_nobody_deletes_by_default(self, as_lead: Client, incident: Incident) -> None:
        response = as_lead.post(LIST, {"action": "delete_selected", "_selected_action": [incident.pk], "post": "yes"})
        assert response.status_code in {200, 302}
        assert Incident.objects.filter(pk=incident.pk).exists()
        assert as_lead.post(f"{LIST}{incident.pk}/delete/", {"post": "yes"}).status_code == 403

    def test_one_step_for_several_rows_counts_what_was_refused_and_why(
        self, as_lead: Client, jobarium: System, lead: User, incident: Incident, now: datetime
    ) -> None:
        other = open_incident(jobarium, title="Slow", actor=lead, at=now)
        apply(incident, "acknowledge", actor=lead, at=clock.now())
        chosen = {"action": "step_acknowledge", "_selected_action": [incident.pk, other.pk]}
        page = as_lead.post(LIST, chosen)
        assert incident.reference in page.text
        assert Incident.objects.get(pk=other.pk).acknowledged_at is None
        done = as_lead.post(LIST, {**chosen, "confirmed": "1", "reason": "seen"}, follow=True)
        said = [str(message) for message in done.context["messages"]]
        assert any("1 done" in text for text in said)
        assert any("1 refused: Lea Lead has it already." in text for text in said)
        assert Incident.objects.get(pk=other.pk).acknowledged_at == now

    def test_whoever_may_not_take_it_is_not_offered_it(
        self, as_person: Callable[[User], Client], incident: Incident
    ) -> None:
        auditor = factories.person(Role.AUDITOR)
        client = as_person(auditor)
        assert "step_acknowledge" not in client.get(LIST).text
        client.post(LIST, {"action": "step_acknowledge", "_selected_action": [incident.pk], "confirmed": "1"})
        assert Incident.objects.get(pk=incident.pk).acknowledged_at is None
