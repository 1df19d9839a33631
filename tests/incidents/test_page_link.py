"""SC-35: a page in the night. Opening its link changes nothing; a tap, a second tap and a sign-in each do one thing."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core import mail
from django.core.exceptions import ValidationError
from django.test import Client

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.links.models import Grant
from config.casework.transitions import Refused, apply
from config.casework.work.services import tick
from incidents.choices import Clock, IncidentState
from incidents.models import Incident
from incidents.paging.models import Page
from incidents.reviews.services import decide, start_postmortem, write_postmortem
from incidents.services import acknowledge, open_incident
from integrations.messages.models import Message
from tests.factories import PASSWORD
from tests.incidents.conftest import level

PAGED = datetime(2026, 3, 10, 3, 7, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LINK = re.compile(r"/a/[A-Za-z0-9_-]{64}/")
TYPED = ("Eva Meier cannot apply", "eva.meier@mail.example", "+49 171 5550199", "candidate 4711")


def at(minutes: float) -> datetime:
    return PAGED + minutes * MINUTE


def links() -> list[str]:
    """The path of the link in each page mail, in the order they were sent."""
    return [found[0] for sent in mail.outbox if (found := LINK.search(str(sent.body)))]


class Phone:
    """A browser without a session, at a given minute after the page; it checks tokens of forms as a real one is checked."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)

    def get(self, path: str, minute: float) -> Any:
        with clock.at(at(minute)):
            return self.client.get(path)

    def head(self, path: str, minute: float) -> Any:
        with clock.at(at(minute)):
            return self.client.head(path)

    def tap(self, path: str, act: str, minute: float) -> Any:
        """Open the page, press a button; one that is no longer there was on the screen since before."""
        token = self.token(path, minute)
        client = self.client if token else Client()
        with clock.at(at(minute)):
            return client.post(path, {"act": act, "csrfmiddlewaretoken": token})

    def token(self, path: str, minute: float) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path, minute).content.decode())
        return found[1] if found else ""


@pytest.fixture
def phone() -> Phone:
    return Phone()


@pytest.fixture
def case(jobarium: System, lead: User, chief: User, agent: User) -> Incident:
    """A SEV-1 that an agent reports by hand at 03:07, in words that must not leave the desk."""
    User.objects.filter(pk=chief.pk).update(phone="+49 30 5550123")
    with clock.at(PAGED):
        incident = open_incident(
            jobarium, title=TYPED[0], description=f"{TYPED[1]} {TYPED[2]}", scope=TYPED[3], actor=agent, at=PAGED,
            severity=level(jobarium, "SEV-1"), playbook=jobarium.procedures.get(key="jobarium-a"),
        )  # fmt: skip
    tick(PAGED)
    return incident


@pytest.fixture
def link(case: Incident) -> str:
    (path,) = links()
    return path


def fresh(incident: Incident) -> Incident:
    return Incident.objects.get(pk=incident.pk)


def acknowledge_clock(incident: Incident) -> Deadline:
    return Deadline.objects.of(incident).get(kind=Clock.ACKNOWLEDGE)


def everything(incident: Incident) -> tuple[Any, ...]:
    """What a mere look must not change."""
    return (
        Incident.objects.filter(pk=incident.pk).values().get(),
        list(Page.objects.values()),
        list(Deadline.objects.values()),  # type: ignore[misc]  # the plugin takes generic keys for columns
        list(Grant.objects.values()),  # type: ignore[misc]
        AuditEntry.objects.count(),
        Message.objects.count(),
    )


