"""The source as its owner sees it: commands at a terminal, systemd, and mails."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from lab import Lab
from lab.guest import Guest
from tests.prefect.ui import Json, patiently

from ..chain.stage import SOME
from .wheels import WHEELS, carry

DATASET, ROOT = "tank/home", "vault/home"
REPLICA = f"{ROOT}/tank:home"
SETTINGS = "/etc/zoffsite/zoffsite.toml"
INSTALL = "UV_TOOL_DIR=/opt/zoffsite UV_TOOL_BIN_DIR=/usr/local/bin uv tool install"
OFFLINE = f"--offline --no-cache --no-index --find-links {WHEELS}"
MAIL = "/root/mail"
MAIL_URL = "mailto://127.0.0.1:2525?mode=insecure&from=zoffsite@example.org&to=me@example.org"
BOUND = 1200.0
"""Seconds after which something is given up: on emulated processors a run or Prefect's start takes minutes."""
NEVER = "0 0 1 1 *"


@dataclass(frozen=True)
class Home:
    """The two machines."""

    lab: Lab

    @property
    def source(self) -> Guest:
        return self.lab.source

    @property
    def box(self) -> Guest:
        return self.lab.box

    def install(self, folder: Path) -> None:
        """As README.md says, with uv; and a mail server, which is there already at other people's homes."""
        carry(self.source, folder, "aiosmtpd")
        for tool in ("--compile-bytecode zoffsite", "aiosmtpd"):
            self.source.run(f"{INSTALL} {OFFLINE} {tool}", timeout=1800)
        self.source.run(f"rm -r {WHEELS}")
        keep = f"aiosmtpd -n -l 127.0.0.1:2525 -c aiosmtpd.handlers.Mailbox {MAIL}"
        self.source.run(f"systemd-run --unit mail {keep}")

    def zoffsite(self, words: str, expect: int = 0, env: str = "") -> str:
        """A command at root's terminal; what it said."""
        done = self.source.try_run(f"cd / && {env} zoffsite {words}", timeout=BOUND)
        assert "Traceback" not in done.err, done.err
        assert done.code == expect, f"exit code {done.code}\n{done.out}\n{done.err}"
        return " ".join(f"{done.out} {done.err}".split())

    def write(self, name: str, size: str = "300K") -> None:
        """A new file of random bytes."""
        self.source.run(f"head -c {size} /dev/urandom > /{DATASET}/{name}; zpool sync tank")

    def schedule(self, cron: str) -> None:
        """Another time for the backups, in zoffsite.toml."""
        self.change("^cron = .*", f'cron = "{cron}"')

    def now(self) -> datetime:
        """By its own clock: an emulated machine on a busy computer loses time."""
        return datetime.fromtimestamp(int(self.source.run("date +%s")), UTC)

    def change(self, old: str, new: str) -> None:
        """A line of zoffsite.toml."""
        self.source.run(["sed", "-i", f"s|{old}|{new}|", SETTINGS])

    def history(self) -> list[Json]:
        """Every run so far."""
        lines = self.source.try_run("cat /var/lib/zoffsite/history/home.jsonl").out.splitlines()
        return [json.loads(line) for line in lines]

    def await_runs(self, count: int) -> Json:
        """The run that makes it `count` of them."""
        for _ in patiently(f"{count} runs", BOUND):
            runs = self.history()
            if len(runs) >= count:
                return runs[count - 1]
        raise AssertionError

    def await_idle(self, unit: str) -> None:
        """Until a service has ended, well."""
        for _ in patiently(f"the end of {unit}", BOUND):
            state = self.source.try_run(f"systemctl is-active {unit}").out.strip()
            if state in ("inactive", "failed"):
                assert state == "inactive", self.journal(unit)
                return

    def journal(self, unit: str) -> str:
        return self.source.run(f"journalctl --no-pager -o cat -n 200 -u {shlex.quote(unit)}")

    def is_on_the_box(self) -> bool:
        """Whether the newest snapshot of either side is the same."""
        last = "zfs list -Hpd1 -t snapshot -o guid -s createtxg {} | tail -n 1"
        newest = self.source.run(last.format(DATASET)).strip()
        return bool(newest) and self.box.try_run(last.format(REPLICA)).out.strip() == newest

    def mails(self) -> list[EmailMessage]:
        """What the mail server took, oldest first."""
        names = self.source.run(f"ls -tr {MAIL}/new 2>/dev/null; true").split()
        return [message_from_bytes(self.source.get(f"{MAIL}/new/{name}"), policy=policy.default) for name in names]

    def await_mail(self, title: str = "", says: str = "") -> str:
        """The text of a mail with these words in its subject, and those in its text, however it is wrapped."""
        for _ in patiently(f"a mail: {title}{says}", BOUND):
            for mail in self.mails():
                body = mail.get_body(("plain",))
                assert body is not None
                text = str(body.get_content())
                if title in str(mail["subject"]) and says in " ".join(text.split()):
                    return text
        raise AssertionError

    def await_transfer(self) -> None:
        """Until bytes of a run that was just started are on their way."""
        before = self.held()
        for _ in patiently("bytes on their way", BOUND):
            if self.held() > before + SOME:
                return

    def await_no_transfer(self, bound: float) -> None:
        """Until its processes are gone from both machines, or from the one that is on."""
        for _ in patiently("the end of the transfer", bound):
            if not self.transfers():
                return

    def transfers(self) -> str:
        """The processes of transfers, on both machines."""
        on = [guest for guest in self.lab.guests if guest.is_on()]
        return "".join(guest.run("pgrep -af 'zfs (send|receive)'; true") for guest in on)

    def held(self) -> int:
        """Bytes of the replica, an unfinished receive included."""
        return sum(int(row) for row in self.box.try_run(f"zfs list -Hpo used {REPLICA}/%recv {REPLICA}").out.split())

    def token(self) -> str:
        """By which an unfinished receive is resumed, or "-"."""
        return self.box.run(f"zfs get -Hpo value receive_resume_token {REPLICA}").strip()
