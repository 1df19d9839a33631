"""The first page: cards, what one should do next, the side bar."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from django.test import Client

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.desk import dashboard
from config.casework.desk.dashboard import Card, NextItem, next_of_queue
from config.casework.desk.navigation import lines_for
from incidents.models import Incident
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_makers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboard, "_cards", [])
    monkeypatch.setattr(dashboard, "_next", [])


class TestCards:
    def test_six_at_most_in_their_order(self, lead: User, now: datetime) -> None:
        for number in range(8):
            card = Card("late", number, "clocks are late", "/", order=-number)
            dashboard.register_card(partial(lambda card, _user, _now: card, card))
        assert [card.number for card in dashboard.cards(lead, now)] == [7, 6, 5, 4, 3, 2]

    def test_a_card_that_is_not_for_this_person_is_left_out(self, lead: User, now: datetime) -> None:
        dashboard.register_card(lambda _user, _now: None)
        assert dashboard.cards(lead, now) == []

    def test_the_page_draws_number_and_sentence(self, as_lead: Client) -> None:
        dashboard.register_card(lambda _user, _now: Card("late", 7, "clocks are late", "/admin/", "danger"))
        text = as_lead.get("/admin/").text
        assert "clocks are late" in text
        assert "tone--danger" in text


class TestNext:
    @pytest.fixture(autouse=True)
    def queue(self) -> None:
        dashboard.register_next(lambda user, now: next_of_queue(Incident.objects.all(), user, now))

    def test_it_names_the_act_the_case_and_the_clock(self, as_lead: Client, incident: Incident) -> None:
        text = as_lead.get("/admin/").text
        for words in ("Acknowledge", incident.reference, "acknowledge within 15 min"):
            assert words in text

    def test_cases_of_others_are_left_to_them(self, incident: Incident, agent: User, now: datetime) -> None:
        assert dashboard.next_items(agent, now) == []
        Incident.objects.filter(pk=incident.pk).update(owner=None)
        assert [item.reference for item in dashboard.next_items(agent, now)] == [incident.reference]

    def test_a_restricted_one_is_not_shown(self, incident: Incident, agent: User, now: datetime) -> None:
        Incident.objects.filter(pk=incident.pk).update(owner=None, restricted=True)
        assert dashboard.next_items(agent, now) == []

    def test_the_urgent_stands_first(self, incident: Incident, lead: User, now: datetime) -> None:
        dashboard.register_next(lambda _user, _now: [NextItem("Answer the page", "PAGE", "", "/", urgent=True)])
        assert [item.reference for item in dashboard.next_items(lead, now)] == ["PAGE", incident.reference]

    def test_it_takes_few_queries(
        self, as_lead: Client, incident: Incident, django_assert_max_num_queries: Any
    ) -> None:
        as_lead.get("/admin/")
        with django_assert_max_num_queries(10):
            as_lead.get("/admin/")

    def test_nothing_to_do_is_said(self, as_lead: Client) -> None:
        assert "Nothing waits for you" in as_lead.get("/admin/").text


class TestSideBar:
    def titles(self, person: User) -> Iterator[str]:
        return (str(item["title"]) for group in lines_for(person) for item in group["items"])

    def test_it_shows_what_one_may_open(self, lead: User, agent: User) -> None:
        assert {"People", "API tokens", "Parked work", "Seals"} <= set(self.titles(lead))
        assert set(self.titles(agent)).isdisjoint({"People", "API tokens", "Parked work", "Seals"})

    def test_each_line_opens(self, as_person: Callable[[User], Client]) -> None:
        for role in (Role.CEO, Role.CTO, Role.SUPPORT, Role.PRIVACY, Role.AUDITOR):
            person = factories.person(role)
            client = as_person(person)
            for group in lines_for(person):
                for item in group["items"]:
                    assert client.get(item["link"]).status_code == 200, (role, item["link"])
