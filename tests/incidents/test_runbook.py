"""What a runbook file makes of the incident desk's rows, and that later files change them without losing the past."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from config.casework.access.models import User
from config.casework.catalogue.loader import RunbookRefused, load
from config.casework.catalogue.models import System
from incidents.communications.models import MessageTemplate
from incidents.oncall.models import OnCallRole
from incidents.procedures.choices import StepKind
from incidents.procedures.models import Procedure, Run
from incidents.procedures.services import start_run
from incidents.services import open_incident
from incidents.severity.choices import ClockKind, Duty, Paging
from incidents.severity.models import Severity
from tests import factories

AT = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
JOBARIUM = settings.BASE_DIR / "config" / "runbooks" / "jobarium.yaml"
type Change = Callable[..., None]

pytestmark = pytest.mark.django_db


@pytest.fixture
def jobarium() -> System:
    load([JOBARIUM], at=AT)
    return System.objects.get(key="jobarium")


@pytest.fixture
def change(tmp_path: Path) -> Change:
    """Load Jobarium's file with passages replaced."""

    def load_changed(*changes: tuple[str, str], actor: User | None = None) -> None:
        text = JOBARIUM.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text, f"the runbook does not hold {old!r}"
            text = text.replace(old, new)
        path = tmp_path / "changed.yaml"
        path.write_text(text, encoding="utf-8")
        load([path], at=AT + timedelta(days=1), actor=actor)

    return load_changed


class TestSeverities:
    @pytest.mark.parametrize(
        ("key", "acknowledge", "mitigate", "update_every", "clock", "paging", "postmortem"),
        [
            ("SEV-1", "PT15M", "PT2H", "PT30M", ClockKind.ROUND_THE_CLOCK, Paging.ALWAYS, Duty.REQUIRED),
            ("SEV-2", "PT1H", "PT8H", "PT2H", ClockKind.ROUND_THE_CLOCK, Paging.ALWAYS, Duty.REQUIRED),
            ("SEV-3", "1BD", "", "1BD", ClockKind.BUSINESS, Paging.NEVER, Duty.OPTIONAL),
        ],
    )
    def test_each_level_keeps_its_promises(
        self,
        jobarium: System,
        key: str,
        acknowledge: str,
        mitigate: str,
        update_every: str,
        clock: str,
        paging: str,
        postmortem: str,
    ) -> None:
        level = Severity.objects.get(system=jobarium, key=key)
        assert (level.acknowledge, level.mitigate, level.update_every) == (acknowledge, mitigate, update_every)
        assert (level.clock, level.paging, level.postmortem, level.warn) == (clock, paging, postmortem, 0.8)

    def test_minor_trouble_waits_for_the_release_window(self, jobarium: System) -> None:
        assert Severity.objects.get(system=jobarium, mitigate_by_release_window=True).key == "SEV-3"

    def test_one_level_holds_until_triage(self, jobarium: System) -> None:
        assert Severity.objects.get(system=jobarium, is_untriaged=True).key == "SEV-2"

    def test_the_untriaged_level_can_move(self, jobarium: System, change: Change) -> None:
        change(("untriaged: SEV-2", "untriaged: SEV-1"))
        assert Severity.objects.get(system=jobarium, is_untriaged=True).key == "SEV-1"

    def test_critical_trouble_pages_the_primary_and_then_escalates(self, jobarium: System) -> None:
        level = Severity.objects.get(system=jobarium, key="SEV-1")
        assert level.paging_steps == [{"to": "primary", "after": "PT0S"}]
        assert level.breach_steps == [{"to": "cto", "after": "PT0S"}, {"to": "ceo", "after": "PT1M"}]

    def test_major_trouble_pages_the_secondary_after_a_quarter_of_an_hour(self, jobarium: System) -> None:
        level = Severity.objects.get(system=jobarium, key="SEV-2")
        assert level.paging_steps == [{"to": "primary", "after": "PT0S"}, {"to": "secondary", "after": "PT15M"}]

    def test_a_level_goes_with_the_file_unless_an_incident_bears_it(self, jobarium: System, change: Change) -> None:
        change(("key: SEV-3", "key: SEV-4"), ("severity: SEV-3", "severity: SEV-4"))
        assert not Severity.objects.filter(system=jobarium, key="SEV-3").exists()
        level = Severity.objects.get(system=jobarium, key="SEV-4")
        incident = open_incident(jobarium, title="A figure lags", actor=None, at=AT, severity=level)
        change()
        assert set(Severity.objects.filter(system=jobarium).values_list("key", flat=True)) == {
            "SEV-1",
            "SEV-2",
            "SEV-3",
            "SEV-4",
        }
        incident.refresh_from_db()
        assert incident.severity == level


class TestOnCall:
    def test_the_parts_fall_to_cto_and_ceo(self, jobarium: System) -> None:
        assert dict(OnCallRole.objects.filter(system=jobarium).values_list("part", "held_by")) == {
            "primary": "cto",
            "secondary": "ceo",
        }

    def test_a_named_person_survives_loading(self, jobarium: System, change: Change, lead: User) -> None:
        OnCallRole.objects.filter(system=jobarium, part="primary").update(person=lead)
        change(("oncall_roles: {primary: cto, secondary: ceo}", "oncall_roles: {primary: ceo, secondary: cto}"))
        part = OnCallRole.objects.get(system=jobarium, part="primary")
        assert (part.person, part.held_by) == (lead, "ceo")


