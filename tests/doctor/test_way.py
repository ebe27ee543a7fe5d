"""The way between the machines, as the source sees it."""

from __future__ import annotations

import pytest

from tests.doctor.make import BOX_SAYS, CLOCK, MACHINE, SOURCE_TABLE, bad, box_says, case, of, said, source_says
from zoffsite.doctor.examine import examine
from zoffsite.doctor.read.endpoints import other_addresses
from zoffsite.doctor.read.sockets import listeners
from zoffsite.model.checkup import Level, Word
from zoffsite.model.facts import Attempt, Knock


@pytest.mark.parametrize(
    ("last", "level", "words"),
    [
        (f"P=\t{CLOCK - 60}\n", Level.OK, "1 min"),
        (f"P=\t{CLOCK + 5}\n", Level.OK, "0 s"),
        (f"P=\t{CLOCK - 600}\n", Level.CRITICAL, "10 min"),
        ("P=\t0\n", Level.CRITICAL, "no handshake"),
        ("", Level.CRITICAL, "no handshake"),
    ],
)
def test_a_tunnel_is_as_good_as_its_last_handshake_is_young(last: str, level: Level, words: str) -> None:
    (found,) = of(source_says(handshake=last), "tunnel")
    assert (found.level, words in found.what, found.word) == (level, True, Word.OWN)


def test_who_may_not_ask_for_the_handshake_is_told_so() -> None:
    findings = source_says(handshake=None)
    assert bad(findings) == [("unseen", Level.WARNING)]
    assert "tunnel (Operation not permitted)" in of(findings, "unseen")[0].what


def test_the_boxs_own_sshd_outside_the_tunnel_is_critical_even_where_it_lets_nobody_in() -> None:
    for code in ("", "login-refused"):
        found = examine(case(knocks=(Knock(address="192.0.2.7", code=code),)))
        assert bad(found) == [("ssh-elsewhere", Level.CRITICAL)]
        assert of(found, "ssh-elsewhere")[0].word is Word.OWN


@pytest.mark.parametrize("code", ["no-answer", "connection-refused", "no-route", "host-key-mismatch"])
def test_no_answer_or_another_machine_there_is_fine(code: str) -> None:
    assert bad(examine(case(knocks=(Knock(address="192.0.2.7", code=code),)))) == []


def test_anything_forbidden_that_was_granted_is_critical_and_named() -> None:
    attempts = (
        Attempt(what="a shell", refused=True, outcome="refused"),
        Attempt(what="zfs list", refused=False, outcome="exit code 0: vault"),
    )
    findings = examine(case(attempts=attempts))
    assert bad(findings) == [("forced-command", Level.CRITICAL)]
    assert "zfs list: exit code 0: vault" in of(findings, "forced-command")[0].what


@pytest.mark.parametrize(
    "line",
    [
        'LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=7,fd=3))',
        'LISTEN 0 128 [::]:22 [::]:* users:(("sshd",pid=7,fd=3))',
        'LISTEN 0 128 10.99.0.2:2222 0.0.0.0:* users:(("sshd",pid=7,fd=3))',
        "LISTEN 0 128 192.168.1.7:22 0.0.0.0:*",
    ],
)
def test_sshd_on_any_other_address_or_port_is_a_warning_that_names_it(line: str) -> None:
    findings = box_says(listening=f"{BOX_SAYS['listening']}{line}\n")
    assert bad(findings) == [("ssh-listens", Level.WARNING)]
    assert of(findings, "ssh-listens")[0].subject in line.replace("[", "").replace("]", "")


def test_what_else_listens_is_said_but_harmless_behind_the_firewall() -> None:
    findings = box_says(
        listening=BOX_SAYS["listening"] + 'LISTEN 0 5 0.0.0.0:5355 0.0.0.0:* users:(("resolved",pid=1))\n'
    )
    assert bad(findings) == []
    assert "resolved on 0.0.0.0:5355" in of(findings, "ssh-listens")[0].what


@pytest.mark.parametrize("address", ["127.0.0.1", "[::1]"])
def test_what_listens_on_loopback_alone_is_the_boxs_own_business(address: str) -> None:
    line = f'LISTEN 0 5 {address}:22 0.0.0.0:* users:(("sshd",pid=1,fd=3))\n'
    assert bad(box_says(listening=BOX_SAYS["listening"] + line)) == []


def test_ss_is_read_with_zones_and_brackets() -> None:
    one, two = listeners("LISTEN 0 1 127.0.0.53%lo:53 0.0.0.0:*\nLISTEN 0 1 [::1]:25 [::]:*\n")
    assert (one.address, one.port, one.loopback) == ("127.0.0.53", 53, True)
    assert (two.address, two.port, two.loopback) == ("::1", 25, True)


