"""Unbound sequences: every sampler returns exactly what was asked for, or stops with an error."""
