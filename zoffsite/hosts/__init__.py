"""Floor 2: the only room that runs a process or opens a socket."""
