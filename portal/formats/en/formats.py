"""Dates without a doubt which number is the month."""

DATE_FORMAT = "j M Y"
DATETIME_FORMAT = "j M Y, H:i"
SHORT_DATE_FORMAT = "j M"
TIME_FORMAT = "H:i"
