"""Versions of texts: slots and words are checked on saving, a second person approves, old versions stay."""

from datetime import datetime
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from config.casework import clock
from config.casework.access.models import User
from config.casework.catalogue.loader import RunbookRefused, load
from config.casework.catalogue.models import System
from config.casework.transitions import Refused
from incidents.communications import versions
from incidents.communications.choices import TemplateStanding
from incidents.communications.models import MessageTemplate
from incidents.communications.services import open_channel, preview, send
from incidents.communications.slots import claims_safe_data
from incidents.models import Incident
from tests.incidents.conftest import RUNBOOK, template

WORDS = {
    "audience": "employer",
    "title": "Employer message, delay",
    "subject": "{feature}: a delay at {system}",
    "body": "Hello,\n\n{feature} is slow until {eta}.",
    "slots": [{"key": "feature", "label": "Feature", "hint": None}, {"key": "eta", "label": "Until", "hint": None}],
    "claims_data_safety": False,
}


def propose(
    system: System, actor: User, at: datetime, key: str = "employer_delay", **changes: object
) -> MessageTemplate:
    return versions.propose(system, key=key, language="en", actor=actor, at=at, **(WORDS | changes))


class TestNewVersion:
    def test_is_not_used_until_a_second_person_approved_it(
        self, jobarium: System, lead: User, chief: User, now: datetime
    ) -> None:
        draft = propose(jobarium, lead, now)
        assert template(jobarium, "employer_delay").version == 1
        assert (draft.version, draft.standing) == (2, TemplateStanding.WAITING)
        versions.approve(draft, actor=chief, at=now)
        current = template(jobarium, "employer_delay")
        assert (current.version, current.approved_by, current.body) == (2, chief, WORDS["body"])

    def test_one_does_not_approve_ones_own_words(self, jobarium: System, lead: User, now: datetime) -> None:
        draft = propose(jobarium, lead, now)
        with pytest.raises(Refused):
            versions.approve(draft, actor=lead, at=now)
        assert template(jobarium, "employer_delay").version == 1

    def test_support_can_neither_write_nor_approve(
        self, jobarium: System, lead: User, agent: User, now: datetime
    ) -> None:
        with pytest.raises(PermissionDenied):
            propose(jobarium, agent, now)
        draft = propose(jobarium, lead, now)
        with pytest.raises(Refused):
            versions.approve(draft, actor=agent, at=now)

    def test_the_version_before_is_kept_and_no_longer_sent(
        self, incident: Incident, lead: User, chief: User, now: datetime
    ) -> None:
        before = template(incident.system, "employer_delay")
        versions.approve(propose(incident.system, lead, now), actor=chief, at=now)
        before.refresh_from_db()
        assert before.standing == TemplateStanding.OLD
        values = dict.fromkeys(preview(before, incident, {}).unfilled, "soon")
        with pytest.raises(ValidationError) as refusal:
            send(incident, before, actor=lead, at=now, values=values, recipients=["hr@acme.example"])
        assert "approved version" in str(refusal.value.message_dict["template"])

    def test_a_newer_wording_takes_the_place_of_one_that_waits(
        self, jobarium: System, lead: User, chief: User, now: datetime
    ) -> None:
        first = propose(jobarium, lead, now)
        second = propose(jobarium, lead, now, body="Hello,\n\n{feature} is late until {eta}.")
        first.refresh_from_db()
        assert first.standing == TemplateStanding.WITHDRAWN
        with pytest.raises(Refused, match="not approved"):
            versions.approve(first, actor=chief, at=now)
        assert versions.approve(second, actor=chief, at=now).is_current

    def test_words_changed_behind_the_question_are_not_approved(
        self, jobarium: System, lead: User, chief: User, now: datetime
    ) -> None:
        draft = propose(jobarium, lead, now)
        MessageTemplate.objects.filter(pk=draft.pk).update(subject="{feature} at {system}, {eta}")
        with pytest.raises(Refused, match="has changed"):
            versions.approve(draft, actor=chief, at=now)

    def test_a_declined_one_cannot_be_approved_any_more(
        self, jobarium: System, lead: User, chief: User, now: datetime
    ) -> None:
        draft = versions.decline(propose(jobarium, lead, now), actor=chief, at=now)
        assert draft.standing == TemplateStanding.WITHDRAWN
        with pytest.raises(Refused):
            versions.approve(draft, actor=chief, at=now)

    def test_approving_twice_is_refused(self, jobarium: System, lead: User, chief: User, now: datetime) -> None:
        draft = versions.approve(propose(jobarium, lead, now), actor=chief, at=now)
        with pytest.raises(Refused, match="does not wait"):
            versions.approve(draft, actor=chief, at=now)

    def test_the_same_words_are_no_new_version(self, jobarium: System, lead: User, now: datetime) -> None:
        current = template(jobarium, "employer_delay")
        with pytest.raises(ValidationError, match="word for word"):
            versions.propose(
                jobarium,
                key=current.key,
                language="en",
                actor=lead,
                at=now,
                **{name: getattr(current, name) for name in versions.TEXT_FIELDS},
            )

    def test_the_database_refuses_an_unapproved_version_in_use(
        self, jobarium: System, lead: User, now: datetime
    ) -> None:
        draft = propose(jobarium, lead, now, key="another")
        with pytest.raises(IntegrityError), transaction.atomic():
            MessageTemplate.objects.filter(pk=draft.pk).update(is_current=True)


