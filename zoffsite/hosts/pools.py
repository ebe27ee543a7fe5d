"""The pools of the source machine: a removable disk is imported for a run, and exported after it."""

from __future__ import annotations

from collections.abc import Sequence

from zoffsite.hosts.commands import Commands
from zoffsite.hosts.runner import Completed, Runner
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.job import Disk
from zoffsite.model.pool import Pool
from zoffsite.zfs import argv
from zoffsite.zfs.pools import carried_error, import_error, is_absent, parse_pools
from zoffsite.zfs.stderr import zfs_error

IMPORT = 900.0
"""Seconds for an import or an export: it replays what was pending, and waits for every disk."""


class Pools:
    """Every verb raises what Runner.run raises, and what zfs.pools makes of a failed command."""

    def __init__(self, runner: Runner) -> None:
        self._commands = Commands(runner)

    def imported(self) -> tuple[Pool, ...]:
        """All pools that are imported. Also told while the run is being stopped."""
        done = self._run(argv.list_pools(), undoing=True)
        if done.exit_code != 0:
            raise zfs_error("list", "the pools", done.exit_code, done.stderr, self._commands.label)
        return parse_pools(done.stdout, self._commands.label)

    def import_disk(self, disk: Disk, altroot: str) -> bool:
        """Import the pool of `disk`, found by its guid, without mounting anything. False: it is not attached.

        Not cut when the run is stopped: the import would go on without us, and nobody would export it.
        """
        done = self._run(argv.import_pool(disk.guid, altroot), undoing=True)
        if done.exit_code == 0:
            return True
        if is_absent(done.stderr):
            return False
        raise import_error(disk, done.exit_code, done.stderr, self._commands.label)

    def import_to_read(self, pool: str, altroot: str) -> None:
        """Import a pool by its name or guid, read-only. Not cut when the run is stopped: see `import_disk`."""
        done = self._run(argv.import_to_read(pool, altroot), undoing=True)
        if done.exit_code != 0:
            raise carried_error(pool, done.exit_code, done.stderr, self._commands.label)

    def export(self, pool: str) -> ZoffsiteError | None:
        """Export it, also while the run is being stopped; why that did not work, if it did not."""
        done = self._run(argv.export_pool(pool), undoing=True)
        return zfs_error("export", pool, done.exit_code, done.stderr, self._commands.label) if done.exit_code else None

    def _run(self, command: Sequence[str], *, undoing: bool = False) -> Completed:
        return self._commands.run(command, IMPORT, undoing=undoing)
