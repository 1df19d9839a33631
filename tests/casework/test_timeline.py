from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from config.casework.access.models import User
from config.casework.audit.services import record
from config.casework.cases import timeline as room
from config.casework.cases.models import Case, Note
from config.casework.cases.services import add_note
from config.casework.cases.timeline import Entry, describe, public_timeline, register_source, timeline
from tests.casework.cases import a_case

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources and words of this test alone."""
    monkeypatch.setattr(room, "_sources", {})
    monkeypatch.setattr(room, "_words", {})


class TestNotes:
    def test_a_note_stands_in_the_timeline_once(self, agent: User, now: datetime) -> None:
        case = a_case()
        add_note(case, actor=agent, text="  Called the employer. ", at=now - MINUTE)
        (entry,) = timeline(case)
        assert (entry.text, entry.actor, entry.kind, entry.internal) == (
            "Called the employer.",
            "Ana Agent",
            "person",
            True,
        )
        assert (entry.at, entry.recorded_at) == (now - MINUTE, now)

    @pytest.mark.parametrize(("text", "late", "field"), [("  ", 0, "text"), ("x" * 20_001, 0, "text"), ("x", 6, "at")])
    def test_it_is_refused_by_field(self, text: str, late: int, field: str, agent: User, now: datetime) -> None:
        with pytest.raises(ValidationError) as refusal:
            add_note(a_case(), actor=agent, text=text, at=now + late * MINUTE)
        assert set(refusal.value.message_dict) == {field}
        assert not Note.objects.exists()

    def test_a_stranger_may_not_write(self, stranger: User, now: datetime) -> None:
        with pytest.raises(PermissionDenied):
            add_note(a_case(), actor=stranger, text="x", at=now)


class TestTimeline:
    def test_the_newest_stands_first_by_its_true_time(self, lead: User, now: datetime) -> None:
        case = a_case()
        record(case, "incident.opened", actor=None, at=now)
        record(case, "incident.acknowledged", actor=lead, at=now - 5 * MINUTE)
        record(case, "incident.triaged", actor=lead, at=now)
        assert [entry.what for entry in timeline(case)] == [
            "Incident triaged",
            "Incident opened",
            "Incident acknowledged",
        ]

    def test_a_reason_stands_beside_its_step(self, lead: User, agent: User, now: datetime) -> None:
        case = a_case()
        record(case, "incident.resolved", actor=lead, at=now)
        record(case, "incident.resolved", actor=agent, at=now)
        Note.objects.create(
            case=case, author=agent, at=now, recorded_at=now, text="Rolled back.", about="incident.resolved"
        )
        told = {entry.actor: entry.text for entry in timeline(case)}
        assert told == {"Lea Lead": "", "Ana Agent": "Rolled back."}

    def test_a_reason_without_its_step_is_not_lost(self, agent: User, now: datetime) -> None:
        case = a_case()
        Note.objects.create(
            case=case, author=agent, at=now, recorded_at=now, text="Imported.", about="incident.resolved"
        )
        assert [entry.text for entry in timeline(case)] == ["Imported."]

    def test_the_desks_own_entries_are_system_entries(self, lead: User, now: datetime) -> None:
        case = a_case()
        record(case, "clock.breached", actor=None, at=now)
        record(case, "incident.acknowledged", actor=lead, at=now)
        assert {(entry.kind, entry.actor) for entry in timeline(case)} == {("system", ""), ("person", "Lea Lead")}

    def test_other_cases_do_not_mix_in(self, agent: User, now: datetime) -> None:
        add_note(a_case(), actor=agent, text="elsewhere", at=now)
        assert timeline(a_case()) == []

    def test_it_asks_the_database_twice_however_long_it_is(
        self, agent: User, lead: User, now: datetime, django_assert_num_queries: Any
    ) -> None:
        case = a_case()
        for number in range(5):
            add_note(case, actor=agent, text=f"note {number}", at=now)
            record(case, "incident.acknowledged", actor=lead, at=now)
        timeline(case)
        with django_assert_num_queries(2):
            assert len(timeline(case)) == 10


class TestSources:
    def test_a_room_adds_what_it_knows(self, now: datetime) -> None:
        @register_source
        def mails(_case: Case) -> list[Entry]:
            return [Entry(now, now, "", "Mail sent", text="Dear Ana")]

        assert [entry.what for entry in timeline(a_case())] == ["Mail sent"]

    def test_registered_twice_it_speaks_once(self, now: datetime) -> None:
        def mails(_case: Case) -> list[Entry]:
            return [Entry(now, now, "", "Mail sent")]

        register_source(mails)
        register_source(mails)
        assert len(timeline(a_case())) == 1


class TestWords:
    def test_described_actions_speak_with_their_coded_values(self, now: datetime) -> None:
        describe("incident.severity_changed", "Severity is now %(severity)s, not %(missing)s")
        case = a_case()
        record(case, "incident.severity_changed", actor=None, at=now, detail={"severity": ["SEV-3", "SEV-1"]})
        assert timeline(case)[0].what == "Severity is now SEV-1, not …"

    def test_a_function_may_say_it(self, now: datetime) -> None:
        describe("clock.breached", lambda entry: f"{entry.detail['kind']}: late")
        case = a_case()
        record(case, "clock.breached", actor=None, at=now, detail={"kind": "acknowledge"})
        assert timeline(case)[0].what == "acknowledge: late"

    def test_a_percent_sign_in_plain_words_is_only_a_sign(self, now: datetime) -> None:
        describe("clock.warned", "80 % of the time is gone")
        case = a_case()
        record(case, "clock.warned", actor=None, at=now)
        assert timeline(case)[0].what == "80 % of the time is gone"


class TestPublic:
    def test_it_holds_no_names_and_nothing_people_wrote(self, lead: User, agent: User, now: datetime) -> None:
        case = a_case()
        record(case, "incident.resolved", actor=lead, at=now)
        Note.objects.create(
            case=case, author=lead, at=now, recorded_at=now, text="Secret of Ana", about="incident.resolved"
        )
        add_note(case, actor=agent, text="Internal secret", at=now)
        add_note(case, actor=agent, text="Told the customer a secret", at=now, internal=False)
        public = public_timeline(case)
        assert sorted((entry["what"], entry["actor"]) for entry in public) == [
            ("Incident resolved", str(lead)),
            ("Note, not internal", str(agent)),
        ]
        assert not any(word in repr(public) for word in ("secret", "Secret", "Lea", "Ana"))
        assert set(public[0]) == {"at", "actor", "what"}