class TestWords:
    @pytest.mark.parametrize(
        ("change", "field", "said"),
        [
            ({"body": "A { stray brace, {feature} {eta}"}, "body", "brace"),
            ({"body": "{feature} until {eta} for {nobody}"}, "slots", "{nobody}"),
            ({"body": "{feature} is slow."}, "slots", "eta"),
            ({"body": "{feature} {eta} {impact}"}, "body", "inside only"),
            ({"body": "{feature} {eta}. Twilio is slow."}, "body", "Twilio"),
            ({"body": "{feature} {eta}. Your data is safe."}, "claims_data_safety", "safe"),
            ({"audience": "martians"}, "audience", "martians"),
            ({"subject": ""}, "subject", ""),
        ],
    )
    def test_what_could_never_be_sent_is_refused_on_saving(
        self, jobarium: System, lead: User, now: datetime, change: dict[str, str], field: str, said: str
    ) -> None:
        with pytest.raises(ValidationError) as refusal:
            propose(jobarium, lead, now, **change)
        assert said in str(refusal.value.message_dict[field])
        assert MessageTemplate.objects.filter(system=jobarium, key="employer_delay").count() == 1

    def test_inside_one_may_name_a_provider(self, jobarium: System, lead: User, now: datetime) -> None:
        assert propose(jobarium, lead, now, audience="internal", body="{feature} {eta}: Twilio is down").pk

    @pytest.mark.parametrize(
        "text", ["The data you have with us is safe.", "Your progress is saved.", "Drafts are kept", "Nothing is lost."]
    )
    def test_a_promise_of_safe_data_is_recognised(self, text: str) -> None:
        assert claims_safe_data(text)

    def test_a_plain_delay_is_no_promise(self) -> None:
        assert not claims_safe_data("Sending invitations takes longer. We will write again.")


class TestLoader:
    def refused(self, tmp_path: Path, old: str, new: str, at: datetime) -> str:
        text = RUNBOOK.read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / "jobarium.yaml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(RunbookRefused) as refusal:
            load([path], at=at)
        return str(refusal.value)

    def test_an_unknown_slot_is_named_with_line_and_key(self, jobarium: System, tmp_path: Path, now: datetime) -> None:
        said = self.refused(tmp_path, "{feature} works as usual again. {what_was_late}", "{feature} {nobody}", now)
        assert "templates[employer_recovered]" in said
        assert "{nobody}" in said
        assert ":1" in said or ":2" in said

    def test_an_unmarked_promise_is_refused(self, jobarium: System, tmp_path: Path, now: datetime) -> None:
        said = self.refused(tmp_path, "You can go on where you stopped.", "Your answers are saved.", now)
        assert "claims_data_safety" in said


class TestPages:
    @pytest.fixture(autouse=True)
    def _no_second_factor(self, settings: object) -> None:
        settings.STAFF_NEEDS_SECOND_FACTOR = False  # type: ignore[attr-defined]

    def test_saving_the_form_makes_a_version_that_waits(
        self, client: Client, jobarium: System, lead: User, chief: User
    ) -> None:
        current = template(jobarium, "employer_delay")
        client.force_login(lead)
        url = reverse("admin:incidents_messagetemplate_change", args=[current.pk])
        page = client.get(url).content.decode()
        assert "feature | Feature |" in page
        posted = {**WORDS, "slots": "feature | Feature\neta | Until"}
        posted.pop("claims_data_safety")
        answer = client.post(url, posted)
        assert answer.status_code == 302, answer.content.decode()[:3000]
        draft = MessageTemplate.objects.get(key="employer_delay", version=2)
        assert draft.is_waiting
        assert template(jobarium, "employer_delay").pk == current.pk
        approve = reverse("admin:incidents_messagetemplate_act", args=[draft.pk, "approve"])
        assert "somebody else must decide" in client.post(approve, {}).content.decode()
        draft.refresh_from_db()
        assert draft.is_waiting
        client.force_login(chief)
        assert client.post(approve, {"comment": "Good."}).status_code == 302
        draft.refresh_from_db()
        assert draft.is_current

    def test_an_unknown_slot_keeps_what_was_typed(self, client: Client, jobarium: System, lead: User) -> None:
        client.force_login(lead)
        url = reverse("admin:incidents_messagetemplate_change", args=[template(jobarium, "employer_delay").pk])
        posted = {**WORDS, "body": "{feature} {eta} {nobody}", "slots": "feature | Feature\neta | Until"}
        posted.pop("claims_data_safety")
        page = client.post(url, posted)
        assert page.status_code == 200
        assert "The text uses {nobody}" in page.content.decode()
        assert MessageTemplate.objects.filter(key="employer_delay").count() == 1

    def test_an_old_version_is_a_record(
        self, client: Client, jobarium: System, lead: User, chief: User, now: datetime
    ) -> None:
        old = template(jobarium, "employer_delay")
        versions.approve(propose(jobarium, lead, now), actor=chief, at=now)
        client.force_login(lead)
        url = reverse("admin:incidents_messagetemplate_change", args=[old.pk])
        assert client.get(url).status_code == 200
        assert client.post(url, WORDS).status_code == 403


class TestChannel:
    """INC-26."""

    def test_it_stands_in_the_internal_update(self, incident: Incident, lead: User, now: datetime) -> None:
        open_channel(incident, channel="#inc-invites", actor=lead, at=now)
        incident.refresh_from_db()
        assert (incident.channel, incident.channel_since) == ("#inc-invites", now)
        text = template(incident.system, "internal_update")
        assert "#inc-invites" in preview(text, incident, {"channel": incident.channel}).body

    def test_a_stranger_opens_none(self, incident: Incident, stranger: User, now: datetime) -> None:
        with pytest.raises(PermissionDenied):
            open_channel(incident, channel="#x", actor=stranger, at=now)

    def test_an_empty_one_is_refused(self, incident: Incident, lead: User, now: datetime) -> None:
        with pytest.raises(ValidationError):
            open_channel(incident, channel="  ", actor=lead, at=clock.now())
