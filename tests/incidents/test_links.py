"""Incidents beside an incident: linked, merged and split, and those that looked alike before."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.cases.services import add_note
from config.casework.cases.timeline import timeline
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.desk.display import Mark
from config.casework.transitions import Refused, apply
from incidents.choices import Clock, IncidentState, Source
from incidents.links import selectors, services
from incidents.links.models import Link, Merge
from incidents.models import Incident, Page
from incidents.paging import services as paging
from incidents.services import acknowledge, apply_mitigation, open_incident, open_or_join
from tests import factories
from tests.incidents.conftest import level

MINUTE = timedelta(minutes=1)


@pytest.fixture
def other(jobarium: System, incident: Incident, lead: User, now: datetime) -> Incident:
    """A second report of the same trouble, less grave."""
    return open_incident(
        jobarium, title="Invites are missing", actor=lead, at=now, severity=level(jobarium, "SEV-2"), scope="One tenant"
    )


def running(incident: Incident) -> set[str]:
    return set(Deadline.objects.open().of(incident).filter(paused_at=None).values_list("kind", flat=True))


class TestLinks:
    def test_one_link_shows_on_both_and_is_made_once(
        self, incident: Incident, other: Incident, lead: User, now: datetime
    ) -> None:
        first = services.link(incident, other, actor=lead, at=now, note="same release")
        assert services.link(other, incident, actor=lead, at=now) == first
        for one, two in ((incident, other), (other, incident)):
            assert [(pair, row) for pair, row in selectors.linked(one, lead)] == [(first, two)]
            assert AuditEntry.objects.filter(action="incident.linked", case_reference=one.reference).count() == 1
        services.unlink(first, actor=lead, at=now)
        services.unlink(first, actor=lead, at=now)
        assert not Link.objects.exists()
        assert AuditEntry.objects.filter(action="incident.unlinked").count() == 2

    def test_not_with_itself(self, incident: Incident, lead: User, now: datetime) -> None:
        with pytest.raises(ValidationError, match="another"):
            services.link(incident, incident, actor=lead, at=now)

    def test_a_hidden_case_is_neither_linked_nor_told(
        self, incident: Incident, other: Incident, lead: User, agent: User, now: datetime
    ) -> None:
        services.link(incident, other, actor=lead, at=now)
        Incident.objects.filter(pk=other.pk).update(restricted=True, owner=lead)
        other.refresh_from_db()
        assert selectors.linked(incident, agent) == []
        with pytest.raises(PermissionDenied):
            services.link(incident, other, actor=agent, at=now)


class TestMerge:
    def test_its_clocks_and_pages_stop_and_its_state_stays(
        self, incident: Incident, other: Incident, lead: User, now: datetime
    ) -> None:
        assert running(other) >= {Clock.ACKNOWLEDGE, Clock.MITIGATE, Clock.UPDATE}
        services.merge(other, incident, actor=lead, at=now, reason="same cause")
        assert (other.state, other.duplicate_of) == (IncidentState.DETECTED, incident)
        assert running(other) == set()
        assert other.next_due_at is None
        before = Page.objects.filter(incident=other).count()
        paging.run_step(other.pk, generation=other.paging_generation, step=1, round_=0, at=now + 5 * MINUTE)
        assert Page.objects.filter(incident=other).count() == before
        for one, action in ((other, "incident.merged"), (incident, "incident.merged_in")):
            assert AuditEntry.objects.filter(action=action, case_reference=one.reference).count() == 1

    def test_a_measure_in_force_must_still_be_taken_back(
        self, incident: Incident, other: Incident, lead: User, now: datetime
    ) -> None:
        apply_mitigation(other, actor=lead, text="m", at=now, temporary=True, expires_at=now + timedelta(hours=1))
        services.merge(other, incident, actor=lead, at=now, reason="same")
        assert running(other) == {Clock.REVERT}

    def test_what_people_wrote_on_it_stands_in_the_other_timeline(
        self, incident: Incident, other: Incident, lead: User, now: datetime
    ) -> None:
        services.merge(other, incident, actor=lead, at=now, reason="same")
        add_note(other, actor=lead, text="tenant 7 too", at=now)
        (entry,) = [entry for entry in timeline(incident) if entry.text == "tenant 7 too"]
        assert entry.what == f"Note on {other.reference}"

    def test_alerts_of_the_duplicate_count_in_the_other_one(
        self, jobarium: System, incident: Incident, lead: User, now: datetime
    ) -> None:
        def alert(at: datetime) -> tuple[Incident, str]:
            return open_or_join(
                jobarium,
                title="Alert",
                at=at,
                source_key="k",
                watch_since=at - timedelta(days=1),
                severity=level(jobarium, "SEV-2"),
            )

        mine, how = alert(now)
        assert how == "opened"
        services.merge(mine, incident, actor=lead, at=now, reason="same")
        apply(incident, "triage", actor=lead, severity=incident.severity, scope="All")
        apply(incident, "resolve", actor=lead)
        mine.refresh_from_db()
        assert mine.state == IncidentState.RESOLVED
        again, how = alert(now + MINUTE)
        assert (again, how) == (incident, "reopened")
        assert alert(now + 2 * MINUTE) == (incident, "joined")

    def test_they_are_resolved_and_closed_together(
        self, jobarium: System, incident: Incident, lead: User, now: datetime
    ) -> None:
        minor = open_incident(jobarium, title="a", actor=lead, at=now, severity=level(jobarium, "SEV-3"))
        same = open_incident(jobarium, title="b", actor=lead, at=now, source=Source.USER_TICKET)
        Incident.objects.filter(pk=same.pk).update(severity=level(jobarium, "SEV-3"))
        same.refresh_from_db()
        services.merge(same, minor, actor=lead, at=now, reason="same")
        apply(minor, "triage", actor=lead, severity=minor.severity, scope="One tenant")
        apply(minor, "resolve", actor=lead)
        same.refresh_from_db()
        assert (same.state, same.resolved_at) == (IncidentState.RESOLVED, now)
        Incident.objects.filter(pk=minor.pk).update(no_communication_reason="internal")
        minor.refresh_from_db()
        apply(minor, "close", actor=lead, cause="c", fix_reference="f")
        same.refresh_from_db()
        assert (same.state, same.scope, same.cause) == (
            IncidentState.CLOSED,
            "One tenant",
            f"Duplicate of {minor.reference}.",
        )

    def test_nothing_graver_is_swallowed(self, incident: Incident, other: Incident, lead: User, now: datetime) -> None:
        with pytest.raises(Refused, match="graver"):
            services.merge(incident, other, actor=lead, at=now, reason="same")
        Incident.objects.filter(pk=other.pk).update(data_loss_risk=True)
        with pytest.raises(Refused, match="Data may be lost"):
            services.merge(other, incident, actor=lead, at=now, reason="same")

    def test_never_across_systems_organisations_chains_or_into_itself(
        self, incident: Incident, other: Incident, jobarium: System, lead: User, now: datetime
    ) -> None:
        elsewhere = open_incident(factories.system("other"), title="x", actor=lead, at=now)
        tenant = open_incident(jobarium, title="x", actor=lead, at=now, organization=factories.organization("acme"))
        third = open_incident(jobarium, title="y", actor=lead, at=now, severity=level(jobarium, "SEV-3"))
        for into, words in ((elsewhere, "another system"), (tenant, "another organisation"), (third, "another")):
            with pytest.raises(Refused, match=words):
                services.merge(third, into, actor=lead, at=now, reason="same")
        services.merge(third, other, actor=lead, at=now, reason="same")
        with pytest.raises(Refused, match="duplicate already"):
            services.merge(third, incident, actor=lead, at=now, reason="same")
        with pytest.raises(Refused, match="duplicates of its own"):
            services.merge(other, incident, actor=lead, at=now, reason="same")
        fourth = open_incident(jobarium, title="z", actor=lead, at=now, severity=level(jobarium, "SEV-3"))
        with pytest.raises(Refused, match="duplicate itself"):
            services.merge(fourth, third, actor=lead, at=now, reason="same")
        with pytest.raises(ValidationError, match="why"):
            services.merge(fourth, other, actor=lead, at=now, reason=" ")

    def test_a_duplicate_is_not_triaged_nor_reopened_but_facts_are_kept(
        self, incident: Incident, other: Incident, lead: User, now: datetime
    ) -> None:
        services.merge(other, incident, actor=lead, at=now, reason="same")
        with pytest.raises(Refused, match=incident.reference):
            apply(other, "triage", actor=lead, severity=other.severity, scope="x")
        acknowledge(other, actor=lead, at=now)
        assert other.acknowledged_at == now

    def test_a_stranger_may_not(self, incident: Incident, other: Incident, stranger: User, now: datetime) -> None:
        with pytest.raises(PermissionDenied):
            services.merge(other, incident, actor=stranger, at=now, reason="same")


class TestSplit:
    def test_its_clocks_run_on_with_the_pause_added_and_it_is_paged_again(
        self, incident: Incident, other: Incident, lead: User, now: datetime
    ) -> None:
        due = Deadline.objects.open().of(other).get(kind=Clock.ACKNOWLEDGE).due_at
        assert due is not None
        generation = other.paging_generation
        services.merge(other, incident, actor=lead, at=now, reason="same")
        services.split(other, actor=lead, at=now + 10 * MINUTE)
        clock = Deadline.objects.open().of(other).get(kind=Clock.ACKNOWLEDGE)
        assert (clock.paused_at, clock.due_at) == (None, due + 10 * MINUTE)
        assert other.duplicate_of is None
        assert other.paging_generation > generation
        assert Merge.objects.get().split_at == now + 10 * MINUTE
        for one, action in ((other, "incident.split"), (incident, "incident.split_off")):
            assert AuditEntry.objects.filter(action=action, case_reference=one.reference).count() == 1

    def test_twice_and_without_a_merge_is_refused_in_words(
        self, incident: Incident, other: Incident, lead: User, now: datetime
    ) -> None:
        services.merge(other, incident, actor=lead, at=now, reason="same")
        services.split(other, actor=lead, at=now)
        with pytest.raises(Refused, match="no duplicate"):
            services.split(other, actor=lead, at=now)

    def test_it_can_be_merged_again(self, incident: Incident, other: Incident, lead: User, now: datetime) -> None:
        services.merge(other, incident, actor=lead, at=now, reason="same")
        services.split(other, actor=lead, at=now)
        services.merge(other, incident, actor=lead, at=now, reason="same after all")
        assert Merge.objects.filter(split_at=None).count() == 1


class TestSimilar:
    @pytest.fixture
    def past(self, jobarium: System, lead: User, now: datetime) -> list[Incident]:
        rows = []
        for title in ("No invites leave the queue", "Invites do not leave", "Dashboard figure lags"):
            row = open_incident(jobarium, title=title, actor=lead, at=now, severity=level(jobarium, "SEV-3"), scope="x")
            apply(row, "resolve", actor=lead)
            Incident.objects.filter(pk=row.pk).update(cause="The queue was full.", fix_reference="release 12")
            rows.append(row)
        return rows

    def test_the_most_alike_first_with_how_they_ended(
        self, past: list[Incident], incident: Incident, lead: User
    ) -> None:
        found = selectors.similar(incident, lead)
        assert [each.incident for each in found] == [past[1], past[0]]
        assert found[0].ended == "Over after 0 s; cause: The queue was full; fix: release 12."

    def test_open_hidden_and_duplicate_ones_are_left_out(
        self, past: list[Incident], incident: Incident, agent: User, lead: User, other: Incident
    ) -> None:
        Incident.objects.filter(pk=past[0].pk).update(restricted=True, owner=lead)
        Incident.objects.filter(pk=past[1].pk).update(duplicate_of=past[2])
        assert selectors.similar(incident, agent) == []

    def test_it_is_one_question(self, past: list[Incident], incident: Incident, lead: User) -> None:
        assert lead.is_operator  # looked up once a request
        selectors.similar(incident, lead)
        with CaptureQueriesContext(connection) as queries:
            selectors.similar(incident, lead)
        assert len(queries) == 1

    def test_they_stand_on_the_first_page_while_nobody_has_judged_it(
        self, as_person: Callable[[User], Client], past: list[Incident], incident: Incident, lead: User
    ) -> None:
        url = f"/admin/incidents/incident/{incident.pk}/change/"
        client = as_person(lead)
        assert past[0].title in client.get(url).text
        apply(incident, "triage", actor=lead, severity=incident.severity, scope="All")
        assert past[0].title not in client.get(url).text
        assert past[0].title in client.get(f"{url}?tab=related").text


class TestChanges:
    @pytest.fixture
    def told(self) -> Iterator[list[tuple[System, datetime, timedelta]]]:
        """A room that knows of one deployment, and what it was asked."""
        asked: list[tuple[System, datetime, timedelta]] = []

        def source(system: System, before: datetime, within: timedelta) -> list[selectors.Change]:
            asked.append((system, before, within))
            mark = Mark("watched", "info")
            return [selectors.Change(f"v{n}", before - n * MINUTE, mark, "/x/", "/y/", "Roll back") for n in (3, 1, 2)]

        selectors.register_changes(source)
        yield asked
        selectors._changes.remove(source)

    def test_the_newest_change_of_the_day_before_and_since_comes_first(
        self, told: list[tuple[System, datetime, timedelta]], incident: Incident, now: datetime
    ) -> None:
        with clock.at(now + timedelta(hours=2)):
            assert [change.title for change in selectors.recent_changes(incident)] == ["v1", "v2", "v3"]
        assert told == [(incident.system, now + timedelta(hours=2), timedelta(hours=26))]

    def test_it_stands_on_the_tab_with_what_one_may_do(
        self,
        told: list[tuple[System, datetime, timedelta]],
        as_person: Callable[[User], Client],
        incident: Incident,
        lead: User,
    ) -> None:
        page = as_person(lead).get(f"/admin/incidents/incident/{incident.pk}/change/?tab=related").text
        assert "Roll back" in page
        assert page.index("v1") < page.index("v2")


class TestPages:
    def test_merging_and_splitting_by_button(
        self, as_person: Callable[[User], Client], incident: Incident, other: Incident, lead: User
    ) -> None:
        client, root = as_person(lead), f"/admin/incidents/incident/{other.pk}"
        assert incident.reference in client.get(f"{root}/merge/").text
        client.post(f"{root}/merge/", {"into": incident.pk, "reason": "same"})
        page = client.get(f"{root}/change/").text
        assert f"It is a duplicate of {incident.reference}" in page
        assert other.reference in client.get(f"/admin/incidents/incident/{incident.pk}/change/?tab=related").text
        client.post(f"{root}/split/", {})
        other.refresh_from_db()
        assert other.duplicate_of is None

    def test_linking_by_reference(
        self, as_person: Callable[[User], Client], incident: Incident, other: Incident, lead: User
    ) -> None:
        client, root = as_person(lead), f"/admin/incidents/incident/{other.pk}"
        assert "There is no such incident" in client.post(f"{root}/link/", {"reference": "INC-2020-000001"}).text
        client.post(f"{root}/link/", {"reference": incident.reference.lower(), "note": "same release"})
        page = client.get(f"{root}/change/?tab=related").text
        assert "same release" in page
        client.post(f"{root}/link/{Link.objects.get().pk}/remove/")
        assert not Link.objects.exists()