class TestLooking:
    def test_a_scanner_that_opens_it_changes_nothing(self, phone: Phone, case: Incident, link: str) -> None:
        before = everything(case)
        answers = [phone.get(link, 1), phone.get(link, 2), phone.get(link, 3), phone.head(link, 4)]
        assert [answer.status_code for answer in answers] == [200] * 4
        assert everything(case) == before

    def test_looking_with_parameters_changes_nothing(self, phone: Phone, case: Incident, link: str) -> None:
        before = everything(case)
        phone.get(f"{link}?act=have", 1)
        assert everything(case) == before

    def test_other_methods_are_refused(self, case: Incident, link: str) -> None:
        before = everything(case)
        with clock.at(at(1)):
            assert [
                Client().put(link).status_code,
                Client().delete(link).status_code,
                Client().patch(link).status_code,
            ] == [405] * 3
        assert everything(case) == before

    def test_it_shows_what_one_needs_at_night(self, phone: Phone, case: Incident, link: str) -> None:
        text = phone.get(link, 1).content.decode()
        step = case.playbook.steps.order_by("position").first()
        for words in (
            "SEV-1",
            "Jobarium",
            case.reference,
            "I have it",
            "Hand to Carl Chief",
            "tel:+49305550123",
            step.text,
            level(case.system, "SEV-1").meaning,
        ):
            assert words in text

    def test_it_is_small_and_has_no_script(self, phone: Phone, link: str) -> None:
        answer = phone.get(link, 1)
        assert len(answer.content) < 40_000
        assert "<script" not in answer.content.decode().lower()
        assert "javascript:" not in answer.content.decode().lower()

    def test_it_is_kept_by_nobody(self, phone: Phone, link: str) -> None:
        answer = phone.get(link, 1)
        assert "no-store" in answer["Cache-Control"]
        assert answer["Referrer-Policy"] == "same-origin"

    def test_the_desk_keeps_no_token(self, link: str) -> None:
        token = link.split("/")[2]
        assert not Grant.objects.filter(digest=token).exists()


class TestTaking:
    def test_a_tap_acknowledges_for_now(self, phone: Phone, case: Incident, link: str, lead: User) -> None:
        assert phone.tap(link, "have", 2).status_code == 302
        incident = fresh(case)
        assert (incident.acknowledged_by, incident.acknowledged_at, incident.acknowledgement_provisional) == (
            lead,
            at(2),
            True,
        )
        assert acknowledge_clock(case).met_at == at(2)
        assert "confirm" in phone.get(link, 3).content.decode()

    def test_a_double_tap_neither_confirms_nor_gives_more_time(self, phone: Phone, case: Incident, link: str) -> None:
        token = phone.token(link, 2)
        for minute in (2, 10):
            with clock.at(at(minute)):
                assert phone.client.post(link, {"act": "have", "csrfmiddlewaretoken": token}).status_code == 302
        incident = fresh(case)
        assert (incident.acknowledgement_provisional, incident.acknowledged_at) == (True, at(2))
        assert Deadline.objects.open().of(case).get(kind=Clock.CONFIRM).due_at == at(17)

    def test_a_second_tap_confirms(self, phone: Phone, case: Incident, link: str, lead: User) -> None:
        phone.tap(link, "have", 2)
        phone.tap(link, "confirm", 9)
        tick(at(40))
        incident = fresh(case)
        assert (incident.acknowledged_by, incident.acknowledged_at, incident.acknowledgement_provisional) == (
            lead,
            at(2),
            False,
        )
        assert not Deadline.objects.open().of(case).filter(kind=Clock.CONFIRM).exists()
        assert Page.objects.count() == 1
        assert "It is yours" in phone.get(link, 41).content.decode()

    def test_a_sign_in_confirms(self, phone: Phone, case: Incident, link: str, lead: User) -> None:
        phone.tap(link, "have", 2)
        with clock.at(at(5)):
            answer = Client().post("/accounts/login/", {"login": lead.email, "password": PASSWORD})
        assert answer.status_code == 302
        assert not fresh(case).acknowledgement_provisional
        tick(at(40))
        assert (Page.objects.count(), fresh(case).acknowledged_by) == (1, lead)

    def test_a_failed_sign_in_confirms_nothing(self, phone: Phone, case: Incident, link: str, lead: User) -> None:
        phone.tap(link, "have", 2)
        with clock.at(at(5)):
            Client().post("/accounts/login/", {"login": lead.email, "password": "wrong"})
        assert fresh(case).acknowledgement_provisional

    def test_the_sign_in_of_another_confirms_nothing(
        self, phone: Phone, case: Incident, link: str, chief: User
    ) -> None:
        phone.tap(link, "have", 2)
        with clock.at(at(5)):
            Client().post("/accounts/login/", {"login": chief.email, "password": PASSWORD})
        assert fresh(case).acknowledgement_provisional

    def test_the_button_on_the_desk_confirms_too_and_keeps_the_first_moment(
        self, phone: Phone, case: Incident, link: str, lead: User
    ) -> None:
        phone.tap(link, "have", 2)
        with clock.at(at(8)):
            apply(fresh(case), "acknowledge", actor=lead)
        incident = fresh(case)
        assert (incident.acknowledgement_provisional, incident.acknowledged_at) == (False, at(2))
        tick(at(40))
        assert (fresh(case).acknowledged_by, Page.objects.count()) == (lead, 1)

    def test_the_page_log_says_who_answered(self, phone: Phone, case: Incident, link: str) -> None:
        phone.tap(link, "have", 2)
        page = Page.objects.get()
        assert (page.state, page.acknowledged_at) == ("acknowledged", at(2))

    def test_a_post_without_the_token_of_the_form_is_refused(self, case: Incident, link: str) -> None:
        before = everything(case)
        with clock.at(at(1)):
            assert Client(enforce_csrf_checks=True).post(link, {"act": "have"}).status_code == 403
        assert everything(case) == before

    @pytest.mark.parametrize("act", ["", "resolve", "HAVE"])
    def test_an_unknown_button_does_nothing(self, phone: Phone, case: Incident, link: str, act: str) -> None:
        before = everything(case)
        assert phone.tap(link, act, 1).status_code == 409
        assert everything(case) == before

    def test_confirming_what_was_never_taken_does_nothing(self, phone: Phone, case: Incident, link: str) -> None:
        phone.tap(link, "confirm", 1)
        assert fresh(case).acknowledged_at is None


