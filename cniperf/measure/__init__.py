"""Wiring a scheme, loading it, and leaving a run."""
