"""What is in the kit, from settings alone. What it does on real machines: tests/lab/kit."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from zoffsite.box.kit import box_files, kit, source_files
from zoffsite.box.spec import Spec
from zoffsite.config.machines import Account, Machine

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMERKkMTZA6OQs2mNTAC68xWf5DtojAJZYgCDIVWmyaN"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPX+xmZ8rF0mDjzqNkVUtXOtA5sk2GbNRKvZSjMVmyaN"

PARTS = Path(__file__).parents[2] / "zoffsite/box/parts"
COMMON = PARTS / "common.sh"


def account(user: str = "zoffsite", root: str = "vault/home", **changes: object) -> Account:
    facts = {
        "identity_file": Path("/home/me/.ssh/key"),
        "floor": timedelta(days=30),
        "minimum": 3,
        "quota": None,
        "filesystem_limit": 1000,
        "snapshot_limit": 50000,
    } | changes
    return Account(user=user, root=root, **facts)  # type: ignore[arg-type]


def spec(*accounts: Account, **changes: object) -> Spec:
    facts = {
        "name": "my-friend",
        "address": "10.99.0.2",
        "ssh_port": 22,
        "source_address": "10.99.0.1",
        "endpoints": ("home.example.org", "192.168.1.10"),
        "port": 51820,
        "updates": True,
    } | changes
    machine = Machine(accounts=accounts or (account(),), **facts)  # type: ignore[arg-type]
    return Spec(machine=machine, keys={"zoffsite": KEY, "second": OTHER})


def on_box(path: str, given: Spec | None = None) -> str:
    return box_files(given or spec())[path].text


def write(given: Spec, folder: Path) -> Path:
    for path, entry in kit(given).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(entry.text)
        (folder / path).chmod(entry.mode)
    return folder


def test_a_key_may_run_the_gate_and_nothing_else_and_only_from_the_source() -> None:
    line = on_box("/etc/zoffsite/authorized_keys.d/zoffsite").strip()
    assert line == f'restrict,from="10.99.0.1",command="/usr/local/lib/zoffsite/gate backup" {KEY}'


def test_the_key_for_restores_may_only_read() -> None:
    keys = on_box("/etc/zoffsite/authorized_keys.d/zoffsite", replace(spec(), restore_keys={"zoffsite": OTHER}))
    backup, restore = keys.splitlines()
    assert backup.endswith(KEY)
    assert restore == f'restrict,from="10.99.0.1",command="/usr/local/lib/zoffsite/gate restore" {OTHER}'


def test_each_user_has_a_key_a_root_and_a_policy_of_its_own() -> None:
    two = spec(account(), account("second", "vault/photos", floor=timedelta(hours=36), minimum=1))
    assert OTHER in on_box("/etc/zoffsite/authorized_keys.d/second", two)
    policy = json.loads(on_box("/etc/zoffsite/policy.json", two))
    assert policy["users"] == {
        "zoffsite": {"root": "vault/home", "floor_days": 30.0, "minimum": 3},
        "second": {"root": "vault/photos", "floor_days": 1.5, "minimum": 1},
    }
    assert "AllowUsers zoffsite@10.99.0.1 second@10.99.0.1\n" in on_box("/etc/zoffsite/sshd.conf", two)
    assert "second ALL=(root) NOPASSWD: /usr/local/lib/zoffsite/keeper\n" in on_box("/etc/sudoers.d/zoffsite", two)
    assert kit(two)["box/accounts"].text.splitlines()[1] == "second vault/photos none 1000 50000"


def test_the_keeper_reads_the_policy_as_it_was_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from zoffsite.box import keeper

    file = tmp_path / "policy.json"
    file.write_text(on_box("/etc/zoffsite/policy.json"))
    monkeypatch.setattr(keeper, "POLICY", file)
    assert keeper.policies() == {"zoffsite": keeper.Policy(root="vault/home", floor=30 * 86400.0, minimum=3)}


def test_gate_and_keeper_are_where_sshd_sudo_and_each_other_look_for_them() -> None:
    files = box_files(spec())
    for name in ("gate", "keeper"):
        source = importlib.util.find_spec(f"zoffsite.box.{name}")
        assert source is not None
        assert source.origin is not None
        entry = files[f"/usr/local/lib/zoffsite/{name}"]
        assert (entry.text, entry.mode, entry.owner) == (Path(source.origin).read_text(), 0o755, "root:root")
    from zoffsite.box import gate, keeper

    assert gate.KEEPER[-1] in files
    assert str(gate.POLICY) in files
    assert gate.POLICY == keeper.POLICY


def test_everything_on_both_machines_is_roots_and_nobody_else_may_write_it() -> None:
    for entry in (*box_files(spec()).values(), *source_files(spec()).values()):
        assert entry.owner == "root:root"
        assert entry.mode in (0o644, 0o755, 0o440)


def test_the_manifest_names_every_file_with_its_mode() -> None:
    whole = kit(spec())
    for side in ("box", "source"):
        rows = [line.split(" ") for line in whole[f"{side}/manifest"].text.splitlines()]
        listed = {(f"{side}/files{path}", int(mode, 8), owner) for mode, owner, path in rows}
        there = {(path, each.mode, each.owner) for path, each in whole.items() if path.startswith(f"{side}/files/")}
        assert listed == there


def test_nothing_secret_is_in_the_kit_and_nothing_of_the_source_but_its_addresses_is_on_the_box() -> None:
    for path, entry in kit(spec()).items():
        assert "PRIVATE KEY" not in entry.text, path
        assert "/home/me" not in entry.text, path
        # 44 characters of base64 are a WireGuard key, public or not: those are made where they are used.
        assert not re.search(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}=", entry.text), path


def test_what_is_on_the_source_is_called_after_the_box_so_that_two_boxes_do_not_meet() -> None:
    one, two = source_files(spec()), source_files(spec(name="other", port=51821))
    assert not one.keys() & two.keys()
    assert "INTERFACE=zo-my-friend\n" in one["/etc/zoffsite/tunnel-my-friend/tunnel.conf"].text
    assert "table inet zoffsite_my_friend {" in one["/etc/zoffsite/firewall-my-friend.nft"].text


def test_the_longest_name_still_makes_an_interface_that_the_kernel_takes() -> None:
    assert len(spec(name="a" * 40).source_interface) == 15


def test_a_box_without_updates_reaches_no_web_page() -> None:
    assert "dport { 80, 443 }" in on_box("/etc/zoffsite/firewall.nft")
    assert "443" not in on_box("/etc/zoffsite/firewall.nft", spec(updates=False))


def test_no_other_table_of_a_firewall_is_touched() -> None:
    for files, table in ((box_files(spec()), "zoffsite"), (source_files(spec()), "zoffsite_my_friend")):
        for path, entry in files.items():
            if path.endswith(".nft"):
                assert "flush" not in entry.text
                assert set(re.findall(r"table inet (\w+)", entry.text)) == {table}


def test_a_tunnel_needs_its_firewall_and_comes_after_it() -> None:
    for units, firewall in (
        (box_files(spec()), "zoffsite-firewall.service"),
        (source_files(spec()), "zoffsite-my-friend-firewall.service"),
    ):
        (tunnel,) = [entry.text for path, entry in units.items() if path.endswith("-tunnel.service")]
        assert f"Requires={firewall}\nAfter={firewall}\n" in tunnel


def test_the_card_names_the_box_and_whom_to_call_or_leaves_a_line_to_write_on() -> None:
    page = kit(replace(spec(), contact="Ann <ann@example.org>"))["box/CARD.html"].text
    assert "&ldquo;my-friend&rdquo;" in page
    assert "Ann &lt;ann@example.org&gt;" in page
    assert "____" in kit(spec())["box/CARD.html"].text


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_every_script_is_one_for_any_posix_shell(tmp_path: Path, shell: str) -> None:
    folder = write(spec(), tmp_path)
    scripts = [path for path in folder.rglob("*") if path.is_file() and path.read_text().startswith("#!/bin/sh")]
    assert len(scripts) == 16
    for script in [*scripts, folder / "box/common"]:
        subprocess.run([shell, "-n", str(script)], check=True)


def test_shellcheck_finds_nothing_in_the_scripts(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("shellcheck")
    subprocess.run([program, "-x", "-P", PARTS, *PARTS.glob("*.sh")], check=True)


@pytest.mark.parametrize(
    ("system", "asked"),
    [
        ("ID=debian\n", "apt-get install -qy --no-install-recommends one two"),
        ('ID=raspbian\nID_LIKE="debian"\n', "apt-get install -qy --no-install-recommends one two"),
        ("ID=arch\n", "pacman -S --needed --noconfirm three"),
        ('NAME="Some Linux"\nID=some\nID_LIKE="else arch"\n', "pacman -S --needed --noconfirm three"),
    ],
)
def test_what_is_missing_is_asked_of_the_system_s_own_package_manager(tmp_path: Path, system: str, asked: str) -> None:
    (tmp_path / "release").write_text(system)
    for name in ("apt-get", "pacman"):
        fake = (
            f'#!/bin/sh\necho "${{0##*/}} $*" >{tmp_path}/asked\n: >{tmp_path}/lacking\nchmod +x {tmp_path}/lacking\n'
        )
        (tmp_path / name).write_text(fake)
        (tmp_path / name).chmod(0o755)
    common = Path(__file__).parents[2] / "zoffsite/box/parts/common.sh"
    script = (
        f"here=. NAME=x; . {common}; release={tmp_path}/release NEEDED='sh lacking'; need_packages one two -- three"
    )
    path = f"{tmp_path}:/usr/bin:/bin"
    said = subprocess.run(["sh", "-euc", script], env={"PATH": path}, capture_output=True, text=True, check=True).stdout
    assert (tmp_path / "asked").read_text().strip() == asked
    assert "missing here: lacking" in said


def test_a_system_that_is_not_known_is_told_what_is_missing_and_nothing_is_run(tmp_path: Path) -> None:
    (tmp_path / "release").write_text("ID=other\n")
    script = f"here=. NAME=x; . {COMMON}; release={tmp_path}/release NEEDED=lacking; need_packages one -- two"
    done = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=False)
    assert (done.returncode, "install what provides: lacking" in done.stderr) == (1, True)


def test_a_value_of_the_settings_is_never_run_by_a_shell(tmp_path: Path) -> None:
    folder = write(spec(endpoints=("$(touch x)`touch y`'", "b")), tmp_path)
    conf = folder / "box/files/etc/zoffsite/tunnel/tunnel.conf"
    said = subprocess.run(
        ["sh", "-c", f'. {conf}; printf %s "$ENDPOINTS"'], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert said.stdout == "$(touch x)`touch y`' b"
    assert not (tmp_path / "x").exists()
