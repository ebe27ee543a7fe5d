"""What a machine that receives says of itself: read by real commands, from files made here."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoffsite.hosts import receiver
from zoffsite.hosts.local import LocalRunner
from zoffsite.hosts.receiver import Receiver


@pytest.mark.parametrize(
    ("policy", "roots"),
    [
        (None, None),
        ('{"users": {"a": {"root": "v/a", "minimum": 3}, "b": {"root": "v/b"}}}', {"v/a", "v/b"}),
        ("{}", set()),
        ("no JSON", set()),
        ('{"users": [1]}', set()),
    ],
)
def test_a_box_of_the_kit_is_known_by_what_it_grants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str | None, roots: set[str] | None
) -> None:
    monkeypatch.setattr(receiver, "BOX_MARK", str(tmp_path / "policy.json"))
    if policy is not None:
        (tmp_path / "policy.json").write_text(policy)
    assert Receiver(LocalRunner()).box_roots() == roots


def test_a_machine_is_known_by_its_host_keys_those_that_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "HOST_KEYS", (str(tmp_path / "absent.pub"), str(tmp_path / "ed.pub")))
    assert Receiver(LocalRunner()).host_keys() == set()
    (tmp_path / "ed.pub").write_text("ssh-ed25519 AAAA root@box\n")
    assert Receiver(LocalRunner()).host_keys() == {"ssh-ed25519 AAAA"}
