"""Floor 0: frozen values. No I/O, no clock, no import from any other room."""
