from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from zoffsite.hosts.ssh import SshRunner

from .sshd import Sshd


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    server = Sshd(tmp_path_factory.mktemp("sshd"))
    yield server
    server.stop()


@pytest.fixture
def box(sshd: Sshd) -> Iterator[SshRunner]:
    """A fresh connection to the server."""
    runner = SshRunner(sshd.host)
    yield runner
    runner.close()


@pytest.fixture
def marker() -> str:
    """An argument by which the processes of one test can be found, or found missing."""
    return f"zoffsite-test-{uuid.uuid4()}"
