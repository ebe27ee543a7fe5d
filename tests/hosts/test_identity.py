"""The one identity file, and everything that can be wrong with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zoffsite.hosts.identity import load_identity
from zoffsite.model.errors import SettingsError

from .sshd import keygen, public_key


def failure(path: Path) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load_identity(path)
    return caught.value


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_key_without_passphrase_is_loaded(tmp_path: Path, kind: str) -> None:
    path = keygen(tmp_path / "key", kind=kind)
    key = load_identity(path)
    assert f"{key.get_name()} {key.get_base64()}" == public_key(path)


def test_a_missing_file_comes_with_the_command_that_makes_it(tmp_path: Path) -> None:
    error = failure(tmp_path / "a key")
    assert error.code == "identity-missing"
    assert f"-f '{tmp_path}/a key'" in error.remedy


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = keygen(tmp_path / "key")
    path.chmod(mode)
    error = failure(path)
    assert error.code == "identity-permissions"
    assert error.remedy == f"chmod 600 {path}"


def test_a_passphrase_is_refused_because_nobody_is_there_to_type_it(tmp_path: Path) -> None:
    error = failure(keygen(tmp_path / "key", passphrase="secret"))
    assert error.code == "identity-encrypted"


def test_an_old_pem_key_with_a_passphrase_is_refused_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "key"
    os.system(f"ssh-keygen -q -m PEM -t rsa -N secret -f {path}")
    assert failure(path).code == "identity-encrypted"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello\n",
        b"\xff\xfe\x00",
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n",
    ],
)
def test_anything_else_is_said_to_be_no_key(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)
    assert failure(path).code == "identity-invalid"


def test_the_public_half_is_recognised(tmp_path: Path) -> None:
    path = keygen(tmp_path / "key").with_suffix(".pub")
    path.chmod(0o600)
    assert "public key" in str(failure(path))


def test_a_directory_is_no_key(tmp_path: Path) -> None:
    assert failure(tmp_path).code == "identity-invalid"
