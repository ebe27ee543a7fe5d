"""The boot chain's files, from text alone. What they do on a real machine: tests/lab/boot."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path

import pytest

from zoffsite.box.boot import KEY, boot_files

HOOKS = [path for path in boot_files() if not path.startswith("/usr/local/lib")]
SCRIPT = "/usr/local/lib/zoffsite/kernels update"


def run_hook(text: str, folder: Path, shell: str = "sh") -> list[str]:
    """What it called, with key and programs in `folder`."""
    called = folder / "called"
    program = folder / "kernels"
    program.write_text(f"#!/bin/sh\necho kernels $* >>{called}\nexit 1\n")
    program.chmod(0o755)
    here = text.replace(KEY, str(folder / "key")).replace(SCRIPT, f"{program} update")
    subprocess.run([shell, "-c", here], check=False, cwd=folder)
    return called.read_text().splitlines() if called.exists() else []


def command(path: str) -> str:
    """The shell's part of a hook."""
    text = boot_files()[path].text
    if path.endswith(".hook"):
        return text.partition("Exec = ")[2]
    return text.partition('{ "')[2].rpartition('"; }')[0] if "apt.conf.d" in path else text


@pytest.mark.parametrize("path", [path for path in HOOKS if SCRIPT in boot_files()[path].text])
def test_a_hook_does_nothing_before_there_are_keys_and_then_signs(tmp_path: Path, path: str) -> None:
    (tmp_path / "key").touch()
    assert run_hook(command(path), tmp_path) == []
    (tmp_path / "key").write_text("a key")
    assert run_hook(command(path), tmp_path) == ["kernels update"]


def test_every_hook_asks_for_the_keys_first() -> None:
    for path in HOOKS:
        assert KEY in boot_files()[path].text, path


def test_an_update_of_a_kernel_goes_on_where_its_module_is_still_to_come_but_apt_fails_in_the_end(
    tmp_path: Path,
) -> None:
    (tmp_path / "key").write_text("a key")
    (tmp_path / "kernels").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "kernels").chmod(0o755)
    codes = {}
    for path in ("/etc/kernel/postinst.d/zz-zoffsite", "/etc/apt/apt.conf.d/90zoffsite"):
        text = command(path).replace(KEY, str(tmp_path / "key")).replace(SCRIPT, f"{tmp_path}/kernels update")
        codes[path.split("/")[2]] = subprocess.run(["sh", "-c", text], check=False).returncode
    assert codes == {"kernel": 0, "apt": 1}


def test_pacman_s_hook_is_of_its_form_and_comes_after_dkms_and_mkinitcpio() -> None:
    (path,) = [path for path in HOOKS if path.endswith(".hook")]
    hook = configparser.RawConfigParser(strict=False)
    hook.optionxform = str  # type: ignore[assignment,method-assign]
    hook.read_string(boot_files()[path].text)
    assert set(hook["Trigger"]) == {"Operation", "Type", "Target"}
    assert hook["Action"]["When"] == "PostTransaction"
    assert Path(path).name > "90-mkinitcpio-install.hook"


def test_what_is_signed_for_the_tpm_is_the_initrd_s_phase_alone_by_either_way() -> None:
    text = boot_files()["/usr/local/lib/zoffsite/kernels"].text
    assert text.count("--phase=enter-initrd ") == text.count("--phases=enter-initrd ") == 1
    assert "leave-initrd" not in text
