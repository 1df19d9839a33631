"""The database side of a backup: PostgreSQL's own programs, one snapshot for dump and counts, a scratch database to prove it."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections
from psycopg import sql

from config.postgres import program
from incidents.backups.manifest import Table

LEFT_OUT = ("desk_cache", "django_session")
"""What may be lost: the cache, and sessions, whose keys would open the desk to whoever finds the backup."""
SCRATCH = "desk_verify_"
LONGEST = 3600  # seconds

TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY c.relname
"""
COUNT = (
    "SELECT count(*), coalesce(sum(('x' || left(md5(t::text), 16))::bit(64)::bigint::numeric), 0)::text "
    "FROM public.{table} AS t"
)
SCHEMA = "SELECT app, max(name) FROM django_migrations GROUP BY app ORDER BY app"
HEAD = "SELECT number || ' ' || mac FROM casework_auditseal ORDER BY number DESC LIMIT 1"


class DatabaseFailed(Exception):
    """One of PostgreSQL's programs failed, or the server refused; the text is its last line."""


@contextmanager
def connected(database: str = "") -> Iterator[psycopg.Connection[Any]]:
    """A connection of its own to the desk's server, as the role that owns the tables.

    Args:
        database: another database of the same server.
    """
    with psycopg.connect(**parameters(database), autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute("SET extra_float_digits = 1")
        connection.execute("SET bytea_output = 'hex'")
        connection.execute("SET datestyle = 'ISO, YMD'")
        connection.execute("SET intervalstyle = 'postgres'")
        yield connection


def parameters(database: str = "") -> dict[str, Any]:
    """How libpq reaches the desk's database, without the role that web and workers step into."""
    given = connections[DEFAULT_DB_ALIAS].get_connection_params()
    kept = ("host", "port", "user", "password", "sslmode", "sslrootcert", "sslcert", "sslkey")
    return {name: given[name] for name in kept if given.get(name)} | {"dbname": database or given["dbname"]}


def url(database: str) -> str:
    """DATABASE_URL of another database of the same server."""
    given = parameters(database)
    who = quote(str(given.get("user", "")), safe="")
    if given.get("password"):
        who += f":{quote(str(given['password']), safe='')}"
    host, query = str(given.get("host", "")), {k: v for k, v in given.items() if k.startswith("ssl")}
    if host.startswith("/"):
        query, host = {"host": host, **query}, ""
    port = f":{given['port']}" if given.get("port") else ""
    return (
        f"postgresql://{who}@{host}{port}/{quote(database, safe='')}{'?' if query else ''}{urlencode(query, safe='')}"
    )


def measure(connection: psycopg.Connection[Any]) -> dict[str, Table]:
    """Count and digest every table that is saved."""
    found = {}
    for (name,) in connection.execute(TABLES).fetchall():
        if name not in LEFT_OUT:
            row = connection.execute(sql.SQL(COUNT).format(table=sql.Identifier(name))).fetchone()
            if row is not None:
                found[name] = Table(int(row[0]), row[1])
    return found


def dump(snapshot: str, target: Path) -> None:
    """Write the database as one snapshot shows it.

    Raises:
        DatabaseFailed: `pg_dump` failed.
    """
    left_out = [f"--exclude-table-data=public.{name}" for name in LEFT_OUT]
    run(
        "pg_dump",
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        f"--snapshot={snapshot}",
        f"--file={target}",
        *left_out,
    )


@contextmanager
def scratch() -> Iterator[str]:
    """An empty database of its own, dropped at the end; gives its name.

    Raises:
        DatabaseFailed: the role may not create databases.
    """
    name = f"{SCRATCH}{token_hex(6)}"
    with connected("postgres" if _has_postgres() else "") as connection:
        try:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
            )
        except psycopg.Error as error:
            raise DatabaseFailed(
                f"a scratch database cannot be made ({_first_line(error)}); give the role of DATABASE_URL the right CREATEDB"
            ) from error
    try:
        yield name
    finally:
        with connected("postgres" if _has_postgres() else "") as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def restore(source: Path, database: str) -> None:
    """Put a dump into an empty database.

    Raises:
        DatabaseFailed: `pg_restore` failed; the dump is damaged, or of a newer server.
    """
    run("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", str(source), database=database)


def run(name: str, *arguments: str, database: str = "") -> None:
    """Run one of PostgreSQL's programs against the desk's server; the password stays out of the list of processes.

    Raises:
        DatabaseFailed: it failed.
    """
    given = parameters(database)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    named = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "sslmode": "PGSSLMODE",
             "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY", "dbname": "PGDATABASE"}  # fmt: skip
    environment |= {named[key]: str(value) for key, value in given.items()} | {"LC_ALL": "C"}
    environment.pop("LD_LIBRARY_PATH", None)
    if name == "pg_restore":
        arguments = (f"--dbname={given['dbname']}", *arguments)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as told:
        try:
            done = subprocess.run(
                [str(program(name)), *arguments], env=environment, stdin=subprocess.DEVNULL, stdout=told, stderr=told,
                timeout=LONGEST, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DatabaseFailed(f"{name} did not run: {type(error).__name__}") from error
        told.seek(0)
        lines = told.read().strip().splitlines()
    if done.returncode:
        raise DatabaseFailed(lines[0][:300] if lines else f"{name} ended with {done.returncode}")


def _has_postgres() -> bool:
    """Whether the usual maintenance database is there and open to us; else the desk's own serves."""
    try:
        psycopg.connect(**parameters("postgres")).close()
    except psycopg.Error:
        return False
    return True


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
