"""Who sees and works which incident: lead, agent, auditor, a stranger of another organisation."""

import pytest
from django.core.exceptions import PermissionDenied
from guardian.shortcuts import assign_perm

from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.transitions import apply
from incidents.models import Incident
from incidents.services import apply_mitigation, open_incident
from tests import factories


def sees(user: User, incident: Incident) -> bool:
    return Incident.objects.visible_to(User.objects.get(pk=user.pk)).filter(pk=incident.pk).exists()


class TestScope:
    def test_operator_staff_see_every_organisation(
        self, jobarium: System, lead: User, agent: User, now: object
    ) -> None:
        tenant = factories.organization("acme")
        theirs = open_incident(jobarium, title="x", actor=lead, at=now, organization=tenant)  # type: ignore[arg-type]
        assert sees(agent, theirs)

    def test_a_member_of_an_employer_sees_its_own_rows_only(
        self, incident: Incident, jobarium: System, lead: User, stranger: User
    ) -> None:
        acme = factories.organization("acme")
        theirs = open_incident(jobarium, title="x", actor=lead, at=incident.received_at, organization=acme)
        assert sees(stranger, theirs)
        assert not sees(stranger, incident)

    def test_a_restricted_case_is_seen_by_its_owner_and_those_it_is_shared_with(
        self, incident: Incident, lead: User, agent: User
    ) -> None:
        Incident.objects.filter(pk=incident.pk).update(restricted=True, owner=lead)
        incident.refresh_from_db()
        assert sees(lead, incident)
        assert not sees(agent, incident)
        assign_perm("incidents.view_incident", agent, incident)
        assert sees(agent, incident)

    def test_an_account_that_was_ended_sees_nothing(self, incident: Incident, agent: User) -> None:
        User.objects.filter(pk=agent.pk).update(is_active=False)
        assert not sees(agent, incident)


class TestAuditor:
    @pytest.fixture
    def auditor(self, db: None) -> User:
        return factories.person(Role.AUDITOR)

    def test_they_see(self, incident: Incident, auditor: User) -> None:
        assert sees(auditor, incident)

    def test_they_change_nothing(self, incident: Incident, auditor: User) -> None:
        with pytest.raises(PermissionDenied):
            apply(incident, "acknowledge", actor=auditor)
        with pytest.raises(PermissionDenied):
            apply_mitigation(incident, actor=auditor, text="x", at=incident.received_at)
        with pytest.raises(PermissionDenied):
            open_incident(incident.system, title="x", actor=auditor, at=incident.received_at)
