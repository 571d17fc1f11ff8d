"""Tracking with MLflow and figures."""
