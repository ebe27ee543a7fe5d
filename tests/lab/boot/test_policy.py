"""What the TPM gives the disk's key to: the kit's own script enrols, cryptsetup and systemd ask, swtpm decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from .bench import PASSPHRASE, Bench, bench

OURS = "Secure Boot is on, with our keys"
KERNEL = {"linux": b"kernel", "cmdline": b"root=/dev/mapper/root ro", "initrd": b"initrd"}
UPDATE = {**KERNEL, "linux": b"a newer kernel"}
RUNNING = ("enter-initrd", "leave-initrd", "sysinit", "ready")


@pytest.fixture
def box(tmp_path: Path) -> Bench:
    """The kit's own scripts have given the key to the TPM, on the running system."""
    made = bench(tmp_path)
    with made.on():
        made.start(OURS, KERNEL, *RUNNING)
        recovery = made.script("tpm", "recovery")
        assert recovery.returncode == 0, recovery.stderr
        enrolled = made.script("tpm", "enrol")
        assert enrolled.returncode == 0, enrolled.stderr
        made.sign(KERNEL)
    return made


def test_the_initrd_of_a_signed_kernel_gets_the_key(box: Bench) -> None:
    with box.on():
        box.start(OURS, KERNEL, "enter-initrd")
        assert box.opens()


def test_so_does_the_initrd_of_a_signed_update_with_nothing_enrolled_again(box: Bench) -> None:
    with box.on():
        box.sign(UPDATE)
        box.start(OURS, UPDATE, "enter-initrd")
        assert box.opens()


@pytest.mark.parametrize("phases", [RUNNING[:count] for count in (0, 2, 3, 4)], ids=len)
def test_no_other_phase_of_the_start_gets_it_so_a_false_root_does_not(box: Bench, phases: tuple[str, ...]) -> None:
    with box.on():
        box.start(OURS, KERNEL, *phases)
        assert not box.opens()


@pytest.mark.parametrize("part", ["linux", "cmdline", "initrd"])
def test_a_changed_part_does_not_get_it(box: Bench, part: str) -> None:
    with box.on():
        box.start(OURS, {**KERNEL, part: b"changed"}, "enter-initrd")
        assert not box.opens()


def test_with_secure_boot_off_or_other_keys_it_is_not_given(box: Bench) -> None:
    with box.on():
        box.start("Secure Boot is off", KERNEL, "enter-initrd")
        assert not box.opens()


def test_another_machine_does_not_get_it(box: Bench) -> None:
    with box.on("another"):
        box.start(OURS, KERNEL, "enter-initrd")
        assert not box.opens()


def test_what_another_key_has_signed_does_not_get_it(box: Bench) -> None:
    with box.on():
        box.new_key()
        box.sign(KERNEL)
        box.start(OURS, KERNEL, "enter-initrd")
        assert not box.opens()


def test_after_many_power_cuts_in_a_row_it_is_still_given(box: Bench) -> None:
    for _ in range(8):
        with box.on(power_cut=True):
            box.start(OURS, KERNEL, "enter-initrd")
            assert box.opens()


def test_after_a_change_of_the_firmware_it_is_enrolled_again_by_the_recovery_key_and_the_old_slot_is_gone(
    tmp_path: Path,
) -> None:
    made = bench(tmp_path)
    with made.on():
        made.start(OURS, KERNEL, *RUNNING)
        said = made.script("tpm", "recovery").stdout
        (recovery,) = [line.strip() for line in said.splitlines() if line.count("-") == 7]
        assert made.script("tpm", "enrol", password=recovery).returncode == 0
    with made.on():
        made.start("new firmware", KERNEL, *RUNNING)
        assert made.script("tpm", "enrol", password=recovery).returncode == 0
        made.sign(KERNEL)
    slots = made.run("systemd-cryptenroll", str(made.disk)).split()
    assert (slots.count("tpm2"), slots.count("recovery"), slots.count("password")) == (1, 1, 1)
    with made.on():
        made.start("new firmware", KERNEL, "enter-initrd")
        assert made.opens()


def test_nothing_is_enrolled_without_a_recovery_key_or_with_secure_boot_off(tmp_path: Path) -> None:
    made = bench(tmp_path)
    with made.on():
        made.start(OURS, KERNEL, *RUNNING)
        early = made.script("tpm", "enrol")
        assert (early.returncode, "tpm recovery" in early.stderr) == (1, True)
        assert made.script("tpm", "recovery", password=PASSPHRASE).returncode == 0
        made.firmware(secure_boot=False)
        off = made.script("tpm", "enrol")
        assert (off.returncode, "Secure Boot is off" in off.stderr) == (1, True)
    assert "tpm2" not in made.run("systemd-cryptenroll", str(made.disk))
