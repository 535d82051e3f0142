"""Calls added up into groups, lineages and their losses."""
