"""Dates as German clinicians write them."""

DATE_FORMAT = "d.m.Y"
DATETIME_FORMAT = "d.m.Y, H:i"
SHORT_DATE_FORMAT = "d.m."
TIME_FORMAT = "H:i"
