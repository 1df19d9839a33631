"""Runbook files: loaded whole or refused whole, with file, line and key; the same file twice changes nothing."""

from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.documents import Problem
from config.casework.catalogue.loader import RunbookRefused, compare, export, load
from config.casework.catalogue.models import Calendar, System

AT = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
JOBARIUM = settings.BASE_DIR / "config" / "runbooks" / "jobarium.yaml"
type Write = Callable[..., Path]

SMALL = """\
system:
  key: ferry
  name: Ferry
  public_name: The ferry
  zone: Europe/Berlin
  version: "3"
  description: Carries parcels.
  calendar: ferry-office
  job_labels: [ferry]
calendars:
- key: ferry-office
  name: Ferry office
  zone: Europe/Berlin
  hours: {mon: [["09:00", "17:00"]]}
  holidays: DE-BE
  closed_days: [2026-12-24]
severities:
  untriaged: B
  levels:
  - {key: A, name: High, meaning: Nothing moves., rank: 1, acknowledge: PT5M, clock: round_the_clock, paging: always, postmortem: required}
  - {key: B, name: Low, meaning: Some parcels wait., rank: 2, acknowledge: 1BD, clock: business, paging: never, postmortem: never}
oncall_roles: {primary: cto, secondary: ceo}
paging:
  policies:
  - severity: A
    steps:
    - {after: PT0S, to: primary}
    - {after: PT15M, to: secondary}
  breach:
  - {to: cto}
audiences:
- {key: user, name: Users, outside: true}
- {key: internal, name: The company}
guard_words: [Hermes]
templates:
- key: delay
  audience: user
  title: Delay
  subject: "{feature} is late"
  body: Expect it by {eta}.
  slots:
  - {key: feature, label: Feature}
  - {key: eta, label: Expected}
playbooks:
- id: ferry-stuck
  title: Ferry stuck
  trigger: no parcel in an hour
  monitors: [ferry-parcels]
  checks:
  - Is the engine on?
  mitigations:
  - {text: Row, expires: required, approval: CTO}
  communications:
  - {audience: user, template: delay}
checklists:
- id: ferry-morning
  title: Morning round
  cadence: daily
  items:
  - {key: fuel, text: Fuel is full}
  - {key: rope, text: Rope is dry}
monitors:
- {id: ferry-parcels, metric: parcels, unit: count, comparison: "<", threshold: 1, window: PT1H, severity: A, playbook: ferry-stuck, action: [open_incident]}
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the small runbook with passages replaced: `write(("old", "new"), name="b.yaml")`."""

    def small(*changes: tuple[str, str], name: str = "ferry.yaml", text: str = SMALL) -> Path:
        for old, new in changes:
            assert old in text, f"the runbook of this test does not hold {old!r}"
            text = text.replace(old, new)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return small


def problems(*paths: Path) -> list[Problem]:
    with pytest.raises(RunbookRefused) as caught:
        load(paths, at=AT)
    assert not System.objects.filter(key__in=["ferry", "barge"]).exists()
    return list(caught.value.problems)


def only_problem(path: Path) -> tuple[int, str, str]:
    (problem,) = problems(path)
    assert problem.path == path
    return problem.line, problem.key, problem.message


