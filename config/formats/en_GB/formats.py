"""Dates in lists: the day of the week and 24 hours, so that nobody misreads a month or a morning."""

DATE_FORMAT = "D j M Y"
DATETIME_FORMAT = "D j M Y, H:i"
TIME_FORMAT = "H:i"
