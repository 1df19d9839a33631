"""Mail and chat as they really leave: a real SMTP server, a real HTTP server, and what both may answer."""

import json
import re
import threading
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message as Mail
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.db import connection, transaction

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.cases.timeline import timeline
from config.casework.catalogue.models import System
from config.casework.transitions import apply
from config.casework.work.choices import JobState
from config.casework.work.models import Job
from config.casework.work.services import retry_job, tick
from incidents.services import acknowledge, open_incident
from integrations.messages.choices import MessageState, Purpose
from integrations.messages.models import Message
from integrations.messages.services import message_id, queue_chat, queue_mail
from tests.incidents.conftest import incident, jobarium, level
from tests.integrations.alertmanager import free_port

__all__ = ["incident", "jobarium"]  # fixtures

MINUTE = timedelta(minutes=1)
LATER = timedelta(minutes=6)  # longer than any wait between attempts
SECRET = "s3cr3t-t0ken"


class Mailbox:
    """A mail server that answers what a test tells it to."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], Mail]] = []
        self.tries = 0
        self.answers: list[str] = []
        self.recipient_answers: list[str] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.recipient_answers.pop(0) if self.recipient_answers else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.tries += 1
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            assert envelope.mail_from is not None
            self.mails.append(
                (envelope.mail_from, list(envelope.rcpt_tos), message_from_bytes(envelope.original_content or b""))
            )
        return answer


@pytest.fixture
def server() -> Iterator[Controller]:
    controller = Controller(Mailbox(), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    if controller.server is not None:
        controller.stop()


@pytest.fixture
def mailbox(server: Controller, settings: Any) -> Mailbox:
    """The server of the test is the desk's mail server."""
    options = {"host": "127.0.0.1", "port": server.port, "timeout": 5}
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}}
    box: Mailbox = server.handler
    return box


def queue(key: str = "", at: datetime | None = None, **fields: Any) -> Message:
    values = {"to": "hr@acme.example", "subject": "A delay", "text": "It is late.", "purpose": Purpose.UPDATE} | fields
    return queue_mail(key=key or uuid.uuid4().hex, at=at or clock.now(), **values)


def after(message: Message) -> Message:
    return Message.objects.get(pk=message.pk)


def job_of(message: Message) -> Job:
    return Job.objects.get(key=f"message:{message.pk}")


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now")]


class TestSending:
    def test_a_mail_arrives_as_it_was_kept(self, mailbox: Mailbox, now: datetime, settings: Any) -> None:
        message = queue(html="<p>It is <b>late</b>.</p>", name="Ümit Ç.")
        tick(now)
        ((sender, recipients, mail),) = mailbox.mails
        assert (sender, recipients) == (settings.DEFAULT_FROM_EMAIL.split("<")[-1].strip(">"), ["hr@acme.example"])
        assert str(make_header(decode_header(mail["To"]))) in (
            "Ümit Ç. <hr@acme.example>",
            '"Ümit Ç." <hr@acme.example>',
        )
        assert mail["Subject"] == "A delay"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert [part.get_content_type() for part in mail.walk()] == ["multipart/alternative", "text/plain", "text/html"]
        assert (after(message).state, after(message).sent_at) == (MessageState.SENT, now)

    def test_it_leaves_not_before_its_time(self, mailbox: Mailbox, now: datetime) -> None:
        queue(at=now + MINUTE)
        tick(now)
        assert mailbox.mails == []
        tick(now + MINUTE)
        assert len(mailbox.mails) == 1

    def test_the_same_key_never_sends_twice(self, mailbox: Mailbox, now: datetime) -> None:
        first = queue("page:1")
        tick(now)
        again = queue("page:1", subject="Other words", to="other@acme.example")
        tick(now + MINUTE)
        assert (again.pk, len(mailbox.mails), Message.objects.count()) == (first.pk, 1, 1)

    def test_nor_does_a_job_that_is_done_again(self, mailbox: Mailbox, now: datetime) -> None:
        message = queue()
        tick(now)
        Job.objects.filter(key=f"message:{message.pk}").update(state=JobState.DUE, finished_at=None)
        tick(now + MINUTE)
        assert len(mailbox.mails) == 1

    def test_what_was_rolled_back_is_not_sent(self, mailbox: Mailbox, now: datetime) -> None:
        with transaction.atomic():
            queue()
            transaction.set_rollback(True)
        tick(now)
        assert mailbox.mails == []

    def test_every_attempt_bears_the_same_message_id(self, mailbox: Mailbox, now: datetime) -> None:
        message = queue("page:7")
        tick(now)
        Message.objects.filter(pk=message.pk).update(state=MessageState.QUEUED)
        Job.objects.filter(key=f"message:{message.pk}").update(state=JobState.DUE)
        tick(now + MINUTE)
        ids = [mail["Message-ID"] for _sender, _to, mail in mailbox.mails]
        assert ids == [message_id(message)] * 2
        assert re.fullmatch(r"<[0-9a-f]{32}@[^@<>\s]+>", ids[0])
        assert message_id(queue("page:8")) != ids[0]

    def test_the_id_says_nothing_of_the_key(self, now: datetime) -> None:
        assert "acme" not in message_id(queue("communication:1:acme"))


