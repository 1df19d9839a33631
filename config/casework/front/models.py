"""Counters that hold across processes."""

from django.db import models

from config.casework.personal import personal


@personal(plain=("key",))
class RateCounter(models.Model):
    """How often something was tried since the window began. The key is a keyed digest: no address stands here."""

    key = models.CharField(max_length=64, unique=True)
    window_start = models.DateTimeField()
    expires_at = models.DateTimeField()
    n = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["expires_at"], name="rate_counter_expires")]

    def __str__(self) -> str:
        return f"rate counter {self.pk}"
