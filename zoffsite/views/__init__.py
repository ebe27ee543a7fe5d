"""Floor 1: plans and reports drawn as JSON, tables and words."""
