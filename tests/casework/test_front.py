"""The public form base, on a form of the tests' own."""

import io
import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.casework.cases.models import Note
from config.casework.front.limits import Rate
from config.casework.front.models import RateCounter
from config.casework.front.views import QUARTER_HOUR
from tests.casework import forms_urls

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.casework.forms_urls")]
FILLED = {"email": "ana@example.com", "details": "It <b>broke</b> & stayed so"}


@pytest.fixture(autouse=True)
def accepted(now: datetime) -> list[dict[str, Any]]:
    forms_urls.ACCEPTED.clear()
    return forms_urls.ACCEPTED


def text(response: Any) -> str:
    return str(response.content.decode())


def draft_of(response: Any) -> str:
    found = re.search(r'name="draft" value="([^"]+)"', text(response))
    assert found
    return unescape(found[1])


class TestPage:
    def test_it_needs_no_script_and_is_not_kept(self, client: Client) -> None:
        response = client.get("/contact/")
        policy = response.headers["Content-Security-Policy"]
        assert response.status_code == 200
        assert "<script" not in text(response)
        assert " style=" not in text(response)
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe" not in policy
        assert response.headers["Cache-Control"] == "no-store"

    def test_it_keeps_what_was_typed_and_says_what_is_missing(self, client: Client) -> None:
        response = client.post("/contact/", {"email": "ana@", "details": FILLED["details"]})
        page = text(response)
        assert "<title>Error: Write to us" in page
        assert 'href="#id_email"' in page
        assert 'value="ana@"' in page
        assert "It &lt;b&gt;broke&lt;/b&gt; &amp; stayed so" in page
        assert page.index('class="summary"') < page.index("<form")

    def test_a_null_character_is_an_error_not_a_crash(self, client: Client) -> None:
        response = client.post("/contact/", {**FILLED, "details": "a\x00b"})
        assert response.status_code == 200
        assert "Error:" in text(response)

    def test_a_post_from_elsewhere_is_refused(self) -> None:
        strict = Client(enforce_csrf_checks=True)
        assert strict.post("/contact/", FILLED).status_code == 403
        page = strict.get("/contact/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text(page))
        assert token
        assert strict.post("/contact/", {**FILLED, "csrfmiddlewaretoken": token[1]}).status_code == 200
        assert len(forms_urls.ACCEPTED) == 1

    def test_the_language_stays_in_the_address(self, client: Client) -> None:
        response = client.get("/contact/?language=de&x=1")
        assert response.headers["Content-Language"] == "de"
        assert '<html lang="de"' in text(response)
        assert 'href="?language=en-gb&amp;x=1"' in text(response)
        assert not response.cookies.keys() - {"csrftoken"}

    def test_an_unknown_language_changes_nothing(self, client: Client) -> None:
        assert client.get("/contact/?language=tlh").headers["Content-Language"] == "en-gb"


class TestAnswer:
    def test_it_is_the_same_for_everybody_and_asks_as_much(self, client: Client) -> None:
        client.post("/contact/", FILLED)  # fills the caches of the process
        with CaptureQueriesContext(connection) as for_known:
            known = client.post("/contact/", FILLED)
        with CaptureQueriesContext(connection) as for_unknown:
            unknown = client.post("/contact/", {"email": "nobody@example.net", "details": "x"})
        assert known.content == unknown.content
        assert len(for_known) == len(for_unknown)
        assert "If we know this address" in text(known)
        assert [values["email"] for values in forms_urls.ACCEPTED[1:]] == ["ana@example.com", "nobody@example.net"]

    def test_the_trap_catches_robots_and_tells_them_nothing(self, client: Client) -> None:
        page = text(client.get("/contact/"))
        assert 'tabindex="-1"' in page
        assert page.count("Leave this empty") == 1
        caught = client.post("/contact/", {**FILLED, "homepage": "https://spam.example"})
        assert forms_urls.ACCEPTED == []
        assert not Note.objects.exists()
        assert caught.content == client.post("/contact/", FILLED).content

    def test_the_values_hold_what_people_typed_only(self, client: Client) -> None:
        client.post("/contact/", FILLED)
        assert forms_urls.ACCEPTED == [FILLED]


class TestLimit:
    def test_the_post_beyond_it_is_told_to_wait_and_keeps_its_text(self, client: Client) -> None:
        for _post in range(3):
            assert client.post("/contact/", FILLED).status_code == 200
        response = client.post("/contact/", FILLED)
        assert response.status_code == 429
        assert response.headers["Retry-After"] == "900"
        assert "Wait 15 minutes" in text(response)
        assert 'value="ana@example.com"' in text(response)
        assert len(forms_urls.ACCEPTED) == 3

    def test_it_counts_each_address_alone_and_all_of_an_ipv6_network_together(self, client: Client) -> None:
        for number in range(3):
            client.post("/contact/", FILLED, REMOTE_ADDR=f"2001:db8:1:2::{number}")
        assert client.post("/contact/", FILLED, REMOTE_ADDR="2001:db8:1:2:ffff::1").status_code == 429
        assert client.post("/contact/", FILLED, REMOTE_ADDR="2001:db8:1:3::1").status_code == 200

    def test_a_forged_forwarded_address_does_not_help(self, client: Client) -> None:
        for number in range(3):
            client.post("/contact/", FILLED, headers={"X-Forwarded-For": f"198.51.100.{number}"})
        assert client.post("/contact/", FILLED, headers={"X-Forwarded-For": "198.51.100.9"}).status_code == 429

    def test_looking_at_the_form_is_not_counted(self, client: Client) -> None:
        for _look in range(10):
            client.get("/contact/")
        assert not RateCounter.objects.exists()

    def test_it_ends(self, client: Client, now: datetime) -> None:
        for _post in range(4):
            client.post("/contact/", FILLED)
        with time_machine.travel(now + timedelta(minutes=15), tick=False):
            assert client.post("/contact/", FILLED).status_code == 200

    def test_everybody_together_has_a_limit_too(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(forms_urls.ContactView, "form_rates", (Rate(2, QUARTER_HOUR),))
        answers = [client.post("/contact/", FILLED, REMOTE_ADDR=f"192.0.2.{n}").status_code for n in range(3)]
        assert answers == [200, 200, 429]


class TestSteps:
    def second(self, client: Client) -> Any:
        return client.post("/stepped/", FILLED)

    def test_each_page_says_which_it_is(self, client: Client) -> None:
        assert "Step 1 of 2" in text(client.get("/stepped/"))
        assert "Step 2 of 2" in text(self.second(client))

    def test_what_was_typed_travels_sealed(self, client: Client) -> None:
        page = self.second(client)
        assert "ana@example.com" not in text(page)
        assert forms_urls.ACCEPTED == []
        done = client.post("/stepped/", {"draft": draft_of(page)})
        assert "SUP-2026-ABCDEF" in text(done)
        assert forms_urls.ACCEPTED == [{**FILLED, "files": []}]

    def test_one_can_go_back_and_finds_everything(self, client: Client) -> None:
        back = client.post("/stepped/", {"draft": draft_of(self.second(client)), "back": "1"})
        assert 'value="ana@example.com"' in text(back)
        assert "Error:" not in text(back)

    @pytest.mark.parametrize("change", [lambda draft: draft[:-8] + "AAAAAAA=", lambda draft: "x", lambda draft: "ä"])
    def test_an_altered_draft_starts_again(self, client: Client, change: Any) -> None:
        response = client.post("/stepped/", {"draft": change(draft_of(self.second(client)))})
        assert "Step 1 of 2" in text(response)
        assert "open for too long" in text(response)
        assert forms_urls.ACCEPTED == []

    def test_a_draft_of_another_form_or_of_yesterday_starts_again(self, client: Client, now: datetime) -> None:
        draft = draft_of(self.second(client))
        assert "open for too long" in text(client.post("/contact/", {**FILLED, "draft": draft}))
        with time_machine.travel(now + timedelta(hours=25), tick=False):
            assert "open for too long" in text(client.post("/stepped/", {"draft": draft}))

    def test_files_are_judged_by_their_bytes(self, client: Client) -> None:
        draft = draft_of(self.second(client))
        program, picture = io.BytesIO(b"MZ" + b"\0" * 100), io.BytesIO(b"\xff\xd8\xff" + b"\0" * 100)
        program.name, picture.name = "cv.pdf", "photo.jpg"
        refused = client.post("/stepped/", {"draft": draft, "files": [picture, program]})
        assert "cv.pdf is a program" in text(refused)
        picture.seek(0)
        client.post("/stepped/", {"draft": draft_of(refused), "files": [picture]})
        assert [file.name for file in forms_urls.ACCEPTED[0]["files"]] == ["photo.jpg"]

    def test_too_many_files_are_refused(self, client: Client) -> None:
        files = [io.BytesIO(b"%PDF-1.7") for _file in range(6)]
        response = client.post("/stepped/", {"draft": draft_of(self.second(client)), "files": files})
        assert "at most 5 files" in text(response)
