"""The manifest of a backup: what it holds, so that anybody can tell whether it is whole.

A backup is one folder, `desk-<UTC time>`:

    manifest.json     this, in JSON; the only part that names the others
    database.dump     the database, as PostgreSQL's own `pg_dump --format=custom` writes it
    files.tar         attachments, encrypted as they are stored, under their storage paths
    runbooks.tar      the runbook files
    audit-heads.log   the heads of the trail's seals

The keys (DESK_KEYS) are not in it: without them files stay closed and seals cannot be checked. Beside the folders,
`latest` names the newest one.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

FORMAT = 1
NAME = "manifest.json"
LATEST = "latest"
PREFIX = "desk-"
CHUNK = 1024 * 1024


class Unreadable(Exception):
    """The backup cannot be read at all; the text says why."""


@dataclass(frozen=True)
class Part:
    """One file of a backup: bytes and SHA-256."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Table:
    """One table: how many rows, and a digest of their content that does not depend on their order."""

    rows: int
    digest: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds.

    Attributes:
        made_at: the moment its snapshot shows, UTC.
        server: version of PostgreSQL.
        schema: the last applied migration of each app.
        left_out: tables whose rows are not saved, for they may be lost.
        files: stored files in it.
        missing: files that a row names and the storage did not have.
        head: number and code of the last seal of the trail.
    """

    made_at: datetime
    server: str
    schema: dict[str, str]
    parts: dict[str, Part]
    tables: dict[str, Table]
    left_out: tuple[str, ...] = ()
    files: int = 0
    missing: tuple[str, ...] = ()
    head: str = ""
    format: int = FORMAT

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())

    @property
    def size(self) -> int:
        return sum(part.bytes for part in self.parts.values())

    def text(self) -> str:
        return json.dumps(asdict(self) | {"made_at": self.made_at.isoformat()}, indent=1, sort_keys=True) + "\n"


def read(folder: Path) -> Manifest:
    """Read the manifest of a backup.

    Raises:
        Unreadable: there is none, or it is damaged or of another format.
    """
    try:
        raw = json.loads((folder / NAME).read_text(encoding="utf-8"))
        if raw["format"] != FORMAT:
            raise Unreadable(f"{folder.name} has format {raw['format']}; this desk reads {FORMAT}")
        return Manifest(
            **(
                raw
                | {
                    "made_at": datetime.fromisoformat(raw["made_at"]),
                    "parts": {name: Part(**part) for name, part in raw["parts"].items()},
                    "tables": {name: Table(**table) for name, table in raw["tables"].items()},
                    "left_out": tuple(raw["left_out"]),
                    "missing": tuple(raw["missing"]),
                }
            )
        )
    except FileNotFoundError as error:
        raise Unreadable(f"{folder} holds no {NAME}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Unreadable(f"{folder / NAME} is damaged: {type(error).__name__}") from error


def digest(path: Path) -> Part:
    """Bytes and SHA-256 of a file."""
    code, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            code.update(chunk)
            size += len(chunk)
    return Part(size, code.hexdigest())


def newest(path: Path) -> Path:
    """The backup that a path means: itself, or the newest one in it.

    Raises:
        Unreadable: there is none.
    """
    if (path / NAME).exists() or path.name.startswith(PREFIX):
        return path
    found = backups(path)
    if not found:
        raise Unreadable(f"{path} holds no backup")
    return found[-1]


def backups(path: Path) -> list[Path]:
    """The finished backups in a folder, the oldest first."""
    return sorted(each for each in path.glob(f"{PREFIX}*") if (each / NAME).is_file()) if path.is_dir() else []
