"""References people can type: INC-2026-000123, and random ones with check letters for the public.

Staff-made references count up. A public one must not tell how many cases there are, and a typing error must be seen:
four random letters and two check letters (ISO 7064, MOD 1271-36 is overkill for six; a weighted sum over a prime
alphabet finds every single error and every swap of neighbours).
"""

import secrets
from datetime import datetime

from django.db import connection

from config.casework.cases.models import ReferenceCounter

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"[:29]  # a prime number of letters, without 0 O 1 I L U
RANDOM_LETTERS = 4


def next_reference(prefix: str, at: datetime) -> str:
    """The next counted reference of this year, safe under parallel callers.

    Args:
        prefix: such as "INC".
        at: the instant of the case; its UTC year is taken.
    """
    table = connection.ops.quote_name(ReferenceCounter._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} AS counter (prefix, year, last) VALUES (%s, %s, 1) "  # noqa: S608 - the model's own name
            "ON CONFLICT (prefix, year) DO UPDATE SET last = counter.last + 1 RETURNING last",
            [prefix, at.year],
        )
        (number,) = cursor.fetchone()
    return f"{prefix}-{at.year}-{number:06}"


def public_reference(prefix: str, at: datetime) -> str:
    """A random reference with two check letters."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LETTERS))
    return f"{prefix}-{at.year}-{body}{_check_letters(f'{prefix}{at.year}{body}')}"


def is_well_formed(reference: str) -> bool:
    """True when a public reference carries its own check letters (case and spaces do not matter)."""
    parts = reference.strip().upper().split("-")
    if len(parts) != 3 or len(parts[2]) != RANDOM_LETTERS + 2 or not parts[1].isdecimal():
        return False
    prefix, year, letters = parts
    return (
        set(letters) <= set(ALPHABET)
        and _check_letters(f"{prefix}{year}{letters[:RANDOM_LETTERS]}") == letters[RANDOM_LETTERS:]
    )


def _check_letters(text: str) -> str:
    values = [ALPHABET.find(letter) if letter in ALPHABET else 29 + ord(letter) for letter in text]
    first = sum((place + 1) * value for place, value in enumerate(values)) % len(ALPHABET)
    second = sum((place + 2) ** 2 * value for place, value in enumerate(values)) % len(ALPHABET)
    return ALPHABET[first] + ALPHABET[second]
