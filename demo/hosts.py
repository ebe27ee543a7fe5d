"""The two hosts of a lab as tables of a zoffsite.toml; also used by the tests and the bench."""

from __future__ import annotations

from lab import Lab

TABLES = """\
[source.nas]
host = "127.0.0.1"
port = {source_port}
user = "root"
host_key = "{source_key}"
identity_file = "{identity}"

[box.friend]
host = "127.0.0.1"
port = {box_port}
user = "{box_user}"
host_key = "{box_key}"
identity_file = "{identity}"
root = "{root}"
"""


def host_tables(lab: Lab, root: str, box_user: str = "zoffsite") -> str:
    """`[source.nas]` (as root) and `[box.friend]` (as `box_user`), each by the way that the lab can cut."""
    return TABLES.format(
        source_port=lab.source.uplink_port,
        source_key=lab.source.host_key(),
        box_port=lab.box.uplink_port,
        box_key=lab.box.host_key(),
        identity=lab.key_file,
        box_user=box_user,
        root=root,
    )
