"""The four systems' runbooks as they stand in config/runbooks: complete, loadable, the same when loaded again (SC-33)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from config.casework import clock
from config.casework.access.models import User
from config.casework.catalogue.loader import compare, export, load
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.work.services import tick
from incidents.models import Incident
from incidents.procedures.models import Procedure
from incidents.services import open_incident
from incidents.severity.models import Severity
from integrations.signals.models import Monitor
from tests.incidents.conftest import level

AT = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
FOLDER = settings.BASE_DIR / "config" / "runbooks"
SYSTEMS = ("jobarium", "jobsentinel", "qa-auditor", "scheduler")
FILES = [FOLDER / f"{key}.yaml" for key in SYSTEMS]

pytestmark = pytest.mark.django_db


@pytest.fixture
def loaded() -> None:
    load(FILES, at=AT)


@pytest.mark.usefixtures("loaded")
class TestCatalogue:
    def test_there_are_four_systems_and_no_other_file(self) -> None:
        assert set(System.objects.values_list("key", flat=True)) == set(SYSTEMS)
        assert sorted(FOLDER.glob("*.yaml")) == FILES

    def test_loading_again_changes_nothing(self) -> None:
        assert load(FILES, at=AT).changed == 0

    def test_no_file_differs_from_the_database(self) -> None:
        assert compare(FILES, at=AT) == []

    @pytest.mark.parametrize("key", SYSTEMS)
    def test_an_export_loads_to_the_same_rows(self, key: str, tmp_path: Path) -> None:
        path = tmp_path / f"{key}.yaml"
        path.write_text(export(System.objects.get(key=key)), encoding="utf-8")
        assert load([path], at=AT).changed == 0

    def test_all_thirty_four_playbooks_are_there(self) -> None:
        playbooks = Procedure.objects.filter(kind="playbook", is_active=True)
        counts = {key: playbooks.filter(system__key=key).count() for key in SYSTEMS}
        assert counts == {"jobarium": 12, "jobsentinel": 7, "qa-auditor": 6, "scheduler": 9}

    def test_the_success_rate_of_scraping_decides_between_p0_and_p1(self) -> None:
        """SLO-26."""
        rows = {
            row.key: (row.spec["threshold"], row.spec["severity"]) for row in Monitor.objects.all() if "slo1" in row.key
        }
        assert rows["js-slo1-page"] == (0.90, "P0")
        assert rows["js-slo1-violation"] == (0.95, "P1")


@pytest.mark.usefixtures("loaded")
class TestSchemes:
    @pytest.mark.parametrize(
        ("system", "key", "rank", "acknowledge", "clock", "paging", "update_every", "postmortem"),
        [
            ("jobsentinel", "P0", 1, "PT5M", "round_the_clock", "always", "PT30M", "required"),
            ("jobsentinel", "P1", 2, "PT30M", "business", "business_hours", "PT2H", "required"),
            ("jobsentinel", "P2", 3, "PT4H", "business", "never", "1BD", "optional"),
            ("jobsentinel", "P3", 4, "", "business", "never", "", "never"),
            ("qa-auditor", "P1", 1, "PT15M", "round_the_clock", "always", "PT30M", "required"),
            ("qa-auditor", "P2", 2, "PT1H", "round_the_clock", "always", "PT2H", "optional"),
            ("qa-auditor", "P3", 3, "PT4H", "business", "never", "1BD", "never"),
            ("qa-auditor", "P4", 4, "PT24H", "round_the_clock", "never", "PT24H", "never"),
        ],
    )
    def test_each_level_keeps_its_promises(
        self,
        system: str,
        key: str,
        rank: int,
        acknowledge: str,
        clock: str,
        paging: str,
        update_every: str,
        postmortem: str,
    ) -> None:
        row = Severity.objects.get(system__key=system, key=key)
        assert (row.rank, row.acknowledge, row.clock) == (rank, acknowledge, clock)
        assert (row.paging, row.update_every, row.postmortem) == (paging, update_every, postmortem)
        assert (row.mitigate, row.mitigate_by_release_window) == ("", False)

    def test_the_scheduler_borrows_the_levels_of_jobarium(self) -> None:
        names = ("key", "name", "rank", "acknowledge", "mitigate", "clock", "paging", "is_untriaged")
        lent = list(Severity.objects.filter(system__key="jobarium").values_list(*names))
        assert list(Severity.objects.filter(system__key="scheduler").values_list(*names)) == lent
        assert len(lent) == 3


SATURDAY = datetime(2026, 3, 14, 11, 0, tzinfo=UTC)
MONDAY = datetime(2026, 3, 16, 9, 0, tzinfo=UTC)


@pytest.mark.usefixtures("loaded")
class TestPromisesInUse:
    def opened(self, system: str, key: str, at: datetime) -> Incident:
        severity = level(System.objects.get(key=system), key)
        with clock.at(at):
            return open_incident(severity.system, title="x", actor=None, at=at, severity=severity)

    def test_p0_is_paged_at_once_and_missed_after_5_minutes(self, lead: User, chief: User) -> None:
        incident = self.opened("jobsentinel", "P0", SATURDAY)
        tick(SATURDAY)
        assert [page.person for page in incident.pages.all()] == [lead]
        tick(SATURDAY + timedelta(minutes=5))
        assert not incident.escalations.exists()
        tick(SATURDAY + timedelta(minutes=6))
        assert [row.person for row in incident.escalations.all()] == [lead]
        tick(SATURDAY + timedelta(minutes=15))
        assert chief in {page.person for page in incident.pages.all()}

    def test_p1_of_a_saturday_is_paged_on_monday_and_its_clock_begins_then(self, lead: User, chief: User) -> None:
        incident = self.opened("jobsentinel", "P1", SATURDAY)
        tick(MONDAY - timedelta(minutes=1))
        assert not incident.pages.exists()
        tick(MONDAY)
        assert [page.person for page in incident.pages.all()] == [lead]
        due = Deadline.objects.open().of(incident).get(kind="acknowledge").due_at
        assert due == MONDAY + timedelta(minutes=30)

    def test_p2_is_never_paged_and_answered_within_4_open_hours(self, lead: User) -> None:
        incident = self.opened("jobsentinel", "P2", SATURDAY)
        assert Deadline.objects.open().of(incident).get(kind="acknowledge").due_at == MONDAY + timedelta(hours=4)
        tick(MONDAY + timedelta(hours=1))
        assert not incident.pages.exists()

    def test_p3_has_no_clock(self) -> None:
        assert not Deadline.objects.of(self.opened("jobsentinel", "P3", SATURDAY)).exists()

    @pytest.mark.parametrize(
        ("key", "due"),
        [
            ("P1", SATURDAY + timedelta(minutes=15)),
            ("P2", SATURDAY + timedelta(hours=1)),
            ("P3", MONDAY + timedelta(hours=4)),
            ("P4", SATURDAY + timedelta(hours=24)),
        ],
    )
    def test_the_levels_of_the_auditor_answer_in_their_time(self, key: str, due: datetime) -> None:
        incident = self.opened("qa-auditor", key, SATURDAY)
        assert Deadline.objects.open().of(incident).get(kind="acknowledge").due_at == due
        assert not Deadline.objects.of(incident).filter(kind="mitigate").exists()

    def test_an_unjudged_one_of_the_scheduler_runs_as_the_borrowed_sev_2(self, lead: User) -> None:
        scheduler = System.objects.get(key="scheduler")
        incident = open_incident(scheduler, title="x", actor=None, at=SATURDAY)
        due = {row.kind: row.due_at for row in Deadline.objects.open().of(incident)}
        assert due["acknowledge"] == SATURDAY + timedelta(hours=1)
        assert due["mitigate"] == SATURDAY + timedelta(hours=8)
