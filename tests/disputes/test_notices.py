"""The label tells its subject (SC-39)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.links.services import look
from config.casework.work.services import tick
from disputes.assessments.choices import NoticeState
from disputes.assessments.models import Assessment
from disputes.assessments.notices import PURPOSE, sweep
from disputes.assessments.services import mark_under_review, standing
from integrations.messages.choices import MessageState
from integrations.messages.models import Message
from tests.disputes.makers import LABEL, assessment

pytestmark = pytest.mark.django_db
EMAIL = "kim@candidate.example"


def untold(jobarium: System, now: datetime, **fields: Any) -> Assessment:
    values: dict[str, Any] = {"informed_at": None, "email": EMAIL, "locale": "en"} | fields
    return assessment(now, system=jobarium, **values)


class TestNotice:
    def test_the_label_is_hidden_until_the_message_left_and_then_shown(self, jobarium: System, now: datetime) -> None:
        labelled = untold(jobarium, now)
        assert standing(labelled, now).label is None
        tick(now + timedelta(minutes=1))
        labelled.refresh_from_db()
        assert labelled.notice_state == NoticeState.TOLD
        assert standing(labelled, now).label == LABEL

    def test_it_says_what_was_measured_what_the_employer_reads_and_what_the_label_may_not_do(
        self, jobarium: System, now: datetime
    ) -> None:
        untold(jobarium, now)
        tick(now)
        (message,) = mail.outbox
        text = " ".join(str(message.body).split())
        assert message.to == [EMAIL]
        assert f"“{LABEL}”" in text
        assert "This label is a signal, not a finding." in text
        assert "Long passages appeared at once" in text
        assert "Nobody is rejected on this label alone" in text
        assert "0.91" not in text

    def test_its_link_opens_the_dispute_without_typing(self, jobarium: System, now: datetime) -> None:
        labelled = untold(jobarium, now)
        tick(now)
        link = next(word for word in str(mail.outbox[0].body).split() if "/disputes/new/" in word)
        assert look(link.rstrip("/").rpartition("/")[2], PURPOSE, now).object == labelled

    def test_it_speaks_the_language_of_the_candidate(self, jobarium: System, now: datetime) -> None:
        untold(jobarium, now, locale="de-AT")
        tick(now)
        text = " ".join(str(mail.outbox[0].body).split())
        assert "Lange Passagen erschienen auf einmal" in text
        assert "Niemand wird allein wegen dieser Markierung abgelehnt" in text
        assert f"„{LABEL}“" in text

    def test_a_language_the_desk_does_not_speak_becomes_english(self, jobarium: System, now: datetime) -> None:
        untold(jobarium, now, locale="xx")
        tick(now)
        assert "Nobody is rejected on this label alone" in " ".join(str(mail.outbox[0].body).split())

    def test_it_is_sent_once(self, jobarium: System, now: datetime) -> None:
        untold(jobarium, now, external_id="a1")
        tick(now)
        untold(jobarium, now, external_id="a1")
        tick(now + timedelta(minutes=1))
        assert len(mail.outbox) == 1

    def test_whoever_the_platform_told_gets_none(self, jobarium: System, now: datetime) -> None:
        untold(jobarium, now, informed_at=now)
        tick(now)
        assert mail.outbox == []

    def test_a_label_nobody_contests_needs_none(self, jobarium: System, now: datetime) -> None:
        quiet = untold(jobarium, now, label="no assistance suspected")
        tick(now)
        assert (quiet.notice_state, mail.outbox) == (NoticeState.NOT_NEEDED, [])
        assert standing(quiet, now).label == "no assistance suspected"

    def test_a_message_that_is_lost_turns_red_and_the_label_stays_hidden(self, jobarium: System, now: datetime) -> None:
        labelled = untold(jobarium, now)
        tick(now)
        Assessment.objects.update(notice_state=NoticeState.QUEUED, candidate_informed_at=None)
        Message.objects.update(state=MessageState.FAILED)
        assert sweep(now) == 1
        labelled.refresh_from_db()
        assert labelled.notice_state == NoticeState.FAILED
        assert standing(labelled, now).label is None
        assert Assessment.objects.untold().count() == 1

    def test_without_an_address_it_is_a_red_figure(self, jobarium: System, now: datetime, lead: User) -> None:
        labelled = untold(jobarium, now, email=None)
        assert labelled.notice_state == NoticeState.MISSING
        assert Assessment.objects.untold().count() == 1

    def test_a_bounce_within_three_days_takes_the_telling_back(self, jobarium: System, now: datetime) -> None:
        labelled = untold(jobarium, now)
        tick(now)
        Message.objects.update(state=MessageState.FAILED)
        assert sweep(now + timedelta(hours=1)) == 1
        labelled.refresh_from_db()
        assert (labelled.notice_state, standing(labelled, now).label) == (NoticeState.FAILED, None)

    def test_a_corrected_address_gets_the_message_again(self, jobarium: System, now: datetime) -> None:
        untold(jobarium, now, external_id="a1")
        tick(now)
        Message.objects.update(state=MessageState.FAILED)
        sweep(now)
        labelled = untold(jobarium, now, external_id="a1", email="kim@new.example")
        assert labelled.notice_state == NoticeState.QUEUED
        tick(now)
        assert [message.to[0] for message in mail.outbox] == [EMAIL, "kim@new.example"]

    def test_whoever_disputes_a_label_knows_of_it(self, jobarium: System, now: datetime) -> None:
        disputed = mark_under_review(untold(jobarium, now), actor=None, at=now)
        tick(now)
        assert (disputed.notice_state, mail.outbox) == (NoticeState.TOLD, [])
