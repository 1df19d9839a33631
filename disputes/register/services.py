"""Grant and end reviewers' authority; open and report serious incidents."""

from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from config.casework.access.actors import Actor
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.catalogue.choices import OrganizationKind
from config.casework.catalogue.models import Organization, System
from config.casework.deadlines import services as deadlines
from config.casework.transitions import Refused
from disputes.assessments.choices import ScoringPart
from disputes.assessments.models import Assessment, ScoringVersion
from disputes.register.models import AiSystem, ReviewerAuthority, SeriousIncident, VersionNotice
from incidents.choices import Source
from incidents.services import open_incident
from integrations.messages.choices import Purpose
from integrations.messages.services import queue_mail

GRANT = "disputes.add_reviewerauthority"
OPEN = "disputes.add_seriousincident"
REPORT = "disputes.report_seriousincident"
CLOCK = "report_serious"
DAYS = 15  # AI Act Article 73(2); the register may say otherwise


# --- reviewers -----------------------------------------------------------------------------------------------------


def may_review(person: User, at: datetime, system: System | None = None) -> bool:
    """Whether the person's competence and authority are recorded and have not ended: no entry, no decision."""
    return person.is_active and ReviewerAuthority.objects.filter(person=person).valid(at, system).exists()


def grant_authority(
    person: User,
    *,
    competence: str,
    authority: str,
    starts_at: datetime,
    ends_at: datetime,
    actor: User,
    at: datetime,
    system: System | None = None,
) -> ReviewerAuthority:
    """Record why and until when a person may decide disputes.

    Args:
        system: the only one it holds for; None: all.
        starts_at, ends_at: aware.
    Raises:
        ValidationError: keyed by field; nobody grants it to themselves.
        PermissionDenied: the actor may not.
    """
    require(actor, GRANT)
    if person.pk == actor.pk:
        raise ValidationError({"person": _("Nobody grants this to themselves.")})
    with transaction.atomic():
        row = ReviewerAuthority(
            person=person,
            system=system,
            competence=competence.strip(),
            authority=authority.strip(),
            starts_at=starts_at,
            ends_at=ends_at,
            granted_by=actor,
        )
        row.full_clean()
        row.save()
        record(row, "authority.granted", actor=actor, at=at, detail={"until": ends_at.isoformat()})
    return row


def revoke_authority(row: ReviewerAuthority, *, actor: User, at: datetime) -> ReviewerAuthority:
    """End a person's authority now.

    Raises:
        Refused: it has ended.
        PermissionDenied: the actor may not.
    """
    require(actor, GRANT)
    with transaction.atomic():
        if not ReviewerAuthority.objects.filter(pk=row.pk, revoked_at=None, ends_at__gt=at).update(revoked_at=at):
            raise Refused(_("It has ended already."))
        record(row, "authority.revoked", actor=actor, at=at)
    row.refresh_from_db()
    return row


# --- serious incidents ---------------------------------------------------------------------------------------------


def open_serious_incident(
    system: System,
    *,
    what: str,
    actor: Actor,
    at: datetime,
    version: ScoringVersion | None = None,
    gap: str = "",
    aware_at: datetime | None = None,
    affected: QuerySet[Assessment] | None = None,
) -> SeriousIncident:
    """Open a case for a pattern fault: an incident, its own clock to report, and a notice to every organisation concerned.

    Args:
        what: what was found, for people.
        version: the model or rules version with the fault; or
        gap: the telemetry gap that is the pattern.
        aware_at: when the company learnt of it, aware; now when left out.
        affected: the assessments concerned; those under `version` when left out.
    Raises:
        Refused: this fault has an open case.
        ValidationError: neither version nor gap.
        PermissionDenied: the actor may not.
    """
    require(actor, OPEN)
    if version is None and not gap.strip():
        raise ValidationError({"version": _("Name the version or the gap.")})
    entry = AiSystem.objects.filter(system=system).first()
    aware = aware_at or at
    days = timedelta(days=entry.serious_incident_days if entry else DAYS)
    rows = affected if affected is not None else under(system, version)
    try:
        with transaction.atomic():
            incident = open_incident(
                system,
                title=_("Fault in %(what)s that may have misjudged candidates") % {"what": version or gap},
                description=what,
                scope=_("Candidates assessed with the fault"),
                actor=None,
                at=at,
                source=Source.MANUAL,
                source_key=f"serious:{version.pk}" if version else f"serious-gap:{system.pk}:{gap}"[:128],
                impacts_hiring=True,
            )
            row = SeriousIncident.objects.create(
                system=system,
                version=version,
                part=version.part if version else "",
                gap=gap.strip(),
                what=what,
                incident=incident,
                affected=rows.count(),
                aware_at=aware,
                report_due_at=aware + days,
                duty_holds=entry is None or entry.duties_from is None or aware.date() >= entry.duties_from,
            )
            _start_clock(row, at=at)
            _tell_organizations(row, rows, at=at)
            record(row, "serious_incident.opened", actor=actor, at=at, detail={"incident": incident.reference})
    except IntegrityError as error:
        raise Refused(_("This fault has an open case already.")) from error
    return row