def test_other_addresses_of_the_box_come_from_the_tunnels_own_endpoint() -> None:
    assert other_addresses("A=\t203.0.113.9:40000\nB=\t(none)\nC=\t[2001:db8::1]:5\n") == ("203.0.113.9", "2001:db8::1")
    with pytest.raises(ValueError, match="does not appear to be an IPv4 or IPv6 address"):
        other_addresses("A=\t$(reboot):1\n")


# -- firewalls


@pytest.mark.parametrize("side", [box_says, source_says])
def test_a_firewall_that_is_gone_or_changed_is_critical_on_either_machine(side: object) -> None:
    assert callable(side)
    gone = side(firewall=None)
    assert ("firewall", Level.CRITICAL) in bad(gone)
    changed = side(firewall=SOURCE_TABLE + "x", written=SOURCE_TABLE)
    assert [each.what for each in of(changed, "firewall") if each.level is Level.CRITICAL] == [
        "loaded is not what the kit's file says: +x"
    ]


def test_an_added_rule_is_shown() -> None:
    table = BOX_SAYS["firewall"].replace('iifname "lo" accept', 'iifname "lo" accept\n\t\ttcp dport 22 accept')
    (finding, _) = of(box_says(firewall=table), "firewall")
    assert (finding.level, finding.word) == (Level.CRITICAL, Word.BOX)
    assert "+tcp dport 22 accept" in finding.what


def test_where_nothing_drops_what_comes_from_the_box_the_lan_is_open() -> None:
    no_forward = SOURCE_TABLE.rpartition("\t\tiifname")[0]
    findings = source_says(firewall=no_forward)
    (finding,) = of(findings, "lan")
    assert (finding.level, finding.what) == (
        Level.CRITICAL,
        "nothing drops what comes from the box in: forward (the source forwards for others, too)",
    )
    assert of(source_says(firewall=None), "lan")[0].level is Level.CRITICAL


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ActiveState=active", "ActiveState=failed", "zoffsite-firewall.service does not run"),
        ("UnitFileState=enabled", "UnitFileState=disabled", "zoffsite-firewall.service will not start at boot"),
        ("UnitFileState=masked", "UnitFileState=enabled", "zfs-mount.service is not masked"),
    ],
)
def test_a_unit_that_does_not_run_or_will_not_start_is_named(old: str, new: str, words: str) -> None:
    findings = box_says(units=BOX_SAYS["units"].replace(old, new, 1))
    assert bad(findings) == [("units", Level.CRITICAL)]
    assert words in of(findings, "units")[0].what


SSHD = "Id=ssh.service\nActiveState=active\nUnitFileState=enabled\n"


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (SSHD, []),
        (SSHD.replace("ssh.service", "sshd.service"), []),
        (SSHD.replace("=active", "=inactive"), [("units", Level.CRITICAL)]),
        (SSHD.replace("=enabled", "=disabled"), [("units", Level.CRITICAL)]),
        (SSHD.replace("=active", "=inactive").replace("=enabled", "="), [("units", Level.CRITICAL)]),
    ],
)
def test_sshd_runs_and_starts_at_boot_by_whichever_name_it_has(told: str, wanted: list[tuple[str, Level]]) -> None:
    missing = SSHD.replace("ssh.service", "sshd.service").replace("=active", "=inactive").replace("=enabled", "=")
    other = missing if "Id=ssh." in told else missing.replace("sshd.service", "ssh.service")
    findings = box_says(units=BOX_SAYS["units"].replace(f"{SSHD}\n{missing}", f"{told}\n{other}"))
    assert bad(findings) == wanted


def test_a_kit_that_does_not_tell_of_sshd_is_not_taken_for_well() -> None:
    old = BOX_SAYS["units"].partition("Id=ssh.service")[0]
    assert "run the kit's install again" in of(box_says(units=old), "unseen")[0].what


def test_a_unit_of_the_source_that_is_gone_is_critical() -> None:
    units = f"Id=zoffsite-{MACHINE.name}-firewall.service\nActiveState=inactive\nUnitFileState=\n"
    findings = source_says(units=units)
    assert bad(findings) == [("units", Level.CRITICAL)]
    assert "zoffsite-friend-tunnel.service does not run" in of(findings, "units")[-1].what


def test_a_source_without_root_is_told_to_run_it_as_root() -> None:
    blind = said({}, handshake=None, firewall=None, written=None, endpoints=None)
    (finding,) = of(examine(case(source={**case().facts.source, **blind})), "unseen")
    assert finding.subject == "the source"
    assert "as root" in finding.remedy
