"""Figures: how long the product takes, and how much memory, where there is a lot to do. See README.md."""
