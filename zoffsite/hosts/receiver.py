"""The machine that a restore brings data back to: trusted, here or over SSH. Keys are loaded here, never on the box."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

from zoffsite.box.parts import program
from zoffsite.hosts.commands import Commands
from zoffsite.hosts.endpoint import LISTING
from zoffsite.hosts.opening import gone_after
from zoffsite.hosts.runner import Process, Runner
from zoffsite.hosts.transfers import transfers
from zoffsite.model.dataset import Dataset
from zoffsite.model.inventory import Inventory, TokenContents
from zoffsite.zfs import argv
from zoffsite.zfs.parse import parse_inventory, read_inventory
from zoffsite.zfs.picking import parse_picked, pick, pick_error
from zoffsite.zfs.stderr import zfs_error
from zoffsite.zfs.token import parse_token

BOX_MARK = "/etc/zoffsite/policy.json"
"""Only a box that the kit set up has it: what its gate grants."""
HOST_KEYS = tuple(f"/etc/ssh/ssh_host_{kind}_key.pub" for kind in ("ed25519", "ecdsa", "rsa"))
PICKING = program("picking", "zoffsite")
COPYING = 7 * 86400.0
"""Seconds for a copy from one pool to another: what takes longer is better restored as a dataset."""
PATIENCE = 120.0
"""Seconds for a key to be loaded: PBKDF2 takes some on a slow machine."""


class Receiver:
    """Every verb raises what zfs.stderr makes of a failed command, and what Runner.run raises."""

    def __init__(self, runner: Runner) -> None:
        self._zfs = Commands(runner)

    @property
    def label(self) -> str:
        """How messages name this host."""
        return self._zfs.label

    def inventory(self, dataset: str) -> Inventory:
        """All that is at `dataset` and below; empty where there is no such dataset."""
        read = partial(read_inventory, host=self.label)
        found = self._zfs.read_if_there(dataset, argv.list_inventory([dataset]), LISTING, read)
        return found or Inventory(host=self.label)

    def dataset(self, name: str) -> Dataset:
        """A dataset that exists, without its versions."""
        (command,) = argv.list_datasets([name])
        done = self._zfs.do("list", name, command)
        return parse_inventory(done.stdout, self.label).datasets[name].dataset

    def box_roots(self) -> frozenset[str] | None:
        """The roots that it grants as a box of the kit, whoever's they are; None on a machine that is no box.

        Empty where it is one, and nobody can tell what it grants.
        """
        if self._zfs.run(["test", "-e", BOX_MARK]).exit_code != 0:
            return None
        try:
            users = json.loads(self._zfs.run(["cat", BOX_MARK]).stdout)["users"]
            return frozenset(str(each["root"]) for each in users.values())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return frozenset()

    def host_keys(self) -> frozenset[str]:
        """The public host keys of its sshd, as `type base64`; none where they are not where they usually are."""
        said = self._zfs.run(["cat", *HOST_KEYS]).stdout
        return frozenset(" ".join(line.split()[:2]) for line in said.splitlines() if len(line.split()) > 1)

    def read_token(self, token: str) -> TokenContents:
        """What an interrupted receive here is of. What it was sent from is not here, so it is `stale`."""
        done = self._zfs.run(argv.read_token(token))
        return parse_token(done.stdout, done.stderr, token, exit_code=done.exit_code, host=self.label)

    def create_container(self, dataset: str, *, locked: bool) -> None:
        """An empty dataset for others to lie below; that it is there already is fine. `locked`: the key above is."""
        self._zfs.do("create", dataset, argv.create_container(dataset, locked=locked), fine="already-exists")

    def open_receive(self, dataset: str) -> Process:
        """A receive into a new dataset, resumable and unmounted, ready to be written to."""
        return self._zfs.open(argv.receive(dataset))

    def load_key(self, dataset: str, path: str) -> None:
        """Load the key in this file, a whole path here."""
        self._zfs.do("load the key of", dataset, argv.load_key(dataset, path), timeout=PATIENCE)

    def load_typed_key(self, dataset: str, typed: str) -> None:
        """Load a key that somebody typed: it is written to zfs, and to nothing else."""
        process = self._zfs.open(argv.load_key(dataset, argv.PROMPT))
        with transfers.watch() as watch, gone_after(process):
            watch.add(process)
            watch.expect_within(PATIENCE)
            rest = memoryview(f"{typed}\n".encode())
            while rest:
                rest = rest[process.write(rest) :]
            process.close_stdin()
            while process.read(1 << 16):
                pass
            done = process.wait(PATIENCE)
        if done.exit_code != 0:
            raise zfs_error("load the key of", dataset, done.exit_code, done.stderr, self.label)

    def inherit_key(self, dataset: str) -> None:
        """Let the key of the dataset above open this one from now on."""
        self._zfs.do("change the key of", dataset, argv.inherit_key(dataset), timeout=PATIENCE)

    def set_properties(self, dataset: str, settings: Sequence[str]) -> None:
        """Set all of these, each `name=value`, or none."""
        self._zfs.do("set properties of", dataset, argv.set_properties(dataset, settings))

    def copy_out(self, snapshot: str, path: str, folder: str) -> tuple[int, int]:
        """Copy a file or folder of a snapshot into `folder`; how many entries, and the bytes in files. Needs root."""
        done = self._zfs.run(pick(snapshot, path, folder, PICKING), COPYING)
        if done.exit_code != 0:
            raise pick_error(path, done.exit_code, done.stderr, self.label)
        return parse_picked(done.stdout, self.label)

    def mount_to_look(self, dataset: str, place: str | None) -> str:
        """Mount for reading only, at `place` or at its own; where."""
        if place is not None:
            self._zfs.do("make", place, ["mkdir", "-p", place])
        self._zfs.do("mount", dataset, argv.mount_to_look(dataset, place))
        return place or self.mounted_at(dataset)

    def mounted_at(self, dataset: str) -> str:
        """Where it is mounted."""
        return self._zfs.do("look at", dataset, argv.mounted_at(dataset)).stdout.split("\n")[0]