class TestSilence:
    """Nobody confirmed: paging goes on with the other person, and the acknowledge clock runs again."""

    def test_until_the_quarter_hour_is_over_it_counts(self, phone: Phone, case: Incident, link: str) -> None:
        phone.tap(link, "have", 2)
        tick(at(17))
        assert fresh(case).acknowledgement_provisional
        assert Page.objects.count() == 1

    def test_then_the_other_person_is_paged(self, phone: Phone, case: Incident, link: str, chief: User) -> None:
        phone.tap(link, "have", 2)
        tick(at(18))
        incident = fresh(case)
        assert (incident.acknowledged_at, incident.acknowledged_by, incident.acknowledgement_provisional) == (
            None,
            None,
            False,
        )
        page = Page.objects.last()
        assert (page.person, page.reason, page.paged_at) == (chief, "lapsed", at(18))
        assert len(links()) == 2

    def test_the_clock_runs_again_and_its_miss_is_carried_on(
        self, phone: Phone, case: Incident, link: str, lead: User, chief: User
    ) -> None:
        phone.tap(link, "have", 2)
        tick(at(18))
        clock_ = acknowledge_clock(case)
        assert (clock_.is_open, clock_.due_at, clock_.breached_at) == (True, at(15), at(18))
        tick(at(19))
        assert [row.person for row in case.escalations.order_by("order")] == [lead, chief]

    def test_a_miss_that_was_carried_on_before_is_not_told_twice(
        self, phone: Phone, case: Incident, link: str, lead: User, chief: User
    ) -> None:
        tick(at(16))
        phone.tap(link, "have", 16.5)  # before the CEO was told
        tick(at(17))
        assert [row.person for row in case.escalations.all()] == [lead]
        tick(at(32))
        tick(at(33))
        assert [row.person for row in case.escalations.order_by("order")] == [lead, chief]
        assert sum("Missed" in sent.subject for sent in mail.outbox) == 2

    def test_whoever_fell_silent_is_not_the_one_who_is_called(
        self, phone: Phone, jobarium: System, lead: User, chief: User
    ) -> None:
        """The primary answers the secondary's later page: the lapse calls the secondary, not the last one paged's other."""
        with clock.at(PAGED):
            case = open_incident(jobarium, title="Late", actor=None, at=PAGED, severity=level(jobarium, "SEV-2"))
        for minute in (0, 15):
            tick(at(minute))
        assert [page.person for page in Page.objects.order_by("pk")] == [lead, chief]
        phone.tap(links()[0], "have", 16)
        tick(at(32))
        assert fresh(case).acknowledged_at is None
        assert Page.objects.last().person == chief

    @pytest.mark.usefixtures("lead", "chief")
    def test_a_graver_severity_of_that_time_holds_afterwards(self, phone: Phone, jobarium: System, agent: User) -> None:
        with clock.at(PAGED):
            case = open_incident(jobarium, title="Late", actor=None, at=PAGED, severity=level(jobarium, "SEV-2"))
        tick(PAGED)
        phone.tap(links()[0], "have", 2)
        with clock.at(at(5)):
            apply(fresh(case), "triage", actor=agent, severity=level(jobarium, "SEV-1"), scope="all")
        tick(at(18))
        assert acknowledge_clock(case).due_at == at(15)

    def test_the_first_person_may_take_it_again(self, phone: Phone, case: Incident, link: str, lead: User) -> None:
        phone.tap(link, "have", 2)
        tick(at(18))
        phone.tap(link, "have", 20)
        phone.tap(link, "confirm", 21)
        incident = fresh(case)
        assert (incident.acknowledged_by, incident.acknowledged_at, incident.acknowledgement_provisional) == (
            lead,
            at(20),
            False,
        )

    def test_paging_goes_on_when_the_other_is_silent_too(
        self, phone: Phone, case: Incident, link: str, lead: User
    ) -> None:
        phone.tap(link, "have", 2)
        tick(at(18))
        tick(at(33))
        assert [(page.person, page.reason) for page in Page.objects.order_by("pk")][2:] == [(lead, "unacknowledged")]


