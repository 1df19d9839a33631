"""Limits with readings, the warning at 80 % and the case it opens: INC-83..86."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.urls import reverse

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.loader import load
from config.casework.catalogue.models import System
from config.casework.transitions import apply
from config.casework.work.services import tick
from incidents.capacity.choices import ReadingSource, Standing
from incidents.capacity.models import CapacityLimit, CapacityReading
from incidents.capacity.selectors import guidance, limits_of_metric
from incidents.capacity.services import case_of, record_reading
from incidents.models import Incident

MINUTE = timedelta(minutes=1)


@pytest.fixture
def sentinel(db: None, now: datetime, lead: User, chief: User) -> System:
    load([settings.BASE_DIR / "config" / "runbooks" / "jobsentinel.yaml"], at=now)
    return System.objects.get(key="jobsentinel")


def limit(key: str = "jobs-scraped") -> CapacityLimit:
    return CapacityLimit.objects.get(system__key="jobsentinel", key=key)


def read(value: str, actor: User | None, at: datetime, key: str = "jobs-scraped") -> CapacityReading:
    with clock.at(at):
        return record_reading(limit(key), value=Decimal(value), actor=actor, at=at)


def notes(incident: Incident) -> list[str]:
    rows = AuditEntry.objects.filter(case_reference=incident.reference, action__startswith="capacity.")
    return list(rows.order_by("pk").values_list("action", flat=True))


class TestLimits:
    def test_six_stand_there_with_limit_and_warning(self, sentinel: System) -> None:
        rows = {row.name: (row.limit, row.warn_value) for row in CapacityLimit.objects.all()}
        assert rows == {
            "Jobs scraped per hour": (Decimal(10000), Decimal(8000)),
            "Resume analyses per hour": (Decimal(100), Decimal(80)),
            "Scrapers at the same time": (Decimal(10), Decimal(8)),
            "Database size": (Decimal(10), Decimal(8)),
            "Memory": (Decimal(4), Decimal("3.2")),
            "CPU cores": (Decimal(4), Decimal("3.2")),
        }

    def test_a_metric_leads_to_its_limit(self, sentinel: System) -> None:
        assert [row.key for row in limits_of_metric(sentinel, "capacity.memory_gb")] == ["memory"]
        assert limits_of_metric(sentinel, "") == []

    def test_guidance_and_the_age_for_the_archive_are_there(self, sentinel: System) -> None:
        assert [advice["key"] for advice in guidance(sentinel)] == ["vertical", "horizontal", "cost"]
        assert "SQLite" in guidance(sentinel)[1]["warning"]
        assert sentinel.setting("capacity")["archive_after"] == "P90D"


class TestWarning:
    @pytest.mark.parametrize(
        ("key", "value", "standing"),
        [
            ("jobs-scraped", "7999", Standing.ROOM),
            ("jobs-scraped", "7999.999", Standing.ROOM),
            ("jobs-scraped", "8000", Standing.WARNING),
            ("jobs-scraped", "9999.999", Standing.WARNING),
            ("jobs-scraped", "10000", Standing.FULL),
            ("memory", "3.199", Standing.ROOM),
            ("memory", "3.2", Standing.WARNING),
            ("memory", "4", Standing.FULL),
        ],
    )
    def test_it_begins_exactly_at_80_per_cent(
        self, sentinel: System, agent: User, now: datetime, key: str, value: str, standing: Standing
    ) -> None:
        reading = read(value, agent, now, key)
        assert limit(key).standing(reading.value) == standing
        assert (case_of(limit(key)) is not None) == (standing != Standing.ROOM)

    def test_the_case_pages_nobody_and_has_no_clock(self, sentinel: System, agent: User, now: datetime) -> None:
        read("8000", agent, now)
        incident = case_of(limit())
        assert incident is not None
        assert (incident.severity and incident.severity.key, incident.paging_override) == ("P3", "never")
        tick(now + timedelta(hours=8))
        assert not incident.pages.exists()
        incident.refresh_from_db()
        assert incident.next_due_at is None

    def test_more_readings_join_it_and_only_changes_are_noted(
        self, sentinel: System, agent: User, now: datetime
    ) -> None:
        for minute, value in enumerate(("8000", "8100", "9000", "10000", "10001", "7000", "6000")):
            read(value, agent, now + minute * MINUTE)
        incident = Incident.objects.get()
        assert notes(incident) == ["capacity.warning", "capacity.full", "capacity.room"]
        assert incident.state == "detected"  # a reading never resolves a case

    def test_after_the_watch_a_new_case_is_opened_that_knows_the_old_one(
        self, sentinel: System, agent: User, lead: User, now: datetime
    ) -> None:
        read("8000", agent, now)
        first = Incident.objects.get()
        with clock.at(now + MINUTE):
            apply(first, "resolve", actor=lead)
        read("8000", agent, now + 2 * MINUTE)
        first.refresh_from_db()
        assert first.state == "detected"  # within the watch it is the same trouble
        with clock.at(now + 3 * MINUTE):
            apply(first, "resolve", actor=lead)
        read("8000", agent, now + timedelta(days=2))
        assert Incident.objects.get(source_key=first.source_key, state="detected").recurrence_of == first

    def test_each_limit_has_a_case_of_its_own(self, sentinel: System, agent: User, now: datetime) -> None:
        read("8000", agent, now)
        read("4", agent, now, "memory")
        assert Incident.objects.count() == 2

    def test_an_old_reading_told_late_is_kept_and_warns_of_nothing(
        self, sentinel: System, agent: User, now: datetime
    ) -> None:
        read("100", agent, now)
        with clock.at(now):
            record_reading(limit(), value=Decimal(9000), actor=agent, at=now - timedelta(hours=1))
        assert CapacityReading.objects.count() == 2
        assert not Incident.objects.exists()

    def test_samples_come_without_a_person(self, sentinel: System, now: datetime) -> None:
        row = record_reading(limit(), value=Decimal(9000), actor=None, at=now, source=ReadingSource.SAMPLES)
        assert (row.recorded_by, Incident.objects.count()) == (None, 1)


class TestBadReadings:
    @pytest.mark.parametrize("value", ["-1", "NaN", "Infinity", "100000000000000"])
    def test_rubbish_is_refused(self, sentinel: System, agent: User, now: datetime, value: str) -> None:
        with pytest.raises(ValidationError):
            record_reading(limit(), value=Decimal(value), actor=agent, at=now)
        assert not CapacityReading.objects.exists()

    def test_the_future_is_refused(self, sentinel: System, agent: User, now: datetime) -> None:
        with pytest.raises(ValidationError):
            record_reading(limit(), value=Decimal(1), actor=agent, at=now + timedelta(hours=1))

    def test_a_stranger_enters_none(self, sentinel: System, stranger: User, now: datetime) -> None:
        with pytest.raises(PermissionDenied):
            record_reading(limit(), value=Decimal(1), actor=stranger, at=now)


class TestPage:
    def test_an_agent_enters_a_reading_and_sees_what_it_means(
        self, sentinel: System, agent: User, now: datetime, settings: object
    ) -> None:
        settings.STAFF_NEEDS_SECOND_FACTOR = False  # type: ignore[attr-defined]
        client = Client()
        client.force_login(agent)
        client.post(reverse("admin:incidents_capacitylimit_act", args=[limit().pk, "reading"]), {"value": "8000"})
        listed = client.get(reverse("admin:incidents_capacitylimit_changelist")).text
        assert "near the limit" in listed
        page = client.get(reverse("admin:incidents_capacitylimit_change", args=[limit().pk])).text
        assert "8000 jobs per hour" in page
        assert "Never share an SQLite file" in page
