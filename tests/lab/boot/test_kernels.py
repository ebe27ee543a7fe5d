"""The kit's scripts on a real Debian, in a folder: what they sign, keep, refuse; and that the TPM opens for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .bench import Bench, bench
from .tree import MEASURED, Tree

OURS = "Secure Boot is on, with our keys"
NEWER = "6.999-newer"
NEW_KERNEL = f"""
old=$(ls /lib/modules | head -n 1) new=/lib/modules/{NEWER}
mkdir -p $new/build $new/updates/dkms
ln -s /usr/lib/linux-kbuild-6.1/scripts $new/build/scripts
for part in vmlinuz initrd.img; do cp /boot/$part-$old /boot/$part-{NEWER}; done
cp /lib/modules/$old/modules.builtin* /lib/modules/$old/modules.order $new
depmod {NEWER}
"""
NEW_MODULES = f"""
old=$(ls /lib/modules | head -n 1) new=/lib/modules/{NEWER}/updates/dkms
for module in /lib/modules/$old/updates/dkms/*.ko; do objcopy --strip-debug $module $new/${{module##*/}}; done
zstd -q --rm $new/zfs.ko
depmod {NEWER}
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    """With keys, and everything signed."""
    desk = bench(tmp_path_factory.mktemp("bench"))
    made = Tree(tmp_path_factory.mktemp("tree") / "root", desk)
    with desk.on():
        made.make()
        done = made.run("./secure-boot keys && ./kernels update")
        assert done.returncode == 0, done.stderr
        for name in ("pcr.key", "pcr.pub"):
            (desk.folder / "boot" / name).write_bytes((made.folder / "etc/zoffsite/boot" / name).read_bytes())
        yield made


def verified(tree: Tree, file: Path) -> bool:
    inside = f"/{file.relative_to(tree.folder)}"
    return tree.run(f"sbverify --cert /etc/zoffsite/boot/db.crt '{inside}'").returncode == 0


def test_everything_that_the_firmware_is_asked_to_start_is_signed_and_the_private_keys_are_root_s(tree: Tree) -> None:
    efi = sorted((tree.folder / "boot/efi").rglob("*.efi")) + sorted((tree.folder / "boot/efi").rglob("*.EFI"))
    assert len(efi) == 3
    assert all(verified(tree, file) for file in efi)
    assert {file.stat().st_mode & 0o777 for file in (tree.folder / "etc/zoffsite/boot").iterdir()} == {0o600}


def test_the_command_line_is_inside_and_a_changed_one_is_not_signed(tree: Tree) -> None:
    (file,) = tree.startable
    line = tree.sections(file)["cmdline"].decode()
    assert line.startswith("rd.luks.name=0a4c41cf-5a1e-4b1e-8b1e-440b29bb8c4f=root ")
    assert {"root=/dev/mapper/root", "rd.shell=0", "rd.emergency=reboot"} <= set(line.split())
    changed = file.with_name("changed.efi")
    changed.write_bytes(file.read_bytes().replace(b"rd.shell=0", b"rd.shell=1"))
    assert not verified(tree, changed)
    changed.unlink()


def test_the_signed_modules_are_those_of_openzfs_and_it_is_said_once(tree: Tree) -> None:
    signers = tree.run("modinfo -k $(ls /lib/modules) -F signer zfs spl").stdout.split("\n")
    assert [signer.startswith("zoffsite db ") for signer in signers if signer] == [True, True]
    assert tree.run("./kernels update").stdout == ""


def test_the_tpm_opens_the_disk_for_the_file_that_was_made_and_for_none_that_was_changed(tree: Tree) -> None:
    """The register is what systemd's stub makes of the file: its sections, measured one after the other."""
    desk = tree.bench
    (file,) = tree.startable
    parts = tree.sections(file)
    measured = {name: parts[name] for name in MEASURED}
    (desk.folder / "signatures").mkdir(exist_ok=True)
    (desk.folder / "signatures/tpm2-pcr-signature.json").write_bytes(parts["pcrsig"])
    enrol(desk)
    later = ("enter-initrd", "leave-initrd")
    tried = {(b"", later[:1]): True, (b"init=/bin/sh", later[:1]): False, (b"", later): False}
    for (line, phases), opens in tried.items():
        again = Bench(desk.folder)
        with again.on("box"):
            again.start(OURS, {**measured, **({"cmdline": line} if line else {})}, *phases)
            assert again.opens() is opens


def enrol(desk: Bench) -> None:
    other = Bench(desk.folder)
    with other.on("box"):
        other.start(OURS, {}, "enter-initrd", "leave-initrd")
        assert other.script("tpm", "recovery").returncode == 0
        done = other.script("tpm", "enrol")
        assert done.returncode == 0, done.stderr


def test_a_kernel_without_zfs_is_not_made_startable_until_it_has_it(tree: Tree) -> None:
    before = tree.startable
    done = tree.run(f"{NEW_KERNEL} ./kernels update")
    assert (done.returncode, f"kernel {NEWER} has no ZFS module" in done.stderr) == (1, True)
    assert tree.startable == before
    assert NEWER not in tree.run("./kernels check").stdout
    done = tree.run(f"{NEW_MODULES} ./kernels update")
    assert (done.returncode, f"made zoffsite-{NEWER}" in done.stdout) == (0, True)
    assert f"kernel {NEWER}, signed, with ZFS" in tree.run("./kernels check").stdout
    assert "zoffsite db" in tree.run(f"modinfo -k {NEWER} -F signer zfs").stdout
    assert tree.run(f"rm -r /lib/modules/{NEWER} /boot/*-{NEWER}; ./kernels update").returncode == 0
    assert tree.startable == before


def test_what_has_come_up_before_stays_beside_the_newest_until_that_has_come_up(tree: Tree) -> None:
    (first,) = tree.startable
    proved = first.rename(first.with_name(first.name.replace("+3", "")))
    for word in ("one", "two"):
        assert tree.run(f"echo {word} >/etc/zoffsite/cmdline; ./kernels update").returncode == 0
    newest, *rest = tree.startable
    assert rest == [proved]
    assert newest.name.endswith("+3.efi")
    newest.rename(newest.with_name(newest.name.replace("+3", "")))
    assert tree.run("./kernels update").returncode == 0
    assert len(tree.startable) == 1


def test_what_is_not_signed_is_told_before_the_firmware_gets_the_keys(tree: Tree) -> None:
    loader = tree.folder / "boot/efi/EFI/BOOT/BOOTX64.EFI"
    signed = loader.read_bytes()
    loader.write_bytes((tree.folder / "usr/lib/systemd/boot/efi/systemd-bootx64.efi").read_bytes())
    done = tree.run("./kernels check")
    assert (done.returncode, "BOOTX64.EFI is not signed" in done.stderr) == (1, True)
    assert tree.run("./kernels update").returncode == 0
    assert loader.read_bytes() == signed
