"""Floor 3: gather, plan, act. One file per verb."""
