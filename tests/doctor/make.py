"""A healthy pair, as its machines tell it; tests change one word of it at a time. Texts were measured in the lab."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.planning.make import dataset, job, replica, there
from zoffsite.config.machines import Account, Machine
from zoffsite.doctor.case import Case
from zoffsite.doctor.examine import examine
from zoffsite.model.checkup import Finding, Level
from zoffsite.model.dataset import KeyStatus
from zoffsite.model.facts import Answer, Attempt, Facts, Knock, Said
from zoffsite.model.inventory import DatasetState, Inventory
from zoffsite.model.job import SshHost
from zoffsite.model.snapshots import Snapshots

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CLOCK = int(NOW.timestamp())
ROOT = "vault/replicas"
REPLICA = f"{ROOT}/tank:home"
BOX = SshHost(
    host="10.99.0.2",
    port=22,
    user="keep",
    host_key="k",
    identity_file=Path("key"),
    connect_timeout=1.0,
    keepalive=1.0,
)
JOB = job(box=BOX, root=ROOT, gated=True)
ACCOUNT = Account(
    user="keep",
    root=ROOT,
    identity_file=Path("key"),
    floor=timedelta(days=30),
    minimum=3,
    quota=None,
    filesystem_limit=1000,
    snapshot_limit=50000,
)
MACHINE = Machine(
    name="friend",
    address="10.99.0.2",
    ssh_port=22,
    source_address="10.99.0.1",
    endpoints=("home.test",),
    port=51820,
    updates=True,
    accounts=(ACCOUNT,),
)
STATUS = """\
  pool: {pool}
 state: ONLINE
  scan: scrub repaired 0B in 00:00:01 with 0 errors on Sun Nov 22 03:00:01 2026
config:

\tNAME        STATE     READ WRITE CKSUM
\t{pool}       ONLINE       0     0     0
\t  vdb       ONLINE       0     0     0

