"""Health: alive is not ready, and unready says why."""

import json
import os
import subprocess
import sys
import textwrap
from collections import namedtuple
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from config import health
from config.casework import clock
from config.casework.work import sweeps, tasks
from config.casework.work.choices import JobState
from config.casework.work.models import Heartbeat, Job

PATHS = ["/readyz", "/api/health", "/api/v1/health"]
PROBE = textwrap.dedent(
    """
    import json, django
    django.setup()
    from django.test import Client
    answers = {path: Client().get(path) for path in ["/healthz", "/readyz", "/api/health", "/api/v1/health"]}
    print(json.dumps({path: [answer.status_code, answer.json()] for path, answer in answers.items()}))
    """
)


def check(name: str) -> dict[str, Any]:
    return next(found for found in health.readiness() if found["name"] == name)


@pytest.fixture
def beating(db: None) -> None:
    """Workers that have just finished a round."""
    tasks.write_heartbeats(["sweep", *(f"sweep:{sweep.name}" for sweep in sweeps.all_sweeps())])


@pytest.mark.django_db
class TestReadiness:
    @pytest.mark.parametrize("path", PATHS)
    def test_a_working_desk_is_ready(self, client: Client, beating: None, path: str) -> None:
        answer = client.get(path)
        assert answer.status_code == 200
        assert [found["name"] for found in answer.json()["checks"]] == [
            "database",
            "migrations",
            "worker",
            "sweeps",
            "queue",
            "disk",
        ]
        assert "no-store" in answer["Cache-Control"]

    def test_without_a_heartbeat_it_is_not(self, client: Client) -> None:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert check("worker") == {"name": "worker", "ok": False, "detail": "no heartbeat yet"}

    def test_a_heartbeat_is_good_for_two_minutes(self, client: Client, beating: None) -> None:
        Heartbeat.objects.update(beat_at=clock.now() - timedelta(seconds=118))
        assert check("worker")["ok"]
        Heartbeat.objects.update(beat_at=clock.now() - timedelta(seconds=122))
        assert not check("worker")["ok"]
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 200

    def test_a_sweep_that_fails_is_named(self, beating: None) -> None:
        Heartbeat.objects.filter(name="sweep:seals").update(beat_at=clock.now() - timedelta(minutes=11))
        assert check("worker")["ok"]
        assert check("sweeps") == {"name": "sweeps", "ok": False, "detail": "failing: seals"}

    def test_work_that_waits_for_ten_minutes_is_too_old(self, beating: None) -> None:
        now = clock.now()
        job = Job.objects.create(kind="test.work", key="test:1", next_at=now - timedelta(minutes=9), created_at=now)
        assert check("queue")["ok"]
        Job.objects.update(next_at=now - timedelta(minutes=11))
        assert check("queue") == {"name": "queue", "ok": False, "detail": check("queue")["detail"]}
        assert check("queue")["detail"].startswith("the oldest due work has waited 66")
        Job.objects.filter(pk=job.pk).update(state=JobState.PARKED)
        assert check("queue")["ok"]

    def test_a_full_disk_is_told(self, beating: None, monkeypatch: pytest.MonkeyPatch) -> None:
        usage = namedtuple("usage", "total used free")
        monkeypatch.setattr("shutil.disk_usage", lambda _path: usage(10**12, 10**12, 199_999_999))
        assert check("disk") == {"name": "disk", "ok": False, "detail": "199 MB free"}

    def test_a_lost_data_folder_is_told(self, beating: None, settings: Any) -> None:
        settings.DATA_DIR = "/nowhere"
        assert not check("disk")["ok"]

    def test_production_needs_a_dead_man_service(self, beating: None, settings: Any) -> None:
        settings.PRODUCTION, settings.HEARTBEAT_URL = True, ""
        assert not check("dead_man")["ok"]
        settings.HEARTBEAT_URL = "https://dead.example.com/ping"
        assert check("dead_man") == {"name": "dead_man", "ok": True, "detail": "set"}


class TestWithoutDatabase:
    def test_it_lives_but_is_not_ready(self) -> None:
        environment = os.environ | {
            "DATABASE_URL": "postgresql://desk@127.0.0.1:9/desk",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        run = subprocess.run(
            [sys.executable, "-c", PROBE],
            env=environment,
            cwd=django_settings.BASE_DIR,
            capture_output=True,
            text=True,
            check=True,
        )
        answers = json.loads(run.stdout)
        assert answers["/healthz"] == [200, {"status": "ok"}]
        for path in PATHS:
            status, body = answers[path]
            assert (status, body["status"]) == (503, "unready")
            assert body["checks"][0] == {"name": "database", "ok": False, "detail": "does not answer"}
