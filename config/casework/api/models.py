"""Which calls with an idempotency key were answered already."""

from django.db import models

from config.casework.personal import personal


@personal(plain=("scope", "key", "digest", "reference"))
class IdempotencyKey(models.Model):
    """A key a client sent with a call, and what that call made; the same key again gives the first one back."""

    scope = models.CharField(max_length=80)
    key = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    reference = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = "idempotency key"
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="idempotency_key_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotency_key_age")]

    def __str__(self) -> str:
        return f"idempotency key {self.pk}"