@pytest.mark.django_db
class TestLoad:
    def test_the_system_and_its_calendar_are_made(self, write: Write) -> None:
        report = load([write()], at=AT)
        system = System.objects.get(key="ferry")
        assert (system.name, system.zone, system.version, system.job_labels) == (
            "Ferry",
            "Europe/Berlin",
            "3",
            ["ferry"],
        )
        assert system.calendar is not None
        assert system.calendar.hours == {"mon": [["09:00", "17:00"]]}
        assert system.calendar.closed_days == ["2026-12-24"]
        assert report.changed > 0

    def test_a_second_time_changes_nothing(self, write: Write) -> None:
        path = write()
        load([path], at=AT)
        entries = AuditEntry.objects.count()
        report = load([path], at=AT)
        assert report.changed == 0
        assert AuditEntry.objects.count() == entries

    def test_a_change_is_counted_in_its_section_and_goes_to_the_trail(self, write: Write, lead: User) -> None:
        load([write()], at=AT)
        report = load([write(("Carries parcels.", "Carries letters."))], at=AT, actor=lead)
        (loaded,) = report.files
        assert {key: change.total for key, change in loaded.changes.items() if change.total} == {"system": 1}
        entry = AuditEntry.objects.latest("pk")
        assert (entry.action, entry.actor, entry.detail, entry.happened_at) == (
            "runbook.loaded",
            lead,
            {"system": 1},
            AT,
        )

    def test_what_a_file_no_longer_names_goes(self, write: Write) -> None:
        night = '- {key: ferry-night, name: Night, zone: UTC, hours: {sun: [["22:00", "00:00"]]}}\n'
        first = write(("calendars:\n", f"calendars:\n{night}"))
        load([first], at=AT)
        assert Calendar.objects.filter(key="ferry-night").exists()
        load([write()], at=AT)
        assert not Calendar.objects.filter(key="ferry-night").exists()

    def test_calendars_of_other_systems_stay(self, write: Write) -> None:
        load([write()], at=AT)
        other = [("ferry", "ferry-boat"), ("Ferry", "Boat")]
        load([write(*other, name="boat.yaml")], at=AT)
        load([write()], at=AT)
        assert set(Calendar.objects.values_list("key", flat=True)) >= {"ferry-office", "ferry-boat-office"}

    def test_a_section_that_the_file_does_not_hold_is_left_alone(self, write: Write) -> None:
        load([write()], at=AT)
        load([write(("guard_words: [Hermes]\n", ""))], at=AT)
        assert System.objects.get(key="ferry").setting("guard_words") == ["Hermes"]

    def test_known_files_can_be_skipped_so_that_edits_survive(self, write: Write) -> None:
        path = write()
        load([path], at=AT)
        System.objects.filter(key="ferry").update(description="Edited by hand.")
        assert load([path], at=AT, skip_known=True).files == ()
        assert System.objects.get(key="ferry").description == "Edited by hand."
        assert load([write(("# none", "# none"), text=SMALL + "# none\n")], at=AT, skip_known=True).changed == 1


