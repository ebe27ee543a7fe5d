"""What every finding has, and what costs no other finding."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doctor.make import ACCOUNT, BOX_SAYS, JOB, MACHINE, bad, box_says, case, facts, of, said
from zoffsite.doctor.case import Case
from zoffsite.doctor.examine import examine
from zoffsite.model.checks import WHY
from zoffsite.model.checkup import Checkup, Level, Word
from zoffsite.model.facts import Answer, Attempt
from zoffsite.model.report import ErrorReport

REFUSED = ErrorReport(code="connection-refused", message="nothing listens", remedy="look", transient=True)


def test_a_healthy_pair_is_ok_in_every_respect() -> None:
    found = examine(case())
    assert bad(found) == []
    assert {each.check for each in found} == set(WHY) - {"root", "gate", "unseen", "unreadable"}


def test_every_finding_says_why_it_matters_and_every_bad_one_what_to_do() -> None:
    empty = Case(job=JOB, facts=facts(source={}, box={}, inventory=None, attempts=()), machine=MACHINE, account=ACCOUNT)
    for found in (examine(case()), examine(empty), box_says(firewall=None, allow=None, status="x")):
        for each in found:
            assert each.why == WHY[each.check]
            assert bool(each.remedy) == (each.level is not Level.OK)


def test_what_the_box_says_of_itself_is_told_apart_from_what_was_seen() -> None:
    words = {each.check: each.word for each in examine(case()) if each.subject in ("the box", JOB.root)}
    assert words["forced-command"] is words["host-key"] is words["reachable"] is Word.OWN
    assert words["ssh-listens"] is words["firewall"] is words["locked"] is words["floor"] is words["clock"] is Word.BOX


def test_a_box_that_does_not_answer_costs_its_own_findings_only() -> None:
    found = examine(case(box=None, box_error=REFUSED, inventory=None, attempts=()))
    assert bad(found) == [("reachable", Level.CRITICAL)]
    assert {"tunnel", "lan", "pool", "scrub"} <= {each.check for each in found}
    assert not of(found, "host-key"), "nobody has shown one"


def test_a_box_that_has_lost_its_gate_is_still_tried_and_found_open() -> None:
    tried = (Attempt(what="sh -c id", refused=False, outcome="exit code 0 uid=998"),)
    found = examine(case(box=None, box_error=replace(REFUSED, code="command-missing"), inventory=None, attempts=tried))
    assert bad(found) == [("reachable", Level.CRITICAL), ("forced-command", Level.CRITICAL)]
    assert of(found, "host-key")[0].level is Level.OK


def test_another_host_key_is_critical_and_no_word_of_that_machine_counts() -> None:
    error = replace(REFUSED, code="host-key-mismatch", message="seen another")
    found = examine(case(box=None, box_error=error, inventory=None, attempts=()))
    assert bad(found) == [("host-key", Level.CRITICAL)]
    assert not of(found, "reachable")


@pytest.mark.parametrize("fact", sorted(BOX_SAYS))
def test_whatever_one_answer_says_the_others_are_judged(fact: str) -> None:
    for answer in (Answer(code=0, text="\x1b[2J nonsense"), Answer(code=0, text=""), Answer(code=127, text="")):
        found = examine(case(box={**said(BOX_SAYS), fact: answer}))
        assert len(found) > 30
        assert all("\x1b" not in each.what for each in found)


@given(text=st.text(max_size=60), fact=st.sampled_from(sorted(BOX_SAYS)), whole=st.booleans())
def test_no_answer_of_the_box_makes_the_doctor_fail(text: str, fact: str, whole: bool) -> None:
    mixed = text if whole else BOX_SAYS[fact].replace("0", text)
    found = examine(case(box={**said(BOX_SAYS), fact: Answer(code=0, text=mixed)}))
    for each in found:
        for words in (each.subject, each.what, each.remedy):
            assert words.isprintable()
            assert len(words) < 1000


def test_a_command_to_type_holds_nothing_that_a_shell_would_run() -> None:
    evil = "vault;$(reboot)"
    says = {"status": BOX_SAYS["status"].replace("ONLINE", "FAULTED").replace("pool: vault", f"pool: {evil}")}
    says["kernels"] = "/lib/modules/99;$(reboot)\n"
    disk = {"smart /dev/sda;$(reboot)": Answer(code=0, text='{"smart_status": {"passed": false}}')}
    found = examine(case(box={**said(BOX_SAYS, **says), **disk}))
    named = [each.remedy for each in found if "$(reboot)" in each.remedy]
    assert len(named) == 3
    for remedy in named:
        assert "$(reboot)'" in remedy


def test_what_nests_without_end_is_unreadable() -> None:
    found = box_says(disks='{"blockdevices": ' + "[" * 100_000, policy="[" * 100_000)
    assert ("unreadable", Level.WARNING) in bad(found)


def test_what_could_not_be_looked_at_is_one_finding_of_each_machine_and_names_all() -> None:
    found = of(box_says(firewall=None, written=None, sshd=None), "unseen")
    assert [each.subject for each in found] == ["the box"]
    assert "firewall (Operation not permitted)" in found[0].what
    assert "ssh-settings" in found[0].what


def test_what_the_settings_accept_does_not_count_by_check_or_by_check_and_subject() -> None:
    sick = case(box=said(BOX_SAYS, secure_boot="   0\n", clock="1000"))
    levels = {each.check: each.counts for each in examine(sick, ("secure-boot", "clock elsewhere")) if each.remedy}
    assert levels == {"secure-boot": False, "clock": True}
    found = examine(sick, ("secure-boot the box", "clock the box", "keeper"))
    checkup = Checkup(job="home", when=facts().now, findings=found)
    assert (checkup.level, checkup.exit_code) == (Level.OK, 0)


def test_a_plain_box_is_judged_as_far_as_it_can_be_seen() -> None:
    few = {name: BOX_SAYS[name] for name in ("clock", "zfs", "status", "pools", "made", "kernel", "kernels", "modules")}
    few["allow"] = BOX_SAYS["allow"].replace("create,mount,receive:append,send", "create,destroy,mount,receive")
    few |= {"properties": BOX_SAYS["properties"], "listening": BOX_SAYS["listening"], "disks": BOX_SAYS["disks"]}
    plain = Case(job=JOB, facts=facts(box=said(few), attempts=(), knocks=()), machine=None, account=None)
    found = examine(plain)
    assert ("gate", Level.WARNING) in bad(found)
    assert "firewall (only root sees it there)" in of(found, "unseen")[0].what
    assert [level for _, level in bad(found) if level is Level.CRITICAL] == []
    assert {"locked", "unmounted", "delegation", "pool"} <= {each.check for each in found}
    assert not {"forced-command", "firewall", "tunnel", "floor", "units"} & {each.check for each in found}
