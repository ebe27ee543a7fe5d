"""The doctor on a pair that the kit has set up, run as root on the source: healthy, then sabotaged in many ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from demo.kit import BOX, DISK, KEY
from lab import Lab

from ..chain.installed import RUN, install
from .place import Site, blank, make_site

KNOWN = ("system-disk", "ssh-listens 10.0.2.15:22", "known-bugs", "clock time server")
"""Of a guest: its disk is not encrypted, and the lab has a way in of its own; its OpenZFS may be an old one; there is
no time server."""
SETTINGS = f"""\
[box.friend]
host = "{BOX}"
user = "keep"
identity_file = "{KEY}"
root = "vault/replicas"
accept = {json.dumps(KNOWN)}
[box.friend.tunnel]
endpoints = ["home.test"]
source = "10.99.0.1"
[job.home]
box = "friend"
datasets = ["tank/home"]
"""
PLACE = "/root/zoffsite"
REPLICA = "vault/replicas/tank:home"
KEYS = "/etc/zoffsite/authorized_keys.d/keep"
Findings = list[dict[str, Any]]


@pytest.fixture(scope="module")
def site(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Installed, paired, settled, and backed up once by zoffsite on the source itself."""
    folder = tmp_path_factory.mktemp("doctor")
    made = make_site(lab, folder)
    made.kit.install(made.source)
    made.kit.carry()
    made.kit.install(made.box, "--disks", DISK)
    made.kit.pair()
    made.kit.await_settled()
    made.await_ssh()
    install(made.source, folder)
    made.source.put(SETTINGS.encode(), f"{PLACE}/zoffsite.toml")
    made.source.put((folder / "friend.pairing").read_bytes(), f"{PLACE}/friend.pairing")
    made.source.run("head -c 300K /dev/urandom >/tank/home/file")
    made.source.run(f"cd {PLACE} && python3 {RUN} backup --direct", timeout=300)
    made.box.run("systemctl start zoffsite-keeper.service")
    yield made
    blank(lab)


def examine(site: Site, code: int) -> Findings:
    """`zoffsite doctor --json` on the source: all findings."""
    done = site.source.try_run(f"cd {PLACE} && python3 {RUN} doctor --json", timeout=400)
    assert (done.code, "Traceback" in done.err) == (code, False), done.out + done.err
    tree = json.loads(done.out)
    assert (tree["job"], tree["exit_code"]) == ("home", code)
    findings: Findings = tree["findings"]
    return findings


def bad(findings: Findings) -> dict[tuple[str, str], str]:
    """What counts: by check and subject, its level."""
    return {
        (each["check"], each["subject"]): each["level"]
        for each in findings
        if each["level"] != "ok" and not each["accepted"]
    }


def words(findings: Findings, check: str, subject: str = "the box") -> str:
    (found,) = [each["what"] for each in findings if (each["check"], each["subject"]) == (check, subject)]
    return str(found)


def test_a_pair_that_the_kit_has_set_up_is_well(site: Site) -> None:
    findings = examine(site, 0)
    assert bad(findings) == {}
    accepted = {each["check"] for each in findings if each["accepted"]}
    assert accepted - {"known-bugs", "clock"} == {"system-disk", "ssh-listens"}
    assert "zfs list" in words(findings, "forced-command")
    assert words(findings, "tpm") == "there is no TPM: nothing to look at"
    own = {each["check"] for each in findings if each["word"] == "own"}
    assert {"reachable", "host-key", "tunnel", "forced-command", "ssh-elsewhere", "lan", "firewall", "pool"} <= own