class TestHandingOver:
    def test_the_other_is_paged_at_once(self, phone: Phone, case: Incident, link: str, chief: User) -> None:
        assert phone.tap(link, "hand", 1).status_code == 302
        page = Page.objects.last()
        assert (page.person, page.reason, page.paged_at) == (chief, "handed", at(1))
        tick(at(1))
        assert chief.email in mail.outbox[-1].to[0]
        assert fresh(case).acknowledged_at is None
        assert "Handed to Carl Chief" in phone.get(link, 2).content.decode()

    def test_also_after_a_first_tap(self, phone: Phone, case: Incident, link: str, chief: User) -> None:
        phone.tap(link, "have", 1)
        phone.tap(link, "hand", 3)
        incident = fresh(case)
        assert (incident.acknowledged_at, incident.acknowledgement_provisional) == (None, False)
        assert acknowledge_clock(case).is_open
        assert not Deadline.objects.open().of(case).filter(kind=Clock.CONFIRM).exists()
        assert Page.objects.last().person == chief

    def test_a_double_tap_pages_once(self, phone: Phone, case: Incident, link: str) -> None:
        token = phone.token(link, 1)
        for _tap in range(3):
            with clock.at(at(1)):
                phone.client.post(link, {"act": "hand", "csrfmiddlewaretoken": token})
        tick(at(1))
        assert (Page.objects.count(), len(links())) == (2, 2)

    def test_it_may_be_handed_back(self, phone: Phone, case: Incident, link: str, lead: User) -> None:
        phone.tap(link, "hand", 1)
        tick(at(1))
        Phone().tap(links()[1], "hand", 2)
        assert [page.person for page in Page.objects.order_by("pk")][-1] == lead

    def test_taken_and_handed_on_again_it_pages_again(
        self, phone: Phone, case: Incident, link: str, chief: User
    ) -> None:
        phone.tap(link, "hand", 1)
        phone.tap(link, "hand", 1)
        with clock.at(at(3)):
            acknowledge(
                fresh(case),
                actor=User.objects.get(email=mail.outbox[0].to[0].split("<")[-1].strip(">")),
                at=at(3),
                provisional=True,
            )
        phone.tap(link, "hand", 4)
        assert [page.person for page in Page.objects.filter(reason="handed")] == [chief, chief]

    def test_what_somebody_has_cannot_be_handed_on(self, phone: Phone, case: Incident, link: str, chief: User) -> None:
        with clock.at(at(1)):
            apply(fresh(case), "acknowledge", actor=chief)
        assert phone.tap(link, "hand", 2).status_code == 409
        assert Page.objects.count() == 1


