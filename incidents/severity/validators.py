from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from config.casework.calendars import parse_span


def amount_of_time(value: str) -> None:
    """Refuse what no clock can run by; empty is no promise.

    Raises:
        ValidationError: the text is no duration and no number of business days.
    """
    try:
        if value:
            parse_span(value)
    except ValueError as error:
        raise ValidationError(_("Write an amount of time such as PT15M, PT2H or 1BD.")) from error
