#!/usr/bin/python3 -I
"""Copy one file or folder out of a snapshot. Runs on the machine that a restore brings data back to, as root.

    picking DATASET@SNAPSHOT PATH FOLDER

Mounts the snapshot itself, read-only, nosuid, nodev, noexec. It must have a mount namespace of its own (unshare
--mount): then nobody else sees the mount, and it is gone with the process, however it ends. What is copied keeps owner,
mode, times, extended attributes, holes and hard links, and links stay links: `cp -a`. On the way to PATH no link is
followed, and in FOLDER nothing is overwritten. On stdout in the end: how much there is of it, as JSON.

Standard library only, Python 3.9 or newer, one file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

MISSING, IN_THE_WAY, IS_A_LINK, FAILED = 66, 73, 77, 1


class PickError(Exception):
    """Why nothing was copied, or not all."""

    def __init__(self, code: int, problem: str) -> None:
        super().__init__(problem)
        self.code = code


def main(words: list[str]) -> int:
    """Copy, and say how much. Exit codes: above; 64: the words are none of ours."""
    if len(words) != 3:
        return 64
    snapshot, path, folder = words
    place = tempfile.mkdtemp(prefix="zoffsite-")
    try:
        mount(snapshot, place)
        try:
            print(json.dumps(copy(place, path, folder)))
        finally:
            os.chdir("/")
            subprocess.run(["umount", place], check=False)
    except PickError as error:
        print(error, file=sys.stderr)
        return error.code
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return FAILED
    finally:
        Path(place).rmdir()
    return 0


def mount(snapshot: str, place: str) -> None:
    """For reading only."""
    command = ["mount", "-t", "zfs", "-o", "ro,nosuid,nodev,noexec", snapshot, place]
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise PickError(FAILED, done.stderr.decode("utf-8", "replace").strip())


def copy(place: str, path: str, folder: str) -> dict[str, int]:
    """Copy `path`, below `place`, into `folder`, which is made where it is missing; how much there is of it."""
    *above, name = path.split("/")
    go_down(place, above)
    if not os.path.lexists(name):
        raise PickError(MISSING, f"there is no {path} in it")
    target = Path(folder) / name
    if os.path.lexists(target):
        raise PickError(IN_THE_WAY, f"{target} exists")
    Path(folder).mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["cp", "-a", "-T", "--", f"./{name}", target], stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise PickError(FAILED, done.stderr.decode("utf-8", "replace")[:2000].strip())
    return measure(target)


def go_down(place: str, above: list[str]) -> None:
    """Make the folder that holds it the working directory; who made the data may have laid links on the way."""
    here = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in above:
            below = open_below(part, here)
            os.close(here)
            here = below
        os.fchdir(here)
    finally:
        os.close(here)  # what is open there keeps it mounted


def open_below(part: str, here: int) -> int:
    """The folder `part` of `here`, not through a link."""
    try:
        return os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
    except FileNotFoundError:
        raise PickError(MISSING, f"there is no folder {part} in it") from None
    except OSError:
        raise PickError(IS_A_LINK, f"{part} is no folder, but a link or a file") from None


def measure(target: Path) -> dict[str, int]:
    """How many files, folders and others, and the bytes in files."""
    entries = [str(target)]
    for folder, folders, files in os.walk(target) if not target.is_symlink() else ():
        entries += [str(Path(folder) / name) for name in (*folders, *files)]
    sizes = [os.lstat(each) for each in entries]
    return {
        "entries": len(entries),
        "bytes": sum(each.st_size for each in sizes if each.st_mode & 0o170000 == 0o100000),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
