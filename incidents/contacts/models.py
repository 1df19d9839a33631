"""Who stands behind the roles that a source names and nobody of two people holds by that name."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from config.casework.access.models import User
from config.casework.catalogue.models import System
from config.casework.personal import personal
from config.casework.versions import versioned


@personal(plain=("role",))
@versioned()
class RoleHolder(models.Model):
    """A person named for a role of a source; without one the role falls to whoever holds its desk role (INC-02, R-27)."""

    system = models.ForeignKey(System, on_delete=models.CASCADE, related_name="role_holders")
    role = models.CharField(max_length=80, help_text=_("As the runbook writes it, such as CISO."))
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="source_roles")

    class Meta:
        ordering = ("system__name", "role")
        verbose_name = _("holder of a role")
        verbose_name_plural = _("holders of roles")
        constraints = [models.UniqueConstraint(fields=["system", "role"], name="role_holder_once")]

    def __str__(self) -> str:
        return f"role holder {self.pk}"
