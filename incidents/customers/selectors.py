"""Whom an incident hits, and who exactly gets a message."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from config.casework.calendars import parse_span
from config.casework.catalogue.choices import OrganizationKind
from config.casework.catalogue.models import Organization, System
from incidents.communications.models import MessageTemplate
from incidents.customers.choices import Duty
from incidents.customers.models import Affected, CustomerContact, Usage
from incidents.models import Incident

AFFECTED, UNTOLD, ALL = "affected", "untold", "all"
NAMED_ONE_BY_ONE = 300  # beyond that one goes by region and feature
ANY_INCIDENT, BREACH = "incident", "breach"
INCIDENT_DUTIES = (Duty.INCIDENTS, Duty.BOTH)


@dataclass(frozen=True)
class Readers:
    """Who gets a text, and who gets it in their own language instead.

    Attributes:
        contacts: get this text.
        others: language and number of those for whom an approved text in that language is there.
        silent: customers of the chosen groups that have no mail address.
    """

    contacts: tuple[CustomerContact, ...] = ()
    others: tuple[tuple[str, int], ...] = ()
    silent: tuple[str, ...] = ()


def customers_of(system: System, groups: Iterable[str], incident: Incident | None = None) -> QuerySet[Organization]:
    """The customers that any of the groups names.

    Args:
        groups: "all" (everybody who uses the system), "region:eu", "feature:invites", "organization:12", and for an
            incident "affected" or "untold" (affected and not told yet).
    """
    condition = Q(pk__in=[])
    use = Usage.objects.filter(system=system)
    for group in groups:
        kind, _colon, value = group.partition(":")
        if kind == ALL:
            condition |= Q(pk__in=use.values("organization"))
        elif kind == "region":
            condition |= Q(pk__in=use.filter(regions__contains=[value]).values("organization"))
        elif kind == "feature":
            condition |= Q(pk__in=use.filter(features__contains=[value]).values("organization"))
        elif kind == "organization" and value.isdecimal():
            condition |= Q(pk=int(value))
        elif kind in {AFFECTED, UNTOLD} and incident is not None:
            rows = Affected.objects.filter(incident=incident)
            condition |= Q(pk__in=(rows.filter(told_at=None) if kind == UNTOLD else rows).values("organization"))
    return Organization.objects.filter(condition, kind=OrganizationKind.TENANT).order_by("name")


def groups_of(system: System, incident: Incident | None = None) -> list[tuple[str, str]]:
    """The groups one can choose, in words."""
    offered: list[tuple[str, str]] = []
    if incident is not None and incident.affected.exists():
        offered += [(UNTOLD, _("affected, not told yet")), (AFFECTED, _("all affected"))]
    uses = list(Usage.objects.filter(system=system).select_related("organization"))
    if uses:
        offered.append((ALL, _("everybody who uses %(system)s") % {"system": system.name}))
    regions = sorted({region for use in uses for region in use.regions})
    features = sorted({feature for use in uses for feature in use.features})
    offered += [(f"region:{name}", _("region: %(name)s") % {"name": name}) for name in regions]
    offered += [(f"feature:{name}", _("feature: %(name)s") % {"name": name}) for name in features]
    tenants = Organization.objects.filter(kind=OrganizationKind.TENANT).order_by("name")[:NAMED_ONE_BY_ONE]
    return offered + [(f"organization:{row.pk}", row.name) for row in tenants]


def readers(
    system: System, groups: Iterable[str], template: MessageTemplate, incident: Incident | None = None
) -> Readers:
    """The people behind the groups who get `template`; whoever reads another language gets the text that exists in it."""
    customers = list(customers_of(system, groups, incident))
    if not customers:
        return Readers()
    contacts = CustomerContact.objects.filter(
        organization__in=customers, duty__in=INCIDENT_DUTIES, is_active=True
    ).select_related("organization")
    by_mail = [contact for contact in contacts if contact.email]
    languages = set(
        MessageTemplate.objects.filter(
            system=template.system, key=template.key, is_current=True, approved_at__isnull=False
        ).values_list("language", flat=True)
    )
    mine: list[CustomerContact] = []
    others: dict[str, int] = {}
    for contact in by_mail:
        language = _language(contact.language, languages)
        if language is None or language == template.language:
            mine.append(contact)
        else:
            others[language] = others.get(language, 0) + 1
    reached = {contact.organization_id for contact in by_mail}
    silent = tuple(customer.name for customer in customers if customer.pk not in reached)
    return Readers(tuple(mine), tuple(sorted(others.items())), silent)


def agreed_time(organization: Organization, incident: Incident) -> str:
    """The shortest notice time agreed with a customer that fits the incident; empty when none does.

    `notice_times` of an organisation: "incident" for any, the key of a severity for that level, "breach" where data may
    be lost; values such as PT1H.
    """
    occasions = [ANY_INCIDENT]
    if incident.severity is not None:
        occasions.append(incident.severity.key)
    if incident.data_loss_risk:
        occasions.append(BREACH)
    spans = [str(organization.notice_times[name]) for name in occasions if name in organization.notice_times]
    return min(spans, key=lambda span: parse_span(span).time, default="")


def affected_with_contacts(incident: Incident) -> list[Affected]:
    """Who is hit, not told yet first, the nearest agreed time first."""
    rows = list(
        incident.affected.select_related("organization").prefetch_related("organization__contacts").order_by("pk")
    )
    return sorted(
        rows, key=lambda row: (row.told_at is not None, due_of(row) is None, due_of(row), row.organization.name)
    )


def due_of(row: Affected) -> datetime | None:
    """Until when the contract wants the customer told."""
    return row.since + agreed_length(row.agreed) if row.agreed else None


def agreed_length(span: str) -> timedelta:
    return parse_span(span).time


def _language(wanted: str, there: set[str]) -> str | None:
    """The language of a text that a reader of `wanted` understands best, if there is one."""
    return next((code for code in (wanted.lower(), wanted.lower().partition("-")[0]) if code in there), None)
