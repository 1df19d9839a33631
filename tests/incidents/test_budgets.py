"""What pages may cost at 20,000 cases (design: performance): queries and bytes are asserted, times only reported."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.db.models import Count
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import DjangoDbBlocker
from pytest_django.fixtures import Settings

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.cases.models import Note
from config.casework.deadlines.models import Deadline
from config.casework.deadlines.services import refresh_nearest
from config.casework.desk import dashboard
from incidents.figures.periods import last_months
from incidents.figures.selectors import figures
from incidents.links.selectors import similar
from incidents.models import Incident
from tests import factories
from tests.kept import kept, rolled_back

CASES = 20_000
ROUNDS = 5
LIST = "/admin/incidents/incident/"


@pytest.fixture(scope="module")
def db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One transaction for the whole module: the cases are written once."""
    with kept(django_db_blocker):
        yield


@pytest.fixture(scope="module")
def volume(db: None) -> dict[str, User]:
    """A CTO, an agent and an auditor at a desk that holds 20,000 incidents."""
    people = {role.value: factories.person(role) for role in (Role.CTO, Role.SUPPORT, Role.AUDITOR)}
    for person in people.values():
        Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={})
    call_command("load_volume", cases=CASES)
    return people


@pytest.fixture
def desk(volume: dict[str, User]) -> Iterator[Client]:
    with rolled_back():
        yield signed_in(volume["cto"])


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    client.get("/admin/login/")  # what a process reads once is read
    return client


def cost(do: Callable[[], Any], name: str) -> tuple[Any, list[str]]:
    """Do it once to warm up, then count its questions and say how long it takes at best."""
    do()
    times = []
    for _round in range(ROUNDS):
        started, used = time.perf_counter(), time.process_time()
        do()
        times.append(((time.perf_counter() - started) * 1000, (time.process_time() - used) * 1000))
    with CaptureQueriesContext(connection) as queries:
        answer = do()
    size = f", {len(answer.content) / 1000:.0f} kB" if isinstance(answer, HttpResponse) else ""
    print(
        f"\n{name}: {min(times)[0]:.0f} ms at best, of it {min(used for _wall, used in times):.0f} ms our own, {len(queries)} queries{size}"
    )
    return answer, [query["sql"] for query in queries]


