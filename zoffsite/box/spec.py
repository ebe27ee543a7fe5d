"""What a kit is made from: the settings of one machine, and the public halves of the keys that may log in there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoffsite.config.machines import Machine, interface_of

INTERFACE = "zoffsite"
"""The tunnel's interface on the box, which has only one."""
LIBRARY = "/usr/local/lib/zoffsite"
"""Where the kit's programs are, on either machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """`keys`: the public SSH key (`ssh-ed25519 AAAA…`) of each user of the box; `restore_keys` those for restores.

    `contact`: whom the friend calls, for the card."""

    machine: Machine
    keys: Mapping[str, str]
    restore_keys: Mapping[str, str] = field(default_factory=dict)
    contact: str = ""

    @property
    def name(self) -> str:
        """The box's name in the settings."""
        return self.machine.name

    @property
    def source_interface(self) -> str:
        """The tunnel's interface on the source, which may have several boxes."""
        return interface_of(self.name)

    @property
    def pools(self) -> tuple[str, ...]:
        """The pools that the roots are in."""
        return tuple(dict.fromkeys(account.root.partition("/")[0] for account in self.machine.accounts))
