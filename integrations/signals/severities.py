"""Which system and which severity an alert means (rules "Alerts to cases")."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from config.casework.catalogue.models import System
from config.casework.events import publish
from integrations.signals.events import LevelsAsked
from integrations.signals.models import SEVERITY_LENGTH, Monitor

_TRUE = frozenset({"true", "1", "yes"})
_PROMETHEUS_RANK = {"critical": 0, "warning": 2}  # critical is the first level of a system, warning its third


@dataclass
class Reader:
    """Reads the labels of one message; systems, monitors and levels are looked up once."""

    systems: Mapping[str, System]
    jobs: Mapping[str, System]
    monitors: Mapping[str, Monitor]
    _levels: dict[int, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, names: set[str]) -> "Reader":
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

    def severity(self, labels: Mapping[str, str], system: System | None, monitor: Monitor | None) -> str:
        """The monitor's severity, else a label that is a level of the system, else what critical and warning stand for."""
        if monitor is not None and monitor.severity:
            return monitor.severity
        wanted = labels.get("severity", "").casefold()
        if system is None or not wanted:
            return ""
        levels = self.levels(system)
        for level in levels:
            if level.casefold() == wanted:
                return level
        rank = _PROMETHEUS_RANK.get(wanted)
        if rank is not None and levels:
            return levels[min(rank, len(levels) - 1)]
        return "" if levels else labels["severity"][:SEVERITY_LENGTH]

    def levels(self, system: System) -> tuple[str, ...]:
        """The severities of a system, gravest first; empty when nobody above knows any."""
        if system.pk not in self._levels:
            answers = [tuple(answer) for answer in publish(LevelsAsked(system)) if answer]
            self._levels[system.pk] = answers[0] if answers else ()
        return self._levels[system.pk]

    def rank(self, severity: str, system: System) -> int:
        """0 for the gravest; what is no level of the system comes last."""
        levels = self.levels(system)
        return levels.index(severity) if severity in levels else len(levels) + (severity == "")


def says_data_loss(labels: Mapping[str, str], monitor: Monitor | None) -> bool:
    """True when the label `data_loss` or the monitor says that data may be lost."""
    return labels.get("data_loss", "").casefold() in _TRUE or bool(monitor and monitor.spec.get("data_loss"))
