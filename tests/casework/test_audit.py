"""The trail: it cannot be changed, and whoever changes it all the same is found out."""

import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from config.casework import clock
from config.casework.audit import heads, sealing
from config.casework.audit.models import AuditEntry, AuditSeal
from config.casework.audit.services import record
from config.casework.audit.verification import Finding, examine, verify
from tests import factories

T = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)

CHANGES = (
    "at = at - interval '1 hour'",
    "happened_at = happened_at + interval '1 microsecond'",
    "actor_id = 7",
    "actor_label = 'P-0001'",
    "action = 'test.undone'",
    "object_type = 'casework.case'",
    "object_id = object_id + 1",
    "case_reference = 'INC-2026-000001'",
    "organization_id = 99",
    "subject = '6ba7b810-9dad-11d1-80b4-00c04fd430c8'",
    "fields = '{}'",
    "detail = '{}'",
    "trace_id = 'x'",
)
SEAL_CHANGES = (
    "at = at + interval '1 second'",
    "digests = digests || '\\x00'::bytea",
    "mac = repeat('0', 64)",
    "mac = 'no code'",
    "entry_ids = entry_ids[1:2], digests = substr(digests, 1, 32)",
)


@pytest.fixture
def trail(transactional_db: None, settings: Any, tmp_path: Path) -> Iterator[Callable[[int], list[int]]]:
    """Append entries, each in a transaction of its own; time stands at T, heads go to a folder of this test."""
    settings.DATA_DIR = tmp_path
    settings.DESK_KEYS = ("first key of the trail",)
    organization = factories.organization("acme")

    def append(count: int) -> list[int]:
        return [
            record(organization, "test.done", actor=None, fields=["name"], detail={"n": n, "ü": [1, None]}).pk
            for n in range(count)
        ]

    with clock.at(T):
        yield append


@pytest.fixture
def sealed(trail: Callable[[int], list[int]]) -> list[int]:
    """Nine entries under three seals."""
    ids: list[int] = []
    for _seal in range(3):
        ids += trail(3)
        assert sealing.seal(T) == 3
    return ids