errors: No known data errors
"""
SOURCE_TABLE = """\
table inet zoffsite_friend {
\tchain input {
\t\ttype filter hook input priority filter; policy accept;
\t\tiifname "zo-friend" ct state established,related accept
\t\tiifname "zo-friend" drop
\t}

\tchain forward {
\t\ttype filter hook forward priority filter; policy accept;
\t\tiifname "zo-friend" ct state established,related accept
\t\tiifname "zo-friend" drop
\t}
}
"""
BOX_TABLE = """\
table inet zoffsite {
\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\tiifname "lo" accept
\t}
}
"""
SSHD = """\
permitrootlogin no
passwordauthentication no
kbdinteractiveauthentication no
permittty no
permituserenvironment no
permitemptypasswords no
disableforwarding yes
authenticationmethods publickey
"""
LOGIN = 'restrict,from="10.99.0.1",command="/usr/local/lib/zoffsite/gate backup" ssh-ed25519 AAAA\n'
LISTENING = """\
LISTEN 0      128     10.99.0.2:22         0.0.0.0:*    users:(("sshd",pid=700,fd=3))
LISTEN 0      4096   127.0.0.53%lo:53       0.0.0.0:*    users:(("systemd-resolve",pid=300,fd=14))
"""
LSBLK = """{"blockdevices": [{"path":"/dev/vda", "type":"disk", "fstype":null, "mountpoint":null, "children": [
{"path":"/dev/vda2", "type":"part", "fstype":"crypto_LUKS", "mountpoint":null, "children": [
{"path":"/dev/mapper/root", "type":"crypt", "fstype":"ext4", "mountpoint":"/"}]}]}]}"""
ALLOW = f"""\
---- Permissions on {ROOT} ---------------------------------------
Local+Descendent permissions:
\tuser keep create,mount,receive:append,send
"""
PROPERTIES = """\
canmount\toff
mountpoint\tnone
readonly\ton
com.sun:auto-snapshot\tfalse
quota\t500
filesystem_limit\t1000
snapshot_limit\t50000
"""


def unit(name: str, active: str = "active", enabled: str = "enabled") -> str:
    return f"Id={name}\nActiveState={active}\nUnitFileState={enabled}\n"


BOX_UNITS = "\n".join(
    [
        *(
            unit(f"zoffsite-{each}")
            for each in ("firewall.service", "tunnel.service", "endpoint.timer", "keeper.timer", "scrub.timer")
        ),
        unit("zfs-mount.service", "inactive", "masked"),
        unit("zfs-share.service", "inactive", "masked"),
        unit("ssh.service"),
        unit("sshd.service", "inactive", ""),
    ]
)
SOURCE_UNITS = "\n".join(unit(f"zoffsite-friend-{each}.service") for each in ("firewall", "tunnel"))


def machine_says(pool: str) -> dict[str, str]:
    return {
        "clock": f"{CLOCK}\n",
        "synchronized": "yes\n",
        "zfs": "zfs-2.3.3-1\nzfs-kmod-2.3.3-1\n",
        "pools": f"{pool}\tONLINE\t1000\t100\t900\t0\n",
        "status": STATUS.format(pool=pool),
        "made": f"{pool}\t{CLOCK - 86400 * 300}\n",
        "kernel": "6.1.0-10-amd64\n",
        "kernels": "/lib/modules/6.1.0-9-amd64\n/lib/modules/6.1.0-10-amd64\n",
        "modules": "6.1.0-9-amd64/updates/dkms/zfs.ko\n6.1.0-10-amd64/updates/dkms/zfs.ko\n",
        "disks": LSBLK,
    }


SOURCE_SAYS = machine_says("tank") | {
    "units": SOURCE_UNITS,
    "firewall": SOURCE_TABLE,
    "written": SOURCE_TABLE,
    "handshake": f"PEER=\t{CLOCK - 50}\n",
    "endpoints": "PEER=\t203.0.113.9:40000\n",
    "forwarding": "1\n",
    "keys": f"{CLOCK - 86400} 600 root /etc/zoffsite/tunnel-friend/private.key\n",
    "smart /dev/vda": '{"smart_status": {"passed": true}}',
}
BOX_SAYS = machine_says("vault") | {
    "units": BOX_UNITS,
    "firewall": BOX_TABLE,
    "written": BOX_TABLE,
    "keys": f"{CLOCK - 86400} 600 root /etc/zoffsite/tunnel/private.key\n",
    "properties": PROPERTIES,
    "allow": ALLOW,
    "listening": LISTENING,
    "sshd": SSHD,
    "login": LOGIN,
    "login-file": f"{CLOCK} 644 root /etc/zoffsite/authorized_keys.d/keep\n"
    f"{CLOCK} 600 root /etc/ssh/ssh_host_ed25519_key\n",
    "observed": f"{CLOCK - 1800}\n",
    "policy": '{"root": "vault/replicas", "floor_days": 30.0, "minimum": 3}',
    "tpm": "2\n",
    "efi": "/sys/firmware/efi/efivars\n",
    "secure-boot": "   1\n",
    "lockdown": "none [integrity] confidentiality\n",
    "signer": "zoffsite db box\n",
    "boot-chain": "starts next: kernel 6.1.0-10-amd64, signed, with ZFS\n",
    "initrd-key": f"{CLOCK} 600 root /etc/dropbear/initramfs/dropbear_ed25519_host_key\n",
    "smart /dev/vda": '{"smart_status": {"passed": true}}',
    "slots /dev/vda2": "SLOT TYPE\n   0 recovery\n   1 tpm2\n",
}
ATTEMPTS = tuple(Attempt(what=each, refused=True, outcome="refused") for each in ("a shell", "forwarding"))


def said(texts: Mapping[str, str], **changes: str | Answer | None) -> Said:
    """The answers; `_` in a name stands for `-` or a blank. None: it failed. A text replaces it."""
    answers = {name: Answer(code=0, text=text) for name, text in texts.items()}
    answers.setdefault("reboot", Answer(code=2, text="ls: cannot access '/run/reboot-required'"))
    answers.setdefault("builtin", Answer(code=1, text=""))
    for name, change in changes.items():
        key = name.replace("_", "-")
        if change is None:
            answers[key] = Answer(code=1, text="Operation not permitted")
        else:
            answers[key] = change if isinstance(change, Answer) else Answer(code=0, text=change)
    return answers


def root_state() -> DatasetState:
    made = dataset(ROOT, encryption="off", encryptionroot=None, keystatus=KeyStatus.NONE, readonly=True, mounted=False)
    return DatasetState(dataset=made)


def inventory(*states: DatasetState) -> Inventory:
    return Inventory(host="box", datasets={each.dataset.name: each for each in (root_state(), *states)})


def healthy_replica() -> DatasetState:
    state = replica(there(1), there(2))
    return replace(
        state,
        dataset=replace(state.dataset, name=REPLICA),
        snapshots=Snapshots.of(replace(each, dataset=REPLICA) for each in state.snapshots),
    )


def facts(**changes: object) -> Facts:
    state = healthy_replica()
    made = Facts(
        now=NOW,
        source=said(SOURCE_SAYS),
        box=said(BOX_SAYS),
        box_error=None,
        inventory=inventory(state),
        known=frozenset(each.guid for each in state.snapshots),
        asked=CLOCK - 2.0,
        answered=CLOCK + 2.0,
        attempts=ATTEMPTS,
        knocks=(Knock(address="203.0.113.9", code="no-answer"),),
        key_made=NOW - timedelta(days=10),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def case(**changes: object) -> Case:
    return Case(job=JOB, facts=facts(**changes), machine=MACHINE, account=ACCOUNT)


def box_says(**changes: str | Answer | None) -> tuple[Finding, ...]:
    """All findings where the box says something else."""
    return examine(case(box=said(BOX_SAYS, **changes)))


def source_says(**changes: str | Answer | None) -> tuple[Finding, ...]:
    """All findings where the source says something else."""
    return examine(case(source=said(SOURCE_SAYS, **changes)))


def bad(findings: tuple[Finding, ...]) -> list[tuple[str, Level]]:
    """What is not OK."""
    return [(each.check, each.level) for each in findings if each.level is not Level.OK]


def of(findings: tuple[Finding, ...], check: str) -> tuple[Finding, ...]:
    return tuple(each for each in findings if each.check == check)
