"""Muted alerts: silent for a while, never for what is graver, and heard again when the time is over."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client

from config.casework.access.choices import Scope
from config.casework.access.models import User
from config.casework.access.services import issue_token
from config.casework.catalogue.models import System
from config.casework.work.services import tick
from incidents.models import Incident, Mute
from incidents.mutes.choices import MuteOf, MuteUntil
from incidents.mutes.endings import close
from incidents.mutes.services import mute
from integrations.signals.models import AlertGroup
from tests import factories
from tests.incidents.conftest import level
from tests.incidents.test_alerts import MONITOR, Sender, alert

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def send(client: Client, jobarium: System, lead: User, chief: User, now: datetime) -> Sender:
    token = issue_token("alertmanager", [Scope.ALERTS], actor=None, at=now)
    return Sender(client, token, now)


def silence(
    system: System,
    actor: User,
    at: datetime,
    *,
    of: MuteOf = MuteOf.ALERT,
    value: str = MONITOR,
    severity: str = "SEV-2",
    until: MuteUntil = MuteUntil.HOUR,
    reason: str = "Known, fixed tomorrow.",
    ends_at: datetime | None = None,
) -> Mute:
    return mute(
        system,
        of=of,
        value=value,
        severity=level(system, severity),
        until=until,
        reason=reason,
        ends_at=ends_at,
        actor=actor,
        at=at,
    )


class TestHiding:
    @pytest.mark.parametrize(("of", "value"), [(MuteOf.ALERT, MONITOR), (MuteOf.FINGERPRINT, "f1")])
    def test_a_muted_alert_opens_nothing(
        self, send: Sender, jobarium: System, agent: User, now: datetime, of: MuteOf, value: str
    ) -> None:
        silence(jobarium, agent, now, of=of, value=value)
        assert send(alert(), after=MINUTE) == []
        assert not Incident.objects.exists()
        assert Mute.objects.get().hidden == 1

    def test_a_group_too(self, send: Sender, jobarium: System, agent: User, lead: User, now: datetime) -> None:
        send(alert(resolved=True))
        silence(jobarium, agent, now, of=MuteOf.GROUP, value=str(AlertGroup.objects.get().pk))
        assert send(alert(), after=MINUTE) == []

    def test_another_alert_of_the_group_is_heard(
        self, send: Sender, jobarium: System, agent: User, now: datetime
    ) -> None:
        silence(jobarium, agent, now, of=MuteOf.FINGERPRINT, value="f1")
        assert len(send(alert(), alert(MONITOR, "f2"), after=MINUTE)) == 1

    def test_a_graver_severity_is_heard(self, send: Sender, jobarium: System, agent: User, now: datetime) -> None:
        silence(jobarium, agent, now, value="Other", severity="SEV-2")
        assert send(alert("Other", severity="SEV-2"), after=MINUTE) == []
        assert len(send(alert("Other", severity="SEV-1"), after=2 * MINUTE)) == 1

    def test_lost_data_is_heard(self, send: Sender, jobarium: System, agent: User, now: datetime) -> None:
        silence(jobarium, agent, now)
        assert len(send(alert(data_loss="true"), after=MINUTE)) == 1

    def test_another_system_is_heard(self, send: Sender, jobarium: System, agent: User, now: datetime) -> None:
        silence(jobarium, agent, now, value="Other")
        factories.system("sentinel")
        assert len(send(alert("Other", system="sentinel"), after=MINUTE)) == 1

    def test_an_open_case_goes_on(self, send: Sender, jobarium: System, agent: User, now: datetime) -> None:
        (reference,) = send(alert())
        silence(jobarium, agent, now)
        assert send(alert(MONITOR, "f2"), after=MINUTE) == [reference]


class TestEnd:
    def test_it_ends_by_itself_and_what_still_fires_has_its_case(
        self, send: Sender, jobarium: System, agent: User, now: datetime
    ) -> None:
        silence(jobarium, agent, now)
        send(alert(), after=MINUTE)
        tick(now + HOUR - MINUTE)
        assert not Incident.objects.exists()
        tick(now + HOUR)
        assert Incident.objects.get().received_at == now + HOUR
        assert Mute.objects.get().ended_at == now + HOUR
        tick(now + HOUR + MINUTE)
        assert Incident.objects.count() == 1

    def test_what_is_over_by_then_opens_nothing(
        self, send: Sender, jobarium: System, agent: User, now: datetime
    ) -> None:
        silence(jobarium, agent, now)
        send(alert(), after=MINUTE)
        send(alert(resolved=True), after=2 * MINUTE)
        tick(now + 2 * HOUR)
        assert not Incident.objects.exists()

    def test_a_person_may_end_it_early_and_only_once(
        self, send: Sender, jobarium: System, agent: User, now: datetime
    ) -> None:
        row = silence(jobarium, agent, now)
        send(alert(), after=MINUTE)
        assert close(row, actor=agent, at=now + 5 * MINUTE)
        assert not close(row, actor=agent, at=now + 6 * MINUTE)
        assert Incident.objects.count() == 1

    @pytest.mark.parametrize(
        ("zone", "ends"),
        [("UTC", datetime(2026, 3, 10, 8)), ("Europe/Berlin", datetime(2026, 3, 10, 7))],
    )
    def test_until_the_morning_of_the_systems_zone(
        self, jobarium: System, agent: User, now: datetime, zone: str, ends: datetime
    ) -> None:
        jobarium.zone = zone
        assert silence(jobarium, agent, now, until=MuteUntil.MORNING).ends_at == ends.replace(tzinfo=now.tzinfo)

    def test_before_the_morning_it_is_the_same_day(self, jobarium: System, agent: User, now: datetime) -> None:
        night = now.replace(hour=3)
        assert silence(jobarium, agent, night, until=MuteUntil.MORNING).ends_at == now.replace(hour=8)


class TestRefusals:
    def test_without_a_reason(self, jobarium: System, agent: User, now: datetime) -> None:
        with pytest.raises(ValidationError) as refusal:
            silence(jobarium, agent, now, reason="  ")
        assert "reason" in refusal.value.message_dict

    @pytest.mark.parametrize("hours", [None, -1, 0, 24 * 31])
    def test_until_a_moment_that_does_not_serve(
        self, jobarium: System, agent: User, now: datetime, hours: int | None
    ) -> None:
        moment = None if hours is None else now + hours * HOUR
        with pytest.raises(ValidationError) as refusal:
            silence(jobarium, agent, now, until=MuteUntil.DATE, ends_at=moment)
        assert "ends_at" in refusal.value.message_dict

    def test_twice(self, jobarium: System, agent: User, now: datetime) -> None:
        silence(jobarium, agent, now)
        with pytest.raises(ValidationError, match="already"):
            silence(jobarium, agent, now)

    @pytest.mark.parametrize("value", ["x", "999999", ""])
    def test_a_group_that_is_not_there(self, jobarium: System, agent: User, now: datetime, value: str) -> None:
        with pytest.raises(ValidationError) as refusal:
            silence(jobarium, agent, now, of=MuteOf.GROUP, value=value)
        assert "value" in refusal.value.message_dict

    def test_a_severity_of_another_system(self, jobarium: System, agent: User, now: datetime) -> None:
        other = factories.system("sentinel")
        with pytest.raises(ValidationError) as refusal:
            mute(
                other,
                of=MuteOf.ALERT,
                value="x",
                severity=level(jobarium, "SEV-2"),
                until=MuteUntil.HOUR,
                reason="r",
                actor=agent,
                at=now,
            )
        assert "severity" in refusal.value.message_dict

    def test_by_a_stranger(self, jobarium: System, stranger: User, now: datetime) -> None:
        with pytest.raises(PermissionDenied):
            silence(jobarium, stranger, now)
