"""What the key may do on the box: sshd, zfs, root's policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.doctor.make import (
    ACCOUNT,
    ALLOW,
    BOX_SAYS,
    CLOCK,
    JOB,
    LOGIN,
    MACHINE,
    SSHD,
    bad,
    box_says,
    case,
    facts,
    of,
    said,
)
from zoffsite.doctor.case import Case
from zoffsite.doctor.examine import examine
from zoffsite.model.checkup import Level
from zoffsite.model.job import Retention


def test_each_setting_of_sshd_that_is_not_the_kits_is_named() -> None:
    for line in SSHD.splitlines():
        name, _, value = line.partition(" ")
        other = {"no": "yes", "yes": "no", "publickey": "any"}[value]
        findings = box_says(sshd=SSHD.replace(line, f"{name} {other}"))
        assert bad(findings) == [("ssh-settings", Level.WARNING)]
        assert f"{name} {other}" in of(findings, "ssh-settings")[0].what


@pytest.mark.parametrize(
    "line",
    [
        "ssh-ed25519 AAAA",
        'command="/usr/local/lib/zoffsite/gate backup" ssh-ed25519 AAAA',
        LOGIN.replace("gate backup", "gate2 backup").strip(),
        LOGIN.replace('from="10.99.0.1"', 'from="*"').strip(),
    ],
)
def test_a_key_that_is_let_in_without_the_gate_is_critical(line: str) -> None:
    findings = box_says(login=f"{LOGIN}# a comment\n\n{line}\n")
    assert bad(findings) == [("login-key", Level.CRITICAL)]
    assert "1 of 2 keys have no gate" in of(findings, "login-key")[0].what


@pytest.mark.parametrize(("mode", "owner"), [("666", "root"), ("664", "root"), ("600", "keep")])
def test_a_login_file_that_others_may_write_is_critical(mode: str, owner: str) -> None:
    path = "/etc/zoffsite/authorized_keys.d/keep"
    assert bad(box_says(login_file=f"{CLOCK} {mode} {owner} {path}\n")) == [("login-key", Level.CRITICAL)]


@pytest.mark.parametrize(
    ("rights", "level", "words"),
    [
        ("create,mount,receive,send", Level.OK, "may create, mount, receive"),
        ("create,mount,receive", Level.OK, "may create, mount, receive"),
        ("create,destroy,mount,receive,send", Level.CRITICAL, "may also destroy"),
        ("create,mount,receive:append,rollback,send", Level.CRITICAL, "may also rollback"),
        ("create,mount,send", Level.CRITICAL, "lacks receive"),
        ("create,load-key,receive,send", Level.CRITICAL, "lacks mount and may also load-key"),
    ],
)
def test_the_delegation_is_what_the_kit_gives_and_nothing_more(rights: str, level: Level, words: str) -> None:
    (found,) = of(box_says(allow=ALLOW.replace("create,mount,receive:append,send", rights)), "delegation")
    assert (found.level, words in found.what) == (level, True), found.what


def test_what_everyone_may_do_counts_too() -> None:
    findings = box_says(allow=f"{ALLOW}\teveryone rename\n")
    assert "may also rename" in of(findings, "delegation")[0].what


@pytest.mark.parametrize(
    "change",
    [
        "canmount\ton",
        "mountpoint\t/vault",
        "readonly\toff",
        "com.sun:auto-snapshot\t-",
        "snapshot_limit\tnone",
        "quota\t0",
    ],
)
def test_each_property_of_the_root_that_protects_it_is_wanted(change: str) -> None:
    name = change.partition("\t")[0]
    lines = [change if line.startswith(f"{name}\t") else line for line in BOX_SAYS["properties"].splitlines()]
    assert bad(box_says(properties="\n".join(lines))) == [("properties", Level.WARNING)]


def test_a_root_without_a_quota_may_be_accepted_and_the_other_properties_are_judged_all_the_same() -> None:
    without = BOX_SAYS["properties"].replace("quota\t500", "quota\t0")
    told = said(BOX_SAYS, properties=without.replace("readonly\ton", "readonly\toff"))
    found = examine(case(box=told), ["properties quota"])
    assert [(each.subject, each.accepted) for each in of(found, "properties") if each.level is Level.WARNING] == [
        ("quota", True),
        (JOB.root, False),
    ]


@pytest.mark.parametrize(
    ("policy", "level"),
    [
        ('{"floor_days": 30, "minimum": 3}', Level.OK),
        ('{"floor_days": 60, "minimum": 9}', Level.OK),
        ('{"floor_days": 29.9, "minimum": 3}', Level.CRITICAL),
        ('{"floor_days": 30, "minimum": 2}', Level.CRITICAL),
    ],
)
def test_a_policy_weaker_than_the_settings_is_critical(policy: str, level: Level) -> None:
    assert of(box_says(policy=policy), "floor")[0].level is level


def test_a_floor_above_what_the_job_keeps_will_refuse_its_prunes() -> None:
    for within, level in ((31, Level.OK), (29, Level.WARNING)):
        job = replace(JOB, keep_box=Retention(within=timedelta(days=within)))
        found = examine(Case(job=job, facts=facts(), machine=MACHINE, account=ACCOUNT))
        assert of(found, "floor")[0].level is level


def test_a_policy_that_is_not_one_is_unreadable_and_not_fine() -> None:
    for policy in ("null", "{}", '{"floor_days": "x", "minimum": 1}', '{"floor_days": NaN, "minimum": 3}'):
        findings = box_says(policy=policy)
        assert not of(findings, "floor")
        assert [each.subject for each in of(findings, "unreadable")] == ["the floor"]


def test_a_keeper_that_has_not_looked_for_long_is_a_warning() -> None:
    assert bad(box_says(observed=f"{CLOCK - 5 * 3600}\n")) == []
    assert bad(box_says(observed=f"{CLOCK - 7 * 3600}\n")) == [("keeper", Level.WARNING)]


def test_a_user_of_another_box_has_no_floor_of_ours() -> None:
    found = examine(replace(case(), account=None))
    assert not of(found, "floor")
