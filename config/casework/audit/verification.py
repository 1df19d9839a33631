"""Prove the trail: every sealed entry is there and as it was, nothing was slipped in, and the end was not cut off."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby

from django.db import connection, transaction

from config.casework import clock
from config.casework.audit import digests, heads
from config.casework.audit.models import AuditSeal

UNSEALED_LIMIT = timedelta(minutes=10)
CHUNK = 5_000
SEALS_AT_ONCE = 20
AT = 1  # place of the time of recording in the canonical text

STREAM = f"SELECT xid, id, {digests.CANONICAL} FROM casework_auditentry ORDER BY xid, id"  # noqa: S608 - constants
SNAPSHOT = "SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint FROM pg_current_snapshot() AS s"

type Row = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with the trail."""

    code: str
    text: str
    entry: int | None = None
    seal: int | None = None


@dataclass
class Report:
    """What a verification saw.

    Attributes:
        entries: how many entries there are, sealed or not.
        sealed: how many of them are under a seal.
        head: the last seal.
        heads_from: the first seal in the head file.
    """

    findings: list[Finding] = field(default_factory=list)
    entries: int = 0
    sealed: int = 0
    seals: int = 0
    head: heads.Head | None = None
    heads_from: int | None = None


def verify() -> list[Finding]:
    """All that is wrong with the trail; nothing when it is whole."""
    return examine().findings


def examine() -> Report:
    """Verify seals, entries and head file in one pass over a single snapshot; only memory for one seal is needed."""
    with _snapshot():
        return _Verification().run()


@contextmanager
def _snapshot() -> Iterator[None]:
    nested = connection.in_atomic_block
    with transaction.atomic():
        if not nested:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