@pytest.mark.django_db
class TestRefusals:
    def test_an_unknown_key(self, write: Write) -> None:
        path = write(("  version:", "  versoin:"))
        found = problems(path)
        assert [(problem.line, problem.key, problem.message) for problem in found] == [
            (1, "system.version", "is missing"),
            (6, "system.versoin", "unknown key"),
        ]

    def test_an_unknown_section_with_the_likely_word(self, write: Write) -> None:
        line, key, message = only_problem(write(("guard_words: [Hermes]", "guardwords: [Hermes]")))
        assert (line, key, message) == (34, "guardwords", "unknown section; did you mean guard_words?")

    def test_a_missing_section(self, write: Write) -> None:
        text = SMALL.replace(SMALL[: SMALL.index("severities:")], "")
        keys = [problem.key for problem in problems(write(text=text))]
        assert "system" in keys
        assert "calendars" in keys

    def test_a_wrong_type(self, write: Write) -> None:
        assert only_problem(write(('version: "3"', "version: 3"))) == (
            6,
            "system.version",
            "must be text; put it in quotes",
        )

    def test_a_word_outside_its_list(self, write: Write) -> None:
        line, key, message = only_problem(write(("postmortem: never", "postmortem: maybe")))
        assert (line, key) == (21, "severities.levels[B].postmortem")
        assert "'required'" in message

    @pytest.mark.parametrize("text", ["15m", "PT", "-PT5M", "P1M", "300"])
    def test_a_bad_duration(self, write: Write, text: str) -> None:
        line, key, message = only_problem(write(("{after: PT15M,", "{after: '" + text + "',")))
        assert (line, key) == (28, "paging.policies[1].steps[2].after")
        assert message == f"write a duration such as PT15M, PT2H or P1D, not {text!r}"

    def test_a_bad_promise(self, write: Write) -> None:
        line, key, message = only_problem(write(("acknowledge: PT5M", "acknowledge: soon")))
        assert (line, key) == (20, "severities.levels[A].acknowledge")
        assert "soon" in message

    def test_hours_that_make_more_than_a_day_on_a_business_clock(self, write: Write) -> None:
        line, key, message = only_problem(write(("acknowledge: 1BD", "acknowledge: P1D")))
        assert (line, key) == (21, "severities.levels[B]")
        assert "write business days as 1BD" in message

    def test_an_unknown_zone(self, write: Write) -> None:
        found = problems(write(("Europe/Berlin", "Europe/Brelin")))
        assert [(problem.line, problem.key) for problem in found] == [
            (5, "system.zone"),
            (13, "calendars[ferry-office].zone"),
        ]

    def test_hours_that_overlap(self, write: Write) -> None:
        hours = 'mon: [["09:00", "17:00"], ["16:00", "18:00"]]'
        line, key, _message = only_problem(write(('mon: [["09:00", "17:00"]]', hours)))
        assert (line, key) == (11, "calendars[ferry-office]")

    def test_an_entry_twice_with_the_place_of_the_first(self, write: Write) -> None:
        path = write(("  - {key: rope, text: Rope is dry}", "  - {key: fuel, text: Rope is dry}"))
        assert only_problem(path) == (
            61,
            "checklists[ferry-morning].items[fuel]",
            "'fuel' stands twice; it is also entry 1 of the list",
        )

    def test_a_key_twice(self, write: Write) -> None:
        path = write(("  version:", "  name: Boat\n  version:"))
        assert only_problem(path) == (6, "system.name", "stands twice; the first is in line 3")

    def test_a_text_may_stand_once_in_each_language(self, write: Write) -> None:
        other = "- {key: delay, language: de, audience: user, title: Verzug, subject: Verzug, body: Später.}\n"
        german = SMALL.replace("templates:\n", f"templates:\n{other}")
        line, key, message = only_problem(write(("language: de", "language: en"), text=german))
        assert (line, key, message) == (37, "templates[delay]", "'delay' stands twice in the language en")
        assert load([write(text=german)], at=AT).changed

    def test_a_severity_that_the_scheme_does_not_know(self, write: Write) -> None:
        line, key, message = only_problem(write(("severity: A, playbook", "severity: C, playbook")))
        assert (line, key) == (63, "monitors[ferry-parcels].severity")
        assert message == "'C' is not in the section severities of this file (there: A, B)"

    def test_a_playbook_that_is_not_there(self, write: Write) -> None:
        assert only_problem(write(("playbook: ferry-stuck", "playbook: ferry-sunk")))[:2] == (
            63,
            "monitors[ferry-parcels].playbook",
        )

    def test_a_template_that_is_not_there(self, write: Write) -> None:
        assert only_problem(write(("template: delay", "template: delays")))[:2] == (
            54,
            "playbooks[ferry-stuck].communications[1].template",
        )

    def test_a_monitor_that_is_not_there(self, write: Write) -> None:
        assert only_problem(write(("monitors: [ferry-parcels]", "monitors: [parcels]")))[:2] == (
            48,
            "playbooks[ferry-stuck].monitors[1]",
        )

    def test_a_broken_section_is_not_reported_again_by_those_that_refer_to_it(self, write: Write) -> None:
        assert only_problem(write(("rank: 2", "rank: two")))[1] == "severities.levels[B].rank"

    def test_a_slot_that_nobody_fills(self, write: Write) -> None:
        line, key, message = only_problem(write(("Expect it by {eta}.", "Expect it by {eta}, {when}.")))
        assert (line, key) == (36, "templates[delay]")
        assert "{when}" in message

    def test_a_fact_for_inside_in_a_text_for_outside(self, write: Write) -> None:
        line, key, message = only_problem(write(("Expect it by {eta}.", "Expect it by {eta} or {impact}.")))
        assert (line, key) == (40, "templates[delay].body")
        assert "{impact}" in message

    def test_a_provider_named_to_people_outside(self, write: Write) -> None:
        line, key, message = only_problem(write(("Expect it by {eta}.", "hermes brings it by {eta}.")))
        assert (line, key) == (40, "templates[delay].body")
        assert "'Hermes'" in message

    def test_a_level_that_is_paged_without_a_policy(self, write: Write) -> None:
        assert only_problem(write(("clock: business, paging: never", "clock: business, paging: always")))[:2] == (
            24,
            "paging.policies",
        )

    def test_steps_out_of_order(self, write: Write) -> None:
        assert only_problem(write(("{after: PT15M,", "{after: PT0S,")))[:2] == (28, "paging.policies[1].steps[2].after")

    def test_a_step_to_nobody(self, write: Write) -> None:
        line, key, message = only_problem(write(("to: secondary}", "to: tertiary}")))
        assert (line, key) == (28, "paging.policies[1].steps[2].to")
        assert "'tertiary' is neither" in message

    def test_a_calendar_named_after_nobody(self, write: Write) -> None:
        assert only_problem(write(("ferry-office", "office")))[:2] == (11, "calendars[office].key")

    def test_tabs_and_garbled_text(self, write: Write) -> None:
        found = problems(
            write(("Carries parcels.", "Carries\tparcels."), ("Rope is dry", "Rope \u00e2\u2020\u2019 dry"))
        )
        assert [problem.line for problem in found] == [7, 61]

    def test_all_problems_of_all_files_come_at_once(self, write: Write) -> None:
        first = write(("rank: 2", "rank: two"), ("cadence: daily", "cadence: hourly"))
        second = write(("zone: Europe/Berlin", "zone: Moon"), name="barge.yaml", text=SMALL.replace("ferry", "barge"))
        found = problems(first, second)
        assert [problem.path.name for problem in found] == ["barge.yaml", "barge.yaml", "ferry.yaml", "ferry.yaml"]


