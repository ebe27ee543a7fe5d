"""A settings directory with a real key, and a file that is right until a test makes it wrong."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from zoffsite.config.mistakes import Problem
from zoffsite.config.settings import Settings, load, problems

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMERKkMTZA6OQs2mNTAC68xWf5DtojAJZYgCDIVWmyaN"
RIGHT = f"""\
[box.friend]
host = "10.77.0.2"
user = "zoffsite"
host_key = "{HOST_KEY}"
identity_file = "key"
root = "vault/home"

[job.home]
box = "friend"
datasets = ["tank/home", "tank/photos"]
"""


@dataclass
class House:
    """The directory of the settings: `text` is what zoffsite.toml will hold."""

    path: Path
    text: str = RIGHT

    @property
    def file(self) -> Path:
        return self.path / "zoffsite.toml"

    def add(self, text: str) -> House:
        self.text += text
        return self

    def replace(self, old: str, new: str) -> House:
        assert old in self.text
        self.text = self.text.replace(old, new)
        return self

    def env(self, text: str, mode: int = 0o600) -> House:
        (self.path / ".env").write_text(text)
        (self.path / ".env").chmod(mode)
        return self

    def problems(self, **environ: str) -> list[Problem]:
        self.file.write_text(self.text)
        return problems(self.file, environ=environ)

    def problem(self, **environ: str) -> Problem:
        """The only mistake there is."""
        (found,) = self.problems(**environ)
        return found

    def load(self, **environ: str) -> Settings:
        self.file.write_text(self.text)
        return load(self.file, environ=environ)

    def line(self, pattern: str) -> int:
        """The line (from 1) that holds `pattern`, which only one does."""
        (found,) = [number for number, line in enumerate(self.text.split("\n"), 1) if re.search(pattern, line)]
        return found


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


@pytest.fixture
def house(tmp_path: Path, key_file: Path) -> House:
    (tmp_path / "key").write_bytes(key_file.read_bytes())
    (tmp_path / "key").chmod(0o600)
    return House(tmp_path)
