"""Postmortems of every kind, factors, summaries for outside, action items chased until they are done."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.loader import load
from config.casework.catalogue.models import System
from config.casework.transitions import Refused, apply
from config.casework.work.services import tick
from incidents.models import ActionItem, Incident, ReviewSummary
from incidents.reviews import actions
from incidents.reviews.choices import ActionKind, ActionState, Factor, PostmortemState, SummaryState
from incidents.reviews.documents import markdown
from incidents.reviews.hints import hints
from incidents.reviews.runbook import POSTMORTEM
from incidents.reviews.services import MARK, add_factor, start_postmortem, write_postmortem
from incidents.reviews.summaries import published_summary, write_summary
from incidents.services import open_incident
from integrations.messages.models import Message
from tests.incidents.conftest import level

DAY = timedelta(days=1)
JOBARIUM = [
    "Incident ID",
    "Timeline (UTC)",
    "Root cause",
    "Customer impact",
    "Detection gap",
    "What worked",
    "What failed",
    "Corrective actions",
    "Preventive actions",
    "Owner and due dates",
]


def loaded(key: str, now: datetime) -> System:
    load([settings.BASE_DIR / "config" / "runbooks" / f"{key}.yaml"], at=now)
    return System.objects.get(key=key)


def settle(incident: Incident, lead: User, chief: User, now: datetime) -> None:
    """Everything closing needs but the postmortem."""
    apply(incident, "triage", actor=lead, severity=incident.severity, scope="All")
    apply(incident, "resolve", actor=lead)
    Incident.objects.filter(pk=incident.pk).update(no_communication_reason="internal")
    incident.refresh_from_db()


class TestPostmortem:
    def test_jobariums_has_its_ten_fields_and_is_published_with_none_of_them_empty(
        self, incident: Incident, lead: User, now: datetime
    ) -> None:
        postmortem = start_postmortem(incident, actor=lead, at=now)
        assert [field["label"] for field in postmortem.schema] == JOBARIUM
        with pytest.raises(Refused, match="What worked"):
            apply(postmortem, "publish", actor=lead)
        write_postmortem(
            postmortem, actor=lead, at=now, values=dict.fromkeys((f["key"] for f in postmortem.schema), "x")
        )
        apply(postmortem, "publish", actor=lead)
        assert postmortem.state == PostmortemState.PUBLISHED

    def test_the_gap_is_computed_from_when_it_really_began(self, incident: Incident, lead: User, now: datetime) -> None:
        postmortem = start_postmortem(incident, actor=lead, at=now)
        assert postmortem.detection_gap is None
        write_postmortem(postmortem, actor=lead, at=now, values={}, began_at=now - timedelta(minutes=42))
        assert postmortem.detection_gap == timedelta(minutes=42)
        assert postmortem.values["detection_gap"].startswith("42 min: it began at 2026-03-09 09:18 UTC")
        write_postmortem(postmortem, actor=lead, at=now, values={}, began_at=now - timedelta(minutes=50))
        assert postmortem.values["detection_gap"].startswith("50 min")
        write_postmortem(
            postmortem, actor=lead, at=now, values={"detection_gap": "my words"}, began_at=now - timedelta(minutes=9)
        )
        assert postmortem.values["detection_gap"] == "my words"
        with pytest.raises(ValidationError, match="not after"):
            write_postmortem(postmortem, actor=lead, at=now, values={}, began_at=now + timedelta(minutes=1))

    def test_a_ticked_field_is_as_good_as_a_written_one(self, incident: Incident, lead: User, now: datetime) -> None:
        parsed = POSTMORTEM.adapter.validate_python(
            [{"key": "retrospective", "label": "Retrospective held", "kind": "tick"}]
        )
        POSTMORTEM.load(incident.system, parsed, None)  # type: ignore[arg-type]
        postmortem = start_postmortem(incident, actor=lead, at=now)
        assert postmortem.missing() == ["Retrospective held"]
        write_postmortem(postmortem, actor=lead, at=now, values={"retrospective": MARK})
        assert postmortem.missing() == []

    def test_a_kind_of_field_that_does_not_exist_is_refused(self) -> None:
        with pytest.raises(ValueError, match="kind"):
            POSTMORTEM.adapter.validate_python([{"key": "x", "label": "X", "kind": "essay"}])

    def test_it_leaves_as_markdown_in_which_nothing_that_was_written_is_markup(
        self, incident: Incident, lead: User, now: datetime
    ) -> None:
        postmortem = start_postmortem(incident, actor=lead, at=now)
        write_postmortem(postmortem, actor=lead, at=now, values={"root_cause": "# <b>*x*</b>\n- y"})
        add_factor(incident, actor=lead, at=now, kind=Factor.CHANGE, text="A [release]")
        actions.add_action_item(
            incident, actor=lead, at=now, kind=ActionKind.CORRECTIVE, text="Add a test", owner=lead, due_on=now.date()
        )
        text = markdown(postmortem)
        assert text.startswith(f"# {incident.reference} No invites leave\n")
        assert "\\# \\<b\\>\\*x\\*\\</b\\>  \n\\- y" in text
        assert "- a change: A \\[release\\]" in text
        assert "- [ ] Add a test (corrective, Lea Lead, due 2026-03-09)" in text

    def test_closing_a_grave_incident_asks_for_a_look_at_the_runbook_once(
        self, incident: Incident, lead: User, chief: User, now: datetime
    ) -> None:
        settle(incident, lead, chief, now)
        postmortem = start_postmortem(incident, actor=lead, at=now)
        with pytest.raises(Refused, match="postmortem published"):
            apply(incident, "close", actor=lead, cause="c", fix_reference="f")
        write_postmortem(
            postmortem, actor=lead, at=now, values=dict.fromkeys((f["key"] for f in postmortem.schema), "x")
        )
        apply(postmortem, "publish", actor=lead)
        incident.refresh_from_db()
        apply(incident, "close", actor=lead, cause="c", fix_reference="f")
        item = ActionItem.objects.get(incident=incident)
        assert (item.kind, item.owner, item.due_on) == (ActionKind.RUNBOOK, incident.owner, now.date() + 14 * DAY)

    def test_closing_a_minor_one_asks_for_nothing(
        self, jobarium: System, lead: User, chief: User, now: datetime
    ) -> None:
        minor = open_incident(jobarium, title="x", actor=lead, at=now, severity=level(jobarium, "SEV-3"))
        settle(minor, lead, chief, now)
        apply(minor, "close", actor=lead, cause="c", fix_reference="f")
        assert not ActionItem.objects.exists()


class TestOtherSystems:
    """Their postmortems are data of their runbooks, without a line of code (INC-42, INC-43)."""

    def test_jobsentinels_is_filled_in_from_the_record_with_its_duration(self, lead: User, now: datetime) -> None:
        system = loaded("jobsentinel", now)
        incident = open_incident(
            system, title="Scraper fails", actor=lead, at=now - timedelta(minutes=50), severity=level(system, "P0")
        )
        apply(incident, "impact_over", actor=lead, at=now - timedelta(minutes=8))
        postmortem = start_postmortem(incident, actor=lead, at=now)
        assert [field["label"] for field in postmortem.schema] == [
            "Title",
            "Date",
            "Duration (minutes)",
            "Severity",
            "Impact",
            "Summary",
            "Timeline (UTC)",
            "Root cause",
            "Resolution",
            "Action items",
            "Lessons learned",
        ]
        told = postmortem.values
        assert (told["title"], told["date"], told["duration"], told["severity"]) == (
            "Scraper fails",
            "2026-03-09",
            "42",
            "P0",
        )
        assert told["timeline"].startswith("2026-03-09 09:10 UTC  Alert or report\n")
        assert "2026-03-09 09:52 UTC  Impact over" in told["timeline"]

    def test_a_p1_of_the_qa_auditor_closes_with_timeline_retrospective_and_tickets_only(
        self, lead: User, chief: User, now: datetime
    ) -> None:
        system = loaded("qa-auditor", now)
        incident = open_incident(system, title="Leak", actor=lead, at=now, severity=level(system, "P1"))
        settle(incident, lead, chief, now)
        postmortem = start_postmortem(incident, actor=lead, at=now)
        ticks = [field["key"] for field in postmortem.schema if field["kind"] == "tick"]
        assert ticks == ["timeline_documented", "retrospective", "follow_up"]
        write_postmortem(postmortem, actor=lead, at=now, values={"lessons": "x", ticks[0]: MARK, ticks[1]: MARK})
        with pytest.raises(Refused, match="Follow-up tickets made"):
            apply(postmortem, "publish", actor=lead)
        with pytest.raises(Refused, match="postmortem published"):
            apply(incident, "close", actor=lead, cause="c", fix_reference="f")
        write_postmortem(postmortem, actor=lead, at=now, values={ticks[2]: MARK})
        apply(postmortem, "publish", actor=lead)
        incident.refresh_from_db()
        apply(incident, "close", actor=lead, cause="c", fix_reference="f")


class TestHints:
    @pytest.mark.parametrize(
        "text",
        ["It was Bob's fault of course, careless", "She should have checked", "Human error", "He forgot to restart it"],
    )
    def test_words_that_judge_are_shown_with_another_way(self, text: str) -> None:
        (first, *_rest) = hints({"root_cause": text}, {"root_cause": "Root cause"})
        assert first.field == "Root cause"
        assert first.advice

    def test_a_name_is_shown_where_a_role_would_do(self) -> None:
        values = {"root_cause": "Lea Lead merged it", "timeline": "Lea Lead has it"}
        assert [hint.field for hint in hints(values, {"root_cause": "Root cause"}, ["Lea Lead"])] == ["Root cause"]

    def test_what_names_the_system_passes(self) -> None:
        assert hints({"root_cause": "The pool had no limit, and the alert came at 80 %"}, {}, ["Lea Lead"]) == []

    def test_they_block_nothing(self, incident: Incident, lead: User, now: datetime) -> None:
        postmortem = start_postmortem(incident, actor=lead, at=now)
        write_postmortem(
            postmortem, actor=lead, at=now, values=dict.fromkeys((f["key"] for f in postmortem.schema), "careless")
        )
        apply(postmortem, "publish", actor=lead)


class TestSummary:
    def test_a_second_person_approves_it(self, incident: Incident, lead: User, chief: User, now: datetime) -> None:
        summary = write_summary(incident, actor=lead, at=now, text="Invitations were late for 40 minutes.")
        assert published_summary(incident) == ""
        with pytest.raises(Refused, match="somebody else approves"):
            apply(summary, "approve", actor=lead)
        apply(summary, "approve", actor=chief)
        incident.refresh_from_db()
        assert published_summary(incident) == "Invitations were late for 40 minutes."

    def test_support_writes_and_does_not_approve(
        self, incident: Incident, agent: User, lead: User, now: datetime
    ) -> None:
        summary = write_summary(incident, actor=lead, at=now, text="Late.")
        with pytest.raises(PermissionDenied):
            apply(summary, "approve", actor=agent)

    def test_another_text_waits_for_approval_again(
        self, incident: Incident, lead: User, chief: User, now: datetime
    ) -> None:
        apply(write_summary(incident, actor=lead, at=now, text="Late."), "approve", actor=chief)
        write_summary(incident, actor=lead, at=now, text="Late.")
        assert ReviewSummary.objects.get().state == SummaryState.APPROVED
        write_summary(incident, actor=lead, at=now, text="Very late.")
        assert ReviewSummary.objects.get().state == SummaryState.DRAFT

    @pytest.mark.parametrize(
        "text", ["", "Our provider {word} was down", "Write to ana@example.com", "Call +49 30 1234567", "Host 10.0.0.7"]
    )
    def test_what_must_not_leave_is_refused(self, incident: Incident, lead: User, now: datetime, text: str) -> None:
        word = incident.system.setting("guard_words")[0]
        with pytest.raises(ValidationError):
            write_summary(incident, actor=lead, at=now, text=text.replace("{word}", word))

    def test_a_word_that_is_guarded_since_keeps_it_from_approval(
        self, incident: Incident, lead: User, chief: User, now: datetime
    ) -> None:
        summary = write_summary(incident, actor=lead, at=now, text="Zeppelinmail was slow.")
        system = incident.system
        system.settings = system.settings | {"guard_words": ["Zeppelinmail"]}
        system.save()
        with pytest.raises(Refused, match="Zeppelinmail"):
            apply(summary, "approve", actor=chief)


class TestActionItems:
    @pytest.fixture
    def item(self, incident: Incident, lead: User, agent: User, now: datetime) -> ActionItem:
        return actions.add_action_item(
            incident,
            actor=lead,
            at=now,
            kind=ActionKind.PREVENTIVE,
            text="Alert on an empty queue",
            owner=agent,
            due_on=date(2026, 3, 20),
        )

    def reminders(self, at: datetime) -> list[str]:
        known = set(Message.objects.values_list("pk", flat=True))
        with clock.at(at):
            actions.chase(at)
        return sorted(Message.objects.exclude(pk__in=known).values_list("person__name", flat=True))

    def test_the_owner_hears_first_then_those_who_answer_for_it(
        self, item: ActionItem, incident: Incident, now: datetime
    ) -> None:
        day = datetime(2026, 3, 20, 12, tzinfo=now.tzinfo)
        assert self.reminders(day - 3 * DAY) == []
        assert self.reminders(day - 2 * DAY) == ["Ana Agent"]
        assert self.reminders(day - DAY) == []  # each stage is told once
        assert self.reminders(day) == []
        assert self.reminders(day + DAY) == ["Ana Agent"]
        assert self.reminders(day + 3 * DAY) == ["Ana Agent", "Lea Lead"]
        assert self.reminders(day + 7 * DAY) == ["Ana Agent", "Carl Chief", "Lea Lead"]
        assert self.reminders(day + 13 * DAY) == []
        assert self.reminders(day + 14 * DAY) == ["Ana Agent", "Carl Chief", "Lea Lead"]

    def test_nobody_is_reminded_before_eight_in_the_morning(self, item: ActionItem, now: datetime) -> None:
        assert self.reminders(datetime(2026, 3, 18, 7, 59, tzinfo=now.tzinfo)) == []
        assert self.reminders(datetime(2026, 3, 18, 8, 0, tzinfo=now.tzinfo)) == ["Ana Agent"]

    def test_a_mail_holds_no_free_text(self, item: ActionItem, now: datetime) -> None:
        self.reminders(datetime(2026, 3, 25, 12, tzinfo=now.tzinfo))
        message = Message.objects.filter(about_id=item.pk).first()
        assert message is not None
        assert "empty queue" not in message.text + message.subject + message.html
        assert item.incident.reference in message.subject

    def test_a_settled_one_is_left_alone_and_a_reopened_one_is_chased_anew(
        self, item: ActionItem, agent: User, now: datetime
    ) -> None:
        late = datetime(2026, 3, 25, 12, tzinfo=now.tzinfo)
        assert self.reminders(late) == ["Ana Agent", "Lea Lead"]
        apply(item, "finish", actor=agent, outcome="merged")
        assert self.reminders(late + 9 * DAY) == []
        apply(item, "reopen", actor=agent)
        assert self.reminders(late + 9 * DAY) == ["Ana Agent", "Carl Chief", "Lea Lead"]

    def test_another_date_begins_the_reminders_anew_and_is_in_the_trail(
        self, item: ActionItem, agent: User, now: datetime
    ) -> None:
        self.reminders(datetime(2026, 3, 25, 12, tzinfo=now.tzinfo))
        actions.change_action_item(item, actor=agent, at=now, due_on=date(2026, 4, 1))
        assert (item.reminder_stage, item.due_on) == (0, date(2026, 4, 1))
        entry = AuditEntry.objects.filter(action="action_item.changed").get()
        assert (entry.fields, entry.detail) == (["due_on"], {"due_on": ["2026-03-20", "2026-04-01"]})
        assert self.reminders(datetime(2026, 3, 30, 12, tzinfo=now.tzinfo)) == ["Ana Agent"]

    def test_a_settled_one_is_not_changed(self, item: ActionItem, agent: User, now: datetime) -> None:
        apply(item, "drop", actor=agent, outcome="not worth it")
        with pytest.raises(Refused, match="settled"):
            actions.change_action_item(item, actor=agent, at=now, text="other")

    def test_an_owner_works_at_the_desk(self, incident: Incident, lead: User, stranger: User, now: datetime) -> None:
        with pytest.raises(ValidationError, match="works at the desk"):
            actions.add_action_item(
                incident, actor=lead, at=now, kind=ActionKind.CORRECTIVE, text="x", owner=stranger, due_on=now.date()
            )

    def test_a_stranger_may_neither_add_nor_change(
        self, item: ActionItem, incident: Incident, stranger: User, agent: User, now: datetime
    ) -> None:
        with pytest.raises(PermissionDenied):
            actions.change_action_item(item, actor=stranger, at=now, text="x")
        with pytest.raises(PermissionDenied):
            actions.add_action_item(
                incident, actor=stranger, at=now, kind=ActionKind.CORRECTIVE, text="x", owner=agent, due_on=now.date()
            )

    def test_the_minute_sweep_does_it(self, item: ActionItem, now: datetime) -> None:
        tick(datetime(2026, 3, 25, 12, tzinfo=now.tzinfo))
        item.refresh_from_db()
        assert item.reminder_stage == 3
        assert item.state == ActionState.OPEN

    @pytest.mark.parametrize(
        ("at", "words"),
        [
            (datetime(2026, 3, 10), "due in 10 days"),
            (datetime(2026, 3, 19), "due in 1 day"),
            (datetime(2026, 3, 20), "due today"),
            (datetime(2026, 3, 22), "2 days late"),
        ],
    )
    def test_how_it_stands_is_said_in_words(self, item: ActionItem, now: datetime, at: datetime, words: str) -> None:
        assert actions.due_words(item, at.replace(hour=12, tzinfo=now.tzinfo))[0] == words


class TestPages:
    def test_the_review_tab_shows_all_of_it(
        self, as_person: Callable[[User], Client], incident: Incident, lead: User, now: datetime
    ) -> None:
        client = as_person(lead)
        postmortem = start_postmortem(incident, actor=lead, at=now)
        write_postmortem(
            postmortem, actor=lead, at=now, values={"root_cause": "careless"}, began_at=now - timedelta(minutes=5)
        )
        write_summary(incident, actor=lead, at=now, text="Invitations were late.")
        add_factor(incident, actor=lead, at=now, kind=Factor.CAPACITY, text="One worker")
        page = client.get(f"/admin/incidents/incident/{incident.pk}/change/?tab=review").text
        for words in ("1 hint on wording", "Known after", "Invitations were late.", "One worker", "As Markdown"):
            assert words in page
        document = client.get(f"/admin/incidents/incident/{incident.pk}/postmortem/document/")
        assert document["Content-Disposition"] == f'attachment; filename="{incident.reference}.md"'
        form = client.get(f"/admin/incidents/incident/{incident.pk}/postmortem/").text
        assert 'type="datetime-local"' in form

    def test_the_summary_is_written_and_approved_by_buttons(
        self, as_person: Callable[[User], Client], incident: Incident, lead: User, chief: User
    ) -> None:
        root = f"/admin/incidents/incident/{incident.pk}"
        as_person(lead).post(f"{root}/summary/", {"text": "Invitations were late."})
        as_person(lead).post(f"{root}/summary/step/approve/")
        assert ReviewSummary.objects.get().state == SummaryState.DRAFT
        as_person(chief).post(f"{root}/summary/step/approve/")
        assert ReviewSummary.objects.get().state == SummaryState.APPROVED
        assert as_person(chief).post(f"{root}/summary/step/burn/").status_code == 404

    def test_the_list_of_action_items_says_how_they_stand(
        self, as_person: Callable[[User], Client], incident: Incident, lead: User, agent: User, now: datetime
    ) -> None:
        for owner, due_on in ((lead, date(2026, 3, 1)), (agent, date(2026, 3, 30))):
            actions.add_action_item(
                incident,
                actor=lead,
                at=now,
                kind=ActionKind.CORRECTIVE,
                text=f"of {owner}",
                owner=owner,
                due_on=due_on,
            )
        client = as_person(lead)
        page = client.get("/admin/incidents/actionitem/").text
        assert "8 days late" in page
        assert "due in 21 days" in page
        mine = client.get("/admin/incidents/actionitem/?whose=mine").text
        assert "8 days late" in mine
        assert "due in 21 days" not in mine
        item = ActionItem.objects.earliest("due_on")
        client.post(f"/admin/incidents/actionitem/{item.pk}/act/finish/", {"outcome": "done it"})
        item.refresh_from_db()
        assert (item.state, item.outcome) == (ActionState.DONE, "done it")

    def test_the_form_of_an_item_goes_through_the_service(
        self, as_person: Callable[[User], Client], incident: Incident, lead: User, now: datetime
    ) -> None:
        client = as_person(lead)
        values = {
            "incident": incident.pk,
            "kind": "corrective",
            "text": "A test",
            "owner": lead.pk,
            "due_on": "2026-03-20",
        }
        client.post("/admin/incidents/actionitem/add/", values)
        item = ActionItem.objects.get()
        assert AuditEntry.objects.filter(action="action_item.added", object_id=item.pk).exists()
        client.post(f"/admin/incidents/actionitem/{item.pk}/change/", values | {"due_on": "2026-03-27"})
        item.refresh_from_db()
        assert item.due_on == date(2026, 3, 27)
        assert AuditEntry.objects.filter(action="action_item.changed", object_id=item.pk).exists()
