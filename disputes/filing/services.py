"""Take forms in: by the link at once, by mail after a click; an address and a reference that do not fit are told so by mail alone."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import translation

from config.casework.cases.models import Case
from config.casework.catalogue.models import System
from config.casework.content import ATTACHMENTS, check_upload
from config.casework.files import services as files
from config.casework.files.models import StoredFile
from config.casework.links.services import issue
from config.casework.work.services import enqueue
from disputes.assessments.models import Assessment
from disputes.assessments.policy import policy_of
from disputes.filing.choices import FilingState, Way
from disputes.filing.forms import known_circumstances
from disputes.filing.models import CircumstanceReport, Filing
from disputes.letters import texts
from disputes.models import Dispute
from disputes.services import Taken, take_filing
from integrations.messages.choices import Purpose
from integrations.messages.services import queue_mail

CONFIRM_PURPOSE = "dispute-confirm"
KEEP_PURPOSE = "dispute-kept"
CONFIRM_WITHIN = timedelta(days=30)
REMIND_AFTER = timedelta(days=3)
DRAFT_LASTS = timedelta(hours=24)
BATCH = 200


def file_by_link(
    assessment: Assessment, values: dict[str, Any], *, at: datetime, language: str, draft: Filing | None = None
) -> Taken:
    """Take a form that came by the signed link of the notice: its sender is the candidate, so it is accepted at once."""
    with transaction.atomic():
        filing = _keep(
            values,
            draft,
            at=at,
            assessment=assessment,
            way=Way.LINK,
            state=FilingState.CONFIRMED,
            confirmed_at=at,
            email=assessment.candidate_email,
            language=language,
        )
        return take_filing(filing, at=at)


def file_by_mail(values: dict[str, Any], *, at: datetime, language: str, draft: Filing | None = None) -> Filing:
    """Keep a form and send the mail that confirms it; whether we know the reference decides nothing here (SC-13)."""
    with transaction.atomic():
        filing = _keep(
            values,
            draft,
            at=at,
            way=Way.MAIL,
            state=FilingState.WAITING,
            reference=values["reference"].strip(),
            email=values["email"].strip().lower(),
            language=language,
        )
        _ask_to_confirm(filing, at=at, key="first")
    return filing


def confirm(filing: Filing, *, at: datetime) -> None:
    """The click of the mail: the form counts from the moment it was sent. Twice is as good as once."""
    with transaction.atomic():
        changed = Filing.objects.filter(pk=filing.pk, state=FilingState.WAITING).update(
            state=FilingState.CONFIRMED, confirmed_at=at
        )
        if changed:
            enqueue("disputes.match", key=f"dispute-match:{filing.pk}", at=at, filing=filing.pk)


def match(filing_id: int, *, at: datetime) -> None:
    """Find the assessment that a confirmed form is about, or say by mail that there is none."""
    filing = Filing.objects.select_for_update().filter(pk=filing_id, state=FilingState.CONFIRMED).first()
    if filing is None:
        return
    filing.assessment = find_assessment(filing.reference, filing.email)
    if filing.assessment is not None:
        take_filing(filing, at=at)
        return
    filing.state = FilingState.UNKNOWN
    filing.save(update_fields=["state"])
    with translation.override(filing.language):
        words = texts.nothing_found()
    _mail(filing, words, key="unknown", at=at)


def find_assessment(reference: str, email: str) -> Assessment | None:
    """The assessment of this address that the typed reference names: its own id, "system/id", or the candidate's."""
    _system, _slash, external_id = reference.strip().rpartition("/")
    fits = Q(external_id__iexact=external_id.strip()) | Q(candidate_ref__iexact=reference.strip())
    rows = Assessment.objects.filter(fits, candidate_email__iexact=email.strip()).exclude(current=None)
    if _system:
        rows = rows.filter(system__key__iexact=_system.strip())
    return rows.order_by("-assessed_at", "-pk").first()


def add_to(dispute: Dispute, values: dict[str, Any], *, at: datetime) -> Filing:
    """Keep what the candidate adds on the status page."""
    with transaction.atomic():
        filing = _keep(
            values,
            None,
            at=at,
            dispute=dispute,
            assessment=dispute.assessment,
            way=Way.ADDITION,
            state=FilingState.JOINED,
            email=dispute.candidate_email,
            language=dispute.language,
        )
        of_filing = StoredFile.objects.filter(
            content_type=ContentType.objects.get_for_model(filing), object_id=filing.pk
        )
        of_filing.update(
            content_type=ContentType.objects.get_for_model(dispute), object_id=dispute.pk, retention_until=None
        )
    return filing