@pytest.mark.django_db
class TestSeveralFiles:
    def test_two_systems_are_loaded_together(self, write: Write) -> None:
        paths = [write(), write(name="barge.yaml", text=SMALL.replace("ferry", "barge"))]
        assert [file.system for file in load(paths, at=AT).files] == ["ferry", "barge"]
        assert load(paths, at=AT).changed == 0

    def test_one_broken_file_keeps_the_good_one_out_too(self, write: Write) -> None:
        broken = write(("rank: 2", "rank: two"), name="barge.yaml", text=SMALL.replace("ferry", "barge"))
        assert {problem.path.name for problem in problems(write(), broken)} == {"barge.yaml"}

    def test_one_system_in_two_files_is_refused(self, write: Write) -> None:
        found = problems(write(), write(name="again.yaml"))
        assert (found[0].path.name, found[0].line, found[0].key) == ("again.yaml", 2, "system.key")

    def test_a_monitor_name_that_another_file_uses_is_refused(self, write: Write) -> None:
        text = SMALL.replace("ferry", "barge").replace("barge-parcels", "ferry-parcels")
        found = problems(write(), write(name="barge.yaml", text=text))
        assert [(problem.path.name, problem.line, problem.key) for problem in found] == [
            ("barge.yaml", 63, "monitors[ferry-parcels]")
        ]

    def test_a_monitor_name_that_another_system_bears_is_refused(self, write: Write) -> None:
        load([write()], at=AT)
        text = SMALL.replace("ferry", "barge").replace("barge-parcels", "ferry-parcels")
        with pytest.raises(
            RunbookRefused, match=r":63: monitors\[ferry-parcels\].id: 'ferry-parcels' is a monitor of ferry already"
        ):
            load([write(name="barge.yaml", text=text)], at=AT)
        assert not System.objects.filter(key="barge").exists()


