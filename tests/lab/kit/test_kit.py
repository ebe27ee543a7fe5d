"""The kit on two bare machines, from `zoffsite box kit` to `install --remove`, in the order in which it happens."""

from __future__ import annotations

import json
import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.kit import BOX, DISK, KEY, PLACE, SOURCE, through_the_source
from lab import Guest, Lab

from ..chain.stage import SOME, Stage, await_true
from .away import ADDRESS, friends_router, home_router, no_router, serve_names
from .place import Site, blank, make_site, state_of

FILES = f"{PLACE}/box/files"
FIRST, SECOND = "198.51.100.1", "198.51.100.77"
"""Addresses that the provider at home gives."""
QUICK = {
    "/etc/systemd/system/zoffsite-endpoint.service.d/test.conf": "[Service]\nExecStart=\n"
    "ExecStart=/usr/local/lib/zoffsite/tunnel /etc/zoffsite/tunnel resolve 4\n",
    "/etc/systemd/system/zoffsite-endpoint.timer.d/test.conf": "[Timer]\nOnUnitInactiveSec=\n"
    "OnActiveSec=1s\nOnUnitInactiveSec=2s\n",  # an empty one forgets all of them
}
"""The look at the tunnel, for people who wait: every 2 seconds, at handshakes older than 4. A sound tunnel has older
ones, so that only the name may be tried: two endpoints would take turns for ever."""
FIND = """
import pathlib, sys
secrets = [bytes.fromhex(word) for word in sys.argv[1:]]
for top in ("/etc", "/usr/local", "/root", "/var", "/home"):
    for file in pathlib.Path(top).rglob("*"):
        try:
            if file.is_file() and not file.is_symlink() and any(each in file.read_bytes() for each in secrets):
                print(file)
        except FileNotFoundError:
            pass  # a log that was just rotated
"""
"""What has one of these bytes in it, on a machine of the kit; a raw key is no line that grep could look for."""
ONLY_THE_NAME = "sed -i.kept 's/^ENDPOINTS=.*/ENDPOINTS=home.test/' /etc/zoffsite/tunnel/tunnel.conf"


