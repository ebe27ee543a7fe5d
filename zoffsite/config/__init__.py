"""Floor 1: settings. The only room that reads the environment, .env and zoffsite.toml."""
