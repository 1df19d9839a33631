"""Runbook files as a whole: broken ones are refused, drift is shown, exports load, a fifth system works (SC-33, OPS-22)."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.loader import RunbookRefused, load
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.transitions import apply
from config.casework.versions import versions_of
from config.casework.work.services import tick
from incidents.capacity.models import CapacityLimit
from incidents.models import Incident, Procedure, Severity
from incidents.runbooks.selectors import versions_behind
from incidents.services import open_incident
from tests.incidents.conftest import level

AT = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
FOLDER = settings.BASE_DIR / "config" / "runbooks"
FILES = sorted(FOLDER.glob("*.yaml"))
FIFTH = Path(__file__).parent / "greenhouse.yaml"

pytestmark = pytest.mark.django_db


def changed(tmp_path: Path, name: str, *changes: tuple[str, str]) -> Path:
    """A copy of a shipped file with passages replaced."""
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, f"the runbook does not hold {old!r}"
        text = text.replace(old, new, 1)
    path = tmp_path / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refused(*paths: Path) -> str:
    with pytest.raises(RunbookRefused) as refusal:
        load(paths, at=AT)
    assert not System.objects.exists()
    return str(refusal.value)


class TestBrokenFiles:
    """Each is refused whole, with line and key, and nothing of any file is kept."""

    @pytest.mark.parametrize(
        ("name", "old", "new", "key", "message"),
        [
            ("jobsentinel", "severity: P0, page: always, action: [page, open_incident], playbook", "severity: SEV-1, page: always, action: [page, open_incident], playbook", "severity", "'SEV-1' is not in the section severities"),
            ("jobsentinel", "zone: UTC\n  version", "zone: Europe/Atlantis\n  version", "system.zone", "no time zone"),
            ("jobsentinel", "Incident ID: {reference}", "Incident ID: {number}", "templates", "{number}"),
            ("jobsentinel", "- id: jobsentinel-memory-leak", "- id: jobsentinel-scraper-failing", "playbooks", "stands twice"),
            ("jobsentinel", "severity: P3\n  limits", "severity: P9\n  limits", "capacity.severity", "'P9'"),
            ("jobsentinel", "- {key: memory, name: Memory, unit: GB", "- {key: cpu, name: Memory, unit: GB", "capacity.limits", "stands twice"),
            ("jobsentinel", "unit: jobs per hour, limit: 10000,", "unit: jobs per hour, limit: 0,", "capacity.limits", "greater than 0"),
            ("jobsentinel", "needs: [web-ui, api]", "needs: [web-ui, apy]", "components", "'apy' is no component"),
            ("qa-auditor", "contacts: [Security Team, CISO]", "contacts: [Security Team, CFO]", "escalation_matrix", "'CFO' is no role"),
            ("qa-auditor", "until: PT15M", "until: PT4M", "severities", "must end later"),
            ("qa-auditor", "met_by: triaged", "met_by: tired", "met_by", "must be one of"),
            ("qa-auditor", "warning: not for production; it starts a development server, ", "", "commands", "needs a warning"),
            ("qa-auditor", "escalation_matrix:", "escalation_matrx:", "escalation_matrx", "did you mean escalation_matrix"),
        ],
    )  # fmt: skip
    def test_a_mistake_is_named_with_its_line(
        self, tmp_path: Path, name: str, old: str, new: str, key: str, message: str
    ) -> None:
        path = changed(tmp_path, name, (old, new))
        said = refused(FOLDER / "jobarium.yaml", path)
        assert key in said
        assert message in said
        original = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
        line = original[: original.index(old)].count("\n") + 1
        numbers = [int(text.split(":")[1]) for text in said.splitlines() if str(path) in text]
        assert any(abs(number - line) <= 15 for number in numbers), (line, said)

    def test_a_borrowed_scheme_needs_its_owner(self) -> None:
        assert "'jobarium' is neither loaded nor among these files" in refused(FOLDER / "scheduler.yaml")

    def test_one_cannot_borrow_from_a_borrower(self, tmp_path: Path) -> None:
        other = changed(
            tmp_path,
            "scheduler",
            ("key: scheduler", "key: shifts"),
            ("borrowed_from: jobarium", "borrowed_from: scheduler"),
            ("calendar: scheduler-office", "calendar: shifts-office"),
            ("key: scheduler-office", "key: shifts-office"),
        ).rename(tmp_path / "shifts.yaml")
        assert "'scheduler' borrows its scheme itself" in refused(
            FOLDER / "jobarium.yaml", FOLDER / "scheduler.yaml", other
        )

    def test_a_borrower_has_no_levels_of_its_own(self, tmp_path: Path) -> None:
        path = changed(
            tmp_path, "scheduler", ("{borrowed_from: jobarium}", "{borrowed_from: jobarium, untriaged: SEV-2}")
        )
        assert "a borrowed scheme has no levels of its own" in refused(FOLDER / "jobarium.yaml", path)

    def test_a_level_that_the_owner_does_not_have_is_refused(self, tmp_path: Path) -> None:
        path = changed(tmp_path, "scheduler", ("- severity: SEV-1", "- severity: P1"))
        assert "'P1' is not in the section severities" in refused(FOLDER / "jobarium.yaml", path)


class TestBorrowing:
    def test_the_borrower_follows_when_the_owner_is_loaded_alone(self, tmp_path: Path) -> None:
        load(FILES, at=AT)
        load([changed(tmp_path, "jobarium", ("mitigate: PT8H", "mitigate: PT6H"))], at=AT)
        assert Severity.objects.get(system__key="scheduler", key="SEV-2").mitigate == "PT6H"

    def test_the_order_of_the_files_does_not_matter(self) -> None:
        load([FOLDER / "scheduler.yaml", FOLDER / "jobarium.yaml"], at=AT)
        sev2 = Severity.objects.get(system__key="scheduler", key="SEV-2")
        assert (sev2.acknowledge, sev2.paging) == ("PT1H", "always")

    def test_it_follows_an_edit_by_hand_and_is_not_edited_itself(self, lead: User, settings: object) -> None:
        load(FILES, at=AT)
        client = client_of(lead, settings)
        owned, lent = (Severity.objects.get(system__key=key, key="SEV-2") for key in ("jobarium", "scheduler"))
        page = client.get(reverse("admin:incidents_severity_change", args=[owned.pk]))
        values = {**page.context["adminform"].form.initial, "mitigate": "PT5H", "warn": "0.8"}
        values = {name: value for name, value in values.items() if value not in (None, False)}
        for name in ("examples", "paging_steps", "breach_steps", "phases"):
            values[name] = "[]"
        client.post(reverse("admin:incidents_severity_change", args=[owned.pk]), values)
        lent.refresh_from_db()
        assert lent.mitigate == "PT5H"
        answer = client.post(reverse("admin:incidents_severity_change", args=[lent.pk]), values)
        assert answer.status_code == 403

    def test_its_own_calendar_counts(self) -> None:
        load(FILES, at=AT)
        assert (
            Severity.objects.get(system__key="scheduler", key="SEV-3").business_calendar()
            == System.objects.get(key="scheduler").calendar
        )


def client_of(person: User, settings: object) -> Client:
    settings.STAFF_NEEDS_SECOND_FACTOR = False  # type: ignore[attr-defined]
    client = Client()
    client.force_login(person)
    return client


def check() -> tuple[str, int]:
    out = StringIO()
    try:
        call_command("load_runbooks", *FILES, check=True, stdout=out)
    except CommandError as error:
        return out.getvalue(), error.returncode
    return out.getvalue(), 0


class TestDrift:
    @pytest.fixture(autouse=True)
    def _loaded(self) -> None:
        load(FILES, at=AT)

    def test_no_difference_ends_well_and_names_what_is_left_open(self, lead: User, chief: User) -> None:
        said, status = check()
        assert status == 0
        assert "qa-auditor: left open: the contact Tech Lead is blank" in said
        assert "No difference." in said

    def test_differences_are_told_section_by_section(self) -> None:
        Severity.objects.filter(system__key="qa-auditor", key="P2").update(acknowledge="PT2H")
        CapacityLimit.objects.filter(key="memory").update(limit=8)
        said, status = check()
        assert status == 1
        assert "qa-auditor.yaml, section severities: 1 difference" in said
        assert "severities.levels[P2].acknowledge: file has 'PT1H', database has 'PT2H'" in said
        assert "jobsentinel.yaml, section capacity: 1 difference" in said

    def test_the_page_shows_the_same(self, lead: User, settings: object) -> None:
        client, system = client_of(lead, settings), System.objects.get(key="qa-auditor")
        url = reverse("admin:incidents_runbook_drift", args=[system.pk])
        assert "The database holds what qa-auditor.yaml says." in client.get(url).text
        Severity.objects.filter(system=system, key="P2").update(acknowledge="PT2H")
        assert "severities.levels[P2].acknowledge" in client.get(url).text


class TestExport:
    @pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
    def test_the_command_writes_a_file_that_loads_to_the_same_rows(self, path: Path, tmp_path: Path) -> None:
        load(FILES, at=AT)
        out = StringIO()
        call_command("load_runbooks", export=path.stem, stdout=out)
        copy = tmp_path / path.name
        copy.write_text(out.getvalue(), encoding="utf-8")
        assert load([copy], at=AT).changed == 0
        System.objects.exclude(key="jobarium").delete()
        load([FOLDER / "jobarium.yaml", *([copy] if path.stem != "jobarium" else [])], at=AT)
        assert load([path], at=AT).changed == 0  # the copy made an empty desk the same

    def test_an_edit_by_hand_is_in_it(self, lead: User, settings: object) -> None:
        load(FILES, at=AT)
        Severity.objects.filter(system__key="qa-auditor", key="P2").update(acknowledge="PT2H")
        system = System.objects.get(key="qa-auditor")
        answer = client_of(lead, settings).get(reverse("admin:incidents_runbook_export", args=[system.pk]))
        assert "acknowledge: PT2H" in answer.text
        assert answer["Content-Disposition"] == 'attachment; filename="qa-auditor.yaml"'

    def test_an_unknown_system_is_refused(self) -> None:
        with pytest.raises(CommandError, match="no system 'mars'") as refusal:
            call_command("load_runbooks", export="mars")
        assert refusal.value.returncode == 2


class TestVersions:
    def test_who_changed_what_and_when(self, lead: User, settings: object) -> None:
        load(FILES, at=AT)
        system = System.objects.get(key="qa-auditor")
        client = client_of(lead, settings)
        client.post(
            reverse("admin:casework_system_change", args=[system.pk]),
            {"public_name": "The Auditor", "description": system.description},
        )
        newest = versions_of(System.objects.get(pk=system.pk))[0]
        assert newest.actor == lead
        assert [(found.column.name, found.before, found.after) for found in newest.differences] == [
            ("public_name", "QA Auditor", "The Auditor")
        ]
        page = client.get(reverse("admin:casework_system_versions", args=[system.pk])).text
        assert "<del>QA Auditor</del>" in page
        assert lead.get_full_name() in page

    def test_a_load_names_the_file_and_whoever_loaded_it(self, tmp_path: Path, lead: User) -> None:
        load(FILES, at=AT)
        load([changed(tmp_path, "qa-auditor", ("acknowledge: PT1H", "acknowledge: PT2H"))], at=AT, actor=lead)
        newest = versions_of(Severity.objects.get(system__key="qa-auditor", key="P2"))[0]
        assert (newest.source, newest.actor) == ("qa-auditor.yaml", lead)
        assert [found.column.name for found in newest.differences] == ["acknowledge"]

    def test_all_of_a_runbook_stand_on_one_page_removed_rows_too(
        self, tmp_path: Path, lead: User, settings: object
    ) -> None:
        load(FILES, at=AT)
        path = changed(tmp_path, "scheduler", ("- {key: sync, purpose", "- {key: synchronise, purpose"))
        load([path], at=AT)
        system = System.objects.get(key="scheduler")
        told = [(version.model.__name__, version.label, version.name) for version in versions_behind(system)]
        assert ("CommandReference", "delete", "sync") in told
        assert ("CommandReference", "insert", "synchronise") in told
        page = client_of(lead, settings).get(reverse("admin:incidents_runbook_versions", args=[system.pk]))
        assert "scheduler.yaml" in page.text

    def test_loading_the_same_again_makes_no_version(self) -> None:
        load(FILES, at=AT)
        before = [len(versions_behind(system)) for system in System.objects.order_by("key")]
        load(FILES, at=AT)
        assert [len(versions_behind(system)) for system in System.objects.order_by("key")] == before


class TestFifthSystem:
    """One new file, no code (INC-01)."""

    @pytest.fixture
    def fifth(self, lead: User, chief: User) -> System:
        load([*FILES, FIFTH], at=AT)
        return System.objects.get(key="greenhouse")

    def test_its_case_is_worked_from_report_to_close(self, fifth: System, lead: User, now: datetime) -> None:
        incident = open_incident(fifth, title="Too hot", actor=lead, at=now)
        clocks = {row.kind: row.due_at for row in Deadline.objects.open().of(incident)}
        assert clocks["acknowledge"] == now + timedelta(minutes=20)  # the level for unjudged ones
        apply(incident, "acknowledge", actor=lead)
        apply(incident, "triage", actor=lead, severity=level(fifth, "RED"), scope="all plants")
        clocks = {row.kind: row.due_at for row in Deadline.objects.open().of(incident)}
        assert clocks["mitigate"] == now + timedelta(minutes=40)
        assert clocks["phase_vent"] == now + timedelta(minutes=10)
        assert Procedure.objects.get(key="greenhouse-heat").system == fifth
        tick(now + timedelta(minutes=11))
        assert AuditEntry.objects.filter(case_reference=incident.reference, action="phase.overdue").exists()
        with clock.at(now + timedelta(minutes=20)):
            incident = Incident.objects.get(pk=incident.pk)
            apply(incident, "resolve", actor=lead)
            apply(
                incident,
                "close",
                actor=lead,
                cause="A vent",
                fix_reference="v2",
                no_communication_reason="Plants do not read.",
            )
        assert incident.state == "closed"

    def test_it_shows_on_the_list_and_has_a_page(self, fifth: System, lead: User, settings: object) -> None:
        client = client_of(lead, settings)
        assert client.get(reverse("admin:incidents_runbook_changelist")).text.count("Greenhouse") >= 1
        assert "Open the vents" not in client.get(reverse("admin:incidents_runbook_change", args=[fifth.pk])).text

    def test_its_levels_are_its_own(self, fifth: System, lead: User, now: datetime) -> None:
        assert list(Severity.objects.filter(system=fifth).values_list("key", flat=True)) == ["RED", "AMBER"]


class TestPages:
    @pytest.mark.parametrize("key", ["jobarium", "jobsentinel", "qa-auditor", "scheduler"])
    def test_each_runbook_has_its_page(self, key: str, lead: User, chief: User, settings: object) -> None:
        load(FILES, at=AT)
        page = client_of(lead, settings).get(
            reverse("admin:incidents_runbook_change", args=[System.objects.get(key=key).pk])
        )
        assert page.status_code == 200
        told = {
            "scheduler": "SEV-1, SEV-2, SEV-3 (borrowed from jobarium)",
            "qa-auditor": "Contact Tech Lead of QA Auditor is blank.",
            "jobsentinel": "https://grafana.example.com",
            "jobarium": "Technical incident lead",
        }
        assert told[key] in page.text

    def test_the_list_holds_the_four(self, lead: User, settings: object) -> None:
        load(FILES, at=AT)
        page = client_of(lead, settings).get(reverse("admin:incidents_runbook_changelist"))
        assert len(page.context["cl"].result_list) == 4
