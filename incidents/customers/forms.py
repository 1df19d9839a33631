"""What is kept about a customer by hand."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework.catalogue.fields import format_duration, parse_duration
from config.casework.desk.skin import SkinTextarea
from incidents.customers.models import Customer
from incidents.customers.selectors import ANY_INCIDENT, BREACH
from incidents.severity.models import Severity


class NoticeTimesField(forms.CharField):
    """Agreed notice times as lines of "occasion: time"; a person never sees the stored form."""

    widget = SkinTextarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{name}: {span}" for name, span in value.items()) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        known = {ANY_INCIDENT, BREACH, *Severity.objects.values_list("key", flat=True)}
        times: dict[str, str] = {}
        for number, line in enumerate(str(value or "").splitlines(), start=1):
            if not line.strip():
                continue
            name, _colon, span = (part.strip() for part in line.partition(":"))
            if name not in known:
                raise ValidationError(
                    _("Line %(number)d: write incident, breach or the key of a severity, not %(name)s.")
                    % {"number": number, "name": name}
                )
            try:
                times[name] = format_duration(parse_duration(span))
            except ValueError:
                raise ValidationError(
                    _("Line %(number)d: write a time such as PT1H or P1D after the colon.") % {"number": number}
                ) from None
        return times

    def validate(self, value: Any) -> None:
        """Nothing is demanded: not every contract has one."""

    def run_validators(self, value: Any) -> None:
        """The value is a mapping, not a text."""

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != (initial or {}))
        except ValidationError:
            return True


class CustomerForm(forms.ModelForm[Customer]):
    notice_times = NoticeTimesField(
        label=gettext_lazy("Agreed notice times"),
        required=False,
        help_text=gettext_lazy(
            "One a line, such as incident: PT4H, SEV-1: PT1H or breach: P1D (where data may be lost). The shortest that "
            "fits runs as a clock on the incident."
        ),
        widget=SkinTextarea(attrs={"rows": 3}),
    )

    class Meta:
        model = Customer
        fields = ("privacy_contact", "notice_times")
