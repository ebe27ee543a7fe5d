"""The kit on two bare machines, from `zoffsite box kit` to `install --remove`, in the order in which it happens."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import Guest, Lab

from ..chain.stage import await_true
from .place import BOX, KEY, KIT, SOURCE, Site, blank, make_site, state_of

FILES = f"{KIT}/box/files"
QUICK = {
    "/etc/systemd/system/zoffsite-endpoint.service.d/test.conf": "[Service]\nExecStart=\n"
    "ExecStart=/usr/local/lib/zoffsite/tunnel /etc/zoffsite/tunnel resolve 4\n",
    "/etc/systemd/system/zoffsite-endpoint.timer.d/test.conf": "[Timer]\nOnUnitInactiveSec=\n"
    "OnActiveSec=1s\nOnUnitInactiveSec=2s\n",  # an empty one forgets all of them
}
"""The look at the tunnel, for people who wait: every 2 seconds, at handshakes older than 4."""


@pytest.fixture(scope="module")
def site(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Bare machines with the kit written, and the box's folder carried over, before any `install`."""
    yield make_site(lab, tmp_path_factory.mktemp("kit"))
    blank(lab)


@pytest.fixture(scope="module")
def bare(site: Site) -> dict[str, str]:
    """All that `install` may touch, by machine, before it did."""
    return {guest.role: state_of(guest) for guest in site.lab.guests}


@pytest.fixture(scope="module")
def running(site: Site, bare: dict[str, str]) -> Site:
    """Installed, paired, settled."""
    assert bare
    site.install(site.source)
    site.carry()
    site.install(site.box, "--disks", "/dev/vdb")
    site.pair()
    site.await_settled()
    site.await_ssh()
    return site