def report_serious_incident(row: SeriousIncident, *, reference: str, actor: User, at: datetime) -> SeriousIncident:
    """Record that the authority was told; meets the clock.

    Args:
        at: when it was reported, aware.
    Raises:
        Refused: it was reported.
        ValidationError: the authority's reference is missing.
        PermissionDenied: the actor may not.
    """
    require(actor, REPORT)
    if not reference.strip():
        raise ValidationError({"reference": _("This is needed.")})
    with transaction.atomic():
        changed = SeriousIncident.objects.filter(pk=row.pk, reported_at=None).update(
            reported_at=at, reported_by=actor, report_reference=reference.strip()
        )
        if not changed:
            raise Refused(_("It was reported already."))
        deadlines.meet(row.incident, CLOCK, at=at)
        record(row, "serious_incident.reported", actor=actor, at=at)
    row.refresh_from_db()
    return row


def under(system: System, version: ScoringVersion | None) -> QuerySet[Assessment]:
    """The assessments in force under a version of a system's model or rules."""
    if version is None:
        return Assessment.objects.none()
    column = "model_version" if version.part == ScoringPart.MODEL else "rules_version"
    rows: QuerySet[Assessment] = Assessment.objects.filter(Q(**{column: version.key}), system=system)
    return rows


def _start_clock(row: SeriousIncident, *, at: datetime) -> None:
    if not row.duty_holds:
        return
    step = {"rule": _("AI Act Article 73: from the day we knew"), "at": row.aware_at.isoformat()}
    deadlines.start(row.incident, CLOCK, at=row.aware_at, due_at=row.report_due_at, steps=[step])


def _tell_organizations(row: SeriousIncident, rows: QuerySet[Assessment], *, at: datetime) -> None:
    """One notice for each organisation that uses it; one without an address is listed, so that somebody calls."""
    counted = dict(rows.order_by().values_list("organization_id").annotate(n=Count("pk")))
    for organization in Organization.objects.filter(pk__in=counted, kind=OrganizationKind.TENANT).order_by("pk"):
        message = None
        if organization.privacy_contact:
            message = queue_mail(
                to=organization.privacy_contact,
                subject=_("A fault in the assessment system you use (%(ref)s)") % {"ref": row.incident.reference},
                text=_notice(row, organization, counted[organization.pk]),
                key=f"version-notice:{row.pk}:{organization.pk}",
                purpose=Purpose.NOTICE,
                at=at,
                case=row.incident,
            )
        VersionNotice.objects.create(
            serious_incident=row,
            organization=organization,
            message=message,
            affected=counted[organization.pk],
            asked_at=at,
        )


def _notice(row: SeriousIncident, organization: Organization, affected: int) -> str:
    return "\n\n".join(
        (
            _("Dear colleagues at %(name)s,") % {"name": organization.name},
            _("We found a fault in %(what)s. %(n)d assessments of your candidates were made with it.")
            % {"what": row.version or row.gap, "n": affected},
            _(
                "Please do not use their labels until you hear from us, and look again at decisions that rested on them."
            ),
            _("Our case: %(ref)s.") % {"ref": row.incident.reference},
        )
    )


def offers_case(system: System, *, version: ScoringVersion | None = None, gap: str = "") -> bool:
    """Whether a confirmed pattern fault may still be opened as a serious incident: none is open for it."""
    rows = SeriousIncident.objects.filter(system=system, reported_at=None)
    return not rows.filter(version=version, gap=gap.strip()).exists()
