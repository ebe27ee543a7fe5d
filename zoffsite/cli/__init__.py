"""Floor 6: commands, tables, progress bars."""
