"""The label tells its subject: who has to be told of a label, by whom they were, and what they read (SC-39)."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _

from config.casework.audit.services import record
from config.casework.events import publish
from config.casework.links.services import issue
from config.casework.work.services import enqueue
from disputes.assessments.choices import NoticeState, Standing
from disputes.assessments.events import CandidateTold
from disputes.assessments.models import Assessment
from disputes.assessments.policy import policy_of
from integrations.messages.choices import MessageState, Purpose
from integrations.messages.models import Message
from integrations.messages.services import queue_mail

PURPOSE = "dispute-new"
PATH = "/disputes/new/{token}/"
LINK_LASTS = timedelta(days=365)
TELL = "assessments.tell"
ACCEPTED = (MessageState.SENT, MessageState.DELIVERED)
LOST = (MessageState.FAILED, MessageState.OUTREACH, MessageState.EXPIRED)
BOUNCES_WITHIN = timedelta(hours=72)  # rules: "Messages and links"
BATCH = 500


def dispute_url(assessment: Assessment, *, at: datetime) -> str:
    """A signed address that opens the dispute form of this assessment without typing."""
    token = issue(PURPOSE, assessment, expires_at=at + LINK_LASTS, at=at)
    return f"{settings.BASE_URL}{PATH.format(token=token)}"


def follow(assessment: Assessment, *, told_at: datetime | None, relabelled: bool) -> None:
    """Set what is true now about telling the candidate; the caller saves.

    Args:
        told_at: when somebody told the candidate; a time before the assessment cannot have been about this label.
        relabelled: the label in force changed, so that what was told before does not count.
    """
    if told_at is not None and told_at >= assessment.assessed_at:
        assessment.candidate_informed_at = told_at
    elif relabelled:
        assessment.candidate_informed_at = None
    if not assessment.contestable or not policy_of(assessment.system).notice_required:
        assessment.notice_state = NoticeState.NOT_NEEDED
    elif assessment.candidate_informed_at is not None:
        assessment.notice_state = NoticeState.TOLD
    elif not assessment.candidate_email:
        assessment.notice_state = NoticeState.MISSING
    elif relabelled or assessment.notice_state in (NoticeState.NOT_NEEDED, NoticeState.MISSING, NoticeState.TOLD):
        assessment.notice_state, assessment.notice = NoticeState.QUEUED, None


def ask(assessment: Assessment, *, at: datetime) -> None:
    """Have the candidate told, once for each label in force."""
    if assessment.notice_state == NoticeState.QUEUED and assessment.current_id is not None:
        enqueue(TELL, key=_key(assessment), at=at, assessment=assessment.pk)


def new_address(assessment: Assessment) -> None:
    """The candidate got another address: what was lost on the way to the old one is sent again. The caller saves."""
    if assessment.notice_state == NoticeState.FAILED and assessment.candidate_email:
        assessment.notice_state, assessment.notice = NoticeState.QUEUED, None
        assessment.notice_round += 1


def _key(assessment: Assessment) -> str:
    return f"assessment-notice:{assessment.current_id}:{assessment.notice_round}"


def tell(assessment_id: int, *, at: datetime) -> None:
    """Queue the message to the candidate, unless it was sent, they were told otherwise, or the label is gone."""
    rows = Assessment.objects.select_for_update(of=("self",)).select_related("system", "current", "organization")
    assessment = rows.filter(pk=assessment_id).first()
    if assessment is None or assessment.notice_state != NoticeState.QUEUED or assessment.current is None:
        return
    subject, text, html = words(assessment, dispute_url(assessment, at=at))
    assessment.notice = queue_mail(
        to=assessment.candidate_email,
        subject=subject,
        text=text,
        html=html,
        key=_key(assessment),
        purpose=Purpose.NOTICE,
        at=at,
        about=assessment,
    )
    assessment.save(update_fields=["notice"])
    record(assessment, "assessment.notice_queued", actor=None, at=at)


def words(assessment: Assessment, link: str) -> tuple[str, str, str]:
    """Subject, text and HTML of the notice, in the candidate's language as far as it is spoken here."""
    with translation.override(language_of(assessment)):
        subject = _("A label was set on your interview. What it says, and how to dispute it")
        context = {
            "headline": subject,
            "paragraphs": _paragraphs(assessment),
            "ask": _("If you think the label is wrong, dispute it. It costs nothing and is never a mark against you."),
            "link": {"url": link, "label": _("Dispute the label, nothing to type in first")},
            "why": _("You get this mail because you took part in an interview for %(organization)s.")
            % {"organization": assessment.organization.name},
            "site_name": assessment.system.public_name or assessment.system.name,
        }
        return subject, render_to_string("mail/base.txt", context), render_to_string("mail/base.html", context)


