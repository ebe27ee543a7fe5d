"""Asks the box for its listing, and says how it ended and by how many kilobytes our memory grew: run as a program.

A process of its own, because only there is the highest mark of memory that of one question.
"""

from __future__ import annotations

import sys
from pathlib import Path

from zoffsite.hosts.endpoint import PlainBox
from zoffsite.hosts.ssh import SshRunner
from zoffsite.model.errors import ZoffsiteError
from zoffsite.model.job import SshHost


def highest() -> int:
    """Kilobytes. Not ru_maxrss, which begins with the memory of whoever started us."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1])


def main(port: str, user: str, host_key: str, identity: str) -> None:
    host = SshHost(
        host="127.0.0.1",
        port=int(port),
        user=user,
        host_key=host_key,
        identity_file=Path(identity),
        connect_timeout=30.0,
        keepalive=30.0,
    )
    runner = SshRunner(host)
    before = highest()
    try:
        PlainBox(runner, "vault/zoffsite").inventory("vault/zoffsite")
        print("no-error", highest() - before, "")
    except ZoffsiteError as error:
        print(error.code, highest() - before, error)
    finally:
        runner.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
