"""Seal the trail: numbered, keyed codes over batches of entries, each naming the one before.

A seal takes the entries whose transactions are older than every running one; a transaction that commits late therefore
always finds a later seal. The key is not in the database, and each head also leaves it.
"""

from datetime import datetime

import structlog
from django.db import connection, transaction

from config.casework.audit import digests, heads
from config.casework.audit.models import AuditSeal

LOCK = 0x4465736B5365616C  # "DeskSeal"
MOST_ENTRIES = 20_000

log = structlog.get_logger("desk.audit")

HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
BOUND = "SELECT xid FROM casework_auditentry WHERE xid >= %s AND xid < %s ORDER BY xid, id OFFSET %s LIMIT 1"
FIRST_XID = "SELECT min(xid) FROM casework_auditentry WHERE xid >= %s AND xid < %s"
ENTRIES = f"SELECT id, {digests.CANONICAL} FROM casework_auditentry WHERE xid >= %s AND xid < %s ORDER BY xid, id"  # noqa: S608 - constants
BURN = "DO $$ BEGIN WHILE pg_current_xact_id()::text::bigint < {target} LOOP COMMIT; END LOOP; END $$"


def seal(at: datetime) -> int:
    """Seal what can be sealed and note the new heads outside; safe when two run at once.

    Returns:
        how many entries were sealed.
    """
    total = 0
    while True:
        with transaction.atomic():
            made = _seal_once(at)
        if made is None:
            break
        total += len(made.entry_ids)
        log.info("audit_head", number=made.number, mac=made.mac, entries=len(made.entry_ids))
    _note_heads()
    return total


def catch_up() -> int:
    """Move the server's transaction counter past the last seal; say how many numbers that took.

    A dump restored on a younger server would otherwise write entries that look older than the seals. Must run outside
    of a transaction; does nothing on a server that kept its counter.
    """
    last = AuditSeal.objects.order_by("-number").values_list("to_xid", flat=True).first()
    if last is None or connection.in_atomic_block:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(HORIZON)
        behind = int(last) - int(cursor.fetchone()[0])
        if behind > 0:
            log.warning("audit_counter_behind", numbers=behind)
            cursor.execute("SET synchronous_commit = off")
            cursor.execute(BURN.format(target=int(last)))
            cursor.execute("RESET synchronous_commit")
    return max(0, behind)


def _seal_once(at: datetime) -> AuditSeal | None:
    """Make the next seal, if there is anything to seal and nobody else is at it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        if not cursor.fetchone()[0]:
            return None
        last = AuditSeal.objects.defer("entry_ids", "digests").order_by("-number").first()
        from_xid = last.to_xid if last else 0
        # The horizon is read before the entries: whatever is older than it was committed by then and is seen.
        cursor.execute(HORIZON)
        horizon = int(cursor.fetchone()[0])
        if horizon < from_xid:
            log.error("audit_counter_behind", last_seal=from_xid, server=horizon)
            return None
        to_xid = _bound(from_xid, horizon)
        cursor.execute(ENTRIES, [from_xid, to_xid])
        rows = cursor.fetchall()
    if not rows:
        return None
    ids, codes = [row[0] for row in rows], b"".join(digests.digest(row[1]) for row in rows)
    number, previous = (last.number + 1, last.mac) if last else (1, digests.FIRST)
    text = digests.seal_text(
        number=number, at=at, previous=previous, from_xid=from_xid, to_xid=to_xid, entry_ids=ids, digests=codes
    )
    return AuditSeal.objects.create(
        number=number,
        at=at,
        from_xid=from_xid,
        to_xid=to_xid,
        entry_ids=ids,
        digests=codes,
        previous=previous,
        mac=digests.code(text),
    )


def _bound(from_xid: int, horizon: int) -> int:
    """Where this seal ends: at the horizon, or sooner when there is a lot; transactions stay whole."""
    with connection.cursor() as cursor:
        cursor.execute(BOUND, [from_xid, horizon, MOST_ENTRIES])
        found = cursor.fetchone()
        if found is None:
            return horizon
        cursor.execute(FIRST_XID, [from_xid, horizon])
        first = cursor.fetchone()[0]
    return int(found[0]) if found[0] > first else int(first) + 1


def _note_heads() -> None:
    """Append the heads that the file lacks, after their commit; a crash in between is made good by the next round."""
    last = AuditSeal.objects.order_by("-number").values_list("number", flat=True).first()
    if last is None or connection.in_atomic_block:
        return
    with heads.appending() as file:
        noted = file.last_number()
        if noted is None:
            noted = last - 1  # a new node, or a lost file: it starts here, and verify_audit says so
            if noted:
                log.warning("audit_heads_begun", number=last)
        lacking = AuditSeal.objects.filter(number__gt=noted).order_by("number").values_list("number", "mac", "at")
        file.append(heads.Head(number, mac, when.isoformat()) for number, mac, when in lacking)
