"""Calls that may come twice, and tokens that are used."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from config.casework.access.models import ApiToken
from config.casework.access.services import digest
from config.casework.api.models import IdempotencyKey

KEYS_KEPT = timedelta(days=90)
USE_NOTED_EVERY = timedelta(minutes=1)


class KeyReused(Exception):
    """An idempotency key came a second time with other content."""


def once(scope: str, key: str, *, content: Any, at: datetime, make: Callable[[], str]) -> tuple[str, bool]:
    """Do something at most once for a key, in one transaction with the note that it was done.

    A second caller with the same key waits for the first; when the first fails, the key is free again.

    Args:
        scope: what the key counts for, such as "incidents".
        key: what the client sent; empty: nothing is remembered.
        content: plain data of the request; the same key with other content is refused.
        at: aware instant of the call.
        make: does it, and returns the reference of what it made.
    Returns:
        the reference, and whether it was made by this call.
    Raises:
        KeyReused: the key belongs to other content.
    """
    if not key:
        with transaction.atomic():
            return make(), True
    fingerprint = hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
    with transaction.atomic():
        row = IdempotencyKey(scope=scope, key=key, digest=fingerprint, created_at=at)
        IdempotencyKey.objects.bulk_create([row], ignore_conflicts=True)
        kept = IdempotencyKey.objects.select_for_update().get(scope=scope, key=key)
        if kept.reference:
            if kept.digest != fingerprint:
                raise KeyReused(key)
            return kept.reference, False
        kept.reference = make()
        kept.save(update_fields=["reference"])
        return kept.reference, True


def find_token(text: str, *, at: datetime) -> ApiToken | None:
    """The living token with this text, its use noted at most once a minute; None when unknown, revoked or expired."""
    token = ApiToken.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=at), digest=digest(text), revoked_at=None
    ).first()
    if token is not None and (token.last_used_at is None or token.last_used_at <= at - USE_NOTED_EVERY):
        ApiToken.objects.filter(pk=token.pk).filter(
            Q(last_used_at=None) | Q(last_used_at__lte=at - USE_NOTED_EVERY)
        ).update(last_used_at=at)
        token.last_used_at = at
    return token


def forget_keys(at: datetime) -> int:
    """Delete idempotency keys nobody will send again."""
    return IdempotencyKey.objects.filter(created_at__lt=at - KEYS_KEPT).delete()[0]
