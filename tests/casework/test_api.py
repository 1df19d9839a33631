"""The API base: tokens and scopes, problems, bodies, times, pages, idempotency keys, rates."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from typing import Any
from unittest.mock import ANY

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.test import Client
from pydantic import ValidationError

from config.casework.access.choices import Role, Scope
from config.casework.access.models import ApiToken, User
from config.casework.access.services import issue_token, revoke_token
from config.casework.api import security
from config.casework.api.bodies import BODY_LIMIT, BrokenJson, read_json
from config.casework.api.errors import Invalid, field_path
from config.casework.api.models import IdempotencyKey
from config.casework.api.paging import Paging, page
from config.casework.api.schemas import Input, Moment
from config.casework.api.services import KeyReused, forget_keys, once
from tests import factories

ALERTS = "/api/ingest/alertmanager"
AT = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)


def message(**fields: Any) -> dict[str, Any]:
    return {"version": "4", "groupKey": '{}:{alertname="A"}', "status": "firing", "alerts": []} | fields


def bearer(*scopes: Scope, **fields: Any) -> dict[str, str]:
    token = issue_token("test", scopes or (Scope.ALERTS,), actor=None, at=AT, **fields)
    return {"authorization": f"Bearer {token}"}


def post(client: Client, body: Any, headers: dict[str, str], path: str = ALERTS) -> Any:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return client.post(path, data, content_type="application/json", headers=headers)


def problem(answer: Any) -> dict[str, Any]:
    assert answer["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body.keys() == {"type", "title", "status", "detail", "errors"}
    assert body["status"] == answer.status_code
    return body


@pytest.mark.django_db
class TestTokens:
    def test_a_call_without_a_token_is_asked_for_one(self, client: Client) -> None:
        answer = post(client, message(), {})
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        problem(answer)

    @pytest.mark.parametrize("value", ["Bearer nonsense", "Bearer ", "Basic YTpi", "Bearer \u00e4"])
    def test_an_unknown_token_is_refused(self, client: Client, value: str) -> None:
        answer = post(client, message(), {"authorization": value})
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")

    def test_another_scope_is_forbidden_and_named(self, client: Client) -> None:
        answer = post(client, message(), bearer(Scope.MODES))
        assert answer.status_code == 403
        assert "alerts" in problem(answer)["detail"]

    def test_a_revoked_token_is_refused(self, client: Client) -> None:
        headers = bearer()
        revoke_token(ApiToken.objects.get(), actor=None, at=AT)
        assert post(client, message(), headers).status_code == 401

    def test_an_expired_token_is_refused(self, client: Client, now: datetime) -> None:
        assert post(client, message(), bearer(expires_at=now)).status_code == 401
        assert post(client, message(), bearer(expires_at=now + timedelta(seconds=1))).status_code == 202

    def test_its_use_is_noted_at_most_once_a_minute(self, client: Client) -> None:
        headers = bearer()
        with time_machine.travel(AT, tick=False) as moment:
            post(client, message(), headers)
            moment.shift(59)
            post(client, message(), headers)
            assert ApiToken.objects.get().last_used_at == AT
            moment.shift(1)
            post(client, message(), headers)
            assert ApiToken.objects.get().last_used_at == AT + timedelta(minutes=1)

    def test_nothing_of_a_refused_call_is_kept(self, client: Client) -> None:
        post(client, message(alerts=[{}]), bearer())
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM integrations_delivery")
            assert cursor.fetchone() == (0,)


@pytest.mark.django_db
class TestRates:
    def test_the_next_call_after_the_last_allowed_one_waits(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(security, "CALLS_PER_MINUTE", 3)
        headers = bearer()
        with time_machine.travel(AT, tick=False) as moment:
            assert [post(client, message(), headers).status_code for _ in range(4)] == [202, 202, 202, 429]
            answer = post(client, message(), headers)
            problem(answer)
            assert 1 <= int(answer["Retry-After"]) <= 60
            moment.shift(int(answer["Retry-After"]))
            assert post(client, message(), headers).status_code == 202

    def test_tokens_are_counted_apart(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(security, "CALLS_PER_MINUTE", 1)
        first, second = bearer(), bearer()
        assert [post(client, message(), headers).status_code for headers in (first, second, first)] == [202, 202, 429]


@pytest.mark.django_db
class TestBodies:
    @pytest.mark.parametrize(
        "body",
        [
            "",
            "{",
            '{"a": NaN}',
            '{"a": -Infinity}',
            '{"a": 1e999}',
            b'{"a": "\xff"}',
            "[" * 100_000,
            '{"a": ' + "9" * 5000 + "}",
        ],
    )
    def test_broken_json_is_a_bad_request(self, client: Client, body: str | bytes) -> None:
        answer = post(client, body, bearer())
        assert answer.status_code == (422 if body == "" else 400)
        problem(answer)

    def test_a_body_of_exactly_the_limit_is_read(self, client: Client) -> None:
        text = json.dumps(message(further=""))
        answer = post(client, text[:-2] + "x" * (BODY_LIMIT - len(text)) + text[-2:], bearer())
        assert answer.status_code == 202

    def test_one_byte_more_is_too_big(self, client: Client) -> None:
        answer = post(client, " " * (BODY_LIMIT + 1), bearer())
        assert answer.status_code == 413
        problem(answer)

    def test_a_claimed_length_beyond_the_limit_is_too_big(self, client: Client) -> None:
        answer = client.post(
            ALERTS, "{}", content_type="application/json", headers=bearer(), CONTENT_LENGTH=str(10 * BODY_LIMIT)
        )
        assert answer.status_code == 413

    def test_a_chunked_body_is_read_and_bounded_where_the_server_marks_its_end(self, client: Client) -> None:
        def send(body: str) -> int:
            chunked: dict[str, Any] = {
                "wsgi.input_terminated": True,
                "wsgi.input": BytesIO(body.encode()),
                "CONTENT_LENGTH": "",
            }
            sent = headers | {"transfer-encoding": "chunked"}
            return client.post(ALERTS, "", content_type="application/json", headers=sent, **chunked).status_code

        headers = bearer()
        assert send(json.dumps(message())) == 202
        assert send(" " * (BODY_LIMIT + 1)) == 413

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"receiver": "a\x00b"}, "receiver"),
            ({"receiver": "\ud800"}, "receiver"),
            ({"further": {"deep": ["fine", "a\x00"]}}, "further.deep[1]"),
            ({"groupLabels": {"a\x00": "b"}}, "groupLabels"),
        ],
    )
    def test_text_the_database_cannot_hold_is_refused_by_field(
        self, client: Client, fields: dict[str, Any], field: str
    ) -> None:
        answer = post(client, message(**fields), bearer())
        assert answer.status_code == 422
        assert [error["field"] for error in problem(answer)["errors"]] == [field]

    def test_all_wrong_fields_are_named(self, client: Client) -> None:
        answer = post(client, {"status": "burning", "truncatedAlerts": False}, bearer())
        assert answer.status_code == 422
        errors = problem(answer)["errors"]
        assert {error["field"] for error in errors} == {"groupKey", "status", "truncatedAlerts", "alerts"}
        assert all(error["message"] for error in errors)

    def test_a_list_instead_of_an_object_is_invalid(self, client: Client) -> None:
        assert post(client, [], bearer()).status_code == 422

    def test_unknown_paths_and_methods_are_problems_too(self, client: Client) -> None:
        assert problem(client.get("/api/nothing"))["status"] == 404
        answer = client.get(ALERTS)
        assert problem(answer)["status"] == 405
        assert answer["Allow"] == "POST"


class Sample(Input):
    at: Moment
    count: int = 0


class TestInput:
    @pytest.mark.parametrize(
        "at", ["2026-03-09T10:00:00Z", "2026-03-09T11:00:00+01:00", "2026-03-09T10:00:00.123456789Z"]
    )
    def test_times_become_utc(self, at: str, now: datetime) -> None:
        assert Sample.model_validate({"at": at}).at.replace(microsecond=0) == now

    @pytest.mark.parametrize(
        "at",
        ["2026-03-09T10:00:00", "2026-03-09", "yesterday", 1773050400, "1773050400", None, "9999-12-31T23:59:59-12:00"],
    )
    def test_naive_and_other_times_are_refused(self, at: Any, now: datetime) -> None:
        with pytest.raises(ValidationError):
            Sample.model_validate({"at": at})

    def test_five_minutes_ahead_pass_and_more_do_not(self, now: datetime) -> None:
        Sample.model_validate({"at": "2026-03-09T10:05:00Z"})
        with pytest.raises(ValidationError, match="in the future"):
            Sample.model_validate({"at": "2026-03-09T10:05:01Z"})

    @pytest.mark.parametrize("count", [False, "3", 3.5, None])
    def test_what_only_looks_like_a_number_is_refused(self, count: Any, now: datetime) -> None:
        with pytest.raises(ValidationError):
            Sample.model_validate({"at": "2026-03-09T10:00:00Z", "count": count})

    def test_unknown_fields_are_kept(self, now: datetime) -> None:
        sample = Sample.model_validate({"at": "2026-03-09T10:00:00Z", "colour": "red"})
        assert sample.model_dump()["colour"] == "red"

    def test_a_place_is_written_as_people_write_it(self) -> None:
        assert field_path(["alerts", 3, "fingerprint"]) == "alerts[3].fingerprint"

    def test_numbers_beyond_a_double_are_no_json(self) -> None:
        with pytest.raises(BrokenJson):
            read_json(b"[1e400]")


@pytest.mark.django_db
class TestOnce:
    def test_the_same_key_gives_the_first_answer(self) -> None:
        assert once("incidents", "k", content={"a": 1}, at=AT, make=lambda: "INC-1") == ("INC-1", True)
        assert once("incidents", "k", content={"a": 1}, at=AT, make=lambda: "INC-2") == ("INC-1", False)

    def test_other_content_is_refused(self) -> None:
        once("incidents", "k", content={"a": 1}, at=AT, make=lambda: "INC-1")
        with pytest.raises(KeyReused):
            once("incidents", "k", content={"a": 2}, at=AT, make=lambda: "INC-2")

    def test_keys_count_within_their_scope(self) -> None:
        once("incidents", "k", content=1, at=AT, make=lambda: "INC-1")
        assert once("messages", "k", content=2, at=AT, make=lambda: "9") == ("9", True)

    def test_no_key_means_no_memory(self) -> None:
        assert once("incidents", "", content=1, at=AT, make=lambda: "INC-1")[1]
        assert once("incidents", "", content=1, at=AT, make=lambda: "INC-2") == ("INC-2", True)
        assert not IdempotencyKey.objects.exists()

    def test_a_failed_call_frees_its_key(self) -> None:
        def fail() -> str:
            raise RuntimeError

        with pytest.raises(RuntimeError):
            once("incidents", "k", content=1, at=AT, make=fail)
        assert once("incidents", "k", content=1, at=AT, make=lambda: "INC-1") == ("INC-1", True)

    def test_old_keys_are_forgotten(self) -> None:
        once("incidents", "k", content=1, at=AT, make=lambda: "INC-1")
        assert forget_keys(AT + timedelta(days=90)) == 0
        assert forget_keys(AT + timedelta(days=91)) == 1


@pytest.mark.django_db(transaction=True)
class TestOnceInParallel:
    def test_ten_callers_at_once_do_it_once(self) -> None:
        made: list[int] = []
        answers: list[tuple[str, bool]] = []

        def call(number: int) -> None:
            def make() -> str:
                made.append(number)
                return f"INC-{number}"

            answers.append(once("incidents", "k", content="same", at=AT, make=make))
            connections.close_all()

        threads = [threading.Thread(target=call, args=(number,)) for number in range(10)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(made) == 1
        assert {reference for reference, _is_new in answers} == {f"INC-{made[0]}"}
        assert [is_new for _reference, is_new in answers].count(True) == 1
        assert len(answers) == 10


@pytest.mark.django_db
class TestPaging:
    def rows(self, count: int = 5) -> None:
        IdempotencyKey.objects.bulk_create(
            IdempotencyKey(scope="s", key=f"{number:02}", created_at=AT + timedelta(hours=number // 2))
            for number in range(count)
        )

    def test_pages_follow_each_other_without_gap_or_overlap(self) -> None:
        self.rows()
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            found, cursor = page(
                IdempotencyKey.objects.all(), Paging(limit=2, cursor=cursor), order=("-created_at", "-pk")
            )
            seen += [row.key for row in found]
        assert seen == ["04", "03", "02", "01", "00"]

    def test_a_row_that_comes_between_two_pages_moves_nothing(self) -> None:
        self.rows()
        _found, cursor = page(IdempotencyKey.objects.all(), Paging(limit=2), order=("-created_at", "-pk"))
        IdempotencyKey.objects.create(scope="s", key="new", created_at=AT + timedelta(days=1))
        found, _next = page(
            IdempotencyKey.objects.all(), Paging(limit=2, cursor=cursor or ""), order=("-created_at", "-pk")
        )
        assert [row.key for row in found] == ["02", "01"]

    def test_the_last_full_page_has_no_next(self) -> None:
        self.rows(2)
        assert page(IdempotencyKey.objects.all(), Paging(limit=2), order=("pk",))[1] is None

    @pytest.mark.parametrize("cursor", ["x", "bnVsbA", "WzFd", "WyJhIiwgImIiXQ", "\u00e4"])
    def test_a_foreign_cursor_is_refused_by_name(self, cursor: str) -> None:
        with pytest.raises(Invalid) as refusal:
            page(IdempotencyKey.objects.all(), Paging(cursor=cursor), order=("-created_at", "-pk"))
        assert refusal.value.errors == {"cursor": ANY}

    @pytest.mark.parametrize("limit", [0, 101, "many"])
    def test_limits_out_of_range_are_refused(self, limit: Any) -> None:
        with pytest.raises(ValidationError):
            Paging.model_validate({"limit": limit})


class TestDatabaseAway:
    def test_the_answer_is_to_come_back_later(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(connection.settings_dict, "PORT", "1")
        monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        connection.close()
        answer = post(client, message(), {"authorization": "Bearer desk_x"})
        assert answer.status_code == 503
        assert int(answer["Retry-After"]) > 0
        problem(answer)

    @pytest.fixture(autouse=True)
    def _unblocked(self, django_db_blocker: Any) -> Iterator[None]:
        with django_db_blocker.unblock():
            yield
        connection.close()


@pytest.mark.django_db
class TestSchema:
    def test_it_is_openapi_3_1_with_problems(self, client: Client) -> None:
        schema = client.get("/api/openapi.json").json()
        assert schema["openapi"].startswith("3.1")
        responses = schema["paths"][ALERTS]["post"]["responses"]
        assert set(responses["202"]["content"]) == {"application/json"}
        for status in ("400", "401", "403", "413", "422", "429", "503"):
            assert set(responses[status]["content"]) == {"application/problem+json"}

    def test_the_docs_load_nothing_from_elsewhere(self, client: Client) -> None:
        page_text = client.get("/api/docs").content.decode()
        assert "swagger" in page_text
        assert "https://" not in page_text


@pytest.mark.django_db
class TestCommands:
    def run(self, *args: str) -> str:
        out = StringIO()
        call_command(*args, stdout=out, stderr=StringIO())
        return out.getvalue().strip()

    def test_api_token_prints_the_token_alone(self, client: Client) -> None:
        token = self.run("api_token", "alertmanager", "--scope", "alerts", "--scope", "ops")
        assert post(client, message(), {"authorization": f"Bearer {token}"}).status_code == 202
        row = ApiToken.objects.get()
        assert (row.name, row.scopes) == ("alertmanager", ["alerts", "ops"])
        assert token not in (row.digest, row.prefix)

    @pytest.mark.parametrize(
        ("args", "named"),
        [
            (("api_token", "x", "--scope", "fly"), "fly"),
            (("api_token", "x"), "scope"),
            (("api_token", "x" * 81, "--scope", "ops"), "name"),
            (("staff", "a@example.com", "--role", "king"), "king"),
            (("staff", "a@example.com"), "role"),
            (("staff", "nonsense", "--role", "support"), "email"),
            (("staff", "a@example.com", "--role", "support", "--organization", "nowhere"), "nowhere"),
        ],
    )
    def test_a_bad_word_is_named_and_nothing_is_made(self, args: tuple[str, ...], named: str) -> None:
        with pytest.raises(CommandError, match=named) as refusal:
            self.run(*args)
        assert refusal.value.returncode == 2
        assert not ApiToken.objects.exists()
        assert not User.objects.exists()

    def test_staff_prints_a_password_that_works_once(self) -> None:
        password = self.run("staff", "Ana@Example.com", "--role", "support", "--role", "reviewer")
        person = User.objects.get(email="ana@example.com")
        assert person.check_password(password)
        assert person.must_change_password
        assert person.roles == {Role.SUPPORT, Role.REVIEWER}

    def test_staff_of_an_employer_belong_to_it(self) -> None:
        factories.organization("acme")
        self.run("staff", "o@acme.example", "--role", "org_admin", "--organization", "acme")
        person = User.objects.get(email="o@acme.example")
        assert not person.is_staff
        assert [membership.organization.key for membership in person.memberships.all()] == ["acme"]

    def test_a_known_person_keeps_the_password(self) -> None:
        factories.person(Role.SUPPORT, email="ana@example.com")
        assert self.run("staff", "ana@example.com", "--role", "cto") == ""
        person = User.objects.get(email="ana@example.com")
        assert person.check_password(factories.PASSWORD)
        assert person.roles == {Role.SUPPORT, Role.CTO}
