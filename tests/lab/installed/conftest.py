"""zoffsite installed on the source itself, from its wheel, under the guest's own Python."""

from __future__ import annotations

import pytest

from lab import Lab

from .home import DATASET, MAIL_URL, NEVER, ROOT, Home

KEY = "/root/.ssh/zoffsite_ed25519"


@pytest.fixture(scope="session")
def home(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Installed and set up by `zoffsite init`; nothing has run yet. The box is delegated, without the kit."""
    home = Home(lab)
    home.install(tmp_path_factory.mktemp("wheels"))
    home.source.create_encrypted(DATASET)
    home.write("first")
    home.box.prepare_box(ROOT)
    home.source.put(lab.key_file.read_bytes(), KEY, 0o600)
    words = f"--host {home.box.address} --host-key '{home.box.host_key()}' --root {ROOT} --dataset {DATASET}"
    home.zoffsite(f"init --no-input {words} --cron '{NEVER}'", env=f"ZOFFSITE_NOTIFY_URLS='{MAIL_URL}'")
    return home
