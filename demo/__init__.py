"""The demo: the main job on two real ZFS machines on this computer, every claim checked."""
