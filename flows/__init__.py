"""Prefect flows: wiring only, what runs after what."""
