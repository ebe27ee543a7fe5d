"""Floor 1: settings. The only room that reads the environment, .env and zoffsite.toml.

`settings.load` gives what every command works with, or one SettingsError that names every mistake.
"""
