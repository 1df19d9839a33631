"""The proxy watch: labels that decide though nobody says so (SC-42)."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.catalogue.models import Organization, System
from config.casework.transitions import Refused
from disputes.assessments.models import EmployerSwitch
from disputes.assessments.policy import policy_of
from disputes.hiring.choices import Decision
from disputes.hiring.models import HiringDecision, ProxyFinding
from disputes.hiring.statistics import wilson
from incidents.choices import Source
from incidents.services import open_incident
from incidents.severity.choices import Paging
from integrations.messages.choices import Purpose
from integrations.messages.services import queue_mail

ANSWER = "disputes.answer_proxyfinding"
SEEN = Q(label_seen_at__isnull=False, contestable=True)
REJECTED = Q(decision=Decision.REJECT)


@dataclass(frozen=True)
class Comparison:
    """How often candidates of one job were rejected, with their label seen and without."""

    job_ref: str
    seen: int
    seen_rejected: int
    unseen: int
    unseen_rejected: int

    def stands_out(self, least: int) -> bool:
        """Whether enough people stand on each side and the two Wilson intervals do not overlap, to the labelled's harm."""
        if min(self.seen, self.unseen) < least:
            return False
        return wilson(self.seen_rejected, self.seen)[0] > wilson(self.unseen_rejected, self.unseen)[1]


def compare(organization_id: int, system_id: int) -> list[Comparison]:
    """One comparison for each job of an employer, and one over all jobs when there are several."""
    rows = HiringDecision.objects.filter(organization_id=organization_id, assessment__system_id=system_id)
    counts = {
        "seen": Count("pk", filter=SEEN),
        "seen_rejected": Count("pk", filter=SEEN & REJECTED),
        "unseen": Count("pk", filter=~SEEN),
        "unseen_rejected": Count("pk", filter=~SEEN & REJECTED),
    }
    found = [Comparison(**row) for row in rows.values("job_ref").annotate(**counts).order_by("job_ref")]
    if len(found) > 1:
        found.append(Comparison(job_ref="", **rows.aggregate(**counts)))
    return found


def watch(organization: Organization, system: System, *, at: datetime) -> list[ProxyFinding]:
    """Open a case for what stands out; while one of an employer and job is open it is not opened again."""
    least = policy_of(system).proxy_at_least
    standing_out = [comparison for comparison in compare(organization.pk, system.pk) if comparison.stands_out(least)]
    named = [comparison for comparison in standing_out if comparison.job_ref] or standing_out
    return [
        finding for comparison in named if (finding := _open_case(organization, system, comparison, at=at)) is not None
    ]


def _open_case(
    organization: Organization, system: System, comparison: Comparison, *, at: datetime
) -> ProxyFinding | None:
    with transaction.atomic():
        Organization.objects.select_for_update().get(pk=organization.pk)  # one watcher at a time
        known = ProxyFinding.objects.filter(organization=organization, system=system, job_ref=comparison.job_ref)
        if known.filter(closed_at=None).exists() or _is_settled(known, comparison):
            return None
        finding = ProxyFinding.objects.create(
            organization=organization,
            system=system,
            job_ref=comparison.job_ref,
            seen=comparison.seen,
            seen_rejected=comparison.seen_rejected,
            unseen=comparison.unseen,
            unseen_rejected=comparison.unseen_rejected,
            letter=letter(organization, comparison),
            letter_to=organization.privacy_contact,
            found_at=at,
        )
        incident = open_incident(
            system,
            title=_("Candidates whose label was seen are rejected far more often"),
            description=_numbers(comparison),
            scope=_("Candidates of one employer"),
            actor=None,
            at=at,
            source=Source.MANUAL,
            source_key=f"proxy:{finding.pk}",
            organization=organization,
            paging_override=Paging.NEVER,
            impacts_hiring=True,
        )
        chief = User.objects.filter(groups__name=Role.CEO, is_active=True, is_staff=True).order_by("pk").first()
        if chief is not None:
            incident.owner = chief
            incident.save(update_fields=["owner"])
        finding.incident = incident
        finding.save(update_fields=["incident"])
        record(finding, "proxy.found", actor=None, at=at, detail={"incident": incident.reference})
    return finding


