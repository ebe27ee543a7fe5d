"""Pools, disks, firmware, kernels, clocks, versions and keys."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.doctor.make import BOX_SAYS, CLOCK, NOW, STATUS, bad, box_says, case, of, said, source_says
from zoffsite.doctor.examine import examine
from zoffsite.doctor.read.poolstatus import pool_statuses
from zoffsite.model.checkup import Level, Word
from zoffsite.model.facts import Answer

HURT = """\
  pool: vault
 state: DEGRADED
status: One or more devices could not be used because the label is missing or
\tinvalid.  Sufficient replicas exist for the pool to continue
\tfunctioning in a degraded state.
action: Replace the device using 'zpool replace'.
   see: https://openzfs.github.io/openzfs-docs/msg/ZFS-8000-4J
  scan: scrub repaired 12K in 0 days 00:00:01 with 3 errors on Sun Nov  1 03:00:01 2026
config:

\tNAME        STATE     READ WRITE CKSUM
\tvault       DEGRADED     0     0     0
\t  mirror-0  DEGRADED     0     0     0
\t    vdb     ONLINE       0     0     7
\t    vdc     UNAVAIL      3   120     0  corrupted data

errors: 2 data errors, use '-v' for a list
"""


def status() -> str:
    return STATUS.format(pool="vault")


# -- pools


def test_a_hurt_pool_is_read_as_it_is() -> None:
    (found,) = pool_statuses(HURT)
    assert (found.name, found.state, found.unharmed, found.scrubbing) == ("vault", "DEGRADED", False, False)
    assert found.scrubbed is not None
    assert found.scrubbed.isoformat() == "2026-11-01T03:00:01+00:00"
    assert [each.split()[0] for each in found.troubles] == ["mirror-0", "vdb", "vdc"]
    assert "vdc UNAVAIL (3 read, 120 write, 0 checksum errors)" in found.troubles


def test_two_pools_are_two() -> None:
    assert [each.name for each in pool_statuses(status() + "\n" + STATUS.format(pool="tank"))] == ["vault", "tank"]


def test_a_degraded_pool_or_lost_data_is_critical() -> None:
    assert bad(box_says(status=HURT)) == [("pool", Level.CRITICAL)]
    lost = status().replace("No known data errors", "1 data errors, use '-v' for a list")
    assert bad(box_says(status=lost)) == [("pool", Level.CRITICAL)]


def test_errors_that_cost_no_data_yet_are_a_warning_that_names_the_disk() -> None:
    findings = box_says(status=status().replace("vdb       ONLINE       0     0     0", "vdb  ONLINE  0  0  4"))
    assert bad(findings) == [("pool", Level.WARNING)]
    assert "4 checksum errors" in of(findings, "pool")[0].what


@pytest.mark.parametrize(
    ("scan", "level"),
    [
        ("scrub repaired 0B in 00:00:01 with 0 errors on Sun Nov 22 03:00:01 2026", Level.OK),
        ("scrub repaired 0B in 00:00:01 with 0 errors on Thu Oct  1 03:00:01 2026", Level.WARNING),
        ("scrub repaired 0B in 00:00:01 with 0 errors on Fri May  1 03:00:01 2026", Level.CRITICAL),
        ("scrub in progress since Fri May  1 03:00:01 2026", Level.OK),
        ("none requested", Level.CRITICAL),
        ("scrub canceled on Sun Nov 22 03:00:01 2026", Level.CRITICAL),
        ("resilvered 1M in 00:00:01 with 0 errors on Sun Nov 22 03:00:01 2026", Level.CRITICAL),
    ],
)
def test_what_was_not_read_for_long_is_said_even_where_something_else_was_done(scan: str, level: Level) -> None:
    text = status().replace("scrub repaired 0B in 00:00:01 with 0 errors on Sun Nov 22 03:00:01 2026", scan)
    assert of(box_says(status=text), "scrub")[0].level is level


def test_a_new_pool_needs_no_scrub_yet() -> None:
    text = status().replace("  scan: scrub repaired 0B in 00:00:01 with 0 errors on Sun Nov 22 03:00:01 2026\n", "")
    assert bad(box_says(status=text, made=f"vault\t{CLOCK - 86400}\n")) == []


@pytest.mark.parametrize(("percent", "level"), [(84, Level.OK), (85, Level.WARNING), (95, Level.CRITICAL)])
def test_a_pool_that_fills_up_is_said_in_time(percent: int, level: Level) -> None:
    findings = source_says(pools=f"tank\tONLINE\t1000\t{percent}0\t1\t0\n")
    assert [each.level for each in of(findings, "space") if "source" in each.subject] == [level]


# -- disks


def smart(**tree: object) -> Answer:
    return Answer(code=4, text=json.dumps(tree))


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        (smart(smart_status={"passed": False}), Level.CRITICAL),
        (smart(smart_status={"passed": True}), Level.OK),
        (
            smart(
                smart_status={"passed": True},
                ata_smart_attributes={"table": [{"id": 197, "raw": {"value": 8}}, {"id": 9, "raw": {"value": 9000}}]},
            ),
            Level.WARNING,
        ),
        (
            smart(smart_status={"passed": True}, nvme_smart_health_information_log={"percentage_used": 97}),
            Level.WARNING,
        ),
        (smart(smartctl={"exit_status": 2}), Level.OK),
    ],
)
def test_a_disk_is_judged_by_its_own_word(answer: Answer, level: Level) -> None:
    findings = examine(case(box={**case().box.said, "smart /dev/vda": answer}))
    (found,) = [each for each in of(findings, "disk") if each.word is Word.BOX]
    assert found.level is level


def smart_says(words: str, severity: str) -> Answer:
    return Answer(code=2, text=json.dumps({"smartctl": {"messages": [{"string": words, "severity": severity}]}}))


@pytest.mark.parametrize("why", ["Operation not permitted", "Permission denied", "Input/output error"])
def test_a_disk_that_could_not_be_opened_is_unseen(why: str) -> None:
    denied = smart_says(f"Smartctl open device: /dev/vda failed: {why}", "error")
    findings = source_says(**{"smart /dev/vda": denied})
    assert bad(findings) == [("unseen", Level.WARNING)]
    assert f"disk (/dev/vda: {why})" in of(findings, "unseen")[0].what


@pytest.mark.parametrize(
    "answer",
    [
        smart_says("Device is in STANDBY mode, exit(2)", "information"),
        smart_says("/dev/vda: Unable to detect device type", "error"),
    ],
)
def test_a_disk_that_sleeps_or_has_no_smart_is_no_fault(answer: Answer) -> None:
    assert bad(source_says(**{"smart /dev/vda": answer})) == []


def test_no_smartctl_is_said_and_no_fault() -> None:
    findings = examine(case(box={**case().box.said, "smart /dev/vda": Answer(code=127, text="")}))
    (found,) = [each for each in of(findings, "disk") if each.word is Word.BOX]
    assert (found.level, "there is no smartctl" in found.what) == (Level.OK, True)


# -- what it starts from


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"tpm": None}, []),
        ({"tpm": "1\n"}, []),
        ({"efi": None, "secure_boot": None}, []),
        ({"secure_boot": "   0\n"}, [("secure-boot", Level.WARNING)]),
        ({"lockdown": "[none] integrity confidentiality\n"}, [("secure-boot", Level.WARNING)]),
        ({"signer": ""}, [("secure-boot", Level.CRITICAL)]),
        ({"disks": BOX_SAYS["disks"].replace('"crypt"', '"lvm"')}, [("system-disk", Level.WARNING)]),
        ({"disks": '{"blockdevices": []}'}, [("unseen", Level.WARNING)]),
    ],
)
def test_firmware_and_system_disk(changes: dict[str, str | None], wanted: list[tuple[str, Level]]) -> None:
    assert bad(box_says(**changes)) == wanted


SIGNS = BOX_SAYS["keys"] + f"{CLOCK} 600 root /etc/zoffsite/boot/db.key\n"
FOREIGN = "kernels: /lib/modules/6.1.0-10-amd64/updates/dkms/zfs.ko is not signed\n"


def test_a_module_that_another_key_has_signed_is_no_signed_one_where_the_box_has_keys_of_its_own() -> None:
    foreign = Answer(code=1, text=FOREIGN)
    findings = box_says(keys=SIGNS, signer="DKMS module signing key\n", boot_chain=foreign)
    assert bad(findings) == [("secure-boot", Level.CRITICAL)]
    assert "zfs.ko is not signed" in of(findings, "secure-boot")[0].what
    assert bad(box_says(keys=SIGNS)) == []
    assert bad(box_says(boot_chain=foreign)) == [], "without keys of its own: the kernel has loaded it"


def test_a_boot_chain_that_could_not_be_looked_at_is_unseen() -> None:
    findings = box_says(keys=SIGNS, boot_chain=Answer(code=124, text=""))
    assert bad(findings) == [("unseen", Level.WARNING)]
    assert "secure-boot" in of(findings, "unseen")[0].what


@pytest.mark.parametrize(
    ("slots", "level"),
    [
        ("SLOT TYPE\n   0 recovery\n   1 tpm2\n", Level.OK),
        ("SLOT TYPE\n   0 password\n   1 tpm2\n", Level.OK),
        ("SLOT TYPE\n   1 tpm2\n", Level.CRITICAL),
        ("SLOT TYPE\n   0 password\n", Level.WARNING),
    ],
)
def test_a_system_disk_needs_a_tpm_to_open_it_and_a_key_for_when_that_fails(slots: str, level: Level) -> None:
    findings = examine(case(box={**case().box.said, "slots /dev/vda2": Answer(code=0, text=slots)}))
    assert of(findings, "recovery-slot")[0].level is level


@pytest.mark.parametrize(
    ("slots", "level"),
    [
        ("SLOT TYPE\n   0 password\n  21 password\n", Level.OK),
        ("SLOT TYPE\n   0 recovery\n  21 password\n", Level.OK),
        ("SLOT TYPE\n  21 password\n", Level.CRITICAL),
    ],
)
def test_where_the_source_opens_the_disk_there_is_a_key_beside_its_own(slots: str, level: Level) -> None:
    said = {**case().box.said, "unlock": Answer(code=0, text=""), "slots /dev/vda2": Answer(code=0, text=slots)}
    assert of(examine(case(box=said)), "recovery-slot")[0].level is level


def test_a_key_of_a_data_disk_does_not_open_the_system_disk() -> None:
    disks = BOX_SAYS["disks"].replace(
        '{"path":"/dev/vda",', '{"path":"/dev/vdb", "type":"disk", "fstype":"crypto_LUKS"}, {"path":"/dev/vda",'
    )
    data = Answer(code=0, text="SLOT TYPE\n   0 password\n   1 recovery\n")
    sealed = Answer(code=0, text="SLOT TYPE\n   1 tpm2\n")
    told = {**said(BOX_SAYS, disks=disks), "slots /dev/vdb": data}
    assert bad(examine(case(box={**told, "slots /dev/vda2": sealed}))) == [("recovery-slot", Level.CRITICAL)]
    assert bad(box_says(disks=disks, **{"slots /dev/vdb": Answer(code=1, text="x")})) == []


def test_slots_of_the_system_disk_that_were_not_told_are_unseen() -> None:
    findings = box_says(**{"slots /dev/vda2": Answer(code=127, text="")})
    assert "recovery-slot (there is no program for it)" in of(findings, "unseen")[0].what


def test_a_newest_kernel_without_zfs_is_caught_before_the_reboot() -> None:
    kernels = BOX_SAYS["kernels"] + "/lib/modules/6.1.0-11-amd64\n"
    findings = box_says(kernels=kernels)
    assert bad(findings) == [("next-kernel", Level.CRITICAL), ("reboot", Level.WARNING)]
    assert "do not reboot" in of(findings, "next-kernel")[0].remedy
    assert "dkms autoinstall -k 6.1.0-11-amd64" in of(findings, "next-kernel")[0].remedy


@pytest.mark.parametrize("modules", ["", "6.1.0-9-amd64/updates/dkms/zfs.ko\n"])
def test_no_module_at_all_is_no_better_than_none_for_the_newest_kernel(modules: str) -> None:
    for findings in (box_says(modules=modules), source_says(modules=modules)):
        assert bad(findings) == [("next-kernel", Level.CRITICAL)]
        assert any("6.1.0-10-amd64, has no ZFS module" in each.what for each in of(findings, "next-kernel"))


def test_zfs_that_is_built_into_the_newest_kernel_needs_no_module() -> None:
    builtin = "/lib/modules/{}/modules.builtin\n"
    assert bad(box_says(modules="", builtin=builtin.format("6.1.0-10-amd64"))) == []
    assert bad(box_says(modules="", builtin=builtin.format("6.1.0-9-amd64"))) == [("next-kernel", Level.CRITICAL)]


@pytest.mark.parametrize(
    "changes",
    [
        {"kernels": ""},
        {"modules": None},
        {"modules": "", "builtin": Answer(code=2, text="Permission denied")},
    ],
)
def test_modules_that_could_not_be_looked_for_are_unseen_and_no_alarm(changes: dict[str, str | Answer | None]) -> None:
    findings = box_says(**changes)
    assert bad(findings) == [("unseen", Level.WARNING)]
    assert "next-kernel" in of(findings, "unseen")[0].what


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reboot": "/run/reboot-required\n"}, "updates wait"),
        ({"kernel": "6.1.0-8-amd64\n"}, "modules are gone"),
        ({"kernel": "6.1.0-9-amd64\n"}, "a newer kernel is installed: 6.1.0-10-amd64"),
    ],
)
def test_what_waits_for_a_reboot_is_said_on_either_machine(changes: dict[str, str], words: str) -> None:
    for findings in (box_says(**changes), source_says(**changes)):
        assert bad(findings) == [("reboot", Level.WARNING)]
        assert any(words in each.what for each in of(findings, "reboot"))


def test_where_no_kernel_is_seen_neither_the_next_one_nor_a_reboot_is_judged() -> None:
    findings = source_says(kernels="", modules="")
    assert bad(findings) == [("unseen", Level.WARNING)]
    (unseen,) = of(findings, "unseen")
    assert all(f"{check} (there is no kernel in /lib/modules" in unseen.what for check in ("next-kernel", "reboot"))
    assert "the source" not in {each.subject for each in findings if each.check in ("next-kernel", "reboot")}
    assert ("reboot", Level.WARNING) in bad(source_says(kernels="", modules="", reboot="/run/reboot-required\n"))


REBOOTS = 'Unattended-Upgrade::Automatic-Reboot "true";\n'


def test_a_box_that_restarts_by_itself_without_looking_at_the_next_kernel_is_a_warning() -> None:
    assert bad(box_says(automatic_reboot=REBOOTS)) == [("next-kernel", Level.WARNING)]
    assert 'Automatic-Reboot "false"' in of(box_says(automatic_reboot=REBOOTS), "next-kernel")[1].remedy
    assert bad(box_says(automatic_reboot=REBOOTS.replace("true", "false"))) == []
    assert bad(box_says(automatic_reboot="")) == []
    assert bad(box_says(automatic_reboot=REBOOTS, keys=SIGNS)) == [], "`kernels` makes none startable without"


# -- versions, clocks, keys


@pytest.mark.parametrize(
    ("zfs", "level", "words"),
    [
        ("zfs-2.1.2-1\nzfs-kmod-2.1.2-1\n", Level.CRITICAL, "#13067"),
        ("zfs-2.1.2-1+deb12u1\nzfs-kmod-2.1.2-1+deb12u1\n", Level.WARNING, "unless its distribution has mended"),
        ("zfs-2.3.3-1\nzfs-kmod-2.3.2-1\n", Level.WARNING, "its module is of 2.3.2"),
    ],
)
def test_known_bugs_and_a_module_of_another_release_are_said(zfs: str, level: Level, words: str) -> None:
    found = [each for each in of(box_says(zfs=zfs), "known-bugs") if words in each.what]
    assert level in {each.level for each in found}


@pytest.mark.parametrize(
    ("off", "level", "words"),
    [
        (0, Level.OK, "right"),
        (50, Level.OK, "right"),
        (70, Level.WARNING, "ahead of"),
        (-70, Level.WARNING, "behind"),
        (86400, Level.CRITICAL, "ahead of"),
        (-CLOCK, Level.CRITICAL, "behind"),
    ],
)
def test_a_clock_may_be_off_by_a_minute(off: int, level: Level, words: str) -> None:
    (found,) = of(box_says(clock=f"{CLOCK + off}\n"), "clock")
    assert (found.level, words in found.what) == (level, True)


def test_a_box_that_follows_no_time_server_is_a_warning_that_is_accepted_apart_from_a_wrong_clock() -> None:
    assert bad(box_says(synchronized="no\n")) == [("clock", Level.WARNING)]
    assert bad(box_says(synchronized=None)) == [], "not every machine can tell"
    wrong = case(box=said(BOX_SAYS, synchronized="no\n", clock=f"{CLOCK + 86400}\n"))
    found = of(examine(wrong, ["clock time server"]), "clock")
    assert [(each.level, each.accepted) for each in found] == [(Level.CRITICAL, False), (Level.WARNING, True)]


def test_the_time_that_an_answer_takes_is_no_fault_of_the_clock() -> None:
    slow = case(asked=CLOCK - 300.0, answered=CLOCK + 300.0)
    assert bad(examine(slow)) == []


def test_a_user_whose_name_ends_like_a_key_file_is_no_key() -> None:
    public = f"{CLOCK} 644 root /etc/zoffsite/authorized_keys.d/monkey\n"
    assert bad(box_says(login_file=public)) == []


KEPT = (
    "/etc/zoffsite/boot/pcr.key",
    "/etc/zoffsite/boot/db.crt",
    "/etc/zoffsite/unlock-friend/key",
    "/etc/dropbear/initramfs/dropbear_ed25519_host_key",
)


@pytest.mark.parametrize("path", KEPT)
def test_the_keys_and_certificates_of_the_boot_chain_are_judged_like_any_other(path: str) -> None:
    old, open_ = f"{CLOCK - 86400 * 1200} 600 root {path}\n", f"{CLOCK} 644 root {path}\n"
    fact = "initrd_key" if "dropbear" in path else "keys"
    assert bad(box_says(**{fact: old})) == [("key-age", Level.WARNING)]
    public = path.endswith(".crt")
    assert bad(box_says(**{fact: open_})) == ([] if public else [("key-age", Level.CRITICAL)])


def test_the_key_for_restores_is_judged_where_it_lies_on_the_source() -> None:
    assert bad(examine(case(restore_key_made=NOW - timedelta(days=1200)))) == [("key-age", Level.WARNING)]
    assert "the restore key" in {each.subject for each in of(examine(case(restore_key_made=NOW)), "key-age")}


def test_an_old_key_is_a_warning_and_one_that_others_may_read_is_critical() -> None:
    path = "/etc/zoffsite/tunnel/private.key"
    old = box_says(keys=f"{CLOCK - 86400 * 1200} 600 root {path}\n")
    assert bad(old) == [("key-age", Level.WARNING)]
    assert bad(box_says(keys=f"{CLOCK} 640 root {path}\n")) == [("key-age", Level.CRITICAL)]
    assert bad(examine(case(key_made=NOW - timedelta(days=1200)))) == [("key-age", Level.WARNING)]
