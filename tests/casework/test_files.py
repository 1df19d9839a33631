import io
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.test import Client

from config.casework import crypto
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.content import MAX_BYTES, UploadRefused
from config.casework.crypto import DecryptionFailed
from config.casework.files.models import StoredFile
from config.casework.files.services import FileGone, delete, read, redact, store, sweep, sweep_orphans
from tests import factories
from tests.casework.cases import a_case

PDF = b"%PDF-1.7\n" + b"Ana Secret lives in Berlin. " * 9000  # several pieces
MONTH = timedelta(days=30)


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    settings.STAFF_NEEDS_SECOND_FACTOR = False
    return tmp_path


def a_file(
    now: datetime, actor: User | None = None, content: bytes = PDF, name: str = "../cv ana.docx", **options: Any
) -> StoredFile:
    return store(options.pop("case", None) or a_case(), io.BytesIO(content), name=name, actor=actor, at=now, **options)


def on_disk(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.django_db
class TestStore:
    def test_the_storage_holds_nothing_readable(self, folder: Path, agent: User, now: datetime) -> None:
        stored = a_file(now, agent)
        (path,) = on_disk(folder)
        assert b"Berlin" not in path.read_bytes()
        assert "ana" not in str(path.relative_to(folder))
        assert b"".join(read(stored)) == PDF
        assert (stored.name, stored.mime, stored.size) == ("cv ana.pdf", "application/pdf", len(PDF))

    def test_two_equal_files_are_stored_differently(self, folder: Path, agent: User, now: datetime) -> None:
        a_file(now, agent)
        a_file(now, agent)
        first, second = on_disk(folder)
        assert first.read_bytes() != second.read_bytes()

    def test_it_reads_from_any_byte_on(self, agent: User, now: datetime) -> None:
        stored = a_file(now, agent)
        for offset in (1, 65_535, 65_536, len(PDF) - 1):
            assert b"".join(read(stored, offset=offset)) == PDF[offset:]

    @pytest.mark.parametrize(
        ("content", "word"),
        [
            (b"MZ" + bytes(500), "program"),
            (b"", "empty"),
            (b"GIF89a....", "kind"),
            (b"%PDF" + bytes(MAX_BYTES), "larger"),
        ],
    )
    def test_it_refuses_with_the_reason_and_keeps_nothing(
        self, content: bytes, word: str, folder: Path, agent: User, now: datetime
    ) -> None:
        with pytest.raises(UploadRefused, match=word):
            a_file(now, agent, content, name="cv.pdf")
        assert not StoredFile.objects.exists()
        assert on_disk(folder) == []

    def test_a_stranger_may_not_add_to_a_case(self, stranger: User, now: datetime) -> None:
        with pytest.raises(PermissionDenied):
            a_file(now, stranger)

    def test_the_trail_says_who_and_how_much_but_no_name(self, agent: User, now: datetime) -> None:
        stored = a_file(now, agent)
        entry = AuditEntry.objects.get(action="file.added")
        assert (entry.actor, entry.object_id, entry.detail) == (agent, stored.pk, {"kind": "PDF", "bytes": len(PDF)})

    def test_altered_bytes_are_never_handed_out(self, folder: Path, agent: User, now: datetime) -> None:
        stored = a_file(now, agent)
        (path,) = on_disk(folder)
        sealed = bytearray(path.read_bytes())
        sealed[100] ^= 1
        path.write_bytes(sealed)
        with pytest.raises(DecryptionFailed):
            read(stored)


@pytest.mark.django_db(transaction=True)
class TestRemove:
    def test_deleting_leaves_neither_bytes_nor_row(self, folder: Path, lead: User, now: datetime) -> None:
        stored = a_file(now, lead)
        delete(stored, actor=lead, at=now)
        assert on_disk(folder) == []
        assert not StoredFile.objects.exists()
        assert AuditEntry.objects.filter(action="file.deleted", actor=lead).exists()

    def test_the_key_is_gone_before_the_bytes_are(self, folder: Path, lead: User, now: datetime) -> None:
        stored = a_file(now, lead)
        copy = on_disk(folder)[0].read_bytes()
        with transaction.atomic():
            delete(stored, actor=lead, at=now)
            assert on_disk(folder)
            assert (bytes(stored.wrapped_key), stored.name, stored.sha256) == (b"", "[removed]", "")
            with pytest.raises(DecryptionFailed):
                list(crypto.keyring().decrypt_chunks(io.BytesIO(copy), bytes(stored.wrapped_key)))

    def test_a_rolled_back_deletion_changes_nothing(self, lead: User, now: datetime) -> None:
        stored = a_file(now, lead)
        with transaction.atomic():
            delete(stored, actor=lead, at=now)
            transaction.set_rollback(True)
        assert b"".join(read(StoredFile.objects.get())) == PDF

    def test_a_redacted_one_shows_that_there_was_something(self, folder: Path, lead: User, now: datetime) -> None:
        stored = a_file(now, lead)
        assert redact(stored, at=now)
        assert not redact(stored, at=now)
        left = StoredFile.objects.get()
        assert (left.name, left.sha256, left.path, left.redacted_at) == ("[removed]", "", "", now)
        assert on_disk(folder) == []
        with pytest.raises(FileGone):
            read(left)

    def test_the_database_refuses_a_removed_file_with_a_key(self, lead: User, now: datetime) -> None:
        stored = a_file(now, lead)
        with pytest.raises(IntegrityError):
            StoredFile.objects.filter(pk=stored.pk).update(deleted_at=now)

    def test_support_may_not_delete(self, agent: User, now: datetime) -> None:
        with pytest.raises(PermissionDenied):
            delete(a_file(now, agent), actor=agent, at=now)

    def test_the_sweep_deletes_at_the_end_of_the_retention(self, folder: Path, lead: User, now: datetime) -> None:
        a_file(now, lead, retention_until=now + MONTH)
        a_file(now, lead)
        assert sweep(now + MONTH - timedelta(seconds=1)) == 0
        assert sweep(now + MONTH) == 1
        assert sweep(now + MONTH) == 0
        redact(a_file(now, lead, retention_until=now + MONTH), at=now)
        assert sweep(now + MONTH) == 1
        assert sweep(now + MONTH) == 0
        assert (StoredFile.objects.count(), len(on_disk(folder))) == (1, 1)

    def test_the_sweep_finishes_what_a_crash_left(self, folder: Path, lead: User, now: datetime) -> None:
        stored = a_file(now, lead)
        StoredFile.objects.filter(pk=stored.pk).update(wrapped_key=b"", deleted_at=now)  # the commit, then the crash
        assert sweep(now) == 1
        assert on_disk(folder) == []
        assert not StoredFile.objects.exists()

    def test_bytes_whose_row_was_rolled_back_go_after_a_day(self, folder: Path, lead: User, now: datetime) -> None:
        kept = a_file(now, lead)
        with transaction.atomic():
            a_file(now, lead)
            transaction.set_rollback(True)
        assert len(on_disk(folder)) == 2
        half_past = now.replace(minute=30)
        assert sweep_orphans(half_past) == 0
        assert sweep_orphans(half_past + timedelta(days=1)) == 1
        assert sweep_orphans(half_past + timedelta(days=1)) == 0
        assert [path.relative_to(folder).as_posix() for path in on_disk(folder)] == [kept.path]
        assert default_storage.exists(kept.path)


@pytest.mark.django_db
class TestDownload:
    def test_it_is_saved_never_shown_and_stands_in_the_trail(self, client: Client, agent: User, now: datetime) -> None:
        stored = a_file(now, agent, name="Zeugnis ä.pdf")
        client.force_login(agent)
        response: Any = client.get(f"/admin/files/{stored.pk}/")
        assert b"".join(response.streaming_content) == PDF
        assert response.headers["Content-Disposition"].startswith("attachment; ")
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
        assert (response.headers["Content-Type"], response.headers["Content-Length"]) == (
            "application/pdf",
            str(len(PDF)),
        )
        entry = AuditEntry.objects.get(action="file.opened")
        assert (entry.actor, entry.object_id) == (agent, stored.pk)

    def test_without_signing_in_one_is_asked_to(self, client: Client, agent: User, now: datetime) -> None:
        response = client.get(f"/admin/files/{a_file(now, agent).pk}/")
        assert response.status_code == 302
        assert "login" in response.headers["Location"]

    def test_a_member_of_an_employer_is_refused(
        self, client: Client, agent: User, stranger: User, now: datetime
    ) -> None:
        stored = a_file(now, agent)
        client.force_login(stranger)
        assert client.get(f"/admin/files/{stored.pk}/").status_code == 403
        assert not AuditEntry.objects.filter(action="file.opened").exists()

    def test_a_restricted_case_hides_its_files(self, client: Client, agent: User, lead: User, now: datetime) -> None:
        case = a_case()
        stored = a_file(now, agent, case=case)
        type(case).objects.filter(pk=case.pk).update(restricted=True, owner=lead)
        client.force_login(agent)
        assert client.get(f"/admin/files/{stored.pk}/").status_code == 404
        client.force_login(lead)
        assert client.get(f"/admin/files/{stored.pk}/").status_code == 200

    def test_a_removed_file_is_gone(self, client: Client, agent: User, now: datetime) -> None:
        stored = a_file(now, agent)
        redact(stored, at=now)
        client.force_login(agent)
        assert client.get(f"/admin/files/{stored.pk}/").status_code == 410
        assert client.head(f"/admin/files/{stored.pk}/").status_code == 410

    def test_asking_for_the_head_is_no_opening(self, client: Client, agent: User, now: datetime) -> None:
        stored = a_file(now, agent)
        client.force_login(agent)
        assert client.head(f"/admin/files/{stored.pk}/").headers["Content-Length"] == str(len(PDF))
        assert not AuditEntry.objects.filter(action="file.opened").exists()
        assert client.post(f"/admin/files/{stored.pk}/").status_code == 405

    def test_the_auditor_may_read_but_not_add(self, client: Client, agent: User, now: datetime) -> None:
        auditor = factories.person(Role.AUDITOR)
        stored = a_file(now, agent)
        client.force_login(auditor)
        assert client.get(f"/admin/files/{stored.pk}/").status_code == 200
        with pytest.raises(PermissionDenied):
            a_file(now, auditor)