def keep_files(uploads: Iterable[Any], draft: Filing | None, *, at: datetime) -> tuple[Filing, str]:
    """Keep files of a form that has errors elsewhere, so that nobody chooses them twice; forgotten after a day."""
    with transaction.atomic():
        filing = draft or Filing.objects.create(state=FilingState.DRAFT, way=Way.LINK, filed_at=at)
        _store(filing, uploads, at=at)
        token = issue(KEEP_PURPOSE, filing, expires_at=at + DRAFT_LASTS, at=at)
    return filing, token


def kept_names(draft: Filing | None) -> list[str]:
    if draft is None:
        return []
    rows = StoredFile.objects.filter(
        content_type=ContentType.objects.get_for_model(draft), object_id=draft.pk, deleted_at=None
    )
    return list(rows.values_list("name", flat=True))


def circumstances_of(system: System | None) -> dict[str, str]:
    """The circumstances a candidate is asked about, in the present language."""
    return (policy_of(system).circumstances if system is not None else {}) or known_circumstances()


def sweep(at: datetime) -> int:
    """Remind of forms nobody confirmed, close them after 30 days, forget drafts; returns how many."""
    done = 0
    waiting = Filing.objects.filter(state=FilingState.WAITING, filed_at__lte=at - REMIND_AFTER, reminded_at=None)
    for filing in waiting[:BATCH]:
        with transaction.atomic():
            if Filing.objects.filter(pk=filing.pk, reminded_at=None).update(reminded_at=at):
                _ask_to_confirm(filing, at=at, key="reminder")
                done += 1
    late = Filing.objects.filter(state=FilingState.WAITING, filed_at__lte=at - CONFIRM_WITHIN)[:BATCH]
    drafts = Filing.objects.filter(state=FilingState.DRAFT, filed_at__lte=at - DRAFT_LASTS)[:BATCH]
    for filing in (*late, *drafts):
        with transaction.atomic():
            _forget_files(filing, at=at)
            if filing.state == FilingState.DRAFT:
                filing.delete()
            else:
                filing.circumstances.all().delete()
                Filing.objects.filter(pk=filing.pk).update(state=FilingState.EXPIRED, statement="", email="")
            done += 1
    return done


def _keep(values: dict[str, Any], draft: Filing | None, *, at: datetime, **fields: Any) -> Filing:
    filing = draft or Filing(filed_at=at)
    for name, value in {**fields, "points": values.get("points", []), "statement": values.get("statement", "")}.items():
        setattr(filing, name, value)
    filing.filed_at = at
    filing.save()
    CircumstanceReport.objects.bulk_create(
        CircumstanceReport(filing=filing, kind=kind) for kind in values.get("circumstances", [])
    )
    _store(filing, values.get("files", []), at=at)
    return filing


def _store(filing: Filing, uploads: Iterable[Any], *, at: datetime) -> None:
    for upload in uploads:
        kind = check_upload(upload.name or "", upload, allowed=ATTACHMENTS)
        upload.seek(0)
        files.keep(
            cast("Case", filing), upload, kind=kind, name=upload.name or "file", actor=None, at=at, internal=False
        )


def _forget_files(filing: Filing, *, at: datetime) -> None:
    rows = StoredFile.objects.filter(
        content_type=ContentType.objects.get_for_model(filing), object_id=filing.pk, deleted_at=None
    )
    for stored in rows:
        files.delete(stored, actor=None, at=at, reason="retention")


def _ask_to_confirm(filing: Filing, *, at: datetime, key: str) -> None:
    token = issue(CONFIRM_PURPOSE, filing, expires_at=filing.filed_at + CONFIRM_WITHIN, at=at)
    with translation.override(filing.language):
        words = texts.confirmation(settings.BASE_URL + reverse("dispute-confirm", args=[token]))
    _mail(filing, words, key=key, at=at)


def _mail(filing: Filing, words: texts.Letter, *, key: str, at: datetime) -> None:
    queue_mail(
        to=filing.email,
        subject=words.subject,
        text=words.text,
        html=words.html,
        key=f"filing:{filing.pk}:{key}",
        purpose=Purpose.NOTICE,
        at=at,
        about=filing,
    )
