"""Two real ZFS machines under QEMU: for the tests, the demo, the benchmarks and by hand (scripts/lab).

    with Lab.up(source="2.1", box="2.3") as lab:
        lab.source.create_encrypted("tank/home", recordsize="16K")
        lab.box.prepare_box("vault/zoffsite")
        lab.source.run(["zfs", "snapshot", "tank/home@a"])
        …  # the code under test, through 127.0.0.1:lab.source.uplink_port with lab.key_file
        lab.box.cut_uplink()

Each guest has three NICs: `mgmt` carries the lab's own commands and is never cut; `uplink` is the way from the host for
the code under test; `wire` joins the guests, source 10.77.0.1 and box 10.77.0.2. It has two data disks: vdb1 holds the
pool (`tank` or `vault`), vdc1 is free. Accounts: root and zoffsite, both with the lab's key.

When the block ends, or its process dies, even by SIGKILL, both guests are gone and so is their folder.

    Lab     up(source, box, name=None)   attach(name)   source   box   guests   key_file   reset()
    Guest   run   try_run   popen   put   get   host_key   shell   ssh_argv
            power_off   power_on   restart_blank   is_on   reset   set_clock
            cut_uplink   restore_uplink   delay_uplink   cut_wire   restore_wire   delay_wire
            create_encrypted   prepare_box   fill_pool   empty_pool   kill
            role   version   pool   address   uplink_port   mgmt_port
"""

from __future__ import annotations

from lab.errors import LabError
from lab.guest import Guest
from lab.lab import Lab
from lab.shell import Result

__all__ = ["Guest", "Lab", "LabError", "Result"]