class TestTemplates:
    def test_texts_are_approved_by_being_in_the_file(self, jobarium: System) -> None:
        template = MessageTemplate.objects.get(system=jobarium, key="candidate_issue")
        assert template.approved_at == AT
        assert template.claims_data_safety
        assert [slot["key"] for slot in template.slots] == ["feature", "eta", "fallback_option"]

    def test_the_internal_update_holds_its_six_fields_and_the_channel(self, jobarium: System) -> None:
        body = MessageTemplate.objects.get(system=jobarium, key="internal_update").body
        labels = [line.partition(":")[0] for line in body.splitlines()]
        six = ["Incident ID", "Severity", "Impact", "Current mitigation", "Next update ETA", "Owner"]
        assert labels == [*six, "Channel"]

    def test_a_change_is_a_new_version_and_the_old_one_stays(
        self, jobarium: System, change: Change, lead: User
    ) -> None:
        change(("{feature}: a delay at {system}", "{feature} is delayed at {system}"), actor=lead)
        old, new = MessageTemplate.objects.filter(system=jobarium, key="employer_delay").order_by("version")
        assert (old.is_current, old.subject) == (False, "{feature}: a delay at {system}")
        assert (new.is_current, new.version, new.approved_by) == (True, 2, lead)

    def test_a_text_no_longer_named_is_put_out_of_use(self, jobarium: System, change: Change) -> None:
        change(("key: candidate_recovered", "key: candidate_well"))
        assert not MessageTemplate.objects.get(system=jobarium, key="candidate_recovered").is_current


class TestProcedures:
    def test_all_playbooks_and_checklists_are_there(self, jobarium: System) -> None:
        keys = set(Procedure.objects.filter(system=jobarium, kind="playbook").values_list("key", flat=True))
        assert keys >= {f"jobarium-{letter}" for letter in "abcdef"}
        assert len(keys) == 12
        assert Procedure.objects.filter(system=jobarium, kind="checklist").count() == 5

    def test_a_playbook_runs_from_checks_to_measures_to_messages(self, jobarium: System) -> None:
        steps = Procedure.objects.get(key="jobarium-c").steps.all()
        kinds = [step.kind for step in steps]
        assert kinds == [StepKind.CHECK] * 3 + [StepKind.MITIGATION] * 3 + [StepKind.MESSAGE]
        assert steps[0].text == "Session expiry rules and clock skew"
        assert (steps[3].expires, steps[4].expires, steps[4].approval) == ("required", "required", "cto")

    def test_a_message_without_a_text_says_what_to_send_to_whom(self, jobarium: System) -> None:
        steps = Procedure.objects.get(key="jobarium-b").steps.filter(kind=StepKind.MESSAGE)
        assert [(step.template, step.audience, step.text) for step in steps] == [
            ("employer_delay", "employer", "Send to employers: Employer message, delay"),
            ("internal_update", "internal", "Send to the company: Internal incident update"),
        ]

    def test_a_changed_step_is_a_new_version_and_a_run_keeps_its_own(
        self, jobarium: System, change: Change, lead: User
    ) -> None:
        run = start_run(Procedure.objects.get(key="jobarium-a"), actor=lead, at=AT)
        change(("Storage reachable, parser service healthy?", "Is the parser up?"))
        procedure = Procedure.objects.get(key="jobarium-a")
        assert (procedure.version, procedure.steps.all()[0].text) == (2, "Is the parser up?")
        assert Run.objects.get(pk=run.pk).steps.all()[0].text == "Storage reachable, parser service healthy?"
        assert Procedure.objects.get(key="jobarium-b").version == 1

    def test_a_playbook_no_longer_named_is_put_out_of_use_and_can_come_back(
        self, jobarium: System, change: Change
    ) -> None:
        change(("id: jobarium-fallback-matching", "id: jobarium-fallback-match"))
        assert not Procedure.objects.get(key="jobarium-fallback-matching").is_active
        load([JOBARIUM], at=AT)
        assert Procedure.objects.get(key="jobarium-fallback-matching").is_active

    def test_an_id_that_another_system_bears_is_refused(self, jobarium: System, change: Change) -> None:
        Procedure.objects.create(system=factories.system("other"), key="jobarium-new", title="Theirs")
        with pytest.raises(
            RunbookRefused, match=r"playbooks\[jobarium-new\].id: 'jobarium-new' is a procedure of other already"
        ):
            change(("id: jobarium-fallback-matching", "id: jobarium-new"))


class TestReviews:
    def test_the_postmortem_has_its_ten_fields(self, jobarium: System) -> None:
        assert [field["label"] for field in jobarium.setting("postmortem")] == [
            "Incident ID", "Timeline (UTC)", "Root cause", "Customer impact", "Detection gap",
            "What worked", "What failed", "Corrective actions", "Preventive actions", "Owner and due dates",
        ]  # fmt: skip

    def test_single_values_are_written_out(self, jobarium: System) -> None:
        assert jobarium.setting("recurrence_watch") == "P1D"
        assert jobarium.setting("storm") == {"more_than": 5, "within": "PT5M"}
