"""Personal off-site backup for ZFS: raw encrypted sends to a box that never sees a key."""

__version__ = "0.1.0"