def plan(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
        found = cursor.fetchone()[0]
    return found if isinstance(found, str) else json.dumps(found)


class TestVolume:
    def test_two_in_a_hundred_are_open_with_their_nearest_clock(self, desk: Client) -> None:
        rows = Incident.objects.open()
        assert rows.count() == CASES // 50
        assert not rows.filter(next_due_at=None).exists()
        assert not Incident.objects.exclude(pk__in=rows.values("pk")).filter(next_due_at__isnull=False).exists()
        row = rows.order_by("pk")[17]
        mirrored = (row.next_due_at, row.next_due_kind)
        refresh_nearest(row)
        assert (row.next_due_at, row.next_due_kind) == mirrored

    def test_they_spread_over_two_years_and_many_organisations(self, desk: Client) -> None:
        days = [
            row.received_at
            for row in (Incident.objects.earliest("received_at"), Incident.objects.latest("received_at"))
        ]
        assert days[1] - days[0] > timedelta(days=700)
        assert days[1] < clock.now()
        assert Incident.objects.values("organization").distinct().count() == 8

    def test_rows_hang_on_them_in_proportion(self, desk: Client) -> None:
        assert [
            model.objects.count() > factor * CASES for model, factor in ((Deadline, 2), (Note, 1), (AuditEntry, 4))
        ] == [True, True, True]

    def test_every_row_is_as_the_model_wants_it(self, desk: Client) -> None:
        for row in Incident.objects.order_by("state", "-pk")[:: CASES // 40]:
            row.clean_fields()
            row.validate_constraints()

    def test_it_never_fires_for_what_was_late_from_the_start(self, desk: Client) -> None:
        now = clock.now()
        assert not Deadline.objects.open().filter(due_at__lt=now - timedelta(minutes=10), breached_at=None).exists()

    def test_more_can_be_added(self, desk: Client) -> None:
        call_command("load_volume", cases=100)
        assert Incident.objects.count() == CASES + 100
        assert not Incident.objects.values("reference").annotate(times=Count("pk")).filter(times__gt=1).exists()

    @pytest.mark.parametrize(("cases", "production"), [(10, True), (0, False)])
    def test_it_is_refused(self, settings: Settings, cases: int, production: bool) -> None:
        settings.PRODUCTION = production
        with pytest.raises(CommandError) as refusal:
            call_command("load_volume", cases=cases)
        assert refusal.value.returncode == 2


class TestList:
    @pytest.mark.parametrize("query", ["", "?queue=all", "?queue=closed"])
    def test_a_page_of_a_hundred(self, desk: Client, query: str) -> None:
        answer, queries = cost(lambda: desk.get(LIST + query), f"incident list {query}")
        assert answer.content.count(b'class="action-select"') == 100
        assert len(queries) <= 8, "\n".join(queries)
        assert len(answer.content) <= 100_000

    @pytest.mark.parametrize("wait", ["acknowledgement", "clocks", "update", "decision", "postmortem", "measure"])
    def test_every_card_leads_to_a_list_that_costs_as_little(self, desk: Client, wait: str) -> None:
        answer, queries = cost(lambda: desk.get(f"{LIST}?waits={wait}"), f"waiting for {wait}")
        assert answer.status_code == 200
        assert len(queries) <= (9 if wait == "decision" else 8), "\n".join(
            queries
        )  # whose word it waits for takes two more

    @pytest.mark.parametrize("words", ["candidates", "candidates delayed"])
    def test_search_uses_the_index(self, desk: Client, words: str) -> None:
        answer, queries = cost(lambda: desk.get(LIST, {"q": words}), f"search “{words}”")
        assert answer.content.count(b'class="action-select"') == 100
        assert len(queries) <= 8, "\n".join(queries)
        connection.cursor().execute("SET LOCAL enable_seqscan = off")
        searches = [sql for sql in queries if "UPPER" in sql and "title" in sql]
        assert searches
        assert any("incident_title_search" in plan(sql) for sql in searches)

    def test_a_rare_word_is_found_by_the_index_of_its_own_accord(self, desk: Client) -> None:
        _answer, queries = cost(lambda: desk.get(LIST, {"q": "12345"}), "search of a rare word")
        assert any("incident_title_search" in plan(sql) for sql in queries if "UPPER" in sql)


class TestCasePage:
    @pytest.mark.parametrize(
        "tab", ["overview", "playbook", "messages", "paging", "related", "review", "clocks", "history"]
    )
    def test_every_tab(self, desk: Client, tab: str) -> None:
        row = Incident.objects.open().order_by("pk")[17]
        answer, queries = cost(
            lambda: desk.get(reverse("admin:incidents_incident_change", args=[row.pk]), {"tab": tab}),
            f"case page, {tab}",
        )
        assert answer.status_code == 200
        assert len(queries) <= 20, "\n".join(queries)


class TestBeside:
    def test_what_looked_alike_is_found_by_the_index(self, desk: Client, volume: dict[str, User]) -> None:
        row = Incident.objects.open().order_by("pk")[17]
        person = User.objects.get(pk=volume["cto"].pk)
        found, queries = cost(lambda: similar(row, person), "what looked alike before")
        assert len(found) == 5
        (query,) = [sql for sql in queries if "similarity" in sql]
        connection.cursor().execute("SET LOCAL enable_seqscan = off")
        assert "incident_title_search" in plan(query)

    def test_figures_of_two_years_take_five_questions(self, desk: Client) -> None:
        now = clock.now()
        period = last_months(24, at=now, zone="Europe/Berlin")
        found, queries = cost(lambda: figures(period, user=None, now=now, demo=True), "figures of two years")
        assert sum(row.incidents for row in found.response) >= CASES * 9 // 10
        assert len(queries) == 5


class TestDashboard:
    @pytest.mark.parametrize("role", ["cto", "support", "auditor"])
    def test_the_first_page(self, desk: Client, volume: dict[str, User], role: str) -> None:
        client = signed_in(volume[role])
        answer, queries = cost(lambda: client.get("/admin/"), f"dashboard of the {role}")
        assert b"card__number" in answer.content
        assert len(queries) <= 20, "\n".join(queries)

    def test_its_own_part(self, desk: Client, volume: dict[str, User]) -> None:
        def make() -> list[Any]:
            person = User.objects.get(pk=volume["cto"].pk)
            return [dashboard.cards(person, clock.now()), dashboard.next_items(person, clock.now())]

        (cards, items), _queries = cost(make, "cards and next steps alone")
        assert (len(cards), len(items)) == (6, dashboard.NEXT)
