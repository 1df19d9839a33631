"""Runs the real Alertmanager (Debian's prometheus-alertmanager) against a desk, for end-to-end tests."""

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

BINARY = "prometheus-alertmanager"
CONFIGURATION = """
route:
  receiver: desk
  group_by: [alertname, system]
  group_wait: 1s
  group_interval: 3s
  repeat_interval: 10s
receivers:
- name: desk
  webhook_configs:
  - url: {url}/api/ingest/alertmanager
    send_resolved: true
    max_alerts: 0
    http_config:
      authorization: {{type: Bearer, credentials_file: {token_file}}}
"""

needs_alertmanager = pytest.mark.skipif(
    shutil.which(BINARY) is None and os.environ.get("CI", "").lower() not in {"1", "true"},
    reason=f"{BINARY} is not installed (apt install {BINARY}); with CI=true it is required",
)


class Alertmanager:
    """A running Alertmanager.

    Args:
        address: where it listens, such as http://127.0.0.1:40001.
    """

    def __init__(self, address: str) -> None:
        self.address = address

    def fire(self, name: str, **labels: str) -> None:
        """Post an alert that fires until it is resolved; the same labels again are a repeat."""
        self._post({"alertname": name, **labels}, ends_at=datetime.now(UTC) + timedelta(hours=1))

    def resolve(self, name: str, **labels: str) -> None:
        """Say that the alert with these labels is over."""
        self._post({"alertname": name, **labels}, ends_at=datetime.now(UTC) - timedelta(seconds=1))

    def failed_notifications(self) -> int:
        """How many webhook calls failed for it so far."""
        lines = self._get("/metrics").splitlines()
        prefix = 'alertmanager_notifications_failed_total{integration="webhook"'
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines if line.startswith(prefix))

    def sent_notifications(self) -> int:
        """How many webhook calls it made so far."""
        lines = self._get("/metrics").splitlines()
        return sum(
            int(float(line.rsplit(" ", 1)[1]))
            for line in lines
            if line.startswith('alertmanager_notifications_total{integration="webhook"')
        )

    def is_ready(self) -> bool:
        try:
            self._get("/-/ready")
        except (urllib.error.URLError, ConnectionError):
            return False
        return True

    def _post(self, labels: dict[str, str], *, ends_at: datetime) -> None:
        alert: dict[str, Any] = {
            "labels": labels,
            "annotations": {"summary": "made by a test"},
            "startsAt": (datetime.now(UTC) - timedelta(minutes=1)).isoformat(),  # left out, it would become endsAt
            "endsAt": ends_at.isoformat(),
            "generatorURL": "http://127.0.0.1/graph",
        }
        request = urllib.request.Request(
            f"{self.address}/api/v2/alerts", json.dumps([alert]).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 200

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(self.address + path, timeout=5) as answer:
            text: str = answer.read().decode()
        return text


@contextmanager
def running_alertmanager(folder: Path, *, desk: str, token: str) -> Iterator[Alertmanager]:
    """Start Alertmanager with its webhook at a desk, and end it afterwards.

    Args:
        folder: an empty folder for its configuration, storage and log.
        desk: address of the desk, such as http://127.0.0.1:8000.
        token: a token with the scope alerts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    token_file = folder / "token"
    token_file.write_text(token)
    token_file.chmod(0o600)
    configuration = folder / "alertmanager.yml"
    configuration.write_text(CONFIGURATION.format(url=desk.rstrip("/"), token_file=token_file))
    address = f"127.0.0.1:{free_port()}"
    command = [
        BINARY,
        f"--config.file={configuration}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen([*command, "--cluster.listen-address="], stdout=log, stderr=log) as process,
    ):
        try:
            manager = Alertmanager(f"http://{address}")
            wait_until(manager.is_ready, seconds=15, what="Alertmanager to be ready")
            yield manager
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_until(condition: Any, *, seconds: float, what: str) -> None:
    """Ask every tenth of a second until `condition()` holds.

    Raises:
        AssertionError: it did not within `seconds`; names what was waited for.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds} s for {what}")


def free_port() -> int:
    """A port of the loopback address that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
