"""Commands that are shown and never run, and switches that begin off: OPS-10, OPS-21, INC-92, INC-96."""

from datetime import datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from config.casework.access.models import User
from config.casework.catalogue.loader import load
from config.casework.catalogue.models import System
from config.casework.transitions import Refused
from incidents.references.models import CommandReference, FeatureSwitch
from incidents.references.selectors import components, fits_engine, is_on
from incidents.references.services import review, switch

FOLDER = settings.BASE_DIR / "config" / "runbooks"


@pytest.fixture
def systems(db: None, now: datetime) -> None:
    load(sorted(FOLDER.glob("*.yaml")), at=now)


def command(system: str, key: str) -> CommandReference:
    return CommandReference.objects.get(system__key=system, key=key)


def client_of(person: User, settings: object) -> Client:
    settings.STAFF_NEEDS_SECOND_FACTOR = False  # type: ignore[attr-defined]
    client = Client()
    client.force_login(person)
    return client


@pytest.mark.usefixtures("systems")
class TestCommands:
    def test_the_unsafe_ones_are_marked_and_say_why(self) -> None:
        unsafe = CommandReference.objects.filter(judgement="unsafe")
        assert {(row.system.key, row.key) for row in unsafe} == {
            ("jobsentinel", "backup-copy"),
            ("jobsentinel", "backup-upload"),
            ("jobsentinel", "backup-purge"),
            ("jobsentinel", "restore-fetch"),
            ("jobsentinel", "restore"),
            ("qa-auditor", "restart"),
            ("qa-auditor", "database-check"),
        }
        assert all(row.warning for row in unsafe)

    def test_maintenance_statements_warn_of_locks(self) -> None:
        assert "locks" in command("qa-auditor", "reindex").warning
        assert command("qa-auditor", "reindex").judgement == "care"
        assert "pg_total_relation_size" in command("qa-auditor", "table-sizes").command
        assert command("qa-auditor", "vacuum").command == "VACUUM ANALYZE;"

    def test_those_for_another_engine_are_told_apart(self) -> None:
        assert not fits_engine(command("jobsentinel", "tables"))
        assert fits_engine(command("jobsentinel", "schema"))
        assert fits_engine(command("jobsentinel", "health"))
        assert fits_engine(command("qa-auditor", "connections"))

    def test_no_command_of_the_source_shows_a_secret(self) -> None:
        shown = command("jobsentinel", "webhook-set").command
        assert shown == 'echo "${SLACK_WEBHOOK_URL:+set}"'

    def test_a_lead_reviews_and_a_new_text_takes_it_back(self, lead: User, now: datetime, tmp_path: Path) -> None:
        row = review(command("scheduler", "sync"), actor=lead, at=now)
        assert (row.reviewed_by, row.reviewed_at) == (lead, now)
        text = (FOLDER / "scheduler.yaml").read_text(encoding="utf-8")
        path = tmp_path / "scheduler.yaml"
        path.write_text(text, encoding="utf-8")
        load([path], at=now)
        assert command("scheduler", "sync").reviewed_by == lead
        path.write_text(text.replace('command: "npm run scheduler:sync"', 'command: "npm start"'), encoding="utf-8")
        load([path], at=now)
        assert command("scheduler", "sync").reviewed_at is None

    def test_what_changed_since_it_was_read_is_not_reviewed(self, lead: User, now: datetime) -> None:
        with pytest.raises(Refused, match="changed since"):
            review(command("scheduler", "sync"), actor=lead, at=now, seen="something else")

    def test_an_agent_reads_and_does_not_review(self, agent: User, now: datetime) -> None:
        with pytest.raises(PermissionDenied):
            review(command("scheduler", "sync"), actor=agent, at=now)

    def test_the_list_is_searched_and_each_has_a_button_that_copies(self, agent: User, settings: object) -> None:
        page = client_of(agent, settings).get(reverse("admin:incidents_commandreference_changelist"), {"q": "REINDEX"})
        assert 'data-copy="REINDEX DATABASE {database};"' in page.text
        assert "not reviewed" in page.text
        assert "pnpm" not in page.text
        assert "desk/copy.js" in page.text

    def test_an_edit_by_hand_takes_the_review_back(self, lead: User, now: datetime, settings: object) -> None:
        row = review(command("scheduler", "sync"), actor=lead, at=now)
        values = {
            "purpose": row.purpose,
            "command": "npm start",
            "judgement": "ok",
            "variant": "",
            "warning": "",
            "source": "",
        }
        client_of(lead, settings).post(reverse("admin:incidents_commandreference_change", args=[row.pk]), values)
        row.refresh_from_db()
        assert (row.command, row.reviewed_at) == ("npm start", None)


@pytest.mark.usefixtures("systems")
class TestSwitches:
    def test_all_four_of_the_scheduler_begin_off(self) -> None:
        assert list(FeatureSwitch.objects.values_list("system__key", "key", "is_on")) == [
            ("scheduler", "react-candidate-updated", False),
            ("scheduler", "react-requisition-updated", False),
            ("scheduler", "react-status-changed", False),
            ("scheduler", "status-critical", False),
        ]

    def test_one_switched_on_stays_on_when_the_file_is_loaded_again(self, lead: User, now: datetime) -> None:
        scheduler = System.objects.get(key="scheduler")
        switch(FeatureSwitch.objects.get(key="status-critical"), on=True, actor=lead, at=now)
        load([FOLDER / "jobarium.yaml", FOLDER / "scheduler.yaml"], at=now)
        assert is_on(scheduler, "status-critical")
        assert not is_on(scheduler, "react-status-changed")
        assert not is_on(scheduler, "no-such-switch")

    def test_only_leads_switch(self, agent: User, now: datetime) -> None:
        with pytest.raises(PermissionDenied):
            switch(FeatureSwitch.objects.get(key="status-critical"), on=True, actor=agent, at=now)


@pytest.mark.usefixtures("systems")
class TestComponents:
    def test_what_jobsentinel_cannot_do_without(self) -> None:
        critical = {row["name"] for row in components(System.objects.get(key="jobsentinel")) if row["critical"]}
        assert critical >= {"Python 3.11 or newer", "Playwright", "Slack webhook", "Database"}
