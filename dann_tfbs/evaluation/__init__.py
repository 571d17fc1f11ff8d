"""Metrics, controls, matrices as models, answers and reports of a test."""