@pytest.mark.django_db
class TestDrift:
    def test_there_is_none_after_loading(self, write: Write) -> None:
        path = write()
        load([path], at=AT)
        assert compare([path], at=AT) == []

    def test_an_edit_in_the_database_is_found_with_line_and_key(self, write: Write) -> None:
        path = write()
        load([path], at=AT)
        System.objects.filter(key="ferry").update(version="4")
        (drift,) = compare([path], at=AT)
        assert str(drift) == f"{path}:6: system.version: file has '3', database has '4'"

    def test_an_edit_in_the_file_is_found(self, write: Write) -> None:
        load([write()], at=AT)
        drifts = compare([write(("threshold: 1", "threshold: 2"), ("cadence: daily", "cadence: weekly"))], at=AT)
        assert [(drift.line, drift.key, drift.in_file, drift.in_database) for drift in drifts] == [
            (58, "checklists[ferry-morning].cadence", "weekly", "daily"),
            (63, "monitors[ferry-parcels].threshold", 2, 1),
        ]

    def test_a_system_that_was_never_loaded_is_all_drift(self, write: Write) -> None:
        assert {drift.key for drift in compare([write()], at=AT)} >= {"system", "severities", "monitors"}

    def test_a_section_only_the_database_holds_is_found(self, write: Write) -> None:
        load([write()], at=AT)
        (drift,) = compare([write(("guard_words: [Hermes]\n", ""))], at=AT)
        assert (drift.key, drift.in_database) == ("guard_words", ["Hermes"])


@pytest.mark.django_db
class TestExport:
    def test_what_is_written_loads_to_the_same_rows(self, write: Write) -> None:
        load([write()], at=AT)
        written = write(text=export(System.objects.get(key="ferry")), name="written.yaml")
        assert compare([written], at=AT) == []
        assert load([written], at=AT).changed == 0


@pytest.mark.django_db
class TestCommand:
    def test_it_loads_the_files_named(self, write: Write) -> None:
        out = StringIO()
        call_command("load_runbooks", str(write()), stdout=out)
        assert out.getvalue().startswith("ferry: ")

    def test_without_a_path_it_takes_all_of_the_project(self) -> None:
        call_command("load_runbooks", stdout=StringIO())
        assert System.objects.filter(key="jobarium").exists()

    def test_check_ends_with_1_when_something_differs(self, write: Write) -> None:
        out = StringIO()
        with pytest.raises(CommandError) as caught:
            call_command("load_runbooks", str(write()), "--check", stdout=out)
        assert caught.value.returncode == 1
        assert "ferry.yaml:1: system: file has" in out.getvalue()
        assert not System.objects.filter(key="ferry").exists()

    def test_check_is_content_after_loading(self, write: Write) -> None:
        path = str(write())
        call_command("load_runbooks", path, stdout=StringIO())
        call_command("load_runbooks", path, "--check", stdout=StringIO())

    def test_a_broken_file_ends_with_2_and_a_line_for_each_problem(self, write: Write) -> None:
        path = write(("rank: 2", "rank: two"), ("cadence: daily", "cadence: hourly"))
        error = StringIO()
        with pytest.raises(CommandError, match="2 problems, nothing was loaded") as caught:
            call_command("load_runbooks", str(path), stderr=error)
        assert caught.value.returncode == 2
        first, second = error.getvalue().splitlines()
        assert first == f"{path}:21: severities.levels[B].rank: must be a whole number"
        assert second.startswith(f"{path}:58: checklists[ferry-morning].cadence: must be one of")

    def test_only_changed_files_keep_edits(self, write: Write) -> None:
        path = str(write())
        call_command("load_runbooks", path, stdout=StringIO())
        System.objects.filter(key="ferry").update(version="4")
        call_command("load_runbooks", path, "--changed", stdout=StringIO())
        assert System.objects.get(key="ferry").version == "4"
        call_command("load_runbooks", path, stdout=StringIO())
        assert System.objects.get(key="ferry").version == "3"

    def test_an_empty_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match=r"holds no \.yaml file"):
            call_command("load_runbooks", str(tmp_path))


@pytest.mark.django_db
class TestJobarium:
    """The file that ships is complete for the incident spine."""

    def test_it_loads_twice_and_survives_a_round_trip(self, tmp_path: Path) -> None:
        assert load([JOBARIUM], at=AT).changed > 0
        assert load([JOBARIUM], at=AT).changed == 0
        assert compare([JOBARIUM], at=AT) == []
        written = tmp_path / "jobarium.yaml"
        written.write_text(export(System.objects.get(key="jobarium")), encoding="utf-8")
        assert load([written], at=AT).changed == 0
