"""The section of a runbook file that names who answers for the desk itself."""

from config.casework.catalogue.sections import Section, setting

ANSWERS_FOR_DESK: Section[bool] = setting("answers_for_desk", bool, order=66)
"""Trouble with the desk's own backups becomes an incident of this system."""