def answers(guest: Guest, address: str, port: int = 22) -> bool:
    """Whether a TCP connection from a machine is taken."""
    return guest.try_run(["timeout", "3", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}"]).code == 0


def pings(guest: Guest, address: str) -> bool:
    return guest.try_run(["ping", "-c1", "-W2", address]).code == 0


def greets(port: int) -> bool:
    """Whether sshd greets on a port of this computer that leads to a guest."""
    with socket.create_connection(("127.0.0.1", port), timeout=3) as connection:
        try:
            return connection.recv(4) == b"SSH-"
        except OSError:
            return False


# -- before anything is installed


def test_each_program_takes_what_was_written_for_it(site: Site, bare: dict[str, str]) -> None:
    assert bare
    site.box.run(f"nft -c -f {FILES}/etc/zoffsite/firewall.nft && visudo -cqf {FILES}/etc/sudoers.d/zoffsite")
    site.box.run(f"cp {FILES}/etc/zoffsite/sshd.conf /run/sshd.conf && sshd -t -f /run/sshd.conf")
    site.source.run(f"nft -c -f {KIT}/source/files/etc/zoffsite/firewall-friend.nft")
    for guest, folder in ((site.box, FILES), (site.source, f"{KIT}/source/files")):
        units = guest.run(f"find {folder}/etc/systemd/system -name 'zoffsite-*'").split()
        said = guest.try_run(["systemd-analyze", "verify", "--man=no", *units]).err
        ours = [line for line in said.splitlines() if "zoffsite" in line and "is not executable" not in line]
        assert not ours, said


def test_a_box_is_not_set_up_before_its_source_gave_it_a_key(site: Site, bare: dict[str, str]) -> None:
    done = site.box.try_run([f"{KIT}/box/install", "--disks", "/dev/vdb"])
    assert done.code == 1
    assert "run source/install on the source first" in done.err
    assert state_of(site.box) == bare["box"]


def test_a_dry_run_says_what_it_would_do_and_does_nothing(site: Site, bare: dict[str, str]) -> None:
    said = site.install(site.source, "--dry-run")
    assert "write   /etc/zoffsite/firewall-friend.nft (0644 root:root)" in said
    assert "none was made" in said
    assert state_of(site.source) == bare["source"]
    keys = "wg genkey | wg pubkey >source.pub; wg genpsk >preshared.key"
    site.box.run(f"mkdir {KIT}/box/pairing && cd {KIT}/box/pairing && {keys}")
    said = site.install(site.box, "--dry-run", "--disks", "/dev/vdb")
    assert "run     zpool create" in said
    assert "none was made" in said
    assert state_of(site.box) == bare["box"]
    site.box.run(f"rm -r {KIT}/box/pairing")


def test_a_disk_with_anything_on_it_is_left_alone(site: Site, bare: dict[str, str]) -> None:
    site.install(site.source)
    site.carry()
    done = site.box.try_run([f"{KIT}/box/install", "--disks", "/dev/vdc"])
    assert (done.code, "it is left alone" in done.err) == (1, True)
    assert state_of(site.box) == bare["box"]


# -- installed, not yet paired


def test_where_the_tunnel_does_not_come_up_the_box_is_as_reachable_as_before(site: Site, bare: dict[str, str]) -> None:
    said = site.install(site.box, "--disks", "/dev/vdb")
    assert "zoffsite box pair --box friend zoffsite1:" in said
    assert "table inet zoffsite" in site.box.run(["nft", "list", "tables"])
    assert not greets(site.box.uplink_port)
    site.box.run("systemctl stop zoffsite-settle.service")
    assert site.box.try_run(["/usr/local/lib/zoffsite/settle", "wait", "1"]).code == 1
    assert site.box.run("nft list tables; ip -br link show type wireguard").strip() == ""
    assert greets(site.box.uplink_port)
    enabled = site.box.run("systemctl list-unit-files --no-legend --state=enabled 'zoffsite*'").split()
    assert [word for word in enabled if word.startswith("zoffsite")] == [
        "zoffsite-keeper.timer",
        "zoffsite-scrub.timer",
    ]
    assert bare


def test_no_secret_stays_in_the_folder_that_was_carried(site: Site) -> None:
    assert site.box.try_run(["test", "-e", f"{KIT}/box/pairing/preshared.key"]).code == 1


def test_a_pairing_with_a_slip_of_the_pen_is_refused(site: Site) -> None:
    text = site.box.run(["cat", f"{KIT}/box/pairing/box"]).strip()
    assert "damaged" in site.zoffsite("box", "pair", text[:-1] + ("0" if text[-1] != "0" else "1"), expect=2)


# -- installed, paired, settled


def test_after_pairing_the_gate_answers_through_the_tunnel(running: Site) -> None:
    code, said = running.ask("hello")
    assert (code, said.splitlines()[0]) == (0, "zoffsite-gate 1")


def test_a_second_install_changes_nothing(running: Site) -> None:
    before = {guest.role: state_of(guest) for guest in running.lab.guests}
    for guest in running.lab.guests:
        assert "nothing to change" in running.install(guest)
    assert {guest.role: state_of(guest) for guest in running.lab.guests} == before


def test_the_settings_need_no_host_key_once_paired(running: Site) -> None:
    assert running.box.host_key().split()[1] in (running.folder / "friend.pairing").read_text()
    assert "zoffsite.toml" in running.zoffsite("config", "check", "--offline")


def test_other_keys_for_a_paired_box_are_a_question_for_a_person(running: Site) -> None:
    other = "zoffsite1:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=:" + running.box.host_key().split()[1]
    digits = running.source.run(f"printf %s {other} | sha256sum | cut -c1-8").strip()
    assert "paired already" in running.zoffsite("box", "pair", f"{other}:{digits}", expect=2)
    assert running.ask("hello")[0] == 0


def test_ssh_is_answered_through_the_tunnel_and_nowhere_else(running: Site) -> None:
    assert answers(running.source, BOX)
    assert not answers(running.source, running.box.address)
    assert not greets(running.box.uplink_port)
    running.box.run("systemctl stop zoffsite-firewall.service")  # the tunnel goes with it
    try:
        assert "zoffsite" not in running.box.run("ip -br link show type wireguard")
        assert not answers(running.source, running.box.address), "sshd itself listens on the tunnel's address only"
    finally:
        running.box.run("systemctl start zoffsite-tunnel.service; systemctl restart ssh.service")
    running.await_ssh()


@pytest.mark.parametrize("request_", ["zfs list", "hello; id", "", "keeper abort x", "send tank:home a"])
def test_the_forced_command_is_in_force(running: Site, request_: str) -> None:
    code, said = running.ask(shlex.quote(request_) if request_ else "")
    assert (code, "zoffsite gate: refused" in said) == (77, True)


def test_a_key_of_the_job_opens_no_other_door(running: Site) -> None:
    assert running.ask("sftp", "-s")[0] == 77
    code, said = running.ask("hello", "-o ExitOnForwardFailure=yes -R 2222:127.0.0.1:22")
    assert code != 0, said
    assert running.ask("hello", user="root")[0] == 255


def test_the_user_of_the_box_may_call_the_keeper_and_can_destroy_nothing_itself(running: Site) -> None:
    box = running.box
    rights = [line.strip() for line in box.run("zfs allow vault/replicas").splitlines() if "user" in line]
    receive = "receive:append" if box.version == "2.3" else "receive"
    assert rights == [f"user keep create,mount,{receive}"]
    assert "(root) NOPASSWD: /usr/local/lib/zoffsite/keeper" in box.run("sudo -l -U keep")
    assert box.try_run("su keep -s /bin/sh -c 'sudo -n id'").code != 0
    find = "find /etc/zoffsite /usr/local/lib/zoffsite -writable 2>/dev/null || true"  # it may not look into tunnel/
    writable = box.run(f"cd / && su keep -s /bin/sh -c '{find}'")
    assert writable.strip() == ""


def test_the_root_of_the_replicas_is_never_mounted_and_has_bounds(running: Site) -> None:
    names = "canmount,mountpoint,readonly,filesystem_limit,snapshot_limit,mounted"
    values = running.box.run(f"zfs get -Hpo value {names} vault/replicas").split()
    assert values == ["off", "none", "on", "1000", "50000", "no"]
    assert running.box.run("systemctl is-enabled zfs-mount zfs-share || true").split() == ["masked", "masked"]


def test_raw_streams_full_and_incremental_arrive_through_the_gate(running: Site) -> None:
    source = running.source
    source.run("head -c 300K /dev/urandom >/tank/home/file; zfs snapshot tank/home@a")
    source.run("head -c 300K /dev/urandom >/tank/home/more; zfs snapshot tank/home@b")
    one, two = source.run("zfs get -Hpo value guid tank/home@a tank/home@b").split()
    ssh = f"ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -i {KEY} keep@{BOX}"
    source.run(f"zfs send -w tank/home@a | {ssh} receive tank:home {one} 0")
    source.run(f"zfs send -w -i @a tank/home@b | {ssh} receive tank:home {two} {one}")
    assert running.box.run("zfs list -Hpro guid -t snapshot -s createtxg vault/replicas").split() == [one, two]
    listing = running.ask("inventory")[1]
    assert f"vault/replicas/tank:home@b\t{two}" in listing
    running.box.run("systemctl start zoffsite-keeper.service")
    stamped = running.box.run(["cat", "/var/lib/zoffsite/keeper.json"])
    assert one in stamped
    assert two in stamped


def test_nothing_secret_of_the_source_is_on_the_box(running: Site) -> None:
    secrets = [running.source.get("/etc/zoffsite/tunnel-friend/private.key").decode().strip()]
    secrets += running.source.get(KEY).decode().splitlines()[2:-1]  # the first line is the same in every such file
    assert len(secrets) > 3
    for secret in secrets:
        found = running.box.try_run(["grep", "-rlF", "--", secret, "/etc", "/usr/local", "/root", "/var", "/home"])
        assert (found.code, found.out) == (1, "")


def test_a_box_in_others_hands_reaches_neither_the_source_nor_its_network(running: Site) -> None:
    """Its firewall gone, all allowed in its tunnel: the source's own rules hold; without those it would get through."""
    source, box = running.source, running.box
    source.run(
        "ip netns add lan; ip link add lan0 type veth peer name lan1 netns lan; ip addr add 192.168.50.1/24 dev lan0; "
        "ip link set lan0 up; ip -n lan addr add 192.168.50.2/24 dev lan1; ip -n lan link set lan1 up; "
        "ip -n lan route add default via 192.168.50.1; sysctl -qw net.ipv4.ip_forward=1"
    )
    try:
        box.run("wg set zoffsite peer $(cat /etc/zoffsite/tunnel/peer.pub) allowed-ips 0.0.0.0/0")
        box.run(f"ip route replace 192.168.50.0/24 dev zoffsite src {BOX}")
        assert not pings(box, "192.168.50.2"), "the box's own firewall"
        box.run("nft flush ruleset")
        assert [pings(box, "192.168.50.2"), pings(box, SOURCE), answers(box, SOURCE)] == [False] * 3
        assert running.ask("hello")[0] == 0, "answers still pass"
        source.run("nft delete table inet zoffsite_friend")
        assert [pings(box, "192.168.50.2"), pings(box, SOURCE), answers(box, SOURCE)] == [True] * 3
    finally:
        source.run("sysctl -qw net.ipv4.ip_forward=0; ip netns del lan; nft add table inet zoffsite_friend")
        source.run("systemctl restart zoffsite-friend-firewall.service zoffsite-friend-tunnel.service")
        box.run("nft add table inet zoffsite; systemctl restart zoffsite-firewall.service zoffsite-tunnel.service")
        box.run("systemctl restart zoffsite-endpoint.timer")
    running.await_ssh()


def test_the_tunnel_heals_after_the_address_of_the_source_changed(running: Site) -> None:
    source, box = running.source, running.box
    for path, text in QUICK.items():
        box.put(text.encode(), path)
    box.run("systemctl daemon-reload; systemctl restart zoffsite-endpoint.timer")
    source.run("ip addr flush dev wire; ip addr add 10.77.0.9/24 dev wire")
    try:
        assert not pings(source, BOX)
        box.run("sed -i 's/^.* home.test/10.77.0.9 home.test/' /etc/hosts")
        await_true(lambda: pings(source, BOX), "the tunnel is up again", 60)
        assert "10.77.0.9:51820" in box.run("wg show zoffsite endpoints")
    finally:
        source.run("ip addr flush dev wire; ip addr add 10.77.0.1/24 dev wire")
        box.run("sed -i 's/^.* home.test/10.77.0.1 home.test/' /etc/hosts")
        running.await_ssh()
        box.run(f"rm -r {' '.join(str(Path(path).parent) for path in QUICK)}; systemctl daemon-reload")


def test_after_a_power_cut_the_box_comes_back_alone_even_when_names_resolve_only_later(running: Site) -> None:
    box = running.box
    box.run("sed -i '/home.test/d' /etc/hosts; sync")
    box.power_off()
    box.power_on(keep_root=True, import_pools=False)
    box.run("systemctl is-system-running --wait || true", timeout=300)
    assert "table inet zoffsite" in box.run(["nft", "list", "tables"])
    assert running.age() == "never"
    box.run("echo '10.77.0.1 home.test' >>/etc/hosts")
    running.await_ssh()
    assert box.run(["zfs", "get", "-Hpo", "value", "mounted", "vault/replicas/tank:home"]).strip() == "no"
    assert "\tunavailable\t" in running.ask("inventory")[1]
    assert not greets(box.uplink_port)


def test_removed_both_machines_are_as_before_but_for_the_replicas(running: Site, bare: dict[str, str]) -> None:
    box, source = running.box, running.source
    for guest in running.lab.guests:
        running.install(guest, "--remove")
        assert "nothing to change" in running.install(guest, "--remove")
    assert state_of(source) == bare["source"]
    assert state_of(box) == bare["box"]
    assert box.run("zfs list -Ho name vault/replicas/tank:home").strip() == "vault/replicas/tank:home"
