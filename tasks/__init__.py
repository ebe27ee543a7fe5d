"""Prefect tasks: one action each."""
