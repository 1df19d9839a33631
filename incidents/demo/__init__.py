"""A made-up week on the incident desk, for newcomers."""
