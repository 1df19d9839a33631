import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.approvals.models import Approval, Signature
from config.casework.audit.models import AuditEntry
from config.casework.cases import redaction as room
from config.casework.cases.choices import RedactionReason
from config.casework.cases.models import Case, Note
from config.casework.cases.redaction import redact, register_holder
from config.casework.cases.services import add_note
from config.casework.files.models import StoredFile
from config.casework.files.services import store
from incidents.models import Incident
from incidents.reviews.models import JointDecision, Postmortem
from integrations.messages.choices import Channel, Purpose
from integrations.messages.models import Message
from integrations.signals.models import Delivery
from tests import factories
from tests.casework.cases import a_case

pytestmark = pytest.mark.django_db
PASSAGE = "Ana Müller has epilepsy"
REASON = RedactionReason.SPECIAL


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def privacy(db: None) -> User:
    return factories.person(Role.PRIVACY, name="Pia Privacy")


def told(case: Incident, now: datetime, agent: User) -> None:
    """The passage wherever a case may hold it."""
    Incident.objects.filter(pk=case.pk).update(title=f"Login fails: {PASSAGE}", description=PASSAGE)
    add_note(case, actor=agent, text=f"She says: {PASSAGE}.", at=now)
    approval = Approval.objects.create(case=case, purpose="joint", roles=["ceo", "cto"], requested_at=now)
    Signature.objects.create(approval=approval, person=agent, role="cto", comment=PASSAGE, at=now)
    JointDecision.objects.create(incident=case, approval=approval, mitigation_path=PASSAGE)
    Postmortem.objects.create(
        incident=case, schema={}, values={"impact": [{"who": f"x {PASSAGE} y"}], "count": 3}, started_at=now
    )
    Message.objects.create(
        idempotency_key=f"m{case.pk}", channel=Channel.EMAIL, purpose=Purpose.UPDATE, case=case, subject="Update", created_at=now,
        text="Ana Müller has\nepilepsy", html="<p>Ana M&#252;ller</p><p>Ana Müller has epilepsy</p>", recipient_name="Ana Müller",
    )  # fmt: skip
    Delivery.objects.create(
        digest=f"{case.pk:064}",
        payload={"annotations": {"text": PASSAGE}},
        references=[case.reference],
        received_at=now,
        last_received_at=now,
    )


def everything() -> str:
    """All that the tables of cases hold, as text."""
    tables: tuple[type[models.Model], ...] = (
        Incident, Note, Signature, JointDecision, Postmortem, Message, Delivery, AuditEntry, Incident.pgh_event_model,  # type: ignore[attr-defined]
    )  # fmt: skip
    return "\n".join(repr(row) for table in tables for row in table._base_manager.values())