class TestRefusals:
    def test_a_refusal_for_good_parks_at_once_with_its_reason(self, mailbox: Mailbox, now: datetime) -> None:
        mailbox.answers = ["554 No thank you, hr@acme.example"]
        message = queue()
        tick(now)
        job = job_of(message)
        assert (job.state, job.attempts, mailbox.tries) == (JobState.PARKED, 1, 1)
        assert "554" in job.parked_reason
        assert (after(message).state, "554" in after(message).outcome) == (MessageState.FAILED, True)
        assert "acme" not in job.last_error + job.parked_reason + after(message).outcome
        tick(now + LATER)
        assert mailbox.tries == 1

    def test_an_address_refused_for_good_too(self, mailbox: Mailbox, now: datetime) -> None:
        mailbox.recipient_answers = ["550 No such user hr@acme.example"]
        message = queue()
        tick(now)
        assert (job_of(message).state, after(message).state) == (JobState.PARKED, MessageState.FAILED)
        assert "acme" not in job_of(message).last_error + after(message).outcome

    def test_an_address_refused_for_now_is_tried_again(self, mailbox: Mailbox, now: datetime) -> None:
        mailbox.recipient_answers = ["450 Greylisted"]
        message = queue()
        tick(now)
        assert job_of(message).state == JobState.DUE
        tick(now + LATER)
        assert (after(message).state, len(mailbox.mails)) == (MessageState.SENT, 1)

    def test_a_busy_server_is_asked_again_at_the_right_times(
        self, mailbox: Mailbox, now: datetime, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("config.casework.backoff.random_source.uniform", lambda _low, high: high)
        monkeypatch.setattr(
            "config.casework.backoff.delay.__kwdefaults__", {"retry_after": None, "random": lambda _low, high: high}
        )
        mailbox.answers = ["451 Busy", "421 Still busy"]
        message = queue()
        tick(now)
        job = job_of(message)
        assert (job.state, job.attempts, job.next_at) == (JobState.DUE, 1, now + timedelta(seconds=10))
        tick(now + timedelta(seconds=9))
        assert mailbox.tries == 1
        tick(now + timedelta(seconds=10))
        assert (mailbox.tries, job_of(message).next_at) == (2, now + timedelta(seconds=30))
        tick(now + timedelta(seconds=30))
        assert (after(message).state, len(mailbox.mails), mailbox.tries) == (MessageState.SENT, 1, 3)

    def test_after_the_third_attempt_it_failed_and_a_person_may_send_it(
        self, mailbox: Mailbox, now: datetime, lead: User
    ) -> None:
        mailbox.answers = ["451 Busy"] * 3
        message = queue()
        for step in range(5):
            tick(now + step * LATER)
        assert (mailbox.tries, job_of(message).state, after(message).state) == (3, JobState.PARKED, MessageState.FAILED)
        assert "451" in after(message).outcome
        with clock.at(now + 6 * LATER):
            retry_job(job_of(message), actor=None, at=now + 6 * LATER)
        tick(now + 6 * LATER)
        assert (after(message).state, after(message).outcome, len(mailbox.mails)) == (MessageState.SENT, "", 1)

    def test_one_that_fails_does_not_hold_up_the_others(self, mailbox: Mailbox, now: datetime) -> None:
        mailbox.answers = ["554 No"]
        messages = [queue() for _number in range(4)]
        tick(now)
        assert [after(message).state for message in messages] == [MessageState.FAILED] + [MessageState.SENT] * 3

    def test_a_server_that_is_down_is_tried_three_times(
        self, mailbox: Mailbox, server: Controller, now: datetime
    ) -> None:
        server.stop()
        message = queue()
        for step in range(5):
            tick(now + step * LATER)
        job = job_of(message)
        assert (job.state, job.attempts, after(message).state) == (JobState.PARKED, 3, MessageState.FAILED)
        assert "not reached" in after(message).outcome
        assert "127.0.0.1" not in job.last_error

    def test_a_server_that_comes_back_gets_it(
        self, mailbox: Mailbox, server: Controller, now: datetime, settings: Any
    ) -> None:
        good = settings.MAILERS
        settings.MAILERS = {"default": {**good["default"], "OPTIONS": {**good["default"]["OPTIONS"], "port": 9}}}
        message = queue()
        tick(now)
        settings.MAILERS = good
        tick(now + LATER)
        assert (after(message).state, len(mailbox.mails)) == (MessageState.SENT, 1)


class TestPages:
    """A page is looked at once more at the moment it leaves."""

    @pytest.fixture
    def paged(self, mailbox: Mailbox, jobarium: System, lead: User, chief: User, now: datetime) -> Any:
        """A SEV-1 whose page the server could not take at the first attempt."""
        mailbox.answers = ["451 Busy"]
        case = open_incident(jobarium, title="No invites leave", actor=None, at=now, severity=level(jobarium, "SEV-1"))
        tick(now)
        return case

    def state_of_the_page(self) -> tuple[str, str]:
        message = Message.objects.get(purpose=Purpose.PAGE, channel="email")
        return message.state, job_of(message).state

    def test_still_needed_it_leaves(self, paged: Any, mailbox: Mailbox, now: datetime) -> None:
        tick(now + MINUTE)
        assert (self.state_of_the_page(), len(mailbox.mails)) == ((MessageState.SENT, JobState.DONE), 1)

    @pytest.mark.parametrize("how", ["firmly", "for now", "resolved"])
    def test_acknowledged_meanwhile_it_expires(
        self, paged: Any, mailbox: Mailbox, lead: User, now: datetime, how: str
    ) -> None:
        with clock.at(now):
            if how == "resolved":
                apply(paged, "resolve", actor=lead)
            else:
                acknowledge(paged, actor=lead, at=now, provisional=how == "for now")
        tick(now + MINUTE)
        assert (self.state_of_the_page(), mailbox.mails) == ((MessageState.EXPIRED, JobState.DONE), [])

    def test_other_mail_leaves_all_the_same(self, paged: Any, mailbox: Mailbox, lead: User, now: datetime) -> None:
        queue(case=paged)
        with clock.at(now):
            acknowledge(paged, actor=lead, at=now)
        tick(now + MINUTE)
        assert [str(mail["Subject"]) for _sender, _to, mail in mailbox.mails] == ["A delay"]

    def test_the_timeline_tells_of_it_without_an_address(self, paged: Any, lead: User, now: datetime) -> None:
        tick(now + MINUTE)
        told = [entry for entry in timeline(paged) if "page" in entry.what.lower()]
        assert told
        assert not [entry for entry in told if lead.email in f"{entry.what} {entry.text}"]


class TestHeaders:
    """What people typed cannot become a header, a recipient or a second mail."""

    BREAKS = ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\r\n "]

    @pytest.mark.parametrize("line_break", BREAKS)
    def test_not_by_the_subject(self, mailbox: Mailbox, now: datetime, line_break: str) -> None:
        queue(subject=f"Hello{line_break}Bcc: eve@evil.example{line_break}{line_break}Body")
        tick(now)
        self.is_one_clean_mail(mailbox)

    @pytest.mark.parametrize("line_break", BREAKS)
    def test_not_by_the_name(self, mailbox: Mailbox, now: datetime, line_break: str) -> None:
        queue(name=f"Hans{line_break}Bcc: eve@evil.example")
        tick(now)
        self.is_one_clean_mail(mailbox)

    @pytest.mark.parametrize(
        "name",
        [
            'Hans" <eve@evil.example>, "X',
            "Hans <eve@evil.example>",
            "eve@evil.example,",
            "Hans\\",
            "a" * 120,
            "=?utf-8?q?eve=40evil=2Eexample=2C?=",
        ],
    )
    def test_not_by_marks_in_the_name(self, mailbox: Mailbox, now: datetime, name: str) -> None:
        queue(name=name)
        tick(now)
        self.is_one_clean_mail(mailbox)

    @pytest.mark.parametrize(
        "address",
        [
            "hr@acme.example\r\nBcc: eve@evil.example",
            "hr@acme.example, eve@evil.example",
            "hr@acme.example> <eve@evil.example",
        ],
    )
    def test_not_by_the_address(self, mailbox: Mailbox, now: datetime, address: str) -> None:
        message = queue(to=address)
        tick(now)
        assert [
            to for _sender, recipients, _mail in mailbox.mails for to in recipients if "evil" in to and to != address
        ] == []
        assert all("Bcc" not in mail for _sender, _to, mail in mailbox.mails)
        assert after(message).state in (MessageState.FAILED, MessageState.QUEUED)

    def test_a_long_subject_is_cut(self, mailbox: Mailbox, now: datetime) -> None:
        message = queue(subject="word " * 100)
        assert len(message.subject) <= 250
        tick(now)
        assert len(mailbox.mails) == 1

    def is_one_clean_mail(self, mailbox: Mailbox) -> None:
        ((_sender, recipients, mail),) = mailbox.mails
        assert recipients == ["hr@acme.example"]
        assert mail["Bcc"] is None
        assert mail["Cc"] is None
        assert mail.get_payload(decode=True).decode().strip() == "It is late."


class Chat:
    """What a chat service was told, and what it answers."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.tries = 0
        self.status = 200


@pytest.fixture
def chat(settings: Any) -> Iterator[Chat]:
    told = Chat()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.tries += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if told.status == 200:
                told.told.append(json.loads(body))
            self.send_response(told.status)
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, args=(0.05,))
    thread.start()
    settings.NOTIFY_URLS = [f"json://desk:{SECRET}@127.0.0.1:{http.server_port}/hook-{SECRET}"]
    yield told
    http.shutdown()
    thread.join(5)
    http.server_close()


def say(key: str = "chat:1") -> Message:
    (message,) = queue_chat(
        subject="[SEV-1] Trouble", text="primary is paged.", key=key, purpose=Purpose.PAGE, at=clock.now()
    )
    return message


class TestChat:
    def test_it_arrives(self, chat: Chat, now: datetime) -> None:
        message = say()
        tick(now)
        assert [(told["title"], told["message"]) for told in chat.told] == [("[SEV-1] Trouble", "primary is paged.")]
        assert after(message).state == MessageState.SENT

    def test_the_same_key_never_tells_twice(self, chat: Chat, now: datetime) -> None:
        assert say() == say()
        tick(now)
        say()
        tick(now + MINUTE)
        assert chat.tries == 1

    def test_each_target_gets_its_own(self, chat: Chat, now: datetime, settings: Any) -> None:
        settings.NOTIFY_URLS = settings.NOTIFY_URLS * 2
        queue_chat(subject="[SEV-1] Trouble", text="primary is paged.", key="chat:1", purpose=Purpose.PAGE, at=now)
        tick(now)
        assert len(chat.told) == 2

    def test_a_target_that_fails_is_tried_three_times(self, chat: Chat, now: datetime) -> None:
        chat.status = 503
        message = say()
        for step in range(5):
            tick(now + step * LATER)
        assert (chat.tries, job_of(message).state, after(message).state) == (3, JobState.PARKED, MessageState.FAILED)

    def test_one_that_is_no_longer_configured_is_parked(self, chat: Chat, now: datetime, settings: Any) -> None:
        message = say()
        settings.NOTIFY_URLS = []
        tick(now)
        assert (job_of(message).state, job_of(message).attempts) == (JobState.PARKED, 1)

    def test_a_case_tells_it_once_without_a_name(
        self, chat: Chat, jobarium: System, lead: User, chief: User, now: datetime
    ) -> None:
        open_incident(jobarium, title="Eva Meier cannot apply", actor=None, at=now, severity=level(jobarium, "SEV-2"))
        for minute in (0, 15, 61, 62):
            tick(now + minute * MINUTE)
        (told,) = chat.told
        said = f"{told['title']} {told['message']}"
        assert ("SEV-2" in said, "INC-2026-000001" in said, "Eva" in said, "Lea" in said) == (True, True, False, False)

    @pytest.mark.parametrize("status", [200, 503])
    def test_its_secrets_stay_in_the_environment(
        self,
        chat: Chat,
        now: datetime,
        status: int,
        caplog: pytest.LogCaptureFixture,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        chat.status = status
        message = say()
        for step in range(4):
            tick(now + step * LATER)
        assert job_of(message).state == (JobState.DONE if status == 200 else JobState.PARKED)
        assert tables_that_hold("primary is paged.") == ["integrations_message"]
        assert tables_that_hold(SECRET) == []
        assert SECRET not in caplog.text + "".join(capfd.readouterr())


def tables_that_hold(text: str) -> list[str]:
    """Names of the tables of which a row, as text, holds the words."""
    with connection.cursor() as cursor:
        found = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT EXISTS (SELECT 1 FROM "{table}" AS row WHERE row::text LIKE %s)', [f"%{text}%"])
            if cursor.fetchone()[0]:
                found.append(table)
    return sorted(found)


class TestWorkKeepsNoContent:
    def test_jobs_and_trail_hold_ids_only(self, mailbox: Mailbox, now: datetime) -> None:
        mailbox.answers = ["554 hr@acme.example is unknown"]
        queue(name="Hans Huber", text="Dear Mr Huber")
        tick(now)
        for words in ("hr@acme.example", "Hans Huber", "Dear Mr Huber"):
            assert tables_that_hold(words) == ["integrations_message"]
        assert not AuditEntry.objects.filter(detail__icontains="acme").exists()
