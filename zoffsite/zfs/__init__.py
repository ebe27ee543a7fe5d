"""Floor 1: text only. argv builders, output parsers, stderr to typed errors. No process is run here."""
