"""The two ends of the tunnel, as settings that `tunnel` (parts/tunnel.sh) reads. Keys are made where they are used."""

from __future__ import annotations

from zoffsite.box.entry import Entry, shell_settings
from zoffsite.box.spec import INTERFACE, Spec


def box_end(spec: Spec) -> Entry:
    """The box dials in: it listens nowhere, and tries the endpoints in turn."""
    machine = spec.machine
    return _end(INTERFACE, machine.address, machine.source_address, "", " ".join(machine.endpoints), machine.port)


def source_end(spec: Spec) -> Entry:
    """The source listens, and learns from each packet where the box is."""
    machine = spec.machine
    return _end(spec.source_interface, machine.source_address, machine.address, str(machine.port), "", machine.port)


def _end(interface: str, address: str, peer: str, listen: str, endpoints: str, port: int) -> Entry:
    text = shell_settings(
        "The tunnel; read by the script beside the gate. Written by the kit.",
        interface=interface,
        address=address,
        peer_address=peer,
        listen=listen,
        endpoints=endpoints,
        port=str(port),
    )
    return Entry(text=text)