class TestLinkThatDoesNotServe:
    def test_an_altered_letter_is_not_found(self, phone: Phone, case: Incident, link: str) -> None:
        token = link.split("/")[2]
        for place in (0, 31, 63):
            other = "A" if token[place] != "A" else "B"
            assert phone.get(f"/a/{token[:place]}{other}{token[place + 1 :]}/", 1).status_code == 404

    def test_posting_to_an_altered_one_is_not_found(self, case: Incident, link: str) -> None:
        with clock.at(at(1)):
            assert Client().post(link[:-2] + ("AA/" if link[-2] != "A" else "BB/"), {"act": "have"}).status_code == 404
        assert fresh(case).acknowledged_at is None

    def test_after_an_hour_it_has_expired(self, phone: Phone, case: Incident, link: str) -> None:
        assert phone.get(link, 59.9).status_code == 200
        answer = phone.get(link, 60)
        assert answer.status_code == 410
        assert "expired" in answer.content.decode()
        with clock.at(at(61)):
            assert Client().post(link, {"act": "have"}).status_code == 410
        assert fresh(case).acknowledged_at is None

    def test_of_somebody_without_access_it_is_not_found(self, phone: Phone, link: str, lead: User) -> None:
        User.objects.filter(pk=lead.pk).update(is_active=False)
        assert phone.get(link, 1).status_code == 404

    def test_of_another_purpose_it_is_not_found(self, phone: Phone, link: str) -> None:
        Grant.objects.update(purpose="status")
        assert phone.get(link, 1).status_code == 404

    def test_it_says_that_another_has_it(self, phone: Phone, case: Incident, link: str, chief: User) -> None:
        with clock.at(at(1)):
            apply(fresh(case), "acknowledge", actor=chief)
        text = phone.get(link, 2).content.decode()
        assert "Carl Chief has it" in text
        assert 'value="have"' not in text
        before = everything(case)
        assert phone.tap(link, "have", 3).status_code == 409
        assert everything(case) == before

    def test_another_persons_first_tap_is_not_taken_over_by_link(
        self, phone: Phone, case: Incident, link: str, chief: User
    ) -> None:
        with clock.at(at(1)):
            acknowledge(fresh(case), actor=chief, at=at(1), provisional=True)
        before = everything(case)
        assert phone.tap(link, "have", 2).status_code == 409
        assert phone.tap(link, "hand", 2).status_code == 409
        assert everything(case) == before

    def test_after_the_resolve_a_tap_is_a_note(self, phone: Phone, case: Incident, link: str, chief: User) -> None:
        with clock.at(at(10)):
            apply(fresh(case), "resolve", actor=chief)
        before = Incident.objects.filter(pk=case.pk).values().get()
        assert "Resolved" in phone.get(link, 11).content.decode()
        phone.tap(link, "have", 12)
        assert Incident.objects.filter(pk=case.pk).values().get() == before
        assert (
            AuditEntry.objects.filter(case_reference=case.reference, action="incident.acknowledged_late").count() == 1
        )