def tamper(*statements: str) -> None:
    """What a superuser can do who first switches the triggers off."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            cursor.execute(statement)


def codes(findings: list[Finding]) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.entry or finding.seal) for finding in findings]


@pytest.mark.django_db
class TestAppendOnly:
    @pytest.mark.parametrize("table", ["casework_auditentry", "casework_auditseal"])
    @pytest.mark.parametrize("statement", ["UPDATE {} SET at = now()", "DELETE FROM {}", "TRUNCATE {}"])
    def test_triggers_refuse_even_the_owner(self, table: str, statement: str) -> None:
        record(factories.organization(), "test.done", actor=None)
        AuditSeal.objects.create(number=1, at=T, from_xid=0, to_xid=1, entry_ids=[], digests=b"", previous="", mac="")
        with pytest.raises(DatabaseError, match=r"append-only|Cannot (update|delete)"), transaction.atomic():
            connection.cursor().execute(statement.format(table))


@pytest.mark.django_db
class TestRights:
    @pytest.fixture
    def role(self, db: None) -> str:
        """A role with the rights of web and workers."""
        name = "desk_test_role"
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE ROLE {name}")
            cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}")
            cursor.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {name}")
            cursor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON casework_auditentry, casework_auditseal FROM {name}")
        return name

    @pytest.mark.parametrize("table", ["casework_auditentry", "casework_auditseal"])
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE {} SET at = now()",
            "DELETE FROM {}",
            "TRUNCATE {}",
            "ALTER TABLE {} DISABLE TRIGGER ALL",
            "SET session_replication_role = replica",
        ],
    )
    def test_the_role_of_web_and_workers_is_refused(self, role: str, table: str, statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {role}")
            with pytest.raises(DatabaseError, match=r"permission denied|must be owner"):
                cursor.execute(statement.format(table))

    def test_the_role_appends(self, role: str) -> None:
        organization = factories.organization()
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL ROLE {role}")
        record(organization, "test.done", actor=None)
        AuditSeal.objects.create(number=1, at=T, from_xid=0, to_xid=1, entry_ids=[], digests=b"", previous="", mac="")


class TestSealing:
    def test_a_seal_covers_what_was_written_since_the_last(self, trail: Callable[[int], list[int]]) -> None:
        first = trail(2)
        assert sealing.seal(T) == 2
        second = trail(1)
        assert sealing.seal(T + timedelta(minutes=1)) == 1
        one, two = AuditSeal.objects.all()
        assert (one.number, one.entry_ids, two.number, two.entry_ids) == (1, first, 2, second)
        assert (one.from_xid, two.from_xid, two.previous) == (0, one.to_xid, one.mac)
        assert len(bytes(one.digests)) == 2 * 16

    def test_nothing_new_makes_no_seal(self, sealed: list[int]) -> None:
        assert sealing.seal(T) == 0
        assert AuditSeal.objects.count() == 3

    def test_a_lot_makes_several_seals_that_cut_no_transaction(
        self, trail: Callable[[int], list[int]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sealing, "MOST_ENTRIES", 4)
        with transaction.atomic():
            large = trail(6)
        small = trail(6)
        assert sealing.seal(T) == 12
        assert [seal.entry_ids for seal in AuditSeal.objects.all()] == [large, small[:4], small[4:]]
        assert verify() == []

    def test_a_late_commit_comes_under_a_later_seal(self, trail: Callable[[int], list[int]]) -> None:
        begun, go_on = threading.Event(), threading.Event()
        late: list[int] = []

        def commit_late() -> None:
            try:
                with transaction.atomic():
                    late.extend(trail(1))
                    begun.set()
                    assert go_on.wait(20)
            finally:
                connection.close()

        before = trail(1)
        writer = threading.Thread(target=commit_late)
        writer.start()
        assert begun.wait(20)
        after = trail(2)
        assert sealing.seal(T) == 1
        go_on.set()
        writer.join()
        assert sealing.seal(T) == 3
        one, two = AuditSeal.objects.all()
        assert one.entry_ids == before
        assert sorted(two.entry_ids) == sorted(late + after)
        assert verify() == []

    def test_two_sealers_at_once_leave_one_chain(self, trail: Callable[[int], list[int]]) -> None:
        start = threading.Barrier(4)
        trail(20)

        def seal() -> None:
            start.wait()
            try:
                sealing.seal(T)
            finally:
                connection.close()

        threads = [threading.Thread(target=seal) for _number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sealing.seal(T)
        assert sum(len(seal.entry_ids) for seal in AuditSeal.objects.all()) == 20
        assert verify() == []

    def test_heads_leave_the_database_after_the_commit(self, sealed: list[int], tmp_path: Path) -> None:
        file = tmp_path / "audit-heads.log"
        seals = [(seal.number, seal.mac) for seal in AuditSeal.objects.all()]
        assert [(head.number, head.mac) for head in heads.read()] == seals
        assert file.stat().st_mode & 0o777 == 0o600

    def test_a_head_that_a_crash_kept_back_is_noted_with_the_next(
        self, sealed: list[int], trail: Callable[[int], list[int]], tmp_path: Path
    ) -> None:
        file = tmp_path / "audit-heads.log"
        lines = file.read_text().splitlines(keepends=True)
        file.write_text("".join(lines[:2]) + lines[2][:10])  # cut in the middle of the third line
        trail(1)
        sealing.seal(T)
        assert file.read_text().splitlines()[-1].startswith("4 ")

    def test_a_sealed_entry_holds_no_personal_value(self, sealed: list[int]) -> None:
        assert set(AuditEntry.objects.values_list("actor_label", flat=True)) == {"desk"}

    def test_a_server_that_counts_from_before_is_moved_on(
        self, sealed: list[int], trail: Callable[[int], list[int]]
    ) -> None:
        """As after a dump was restored on a younger server."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint + 20000")
            future = cursor.fetchone()[0]
        tamper(f"UPDATE casework_auditseal SET to_xid = {future} WHERE number = 3")
        assert ("counter_behind", None) in codes(verify())
        assert sealing.seal(T) == 0
        assert 0 < sealing.catch_up() <= 20000
        trail(1)
        assert sealing.seal(T) == 1
        assert sealing.catch_up() == 0