class _Verification:
    """One pass: seals and entries are read side by side, both in the order in which they were sealed."""

    def __init__(self) -> None:
        self.report = Report()
        self.now = clock.now()
        self.rows = _stream()
        self.waiting: Row | None = next(self.rows, None)
        self.last: AuditSeal | None = None
        self.unfit: list[int] = []
        self.removed: dict[int, int] = {}  # entry -> its seal
        self.inserted: dict[int, int] = {}  # entry -> the seal in whose range it lies
        self.heads: dict[int, str] = {}
        self.unnoted: AuditSeal | None = None

    def run(self) -> Report:
        self._read_heads()
        seals = AuditSeal.objects.order_by("number").iterator(chunk_size=SEALS_AT_ONCE)
        for seal in seals:
            self._check_chain(seal)
            self._check_entries(seal)
            self._check_head(seal)
            self.last = seal
            self.report.seals += 1
        self._check_rest()
        self._tell_moved()
        self._tell_unfit()
        self._check_cut()
        if self.last is not None:
            self.report.head = heads.Head(self.last.number, self.last.mac, self.last.at.isoformat())
        return self.report

    def find(self, code: str, text: str, *, entry: int | None = None, seal: int | None = None) -> None:
        self.report.findings.append(Finding(code, text, entry, seal))

    # --- seals ------------------------------------------------------------------------------------------------------

    def _check_chain(self, seal: AuditSeal) -> None:
        number = self.last.number + 1 if self.last else 1
        if seal.number != number:
            missing = f"seal {number} is" if seal.number == number + 1 else f"seals {number}–{seal.number - 1} are"
            self.find("seal_missing", f"{missing} missing", seal=number)
        elif seal.previous != (self.last.mac if self.last else digests.FIRST):
            self.find("chain_broken", f"seal {seal.number} does not name the seal before it", seal=seal.number)
        elif seal.from_xid != (self.last.to_xid if self.last else 0):
            self.find(
                "chain_broken", f"seal {seal.number} does not begin where the seal before it ends", seal=seal.number
            )
        text = digests.seal_text(
            number=seal.number,
            at=seal.at,
            previous=seal.previous,
            from_xid=seal.from_xid,
            to_xid=seal.to_xid,
            entry_ids=seal.entry_ids,
            digests=bytes(seal.digests),
        )
        if not digests.fits(text, seal.mac):
            self.unfit.append(seal.number)

    def _tell_unfit(self) -> None:
        if len(self.unfit) > 1 and len(self.unfit) == self.report.seals:
            self.find(
                "key", f"none of the {self.report.seals} seals was made with a key in DESK_KEYS: is it the right one?"
            )
            return
        for number in self.unfit:
            self.find("seal_changed", f"seal {number} was changed, or its key is not in DESK_KEYS", seal=number)

    # --- entries ----------------------------------------------------------------------------------------------------

    def _check_entries(self, seal: AuditSeal) -> None:
        codes = bytes(seal.digests)
        size = digests.DIGEST_BYTES
        expected = {pk: codes[place * size : (place + 1) * size] for place, pk in enumerate(seal.entry_ids)}
        self._tell_uncovered(self._rows_before(seal.from_xid))
        for _xid, pk, canonical in self._rows_before(seal.to_xid):
            sealed = expected.pop(pk, None)
            if sealed is None:
                self.inserted[pk] = seal.number
            else:
                self.report.sealed += 1
                if sealed != digests.digest(canonical):
                    self.find(
                        "entry_changed", f"entry {pk} was changed after seal {seal.number}", entry=pk, seal=seal.number
                    )
        self.removed.update(dict.fromkeys(expected, seal.number))

    def _rows_before(self, xid: int) -> Iterator[Row]:
        while self.waiting is not None and self.waiting[0] < xid:
            row = self.waiting
            self.waiting = next(self.rows, None)
            self.report.entries += 1
            yield row

    def _tell_uncovered(self, rows: Iterable[Row]) -> None:
        ids = [pk for _xid, pk, _canonical in rows]
        if ids:
            self.find("entries_uncovered", f"{_entries(ids)} under a missing seal", entry=ids[0])

    def _check_rest(self) -> None:
        """What no seal covers yet must be young, and written by transactions that this server has begun."""
        with connection.cursor() as cursor:
            cursor.execute(SNAPSHOT)
            oldest, newest = cursor.fetchone()
        if self.last is not None and oldest < self.last.to_xid:
            self.find(
                "counter_behind",
                "the server counts transactions from before the last seal: was it restored? run manage.py migrate",
            )
        old: list[int] = []
        limit = (self.now - UNSEALED_LIMIT).timestamp() * 1_000_000
        for xid, pk, canonical in self._rows_before(2**63):
            if xid >= newest:
                self.find("entry_inserted", f"entry {pk} was slipped in: its transaction never was", entry=pk)
            elif pk in self.removed:
                self.inserted[pk] = 0
            elif json.loads(canonical)[AT] < limit:
                old.append(pk)
        if old:
            self.find(
                "unsealed",
                f"{_entries(old)} older than {UNSEALED_LIMIT.seconds // 60} minutes and not sealed",
                entry=old[0],
            )

    def _tell_moved(self) -> None:
        """Name what is missing and what is too much; an entry that is both was put elsewhere in the order."""
        for pk, seal in self.removed.items():
            if pk in self.inserted:
                self.find(
                    "entry_reordered",
                    f"entry {pk} was moved away from its place under seal {seal}",
                    entry=pk,
                    seal=seal,
                )
            else:
                self.find("entry_removed", f"entry {pk} was removed after seal {seal}", entry=pk, seal=seal)
        for pk, seal in self.inserted.items():
            if pk not in self.removed:
                self.find("entry_inserted", f"entry {pk} was slipped in behind seal {seal}", entry=pk, seal=seal)

    # --- the head file ----------------------------------------------------------------------------------------------

    def _read_heads(self) -> None:
        try:
            noted = heads.read()
        except FileNotFoundError:
            noted = []
        except heads.BrokenHeads as error:
            self.find("heads_broken", str(error))
            noted = []
        for before, head in zip([None, *noted], noted, strict=False):
            if before is not None and head.number != before.number + 1:
                self.find(
                    "heads_broken",
                    f"{heads.FILE} goes from seal {before.number} to seal {head.number}",
                    seal=head.number,
                )
            self.heads[head.number] = head.mac
        self.report.heads_from = noted[0].number if noted else None

    def _check_head(self, seal: AuditSeal) -> None:
        noted = self.heads.pop(seal.number, None)
        if noted is not None and noted != seal.mac:
            self.find(
                "head_differs",
                f"seal {seal.number} is not the one that {heads.FILE} holds: it was replaced",
                seal=seal.number,
            )
        if noted is not None:
            self.unnoted = None
        elif self.unnoted is None:
            self.unnoted = seal

    def _check_cut(self) -> None:
        """Heads left over have lost their seal; seals left over have lost their head."""
        end = self.last.number if self.last else 0
        cut = sorted(number for number in self.heads if number > end)
        if cut:
            which = f"seal {cut[0]}" if len(cut) == 1 else f"seals {cut[0]}–{cut[-1]}"
            self.find(
                "tail_cut", f"the end was cut off: {heads.FILE} holds {which}, the database ends at {end}", seal=cut[0]
            )
        if self.report.seals and self.report.heads_from is None:
            self.find(
                "heads_missing",
                f"{heads.FILE} is missing or empty in the data folder, but there are {self.report.seals} seals",
            )
        elif self.unnoted is not None and self.unnoted.at < self.now - UNSEALED_LIMIT:
            self.find("heads_missing", f"{heads.FILE} ends before seal {self.unnoted.number}", seal=self.unnoted.number)


def _stream() -> Iterator[Row]:
    """All entries in the order of their transactions, from a cursor that stays on the server."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(STREAM)
        while rows := cursor.fetchmany(CHUNK):
            yield from rows


def _entries(ids: list[int]) -> str:
    """The entries of a list as runs: "4 entries (7 to 9, 12) are"."""
    runs = [[pk for _place, pk in run] for _key, run in groupby(enumerate(sorted(ids)), lambda item: item[1] - item[0])]
    text = ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)
    return f"entry {text} is" if len(ids) == 1 else f"{len(ids)} entries ({text}) are"