class TestPassage:
    def test_it_is_gone_everywhere_the_case_is_held(self, privacy: User, agent: User, now: datetime) -> None:
        case = a_case()
        told(case, now, agent)
        assert everything().count("epilepsy") >= 9
        done = redact(case, PASSAGE, actor=privacy, at=now, reason=REASON)
        assert "epilepsy" not in everything()
        assert done.counts == {
            "incidents.incident": 1, "casework.note": 1, "casework.signature": 1, "incidents.jointdecision": 1,
            "incidents.postmortem": 1, "integrations.message": 1, "integrations.delivery": 1,
        }  # fmt: skip
        assert case.title == "Login fails: [removed]"
        assert Note.objects.get().text == "She says: [removed]."
        assert Postmortem.objects.get().values == {"impact": [{"who": "x [removed] y"}], "count": 3}
        assert Message.objects.get().recipient_name == "Ana Müller"

    def test_other_cases_keep_theirs(self, privacy: User, agent: User, now: datetime) -> None:
        case, other = a_case(), a_case()
        told(other, now, agent)
        before = everything()
        assert redact(case, PASSAGE, actor=privacy, at=now, reason=REASON).total == 0
        assert everything() == before

    def test_the_trail_says_who_when_and_why_but_not_what(self, privacy: User, agent: User, now: datetime) -> None:
        case = a_case()
        add_note(case, actor=agent, text=PASSAGE, at=now)
        redact(case, PASSAGE, actor=privacy, at=now, reason=REASON)
        entry = AuditEntry.objects.get(action="case.redacted")
        assert (entry.actor, entry.happened_at, entry.case_reference) == (privacy, now, case.reference)
        assert entry.detail == {"reason": "special", "counts": {"casework.note": 1}}

    @pytest.mark.parametrize(
        ("held", "left"),
        [
            ("call O'Neil & Co now", "call [removed] now"),
            ("call o'neil  &\nco now", "call [removed] now"),
            ("call O&#x27;Neil &amp; Co now", "call [removed] now"),
            ("call O'Neil &amp; Co now", "call [removed] now"),
            ("call O'Neil now", "call O'Neil now"),
            ("[removed] O'Neil & Co", "[removed] [removed]"),
        ],
    )
    def test_it_is_found_however_it_is_written(
        self, held: str, left: str, privacy: User, agent: User, now: datetime
    ) -> None:
        case = a_case()
        add_note(case, actor=agent, text=held, at=now)
        redact(case, "O'Neil & Co", actor=privacy, at=now, reason=REASON)
        assert Note.objects.get().text == left

    def test_the_mark_itself_is_never_torn(self, privacy: User, agent: User, now: datetime) -> None:
        case = a_case()
        add_note(case, actor=agent, text="[removed] was removed", at=now)
        redact(case, "removed", actor=privacy, at=now, reason=REASON)
        assert Note.objects.get().text == "[removed] was [removed]"

    def test_the_mark_is_cut_to_a_full_column(self, privacy: User, now: datetime) -> None:
        case = a_case(title="x" * 195 + " Ana ")
        redact(case, "Ana", actor=privacy, at=now, reason=REASON)
        assert case.title == "x" * 195 + " [rem"

    @pytest.mark.parametrize(
        ("passage", "reason", "field"), [(" a \n", REASON, "passage"), ("Ana", "because", "reason")]
    )
    def test_it_is_refused_by_field(self, passage: str, reason: str, field: str, privacy: User, now: datetime) -> None:
        with pytest.raises(ValidationError) as refusal:
            redact(a_case(), passage, actor=privacy, at=now, reason=reason)
        assert set(refusal.value.message_dict) == {field}

    @pytest.mark.parametrize(
        ("role", "may"),
        [
            (Role.CEO, True),
            (Role.CTO, True),
            (Role.PRIVACY, True),
            (Role.SUPPORT, False),
            (Role.AUDITOR, False),
            (Role.REVIEWER, False),
        ],
    )
    def test_only_some_roles_may(self, role: Role, may: bool, now: datetime) -> None:
        person = factories.person(role)
        if may:
            assert redact(a_case(), "Ana", actor=person, at=now, reason=REASON).total == 0
        else:
            with pytest.raises(PermissionDenied):
                redact(a_case(), "Ana", actor=person, at=now, reason=REASON)

    def test_a_room_can_name_rows_no_path_reaches(
        self, privacy: User, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(room, "_holders", {})

        @register_holder
        def by_name(case: Case) -> Iterator[tuple[models.QuerySet[Any], tuple[str, ...]]]:
            yield User.objects.filter(email="ana@example.com"), ("name",)

        person = factories.person(Role.SUPPORT, email="ana@example.com", name="Ana Müller")
        assert redact(a_case(), "Müller", actor=privacy, at=now, reason=REASON).counts == {"casework.user": 1}
        person.refresh_from_db()
        assert person.name == "Ana [removed]"


class TestFile:
    def test_a_file_of_the_case_is_destroyed(self, privacy: User, agent: User, now: datetime) -> None:
        case = a_case()
        stored = store(case, io.BytesIO(b"%PDF-1.7"), name="ana.pdf", actor=agent, at=now)
        other = store(case, io.BytesIO(b"%PDF-1.7"), name="ana.pdf", actor=agent, at=now)
        done = redact(case, stored, actor=privacy, at=now, reason=REASON)
        assert (done.counts, done.unread_files) == ({"casework.storedfile": 1}, 1)
        assert not StoredFile.objects.get(pk=stored.pk).is_readable
        assert StoredFile.objects.get(pk=other.pk).is_readable
        assert AuditEntry.objects.get(action="case.redacted").detail["counts"] == {"casework.storedfile": 1}

    def test_a_file_of_another_case_is_not(self, privacy: User, agent: User, now: datetime) -> None:
        stored = store(a_case(), io.BytesIO(b"%PDF-1.7"), name="ana.pdf", actor=agent, at=now)
        with pytest.raises(ValidationError):
            redact(a_case(), stored, actor=privacy, at=now, reason=REASON)
        assert StoredFile.objects.get().is_readable

    def test_names_of_files_are_searched_and_their_content_is_counted_as_unread(
        self, privacy: User, agent: User, now: datetime
    ) -> None:
        case = a_case()
        store(case, io.BytesIO(b"%PDF-1.7"), name="ana.pdf", actor=agent, at=now)
        done = redact(case, "ana", actor=privacy, at=now, reason=REASON)
        assert (StoredFile.objects.get().name, done.unread_files) == ("[removed].pdf", 1)