class TestVerification:
    def test_a_whole_trail_has_no_findings(self, sealed: list[int], trail: Callable[[int], list[int]]) -> None:
        trail(2)
        report = examine()
        assert report.findings == []
        assert (report.entries, report.sealed, report.seals, report.heads_from) == (11, 9, 3, 1)
        assert report.head is not None
        assert report.head.number == 3

    def test_an_empty_trail_is_whole(self, transactional_db: None, settings: Any, tmp_path: Path) -> None:
        settings.DATA_DIR = tmp_path
        assert verify() == []

    def test_a_change_to_any_column_is_found(self, sealed: list[int]) -> None:
        for change in CHANGES:
            with transaction.atomic():
                tamper(f"UPDATE casework_auditentry SET {change} WHERE id = {sealed[4]}")
                assert codes(verify()) == [("entry_changed", sealed[4])], change
                transaction.set_rollback(True)
        assert verify() == []

    def test_every_column_is_sealed(self) -> None:
        columns = {field.column for field in AuditEntry._meta.concrete_fields}
        text = re.sub(
            r"extract\(epoch FROM (\w+)\)", r"\1", " ".join(sealing.ENTRIES.split(" FROM casework_auditentry")[:1])
        )
        assert columns <= set(re.findall(r"\w+", text))

    def test_removed_entries_are_named(self, sealed: list[int]) -> None:
        tamper(f"DELETE FROM casework_auditentry WHERE id IN ({sealed[0]}, {sealed[8]})")
        assert codes(verify()) == [("entry_removed", sealed[0]), ("entry_removed", sealed[8])]

    def test_an_entry_slipped_in_behind_a_seal_is_named(self, sealed: list[int]) -> None:
        columns = ", ".join(str(field.column) for field in AuditEntry._meta.concrete_fields if field.column != "id")
        tamper(
            f"INSERT INTO casework_auditentry (id, {columns}) SELECT 9999, {columns} FROM casework_auditentry WHERE id = {sealed[1]}"
        )
        assert codes(verify()) == [("entry_inserted", 9999)]

    def test_an_entry_of_a_transaction_that_never_was_is_named(
        self, sealed: list[int], trail: Callable[[int], list[int]]
    ) -> None:
        pk = trail(1)[0]
        tamper(f"UPDATE casework_auditentry SET xid = 4000000000000 WHERE id = {pk}")
        assert codes(verify()) == [("entry_inserted", pk)]

    def test_two_entries_that_swapped_their_content_are_both_named(self, sealed: list[int]) -> None:
        one, two = sealed[1], sealed[8]
        columns = ", ".join(
            f"{field.column} = o.{field.column}"
            for field in AuditEntry._meta.concrete_fields
            if field.column not in {"id", "xid"}
        )
        tamper(
            "CREATE TEMPORARY TABLE o ON COMMIT DROP AS SELECT * FROM casework_auditentry",
            f"UPDATE casework_auditentry e SET {columns} FROM o WHERE (e.id, o.id) IN (({one}, {two}), ({two}, {one}))",
        )
        assert codes(verify()) == [("entry_changed", one), ("entry_changed", two)]

    def test_two_entries_that_swapped_their_numbers_are_both_named(self, sealed: list[int]) -> None:
        one, two = sealed[1], sealed[2]
        tamper(
            f"UPDATE casework_auditentry SET id = -1 WHERE id = {one}",
            f"UPDATE casework_auditentry SET id = {one} WHERE id = {two}",
            f"UPDATE casework_auditentry SET id = {two} WHERE id = -1",
        )
        assert sorted(codes(verify())) == [("entry_changed", one), ("entry_changed", two)]

    def test_entries_moved_elsewhere_in_the_order_are_named(self, sealed: list[int]) -> None:
        tamper(
            f"UPDATE casework_auditentry SET xid = (SELECT xid FROM casework_auditentry WHERE id = {sealed[8]}) WHERE id = {sealed[0]}",
            f"UPDATE casework_auditentry SET xid = (SELECT to_xid FROM casework_auditseal WHERE number = 3) WHERE id = {sealed[1]}",
        )
        assert sorted(codes(verify())) == [("entry_reordered", sealed[0]), ("entry_reordered", sealed[1])]

    def test_a_cut_tail_is_found_by_the_heads_outside(self, sealed: list[int]) -> None:
        tamper(
            "DELETE FROM casework_auditseal WHERE number = 3",
            f"DELETE FROM casework_auditentry WHERE id IN ({', '.join(map(str, sealed[6:]))})",
        )
        assert codes(verify()) == [("tail_cut", 3)]

    def test_a_tail_that_was_sealed_anew_is_found(self, sealed: list[int], trail: Callable[[int], list[int]]) -> None:
        tamper(
            "DELETE FROM casework_auditseal WHERE number = 3",
            f"DELETE FROM casework_auditentry WHERE id IN ({', '.join(map(str, sealed[6:]))})",
        )
        trail(1)
        sealing.seal(T)
        assert codes(verify()) == [("head_differs", 3)]

    def test_a_removed_seal_is_named_with_its_entries(self, sealed: list[int]) -> None:
        tamper("DELETE FROM casework_auditseal WHERE number = 2")
        findings = verify()
        assert codes(findings) == [("seal_missing", 2), ("entries_uncovered", sealed[3])]
        assert f"{sealed[3]}–{sealed[5]}" in findings[1].text

    def test_a_changed_seal_is_named(self, sealed: list[int]) -> None:
        for change in SEAL_CHANGES:
            with transaction.atomic():
                tamper(f"UPDATE casework_auditseal SET {change} WHERE number = 2")
                assert ("seal_changed", 2) in codes(verify()), change
                transaction.set_rollback(True)

    def test_a_rewritten_chain_needs_the_key(
        self, sealed: list[int], settings: Any, trail: Callable[[int], list[int]]
    ) -> None:
        """Whoever can write the database can compute everything anew, but for the code."""
        tamper("DELETE FROM casework_auditseal", f"DELETE FROM casework_auditentry WHERE id = {sealed[4]}")
        real = settings.DESK_KEYS
        settings.DESK_KEYS = ("a key of the attacker",)
        (Path(settings.DATA_DIR) / heads.FILE).unlink()
        assert sealing.seal(T) == 8
        settings.DESK_KEYS = real
        assert codes(verify()) == [("seal_changed", 1)]

    def test_another_key_fits_none(self, sealed: list[int], settings: Any) -> None:
        settings.DESK_KEYS = ("another key",)
        assert codes(verify()) == [("key", None)]

    def test_older_keys_still_verify(self, sealed: list[int], settings: Any, trail: Callable[[int], list[int]]) -> None:
        settings.DESK_KEYS = ("a newer key", *settings.DESK_KEYS)
        trail(1)
        sealing.seal(T)
        assert verify() == []
        settings.DESK_KEYS = settings.DESK_KEYS[:1]
        assert [code for code, _seal in codes(verify())] == ["seal_changed"] * 3

    def test_entries_left_unsealed_for_long_are_named(
        self, sealed: list[int], trail: Callable[[int], list[int]]
    ) -> None:
        ids = trail(3)
        with clock.at(T + timedelta(minutes=10)):
            assert verify() == []
        with clock.at(T + timedelta(minutes=10, seconds=1)):
            findings = verify()
        assert codes(findings) == [("unsealed", ids[0])]
        assert findings[0].text == f"3 entries ({ids[0]}–{ids[2]}) are older than 10 minutes and not sealed"


