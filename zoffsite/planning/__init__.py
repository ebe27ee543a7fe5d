"""Floor 1: pure decisions. Facts and `now` are arguments, plans come out."""
