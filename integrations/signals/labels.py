"""What the labels of an alert mean: which system, which monitor, which severity (rules "Alerts to cases")."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from config.casework.catalogue.models import System
from integrations.signals.models import SEVERITY_LENGTH, Monitor

_TRUE = frozenset({"true", "1", "yes"})


@dataclass(frozen=True)
class Reader:
    """Reads the labels of one message; systems and monitors are looked up once."""

    systems: Mapping[str, System]
    jobs: Mapping[str, System]
    monitors: Mapping[str, Monitor]

    @classmethod
    def of(cls, names: set[str]) -> Self:
        """A reader for alerts with these names."""
        systems = list(System.objects.all())
        return cls(
            systems={system.key: system for system in systems},
            jobs={str(job): system for system in systems for job in system.job_labels},
            monitors={monitor.key: monitor for monitor in Monitor.objects.filter(key__in=names)},
        )

    def system(self, labels: Mapping[str, str]) -> System | None:
        """By the label `system`, else by a `job` that a system names; None is for the list of unknown ones."""
        return self.systems.get(labels.get("system", "")) or self.jobs.get(labels.get("job", ""))

    def monitor(self, labels: Mapping[str, str], system: System | None) -> Monitor | None:
        """The monitor of that system with the alert's name."""
        monitor = self.monitors.get(labels.get("alertname", ""))
        return monitor if monitor is not None and system is not None and monitor.system_id == system.pk else None


def severity_hint(labels: Mapping[str, str], monitor: Monitor | None) -> str:
    """The monitor's severity, else the label's text; which level of the system that is, the floor above knows."""
    return (monitor.severity if monitor else "") or labels.get("severity", "")[:SEVERITY_LENGTH]


def says_data_loss(labels: Mapping[str, str], monitor: Monitor | None) -> bool:
    """True when the label `data_loss` or the monitor says that data may be lost."""
    return labels.get("data_loss", "").casefold() in _TRUE or bool(monitor and monitor.spec.get("data_loss"))