class TestHeadFile:
    @pytest.fixture
    def file(self, sealed: list[int], tmp_path: Path) -> Path:
        return tmp_path / heads.FILE

    def test_a_missing_file_is_a_finding(self, file: Path) -> None:
        file.unlink()
        assert codes(verify()) == [("heads_missing", None)]

    def test_an_emptied_file_is_a_finding(self, file: Path) -> None:
        file.write_text("")
        assert codes(verify()) == [("heads_missing", None)]

    def test_a_file_cut_short_is_a_finding_once_it_should_have_grown(self, file: Path) -> None:
        file.write_text(file.read_text().splitlines(keepends=True)[0])
        assert verify() == []
        with clock.at(T + timedelta(minutes=11)):
            assert codes(verify()) == [("heads_missing", 2)]

    def test_a_line_taken_out_is_a_finding(self, file: Path) -> None:
        lines = file.read_text().splitlines(keepends=True)
        file.write_text(lines[0] + lines[2])
        assert ("heads_broken", 3) in codes(verify())

    def test_a_line_that_cannot_be_read_is_a_finding(self, file: Path) -> None:
        file.write_text("nonsense\n" + file.read_text())
        assert verify()[0].text == "line 1 of audit-heads.log cannot be read"

    def test_another_head_is_a_finding(self, file: Path) -> None:
        file.write_text(file.read_text().replace(AuditSeal.objects.get(number=2).mac, "0" * 64))
        assert codes(verify()) == [("head_differs", 2)]


class TestCommand:
    def test_a_whole_trail_is_told_in_one_line(self, sealed: list[int], capsys: pytest.CaptureFixture[str]) -> None:
        call_command("verify_audit")
        mac = AuditSeal.objects.get(number=3).mac
        assert (
            capsys.readouterr().out
            == f"ok: 9 entries, 9 of them under 3 seals; last head 3 {mac}, head file from seal 1\n"
        )

    def test_each_finding_is_a_line_and_the_status_is_one(
        self, sealed: list[int], capsys: pytest.CaptureFixture[str]
    ) -> None:
        tamper(f"DELETE FROM casework_auditentry WHERE id IN ({sealed[0]}, {sealed[4]})")
        with pytest.raises(SystemExit) as end:
            call_command("verify_audit")
        assert end.value.code == 1
        assert capsys.readouterr().out.splitlines() == [
            f"entry_removed: entry {sealed[0]} was removed after seal 1",
            f"entry_removed: entry {sealed[4]} was removed after seal 2",
        ]