SABOTAGE = (
    "zfs set canmount=on mountpoint=/mnt/x vault/replicas; mountpoint -q /mnt/x || zfs mount vault/replicas",
    f"zfs snapshot {REPLICA}@by-hand; zfs set readonly=off {REPLICA}",
    "zfs allow -u keep destroy vault/replicas",
    "nft insert rule inet zoffsite input tcp dport 22 accept",
    "echo 'ListenAddress 10.77.0.2' >/etc/ssh/sshd_config.d/02-more.conf; systemctl restart ssh",
    'sed -i \'s/"floor_days": 30.0/"floor_days": 1.0/\' /etc/zoffsite/policy.json',
    "systemctl disable --quiet --now zoffsite-scrub.timer",
    "date -s '+2 hours'",
)
MENDING = (
    "rm /etc/ssh/sshd_config.d/02-more.conf",
    "zfs unmount vault/replicas; zfs set canmount=off mountpoint=none vault/replicas",
    f"zfs destroy {REPLICA}@by-hand; zfs inherit readonly {REPLICA}; zfs unallow -u keep destroy vault/replicas",
    'sed -i \'s/"floor_days": 1.0/"floor_days": 30.0/\' /etc/zoffsite/policy.json',
    "systemctl enable --quiet --now zoffsite-scrub.timer",
    "systemctl restart zoffsite-firewall.service; systemctl restart zoffsite-tunnel.service ssh.service",
)


def test_each_sabotage_of_either_machine_is_named_and_nothing_else(site: Site) -> None:
    """All at once, but for those that would leave nobody to ask."""
    site.source.run("nft delete table inet zoffsite_friend")
    for command in SABOTAGE:
        site.box.run(command)
    try:
        findings = examine(site, 1)
    finally:
        for command in MENDING:
            site.box.run(command)
        site.box.set_clock()
        site.source.run("nft add table inet zoffsite_friend; systemctl restart zoffsite-friend-firewall.service")
        site.source.run("systemctl restart zoffsite-friend-tunnel.service")
        site.await_ssh()
    assert bad(findings) == {
        ("unmounted", "vault/replicas"): "critical",
        ("foreign-snapshots", "vault/replicas"): "critical",
        ("read-only", "vault/replicas"): "critical",
        ("properties", "vault/replicas"): "warning",
        ("delegation", "the box"): "critical",
        ("firewall", "the box"): "critical",
        ("firewall", "the source"): "critical",
        ("lan", "the source"): "critical",
        ("ssh-listens", "10.77.0.2:22"): "warning",
        ("ssh-elsewhere", "10.77.0.2"): "critical",
        ("floor", "the box"): "critical",
        ("units", "the box"): "critical",
        ("clock", "the box"): "critical",
    }
    assert "+tcp dport 22 accept" in words(findings, "firewall")
    assert f"{REPLICA}@by-hand" in words(findings, "foreign-snapshots", "vault/replicas")
    assert "may also destroy" in words(findings, "delegation")


def test_a_key_without_its_forced_command_is_found_by_trying_it(site: Site) -> None:
    """The gate is gone for the doctor, too: what it asks is now said to a shell."""
    site.box.run(f"cp {KEYS} /root/keys; sed -i 's/^restrict,.*\" ssh-/ssh-/' {KEYS}")
    try:
        findings = examine(site, 1)
    finally:
        site.box.run(f"cp /root/keys {KEYS}")
    granted = [each["what"] for each in findings if each["check"] == "forced-command"]
    assert bad(findings)["forced-command", "the box"] == "critical"
    assert any("sh -c id" in each and "uid=" in each for each in granted)
    assert any("zfs list" in each for each in granted)


def test_a_box_that_is_away_is_said_to_be_and_the_source_is_examined_all_the_same(site: Site) -> None:
    site.box.run("systemctl stop zoffsite-endpoint.timer zoffsite-tunnel.service")
    try:
        findings = examine(site, 1)
    finally:
        site.box.run("systemctl start zoffsite-tunnel.service zoffsite-endpoint.timer; systemctl restart ssh.service")
        site.await_ssh()
    assert ("reachable", "the box") in bad(findings)
    assert "tank on the source" in {each["subject"] for each in findings if each["check"] == "pool"}
    assert not {each["check"] for each in findings if each["word"] == "box"}
