"""The canonical form of an entry and of a seal: what a digest and a seal stand for."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from config.casework import crypto

PURPOSE = "audit-seal"
DIGEST_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
FIRST = "0" * 64  # what the first seal names as the one before it

# Every column, in an encoding that neither the session's time zone nor its date style changes. The text is made here
# and hashed in Python: a database that was tampered with is not asked to vouch for itself.
CANONICAL = """json_build_array(
    id, (extract(epoch FROM at) * 1000000)::bigint, (extract(epoch FROM happened_at) * 1000000)::bigint, actor_id, actor_label,
    action, object_type, object_id, case_reference, organization_id, subject, fields, detail, trace_id, xid
)::text"""


def digest(canonical: str) -> bytes:
    """What a seal keeps of one entry: the first 16 bytes of SHA-256 over its canonical text."""
    return sha256(canonical.encode()).digest()[:DIGEST_BYTES]


def seal_text(
    *, number: int, at: datetime, previous: str, from_xid: int, to_xid: int, entry_ids: Sequence[int], digests: bytes
) -> bytes:
    """What the code of a seal is made over."""
    ids = sha256(",".join(map(str, entry_ids)).encode()).hexdigest()
    parts = (
        "1",
        number,
        (at - _EPOCH) // _MICROSECOND,
        previous,
        from_xid,
        to_xid,
        len(entry_ids),
        ids,
        sha256(digests).hexdigest(),
    )
    return "|".join(map(str, parts)).encode()


def code(text: bytes) -> str:
    """The keyed code of a seal, under the newest key."""
    return crypto.mac(PURPOSE, text).hex()


def fits(text: bytes, mac: str) -> bool:
    """Whether any of the desk's keys made this code."""
    try:
        return crypto.verify_mac(PURPOSE, text, bytes.fromhex(mac))
    except ValueError:
        return False
