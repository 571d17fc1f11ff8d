"""Comparing trainings: a study, or runs, as tables and one report."""
