"""What makes the jobs run by themselves on a machine: settings to units, facts to changes. Pure; no I/O, no clock."""
