"""The day after the fire, by the how-to's own commands, on a machine that has zoffsite, the escrow file, no more."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from lab import Lab
from lab.guest import Guest

from ..chain.conftest import new_stage
from ..chain.installed import CHECKOUT, HOME, SCRIPT, install
from ..chain.stage import Stage

pytestmark = pytest.mark.lab
HOW_TO = CHECKOUT / "docs" / "how-to" / "the-day-after-the-fire.md"
SEALED, OPENS = "correct horse battery staple", "the passphrase of my data"
NEW = {"/dev/disk/by-id/NEW": "/dev/vdb1"}
"""What the how-to leaves to the reader."""
SAID = "/root/said"
TYPING = f"""\
import os, pty, sys, time
answers = {{b"escrow file": {SEALED!r}, b"Once more": {SEALED!r}, b"The key of": {OPENS!r}}}
child, terminal = pty.fork()
if child == 0:
    os.execvp("sh", ["sh", "-c", sys.argv[1]])
shown = b""
while True:
    try:
        piece = os.read(terminal, 1000)
    except OSError:
        break
    shown += piece
    line = shown.rpartition(b"\\n")[2]
    if line.endswith(b": "):
        answer = next(each for words, each in answers.items() if words in line)
        os.write(terminal, answer.encode() + b"\\n")
        shown += b"\\n"
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
"""A person at a terminal, who types what is asked for."""
SETTINGS = """\
[box.friend]
host = "{box}"
user = "zoffsite"
host_key = "{host_key}"
identity_file = "/root/.ssh/zoffsite"
root = "vault/zoffsite/home"

[job.home]
box = "friend"
datasets = ["tank/home", "tank/photos"]
"""
MAKE = f"""\
mkdir -m 700 -p /root/keys; head -c 32 /dev/urandom >/root/keys/photos
printf %s '{OPENS}' | zfs create -o encryption=on -o keyformat=passphrase -o recordsize=1M tank/home
zfs set mountpoint=/srv/home tank/home
zfs create -o quota=100M tank/home/ann
zfs create -o encryption=on -o keyformat=raw -o keylocation=file:///root/keys/photos -o compression=zstd tank/photos
head -c 300K /dev/urandom >/srv/home/one; echo letter >/srv/home/ann/letter; chmod 600 /srv/home/ann/letter
head -c 500K /dev/urandom >/tank/photos/sea; zpool sync tank
"""
FOUND = "cd / && find srv/home tank/photos -type f"
FILES = f"{FOUND} -printf '%p %m %s\\n' | sort; {FOUND} -exec sha256sum {{}} + | sort"
PROPERTIES = "encryptionroot,mountpoint,recordsize,quota,compression,keylocation"


@pytest.fixture(scope="module")
def burnt(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, str]]:
    """A machine just delivered, with zoffsite and the escrow file; and what there was on the one that burnt."""
    stage = new_stage(lab, tmp_path_factory.mktemp("fire"), "fire")
    source, box = stage.source, stage.box
    box.prepare_box("vault/zoffsite/home")
    box.run("zfs allow -u zoffsite send vault/zoffsite/home")
    install(source, tmp_path_factory.mktemp("wheel"))
    program = packed(source)
    equip(source, program)
    source.put(stage.lab.key_file.read_bytes(), "/root/.ssh/zoffsite", 0o600)
    settings = SETTINGS.format(box=box.address, host_key=box.host_key())
    source.run("mkdir -p /etc/zoffsite")
    source.put(settings.encode(), "/etc/zoffsite/zoffsite.toml", 0o600)
    source.run(MAKE)
    typed(source, "zoffsite backup")
    typed(source, "zoffsite escrow write home.escrow --include /root/keys/photos")
    before, escrow = state(source), source.get("/root/home.escrow")
    source.restart_blank()
    source.run("zpool destroy tank && test ! -e /root/keys && test ! -e /etc/zoffsite")
    equip(source, program)
    source.put(escrow, "/root/home.escrow", 0o600)
    fetch_the_disk(stage)
    yield stage, before
    source.reset()


def packed(guest: Guest) -> bytes:
    """The installed program."""
    with guest.popen(["tar", "-c", "-C", HOME, "."]) as tar:
        assert tar.stdout is not None
        return tar.stdout.read()


def equip(guest: Guest, program: bytes) -> None:
    """What `pipx install` would do, and a person at the keyboard."""
    guest.run(f"mkdir -p {HOME} && tar -x -C {HOME}", stdin=program)
    guest.put(f"#!/usr/bin/python3\n{SCRIPT}".encode(), "/usr/local/bin/zoffsite", 0o755)
    guest.put(TYPING.encode(), "/root/person.py")


def fetch_the_disk(stage: Stage) -> None:
    """The box's pool on a disk of the new machine, as far as it is needed."""
    replica = "vault/zoffsite/home/tank:photos"
    stage.source.run(
        "zpool create -f -O canmount=off -O mountpoint=none vault /dev/vdc1; zfs create -p vault/zoffsite/home"
    )
    with stage.box.popen(["zfs", "send", "-w", f"{replica}@{stage.names(stage.box, replica)[-1]}"]) as sender:
        assert sender.stdout is not None
        stage.source.run(["zfs", "receive", "-u", replica], stdin=sender.stdout.read())
    stage.source.run("zpool export vault")


def state(guest: Guest) -> str:
    """Files, and what tells one dataset from another with default properties."""
    names = "tank/home tank/home/ann tank/photos"
    return guest.run(FILES) + guest.run(f"zfs get -Hpo name,property,value {PROPERTIES} {names}")


def typed(guest: Guest, line: str) -> str:
    """Type a command at a terminal in root's home; what it printed."""
    command = f"{{ {line}\n}} >{SAID} 2>&1"
    done = guest.try_run(["sh", "-c", f"cd /root && python3 -I person.py {shlex.quote(command)}"], timeout=300)
    said = guest.run(["cat", SAID])
    assert done.code == 0, f"{line}\n{said}\n{done.out}{done.err}"
    return said


def blocks(text: str) -> list[list[str]]:
    """The commands of each fenced block, with what the reader fills in."""
    for word, meant in NEW.items():
        assert word in text
        text = text.replace(word, meant)
    return [block.splitlines() for block in re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)]


def printed_steps(said: str) -> list[str]:
    """The commands that a restore prints at its end."""
    lines = [line.strip() for line in said.partition("Next, on ")[2].splitlines()[1:]]
    return [line for line in lines if line and not line.startswith("#")]


def test_everything_comes_back_by_the_how_to_s_own_commands_and_backups_go_on(burnt: tuple[Stage, str]) -> None:
    stage, before = burnt
    ran: list[str] = []
    last: list[str] = []
    for line in (line for block in blocks(HOW_TO.read_text()) for line in block):
        if line == "zoffsite plan":
            for step in last:
                typed(stage.source, step)
        said = typed(stage.source, line)
        ran.append(line)
        if line.startswith("zoffsite restore") and "--dry-run" not in line:
            *steps, approval = printed_steps(said)
            last.append(approval)
            for step in steps:
                typed(stage.source, step)
        if line == "zoffsite plan":
            assert "full send" not in said
            assert state(stage.source) == before
    assert len(ran) == 15, "a block of the how-to was not seen"
