"""The four systems' runbooks as they stand in config/runbooks: complete, loadable, the same when loaded again (SC-33)."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings

from config.casework.catalogue.loader import compare, export, load
from config.casework.catalogue.models import System
from incidents.procedures.models import Procedure
from incidents.severity.models import Severity
from integrations.signals.models import Monitor

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
        level = {
            row.key: (row.spec["threshold"], row.spec["severity"]) for row in Monitor.objects.all() if "slo1" in row.key
        }
        assert level["js-slo1-page"] == (0.90, "P0")
        assert level["js-slo1-violation"] == (0.95, "P1")


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
        level = Severity.objects.get(system__key=system, key=key)
        assert (level.rank, level.acknowledge, level.clock) == (rank, acknowledge, clock)
        assert (level.paging, level.update_every, level.postmortem) == (paging, update_every, postmortem)
        assert (level.mitigate, level.mitigate_by_release_window) == ("", False)

    def test_the_scheduler_borrows_the_levels_of_jobarium(self) -> None:
        names = ("key", "name", "rank", "acknowledge", "mitigate", "clock", "paging", "is_untriaged")
        lent = list(Severity.objects.filter(system__key="jobarium").values_list(*names))
        assert list(Severity.objects.filter(system__key="scheduler").values_list(*names)) == lent
        assert len(lent) == 3
