"""Benchmarks in the format of the IBIS challenge: their files, scores and ranks."""
