"""Submissions to the IBIS challenge: checked, and made out of runs or matrices."""
