"""The whole spine as a stranger has it: `manage.py up`, the real Alertmanager, a real mail server, a thumb on a link."""

import email.policy
import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from config.postgres import Cluster
from tests.config.test_up import NOT_OURS, PROJECT, Desk
from tests.integrations.alertmanager import free_port, needs_alertmanager, running_alertmanager, wait_until
from tests.postgres import remove, temporary_folder

MONITOR = "jobarium-cv-parse-failure"
ADMINISTRATOR = "ada@example.com"
REPEATS = 2

pytestmark = [pytest.mark.drill, needs_alertmanager]


class Inbox:
    """Keeps every mail it is given."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        mail = message_from_bytes(envelope.original_content or b"", policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


class Installation:
    """A running desk, and what one types and opens there."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.port = free_port()
        self.desk = Desk(folder, "--port", str(self.port), environment=environment)
        self.browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def token(self, *scopes: str) -> str:
        """`manage.py api_token` as one types it beside the running desk."""
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_OURS}
        asked = [part for scope in scopes for part in ("--scope", scope)]
        done = subprocess.run(
            [sys.executable, "manage.py", "api_token", "test", *asked],
            cwd=PROJECT,
            env={**inherited, **self.environment, "DESK_DATA_DIR": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        return done.stdout.strip()

    def cases(self, token: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._ask("/api/cases?kind=incident", token)["items"]
        return items

    def case(self, reference: str, token: str) -> dict[str, Any]:
        return self._ask(f"/api/cases/{reference}", token)

    def _ask(self, path: str, token: str) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def open(self, url: str) -> str:
        with self.browser.open(url, timeout=10) as answer:
            assert answer.status == 200
            return str(answer.read().decode())

    def press(self, url: str, act: str) -> str:
        """Open the page and press the button that posts `act`."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.open(url))
        assert token is not None
        body = urllib.parse.urlencode({"act": act, "csrfmiddlewaretoken": token[1]}).encode()
        with self.browser.open(
            urllib.request.Request(url, body, {"Origin": f"http://127.0.0.1:{self.port}"}), timeout=10
        ) as answer:
            return str(answer.read().decode())


@pytest.fixture
def mail_server() -> Iterator[Controller]:
    controller = Controller(Inbox(), hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def installation(mail_server: Controller) -> Iterator[Installation]:
    cluster = Cluster(temporary_folder())
    environment = {
        "EMAIL_URL": f"smtp://127.0.0.1:{mail_server.port}",
        "DESK_ADMIN_EMAIL": ADMINISTRATOR,
        "DESK_ADMIN_PASSWORD": "correct horse battery staple",
    }
    installation = Installation(cluster.folder, environment)
    try:
        installation.desk.wait_until_ready()
        yield installation
    finally:
        installation.desk.clean_up()
        left = installation.desk.family()
        remove(cluster)
    assert left == []


def pages(inbox: Inbox) -> list[Any]:
    """The mails that page somebody, beside those that go out each morning."""
    return [mail for mail in inbox.mails if mail["Subject"].startswith("[SEV-")]


def acknowledged_at(installation: Installation, reference: str, token: str) -> Any:
    return installation.case(reference, token)["acknowledged_at"]


def test_an_alert_becomes_one_incident_and_one_page_that_a_thumb_answers(
    installation: Installation, mail_server: Controller, tmp_path: Path
) -> None:
    inbox: Inbox = mail_server.handler
    token = installation.token("alerts", "cases")
    address = f"http://127.0.0.1:{installation.port}"
    with running_alertmanager(tmp_path / "alertmanager", desk=address, token=token) as manager:
        manager.fire(MONITOR, system="jobarium")
        wait_until(lambda: pages(inbox), seconds=20, what="the page")
        (case,) = installation.cases(token)
        reference = case["ref"]
        assert (case["system"], case["state"], case["severity"]) == ("jobarium", "detected", "SEV-2")

        (mail,) = pages(inbox)
        assert ADMINISTRATOR in mail["To"]
        assert reference in mail["Subject"]
        body = mail.get_body(("plain",))
        assert body is not None
        link = re.search(rf"{re.escape(address)}/a/[A-Za-z0-9_-]{{64}}/", body.get_content())
        assert link is not None
        for _look in range(3):
            assert "I have it" in installation.open(link[0])
        assert acknowledged_at(installation, reference, token) is None
        assert "onfirm" in installation.press(link[0], "have")
        assert acknowledged_at(installation, reference, token) is not None

        wait_until(lambda: manager.sent_notifications() > REPEATS, seconds=30, what=f"{REPEATS} repeats")
        assert [each["ref"] for each in installation.cases(token)] == [reference]
        manager.resolve(MONITOR, system="jobarium")
        wait_until(lambda: recoveries(installation, reference, token), seconds=15, what="the resolve")
        assert manager.failed_notifications() == 0
    timeline = [entry["what"] for entry in installation.case(reference, token)["timeline"]]
    assert sum("alerts fire" in what for what in timeline) == 1
    assert sum("recovery" in what for what in timeline) == 1
    assert installation.case(reference, token)["state"] == "detected"
    assert len(pages(inbox)) == 1


def recoveries(installation: Installation, reference: str, token: str) -> list[dict[str, Any]]:
    return [entry for entry in installation.case(reference, token)["timeline"] if "recovery" in entry["what"]]
