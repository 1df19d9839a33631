"""How well people review the machine: overturns, minutes, clocks; under twenty decisions counts, never rates."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.contenttypes.models import ContentType
from django.db.models import F, Q
from django.utils.translation import gettext as _

from config.casework.deadlines.models import Deadline
from config.casework.desk.display import person_name
from disputes.choices import IN_FAVOUR, PROMISED
from disputes.decisions.models import Decision
from disputes.models import Dispute

LEAST = 20


@dataclass(frozen=True)
class Figure:
    """One line: how many were decided, how many of them against the machine, and the minutes they took."""

    name: str
    decided: int
    overturned: int
    minutes: int

    @property
    def rate(self) -> int | None:
        """Percent overturned; None under twenty decisions."""
        return round(self.overturned * 100 / self.decided) if self.decided >= LEAST else None

    @property
    def minutes_each(self) -> int:
        return round(self.minutes / self.decided) if self.decided else 0


@dataclass(frozen=True)
class Table:
    title: str
    rows: list[Figure]


@dataclass(frozen=True)
class Summary:
    """All decisions together, the clocks, and how often the score changed a mind."""

    total: Figure
    clocks_met: int
    clocks_all: int
    changed: int
    withdrawn_undecided: int

    @property
    def clocks_rate(self) -> int | None:
        return round(self.clocks_met * 100 / self.clocks_all) if self.clocks_all >= LEAST else None

    @property
    def changed_rate(self) -> int | None:
        return round(self.changed * 100 / self.total.decided) if self.total.decided >= LEAST else None


def tables() -> list[Table]:
    """Overturns by model version, rules version, reason code and reviewer."""
    decisions = _decisions()
    by_code = [(code, decision) for decision in decisions for code in decision.dispute.contested.reason_codes]
    return [
        Table(_("By model version"), _figures((row.dispute.contested.model_version, row) for row in decisions)),
        Table(_("By rules version"), _figures((row.dispute.contested.rules_version, row) for row in decisions)),
        Table(_("By reason code"), _figures(by_code)),
        Table(_("By reviewer"), _figures((person_name(row.decided_by), row) for row in decisions)),
    ]


def summary() -> Summary:
    decisions = _decisions()
    figures = _figures((_("All"), row) for row in decisions)
    clocks = Deadline.objects.filter(content_type=ContentType.objects.get_for_model(Dispute), kind__in=PROMISED).filter(
        Q(met_at__isnull=False) | Q(breached_at__isnull=False)
    )
    return Summary(
        total=figures[0] if figures else Figure(_("All"), 0, 0, 0),
        clocks_met=clocks.filter(met_at__isnull=False, breached_at=None, met_at__lte=F("due_at")).count(),
        clocks_all=clocks.count(),
        changed=sum(row.changed_after_score for row in decisions),
        withdrawn_undecided=Dispute.objects.filter(undecided_at__isnull=False, is_rehearsal=False).count(),
    )


def csv_rows() -> Iterable[list[str | int]]:
    """The tables as lines; a rate that rests on too little is left empty."""
    yield [_("Table"), _("Name"), _("Decided"), _("Overturned"), _("Rate in percent"), _("Minutes each")]
    for table in tables():
        for row in table.rows:
            rate = row.rate
            yield [table.title, row.name, row.decided, row.overturned, "" if rate is None else rate, row.minutes_each]


def _decisions() -> list[Decision]:
    rows = Decision.objects.filter(effective_at__isnull=False, replaced_at=None, dispute__is_rehearsal=False)
    only = ("outcome", "seconds", "changed_after_score", "decided_by__name", "decided_by__email")
    contested = (
        "dispute__contested__model_version",
        "dispute__contested__rules_version",
        "dispute__contested__reason_codes",
    )
    return list(rows.select_related("dispute__contested", "decided_by").only(*only, *contested))


def _figures(named: Iterable[tuple[str, Decision]]) -> list[Figure]:
    decided: Counter[str] = Counter()
    overturned: Counter[str] = Counter()
    seconds: defaultdict[str, int] = defaultdict(int)
    for name, decision in named:
        decided[name] += 1
        overturned[name] += decision.outcome in IN_FAVOUR
        seconds[name] += decision.seconds
    return [Figure(name, count, overturned[name], seconds[name] // 60) for name, count in decided.most_common()]