@pytest.fixture(scope="module")
def site(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Bare machines with the kit written, and the box's folder carried over, before any `install`."""
    yield make_site(lab, tmp_path_factory.mktemp("kit"))
    blank(lab)


@pytest.fixture(scope="module")
def bare(site: Site) -> dict[str, str]:
    """All that `install` may touch, by machine, before it did."""
    return {guest.role: state_of(guest) for guest in site.guests}


@pytest.fixture(scope="module")
def running(site: Site, bare: dict[str, str]) -> Site:
    """Installed, paired, settled."""
    assert bare
    site.kit.install(site.source)
    site.kit.carry()
    site.kit.install(site.box, "--disks", DISK)
    site.kit.pair()
    site.kit.await_settled()
    site.await_ssh()
    return site


@pytest.fixture(scope="module")
def through(running: Site) -> Iterator[Stage]:
    """Runs of zoffsite that reach the box through the source machine, and so through the tunnel."""
    with through_the_source(running.stage.lab) as way:
        yield running.at_work(way)


@pytest.fixture(scope="module")
def seeded(running: Site, through: Stage) -> Site:
    """The first full backup, made while the box is still at home."""
    through.write("first", "1M")
    assert through.plan()["action"] == "full"
    done = through.part(through.backup())
    assert (done["state"], done["verified"]) == ("sent", True)
    return running


def answers(guest: Guest, address: str, port: int = 22) -> bool:
    """Whether a TCP connection from a machine is taken."""
    return guest.try_run(["timeout", "3", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}"]).code == 0


def pings(guest: Guest, address: str) -> bool:
    return guest.try_run(["ping", "-c1", "-W2", address]).code == 0


def listening(guest: Guest) -> list[str]:
    """Where its sshd waits."""
    return sorted(guest.run("ss -Hltn 'sport = :22'").split()[3::5])


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
    site.source.run(f"nft -c -f {PLACE}/source/files/etc/zoffsite/firewall-friend.nft")
    for guest, folder in ((site.box, FILES), (site.source, f"{PLACE}/source/files")):
        units = guest.run(f"find {folder}/etc/systemd/system -name 'zoffsite-*'").split()
        said = guest.try_run(["systemd-analyze", "verify", "--man=no", *units]).err
        ours = [line for line in said.splitlines() if "zoffsite" in line and "is not executable" not in line]
        assert not ours, said


def test_a_box_is_not_set_up_before_its_source_gave_it_a_key(site: Site, bare: dict[str, str]) -> None:
    done = site.box.try_run([f"{PLACE}/box/install", "--disks", DISK])
    assert done.code == 1
    assert "run source/install on the source first" in done.err
    assert state_of(site.box) == bare["box"]


def test_a_dry_run_says_what_it_would_do_and_does_nothing(site: Site, bare: dict[str, str]) -> None:
    said = site.kit.install(site.source, "--dry-run")
    assert "write   /etc/zoffsite/firewall-friend.nft (0644 root:root)" in said
    assert "none was made" in said
    assert state_of(site.source) == bare["source"]
    keys = "wg genkey | wg pubkey >source.pub; wg genpsk >preshared.key"
    site.box.run(f"mkdir {PLACE}/box/pairing && cd {PLACE}/box/pairing && {keys}")
    said = site.kit.install(site.box, "--dry-run", "--disks", DISK)
    assert "run     zpool create" in said
    assert "none was made" in said
    assert state_of(site.box) == bare["box"]
    site.box.run(f"rm -r {PLACE}/box/pairing")


def test_a_disk_with_anything_on_it_is_left_alone(site: Site, bare: dict[str, str]) -> None:
    site.kit.install(site.source)
    site.kit.carry()
    done = site.box.try_run([f"{PLACE}/box/install", "--disks", "/dev/vdc"])
    assert (done.code, "it is left alone" in done.err) == (1, True)
    assert state_of(site.box) == bare["box"]


# -- installed, not yet paired


def test_where_the_tunnel_does_not_come_up_the_box_is_as_reachable_as_before(site: Site, bare: dict[str, str]) -> None:
    box, before = site.box, listening(site.box)
    box.run("systemd-run --quiet --unit=door python3 -m http.server 8080")
    await_true(lambda: answers(site.source, box.address, 8080), "somebody listens there")
    said = site.kit.install(box, "--disks", DISK)
    assert "zoffsite box pair --box friend zoffsite1:" in said
    assert "table inet zoffsite" in box.run(["nft", "list", "tables"])
    assert not answers(site.source, box.address, 8080)
    box.run("systemctl stop zoffsite-settle.service")
    assert box.try_run(["/usr/local/lib/zoffsite/settle", "wait", "1"]).code == 1
    assert box.run("nft list tables; ip -br link show type wireguard").strip() == ""
    assert answers(site.source, box.address, 8080)
    assert listening(box) == before
    box.run("systemctl stop door")
    enabled = box.run("systemctl list-unit-files --no-legend --state=enabled 'zoffsite*'").split()
    assert [word for word in enabled if word.startswith("zoffsite")] == [
        "zoffsite-keeper.timer",
        "zoffsite-scrub.timer",
    ]
    assert bare


def test_no_secret_stays_in_the_folder_that_was_carried(site: Site) -> None:
    assert site.box.try_run(["test", "-e", f"{PLACE}/box/pairing/preshared.key"]).code == 1


def test_a_pairing_with_a_slip_of_the_pen_is_refused(site: Site) -> None:
    text = site.box.run(["cat", f"{PLACE}/box/pairing/box"]).strip()
    assert "damaged" in site.stage.zoffsite("box", "pair", text[:-1] + ("0" if text[-1] != "0" else "1"), expect=2).said


# -- installed, paired, settled


def test_after_pairing_the_gate_answers_through_the_tunnel(running: Site) -> None:
    code, said = running.kit.ask("hello")
    assert (code, said.splitlines()[0]) == (0, "zoffsite-gate 1")


def test_neither_a_second_install_nor_a_removal_that_is_only_tried_changes_anything(running: Site) -> None:
    before = {guest.role: state_of(guest) for guest in running.guests}
    for guest in running.guests:
        assert "nothing to change" in running.kit.install(guest)
        assert "none was made" in running.kit.install(guest, "--remove", "--dry-run")
    assert {guest.role: state_of(guest) for guest in running.guests} == before


def test_the_settings_need_no_host_key_once_paired(running: Site) -> None:
    assert running.box.host_key().split()[1] in (running.stage.folder / "friend.pairing").read_text()
    assert "zoffsite.toml" in running.stage.zoffsite("config", "check", "--offline").said


def test_other_keys_for_a_paired_box_are_a_question_for_a_person(running: Site) -> None:
    other = "zoffsite1:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=:" + running.box.host_key().split()[1]
    digits = running.source.run(f"printf %s {other} | sha256sum | cut -c1-8").strip()
    assert "paired already" in running.stage.zoffsite("box", "pair", f"{other}:{digits}", expect=2).said
    assert running.kit.ask("hello")[0] == 0


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


def test_the_forced_command_is_in_force(running: Site) -> None:
    shared = "-o ControlMaster=auto -o ControlPath=/run/asked -o ControlPersist=20"  # a handshake is long here
    for request in ("zfs list", "hello; id", "", "keeper abort x", "send tank:home a"):
        code, said = running.kit.ask(shlex.quote(request) if request else "", shared)
        assert (code, "zoffsite gate: refused" in said) == (77, True), request


def test_a_key_of_the_job_opens_no_other_door(running: Site) -> None:
    assert running.kit.ask("sftp", "-s")[0] == 77
    code, said = running.kit.ask("hello", "-o ExitOnForwardFailure=yes -R 2222:127.0.0.1:22")
    assert code != 0, said
    assert running.kit.ask("hello", user="root")[0] == 255


def test_the_user_of_the_box_may_call_the_keeper_and_can_destroy_nothing_itself(running: Site) -> None:
    box = running.box
    rights = [line.strip() for line in box.run("zfs allow vault/replicas").splitlines() if "user" in line]
    receive = "receive:append" if box.version == "2.3" else "receive"
    assert rights == [f"user keep create,mount,{receive},send"]
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


def test_the_first_backup_is_made_at_home_through_the_same_tunnel_and_gate(seeded: Site) -> None:
    stage = seeded.stage
    assert f"{seeded.source.address}:51820" in seeded.box.run("wg show zoffsite endpoints"), "by the second endpoint"
    guids = stage.guids(stage.box, stage.replica())
    assert guids == stage.guids(stage.source, stage.tree)
    seeded.box.run("systemctl start zoffsite-keeper.service")
    assert guids[0] in seeded.box.run(["cat", "/var/lib/zoffsite/keeper.json"])


def test_a_clone_of_what_the_box_has_is_a_clone_there_too(seeded: Site, through: Stage) -> None:
    fork = f"{through.tree}/fork"
    (base,) = through.names(through.source, through.tree)
    through.source.run(f"zfs clone {through.tree}@{base} {fork}")
    through.write("own", "100K", fork)
    done = through.part(through.backup(), fork)
    assert (done["state"], done["verified"]) == ("sent", True)
    assert done["bytes"] < 500_000
    origin = through.box.run(["zfs", "get", "-Hpo", "value", "origin", through.replica(fork)]).strip()
    assert origin == f"{through.replica()}@{base}"


def test_nothing_secret_of_the_source_is_on_the_box(running: Site) -> None:
    source = running.source
    secrets = [source.get("/etc/zoffsite/tunnel-friend/private.key").strip(), source.get("/root/keys/tank_home")]
    for key in (KEY, "/etc/zoffsite/unlock-friend/key"):
        # The first line is the same in every such file; the last may be so short that it is anywhere.
        secrets += source.get(key).splitlines()[2:5]
    assert len(secrets) == 8
    look = ["python3", "-c", FIND, *(each.hex() for each in secrets)]
    assert running.box.run(look) == ""
    peer = "/etc/zoffsite/tunnel/peer.pub"
    assert peer in running.box.run([*look, running.box.get(peer).hex()]).split(), "it finds what is there"


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
        assert running.kit.ask("hello")[0] == 0, "answers still pass"
        source.run("nft delete table inet zoffsite_friend")
        assert [pings(box, "192.168.50.2"), pings(box, SOURCE), answers(box, SOURCE)] == [True] * 3
    finally:
        source.run("sysctl -qw net.ipv4.ip_forward=0; ip netns del lan; nft add table inet zoffsite_friend")
        source.run("systemctl restart zoffsite-friend-firewall.service zoffsite-friend-tunnel.service")
        box.run("nft add table inet zoffsite; systemctl restart zoffsite-firewall.service zoffsite-tunnel.service")
        box.run("systemctl restart zoffsite-endpoint.timer")
    running.await_ssh()


# -- carried away: a router at each end, and the power cut in the middle of a receive


@pytest.fixture(scope="class")
def away(seeded: Site, through: Stage) -> Iterator[Site]:
    """Switched on again; names do not resolve there yet."""
    source, box = seeded.source, seeded.box
    through.write("more", "4M")
    run = through.under_way()
    box.power_off()
    report = json.loads(through.finish(run, expect=1).out)
    assert through.part(report)["error"]["transient"], report
    home_router(source, FIRST)
    box.power_on(keep_root=True, import_pools=False)
    friends_router(box)
    box.run("systemctl is-system-running --wait || true", timeout=300)
    yield seeded
    no_router(box)
    no_router(source)


class TestCarriedAway:
    """Seeded at home, it is unplugged, and plugged in again in another network."""

    def test_after_a_power_cut_it_has_its_firewall_and_its_pool_before_any_name_resolves(self, away: Site) -> None:
        box = away.box
        assert "table inet zoffsite" in box.run(["nft", "list", "tables"])
        assert away.age() == "never"
        assert not greets(box.uplink_port)
        rows = box.run("zfs get -Hpro value mounted,keystatus vault/replicas/tank:home").split()
        assert {"no", "unavailable"} <= set(rows) <= {"no", "unavailable", "-"}

    def test_its_tunnel_comes_up_by_itself_once_names_resolve(self, away: Site) -> None:
        serve_names(away.box, FIRST)
        away.await_ssh()
        assert f"{FIRST}:51820" in away.box.run("wg show zoffsite endpoints")

    def test_the_next_run_resumes_what_the_power_cut_broke_off(self, away: Site, through: Stage) -> None:
        assert through.plan()["action"] == "resume"
        done = through.part(through.backup())
        assert (done["state"], done["verified"]) == ("sent", True)
        assert done["bytes"] < 4_000_000 - SOME + 200_000
        assert through.guids(away.box, through.replica())[-1] == through.guids(away.source, through.tree)[-1]
        through.zoffsite("verify")

    def test_a_changed_address_of_the_source_heals_by_itself(self, away: Site, through: Stage) -> None:
        source, box = away.source, away.box
        for path, text in QUICK.items():
            box.put(text.encode(), path)
        box.run(f"{ONLY_THE_NAME}; systemctl daemon-reload; systemctl restart zoffsite-endpoint.timer")
        home_router(source, SECOND)
        try:
            assert not pings(source, BOX)
            box.put(f"{SECOND}\n".encode(), ADDRESS)
            await_true(lambda: pings(source, BOX), "the tunnel is up again")
            assert f"{SECOND}:51820" in box.run("wg show zoffsite endpoints")
        finally:
            box.run(f"rm -r {' '.join(str(Path(path).parent) for path in QUICK)}; systemctl daemon-reload")
            box.run("cd /etc/zoffsite/tunnel; mv tunnel.conf.kept tunnel.conf")
        through.write("later", "100K")
        assert through.part(through.backup())["state"] == "sent"


# -- the power is cut where the box closes its other doors


CUTS = {
    "the-tunnel-is-enabled": (" && sync || return 1", " && sync && kill -STOP $$"),
    "the-doors-are-closed": (' && : >"$state/settled"', " && sync && kill -STOP $$"),
}


@pytest.mark.parametrize("cut", CUTS)
def test_a_power_cut_at_the_last_step_is_ended_at_the_next_boot_with_either_machine_first(
    running: Site, cut: str
) -> None:
    source, box = running.source, running.box
    settle = box.get("/usr/local/lib/zoffsite/settle").decode()
    box.try_run("/usr/local/lib/zoffsite/settle undo")
    assert f"{BOX}:22" not in listening(box)
    box.put(settle.replace(*CUTS[cut], 1).encode(), "/run/settle")
    box.run("systemd-run --quiet --unit=cut sh /run/settle now")
    await_true(lambda: box.run("ps -o stat= -p $(systemctl show -P MainPID cut)").startswith("T"), "it is there")
    for guest in running.guests:
        guest.power_off()
    first, second = (box, source) if cut == "the-tunnel-is-enabled" else (source, box)
    for guest in (first, second):
        guest.power_on(keep_root=True, import_pools=False)
    running.await_ssh()
    box.run("systemctl is-system-running --wait || true", timeout=300)
    box.run("test -e /var/lib/zoffsite/kit/settled")
    assert listening(box) == sorted([f"{BOX}:22", "10.0.2.15:22"]), "the tunnel, and the lab's own way in"
    assert "nothing to change" in running.kit.install(box)


def test_removed_both_machines_are_as_before_but_for_the_replicas(running: Site, bare: dict[str, str]) -> None:
    box, source = running.box, running.source
    for guest in running.guests:
        running.kit.install(guest, "--remove")
        assert "nothing to change" in running.kit.install(guest, "--remove")
    assert state_of(source) == bare["source"]
    assert state_of(box) == bare["box"]
    assert box.run("zfs list -Ho name vault/replicas/tank:home").strip() == "vault/replicas/tank:home"
