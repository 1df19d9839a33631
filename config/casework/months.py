"""Legal months: a due date one calendar month after receipt, rolled to the next working day of a jurisdiction."""

import calendar as gregorian
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from config.casework.openings import BusinessCalendar, next_open_day

ZONE = "Europe/Berlin"
HOLIDAYS = "DE"
LAST_SECOND = time(23, 59, 59)
OPEN = ((time(0, 0), time(23, 59)),)


def month_after(
    received: datetime, *, zone: str = ZONE, holidays: str = HOLIDAYS
) -> tuple[datetime, list[dict[str, str]]]:
    """When a duty of one month ends (GDPR Article 12(3), Regulation 1182/71), with the steps that lead there.

    31 January leads to the last of February; an end on a weekend or holiday rolls to the next working day. It is the
    last second of that day in the jurisdiction's zone.

    Args:
        received: aware; its local day counts.
    """
    place = ZoneInfo(zone)
    day = received.astimezone(place).date()
    year, month = (day.year + 1, 1) if day.month == 12 else (day.year, day.month + 1)
    same = date(year, month, min(day.day, gregorian.monthrange(year, month)[1]))
    working = BusinessCalendar(zone=zone, hours=dict.fromkeys(range(5), OPEN), holidays=holidays)
    last = next_open_day(same - timedelta(days=1), working)
    due = datetime.combine(last, LAST_SECOND, place)
    steps = [
        {"rule": "received", "at": received.isoformat()},
        {"rule": "one month", "at": datetime.combine(same, LAST_SECOND, place).isoformat()},
    ]
    if last != same:
        steps.append({"rule": "next working day", "at": due.isoformat()})
    return due, steps