class TestNothingTypedLeaves:
    def test_neither_in_mail_nor_chat_nor_page(
        self, settings: Any, jobarium: System, lead: User, chief: User, agent: User, phone: Phone
    ) -> None:
        settings.NOTIFY_URLS = ["json://127.0.0.1:9/"]
        with clock.at(PAGED):
            case = open_incident(
                jobarium,
                title=TYPED[0],
                description=f"{TYPED[1]} {TYPED[2]}",
                scope=TYPED[3],
                actor=agent,
                at=PAGED,
                severity=level(jobarium, "SEV-1"),
            )
        tick(PAGED)
        tick(at(16))
        tick(at(17))
        said = [phone.get(links()[0], 17).content.decode()]
        said += [
            sent.subject + sent.body + "".join(str(part.content) for part in sent.alternatives) for sent in mail.outbox
        ]
        chats = Message.objects.filter(channel="chat")
        said += [message.subject + message.text for message in chats]
        assert (len(mail.outbox), chats.count()) == (5, 1)
        for words in TYPED:
            assert not [text for text in said if words in text]
        for person in (lead, chief, agent):
            assert not [
                message
                for message in chats
                if person.email in message.text + message.subject or person.name in message.text + message.subject
            ]
        assert [text for text in said if case.reference not in text] == [
            text for text in said if "A chat target takes no messages" in text
        ]


class TestWholeNight:
    def test_from_the_page_to_the_close(self, phone: Phone, case: Incident, link: str, lead: User, chief: User) -> None:
        for minute in (0.1, 0.2, 0.3):
            phone.get(link, minute)
        phone.tap(link, "have", 2)
        phone.tap(link, "confirm", 4)
        for minute in (30, 60, 121):
            tick(at(minute))
        recorded = datetime(2026, 3, 10, 5, 12, tzinfo=UTC)
        over = datetime(2026, 3, 10, 5, 10, tzinfo=UTC)
        with clock.at(recorded):
            apply(fresh(case), "impact_over", actor=lead, at=over)
            incident = apply(fresh(case), "resolve", actor=lead)
        assert (incident.impact_over_at, incident.resolved_at, incident.state, incident.cause) == (
            over,
            recorded,
            IncidentState.RESOLVED,
            "",
        )
        entry = AuditEntry.objects.get(case_reference=case.reference, action="incident.impact_over")
        assert entry.happened_at == over
        mitigate = Deadline.objects.of(case).get(kind=Clock.MITIGATE)
        assert (mitigate.met_at, mitigate.due_at, mitigate.is_late(recorded)) == (over, at(120), True)
        assert Deadline.objects.open().of(case).get(kind=Clock.PAPERWORK).due_at == datetime(
            2026, 3, 11, 12, tzinfo=UTC
        )
        with clock.at(datetime(2026, 3, 10, 10, 0, tzinfo=UTC)):
            self._close_step_by_step(incident, lead, chief)

    def _close_step_by_step(self, incident: Incident, lead: User, chief: User) -> None:
        now = clock.now()
        with pytest.raises(ValidationError) as refusal:
            apply(incident, "close", actor=lead)
        assert set(refusal.value.message_dict) == {"cause", "fix_reference"}
        words: dict[str, Any] = {
            "cause": "A full disk",
            "fix_reference": "r42",
            "no_communication_reason": "Nobody noticed.",
        }
        with pytest.raises(Refused, match="joint decision"):
            apply(incident, "close", actor=lead, **words)
        for person in (lead, chief):
            decide(
                incident,
                actor=person,
                at=now,
                mitigation_path="A second disk.",
                stakeholder_updates="Employers by noon.",
            )
        with pytest.raises(Refused, match="postmortem"):
            apply(incident, "close", actor=lead, **words)
        postmortem = start_postmortem(incident, actor=lead, at=now)
        write_postmortem(postmortem, actor=lead, at=now, values={field["key"]: "said" for field in postmortem.schema})
        with pytest.raises(Refused, match="published"):
            apply(incident, "close", actor=lead, **words)
        apply(postmortem, "publish", actor=lead)
        assert apply(incident, "close", actor=lead, **words).state == IncidentState.CLOSED
        assert not Deadline.objects.open().of(incident).exists()


def test_links_lead_to_this_desk(link: str) -> None:
    assert f"{settings.BASE_URL}{link}" in mail.outbox[0].body
