"""Findings as the lists of issues that CI systems read."""
