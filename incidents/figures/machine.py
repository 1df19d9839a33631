"""What the machine below the desk says of itself: database, disk, host, clock (OPS-08, 11..13, 20; SEC-27; INC-81)."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

LEAST_FREE = 1_000_000_000  # bytes (INC-72): at or below it a deployment does not start
MOST_USED = 90  # percent (OPS-08)
MOST_SKEW = 2.0  # seconds between us and the database
MOST_CONNECTIONS = 90  # percent of the limit
SLOWEST = 10
MINUTE_ROUND = 60

DB = """
SELECT current_setting('server_version'), pg_size_pretty(pg_database_size(current_database())),
    (SELECT count(*) FROM pg_stat_activity), current_setting('max_connections')::int,
    (SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'),
    coalesce((SELECT extract(epoch FROM max(now() - xact_start))::int FROM pg_stat_activity
        WHERE xact_start IS NOT NULL AND pid <> pg_backend_pid() AND backend_type = 'client backend'), 0),
    deadlocks, round(100.0 * blks_hit / greatest(blks_hit + blks_read, 1), 1)
FROM pg_stat_database WHERE datname = current_database()
"""
SIZES = """
SELECT relname, pg_size_pretty(pg_total_relation_size(relid)), n_live_tup
FROM pg_stat_user_tables WHERE schemaname = 'public' ORDER BY pg_total_relation_size(relid) DESC, relname
"""
EXTENSION = "SELECT extversion FROM pg_extension WHERE extname = 'pg_stat_statements'"
COLUMNS = "SELECT attname FROM pg_attribute WHERE attrelid = 'pg_stat_statements'::regclass AND attnum > 0"


@dataclass
class Told:
    """Lines to read, and what is wrong among them."""

    lines: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def database(*, sizes: bool = False) -> Told:
    """Connections against their limit, size, what holds others up; with `sizes` every table, the largest first."""
    told = Told()
    try:
        with connection.cursor() as cursor:
            cursor.execute(DB)
            version, size, used, limit, idle, oldest, deadlocks, hits = cursor.fetchone()
            told.lines += [
                f"PostgreSQL {version}, database {connection.settings_dict['NAME']}, {size}",
                f"connections: {used} of {limit}",
                f"idle in a transaction: {idle}; oldest transaction: {oldest} s",
                f"deadlocks: {deadlocks}; read from memory: {hits} %",
            ]
            if used * 100 >= limit * MOST_CONNECTIONS:
                told.wrong.append(f"{used} of {limit} connections are in use")
            if sizes:
                cursor.execute(SIZES)
                rows = cursor.fetchall()
                width = max((len(row[0]) for row in rows), default=0)
                told.lines += [f"{name:<{width}}  {total:>10}  {count:>12,} rows" for name, total, count in rows]
    except (DatabaseError, InterfaceError) as error:
        told.wrong.append(f"the database does not answer ({type(error).__name__})")
    return told


def slow_queries() -> Told:
    """The slowest statements by mean time, from pg_stat_statements where it is installed."""
    told = Told()
    with connection.cursor() as cursor:
        cursor.execute(EXTENSION)
        if cursor.fetchone() is None:
            told.lines.append(
                "pg_stat_statements is not installed here: add it to shared_preload_libraries of the server, "
                "then run CREATE EXTENSION pg_stat_statements"
            )
            return told
        cursor.execute(COLUMNS)
        columns = {row[0] for row in cursor.fetchall()}
        mean, total = (
            ("mean_exec_time", "total_exec_time") if "mean_exec_time" in columns else ("mean_time", "total_time")
        )
        cursor.execute(
            f"SELECT round({mean}::numeric, 1), calls, round({total}::numeric), left(regexp_replace(query, '\\s+', ' ', 'g'), 160) "  # noqa: S608 - one of two constants
            f"FROM pg_stat_statements ORDER BY {mean} DESC LIMIT %s",
            [SLOWEST],
        )
        told.lines += [
            f"{row[0]:>10} ms  {row[1]:>8} calls  {row[2]:>10} ms in all  {row[3]}" for row in cursor.fetchall()
        ]
    return told


def disk(folders: Sequence[Path] = ()) -> Told:
    """How full the disks are that hold the desk: at most 90 % used, more than 1 GB free."""
    told = Told()
    seen: set[int] = set()
    for folder in (*folders, Path(settings.DATA_DIR), Path(settings.BASE_DIR)):
        there = next((each for each in (folder, *folder.parents) if each.exists()), Path("/"))
        device = there.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        usage = psutil.disk_usage(str(there))
        told.lines.append(f"{there}: {_bytes(usage.free)} free of {_bytes(usage.total)}, {usage.percent:.0f} % used")
        if usage.free <= LEAST_FREE:
            told.wrong.append(
                f"{there}: only {_bytes(usage.free)} free; free more than {_bytes(LEAST_FREE)} before a deployment"
            )
        if usage.percent >= MOST_USED:
            told.wrong.append(f"{there}: {usage.percent:.0f} % used; keep it below {MOST_USED} %")
    return told


def host() -> Told:
    """Memory, load, processes and open files of this machine."""
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    ours = psutil.Process()
    load = " ".join(f"{value:.2f}" for value in psutil.getloadavg())
    return Told(
        [
            f"memory: {_bytes(memory.available)} available of {_bytes(memory.total)}, {memory.percent:.0f} % used",
            f"swap: {_bytes(swap.used)} of {_bytes(swap.total)} used",
            f"load: {load} on {psutil.cpu_count()} processors",
            f"processes: {len(psutil.pids())}",
            f"open files of this command: {ours.num_fds()}",
            f"up since: {datetime.fromtimestamp(psutil.boot_time(), UTC):%Y-%m-%d %H:%M} UTC",
        ]
    )


def clock_skew() -> Told:
    """How far our clock and the database's lie apart, and when sessions end."""
    told = Told()
    try:
        before = time.time()
        with connection.cursor() as cursor:
            cursor.execute("SELECT extract(epoch FROM clock_timestamp())::float8")
            theirs = float(cursor.fetchone()[0])
        after = time.time()
    except (DatabaseError, InterfaceError) as error:
        told.wrong.append(f"the database does not answer ({type(error).__name__})")
        return told
    ours = (before + after) / 2
    skew = theirs - ours
    told.lines += [
        f"our clock: {datetime.fromtimestamp(ours, UTC).isoformat(timespec='milliseconds')}",
        f"the database's: {datetime.fromtimestamp(theirs, UTC).isoformat(timespec='milliseconds')}",
        f"skew: {skew * 1000:+.0f} ms",
        f"sessions end after {settings.SESSION_COOKIE_AGE // MINUTE_ROUND} min",
    ]
    if abs(skew) > MOST_SKEW + (after - before):
        told.wrong.append(f"the clocks lie {abs(skew):.1f} s apart; set them by NTP")
    return told


def _bytes(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