def _paragraphs(assessment: Assessment) -> list[str]:
    """What was measured, what the employer reads word for word, and what the label may never do alone."""
    policy = policy_of(assessment.system)
    codes = assessment.current.reason_codes if assessment.current else []
    reasons = [_("What counted: %(reason)s") % {"reason": policy.reason_words(code)} for code in codes]
    return [
        _("A computer measured %(measured)s, and set a label.") % {"measured": policy.measured},
        *reasons,
        _("The employer will read this, word for word: “%(label)s”. Beside it stands: “%(note)s”")
        % {"label": assessment.label, "note": policy.employer_note(Standing.FINAL)},
        _("Nobody is rejected on this label alone: the desk refuses such a decision."),
        _(
            "If you dispute it, the label is hidden at once, and the employer reads only: “%(note)s” A person then decides."
        )
        % {"note": policy.employer_note(Standing.UNDER_REVIEW)},
    ]


def language_of(assessment: Assessment) -> str:
    """The candidate's language where the desk speaks it, else English."""
    wanted = assessment.candidate_locale.replace("_", "-").partition("-")[0].casefold()
    spoken = {code.partition("-")[0]: code for code, _name in settings.LANGUAGES}
    return spoken.get(wanted, settings.LANGUAGE_CODE)


def sweep(at: datetime) -> int:
    """Follow the messages: accepted ones count as told, lost ones turn red; returns how many assessments changed."""
    since = at - BOUNCES_WITHIN
    open_ones = Q(notice_state__in=(NoticeState.QUEUED, NoticeState.FAILED), notice__state__in=ACCEPTED)
    lost = Q(notice_state=NoticeState.QUEUED, notice__state__in=LOST)
    bounced = Q(
        notice_state=NoticeState.TOLD,
        notice__in=Message.objects.filter(state__in=LOST, created_at__gte=since),
        candidate_informed_at=F("notice__sent_at"),
    )
    found = {
        pk
        for condition in (open_ones, lost, bounced)
        for pk in Assessment.objects.filter(condition).order_by("pk").values_list("pk", flat=True)[:BATCH]
    }
    return sum(_follow_message(pk, at) for pk in sorted(found))


@transaction.atomic
def _follow_message(assessment_id: int, at: datetime) -> int:
    rows = Assessment.objects.select_for_update(of=("self",)).select_related("notice")
    assessment = rows.filter(pk=assessment_id).first()
    if assessment is None or assessment.notice is None:
        return 0
    message = assessment.notice
    if message.state in ACCEPTED and assessment.notice_state in (NoticeState.QUEUED, NoticeState.FAILED):
        told_at = message.sent_at or at
        _set(assessment, NoticeState.TOLD, told_at)
        record(assessment, "assessment.candidate_told", actor=None, at=told_at)
        publish(CandidateTold(assessment, told_at))
        return 1
    bounced = assessment.notice_state == NoticeState.TOLD and assessment.candidate_informed_at == message.sent_at
    if message.state in LOST and (assessment.notice_state == NoticeState.QUEUED or bounced):
        _set(assessment, NoticeState.FAILED, None)
        record(assessment, "assessment.notice_failed", actor=None, at=at)
        return 1
    return 0


def _set(assessment: Assessment, state: NoticeState, told_at: datetime | None) -> None:
    assessment.notice_state, assessment.candidate_informed_at = state, told_at
    assessment.save(update_fields=["notice_state", "candidate_informed_at"])