def _is_settled(known: QuerySet[ProxyFinding], comparison: Comparison) -> bool:
    """The same numbers were looked at and closed before; new decisions are a new question."""
    last = known.order_by("-found_at").first()
    return last is not None and (last.seen, last.unseen) == (comparison.seen, comparison.unseen)


def _numbers(comparison: Comparison) -> str:
    return _(
        "%(seen_rejected)d of %(seen)d candidates whose label was seen were rejected, and %(unseen_rejected)d of %(unseen)d others. "
        "Chance does not explain this gap."
    ) % {
        "seen_rejected": comparison.seen_rejected,
        "seen": comparison.seen,
        "unseen_rejected": comparison.unseen_rejected,
        "unseen": comparison.unseen,
    }


def letter(organization: Organization, comparison: Comparison) -> str:
    """The letter to the employer as it is prepared; the CEO reads and sends it."""
    return "\n\n".join(
        (
            _("Dear colleagues at %(name)s,") % {"name": organization.name},
            _numbers(comparison),
            _(
                "An authenticity label is a signal. Nobody may be rejected on it alone, whichever reason is written down. "
                "Please tell us within ten working days how these decisions were taken, and look at them again."
            ),
            _("Until we have talked, we may hide labels from your account."),
        )
    )


def send_letter(finding: ProxyFinding, *, text: str, to: str, actor: User, at: datetime) -> ProxyFinding:
    """Send the employer the letter as the person left it; once.

    Raises:
        Refused: it was sent, or there is no address.
        PermissionDenied: the person may not write to employers.
    """
    require(actor, ANSWER, finding)
    if not to.strip():
        raise Refused(_("There is no address. Add the organisation's contact, or give one here."))
    with transaction.atomic():
        row = ProxyFinding.objects.select_for_update(of=("self",)).get(pk=finding.pk)
        if row.letter_sent_at:
            raise Refused(_("The letter was sent already."))
        row.letter, row.letter_to, row.letter_sent_at, row.letter_sent_by = text.strip(), to.strip(), at, actor
        row.save()
        queue_mail(
            to=row.letter_to,
            subject=_("How decisions about labelled candidates were taken"),
            text=row.letter,
            key=f"proxy-letter:{row.pk}",
            purpose=Purpose.NOTICE,
            at=at,
            case=row.incident,
        )
        record(row, "proxy.letter_sent", actor=actor, at=at)
    finding.refresh_from_db()
    return finding


def hide_labels(
    organization: Organization, *, reason: str, actor: User, at: datetime, system: System | None = None
) -> EmployerSwitch:
    """Hide labels from an organisation, of one system or of all; twice is as good as once.

    Raises:
        PermissionDenied: the person may not.
    """
    require(actor, ANSWER)
    with transaction.atomic():
        switch, created = EmployerSwitch.objects.get_or_create(
            organization=organization,
            system=system,
            lifted_at=None,
            defaults={"reason": reason[:300], "hidden_at": at, "hidden_by": actor},
        )
        if created:
            record(switch, "labels.hidden", actor=actor, at=at, fields=["reason"])
    return switch


def show_labels(switch: EmployerSwitch, *, actor: User, at: datetime) -> EmployerSwitch:
    """Let an organisation see labels again.

    Raises:
        Refused: they are shown already.
        PermissionDenied: the person may not.
    """
    require(actor, ANSWER)
    with transaction.atomic():
        if not EmployerSwitch.objects.filter(pk=switch.pk, lifted_at=None).update(lifted_at=at, lifted_by=actor):
            raise Refused(_("Labels are shown again already."))
        record(switch, "labels.shown", actor=actor, at=at)
    switch.refresh_from_db()
    return switch


def close_finding(finding: ProxyFinding, *, actor: User, at: datetime) -> ProxyFinding:
    """Close a finding; the same gap with new decisions opens a new one.

    Raises:
        Refused: it is closed.
        PermissionDenied: the person may not.
    """
    require(actor, ANSWER, finding)
    with transaction.atomic():
        if not ProxyFinding.objects.filter(pk=finding.pk, closed_at=None).update(closed_at=at):
            raise Refused(_("It is closed already."))
        record(finding, "proxy.closed", actor=actor, at=at)
    finding.refresh_from_db()
    return finding
