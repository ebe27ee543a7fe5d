"""Units of both machines. A tunnel needs its firewall: where that fails, there is no tunnel."""

from __future__ import annotations

from zoffsite.box.entry import Entry
from zoffsite.box.spec import Spec

SETTLED = ("zoffsite-firewall.service", "zoffsite-tunnel.service", "zoffsite-endpoint.timer")
"""Units of the box that are enabled only once the tunnel came up, in the order in which they start."""
TIMERS = ("zoffsite-keeper.timer", "zoffsite-scrub.timer")
STALE = 135
"""Seconds. WireGuard renews its session every 120; older means that nobody answers."""
LOOK = 30
"""Seconds between two looks at the last handshake."""

_FIREWALL = """\
[Unit]
Description=zoffsite: firewall {what}
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
Conflicts=shutdown.target
# Debian's nftables.service flushes everything when it starts: ours comes after it, and follows it.
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f {file}
ExecReload=/usr/sbin/nft -f {file}
ExecStop=/usr/sbin/nft delete table inet {table}

[Install]
WantedBy=multi-user.target
"""

_TUNNEL = """\
[Unit]
Description=zoffsite: tunnel {what}
Requires={firewall}
After={firewall}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={script} {conf} up
ExecStop={script} {conf} down

[Install]
WantedBy=multi-user.target
"""

_ENDPOINT = f"""\
[Unit]
Description=zoffsite: look the source's address up again when the tunnel is silent
After=zoffsite-tunnel.service

[Service]
Type=oneshot
ExecStart=/usr/local/lib/zoffsite/tunnel /etc/zoffsite/tunnel resolve {STALE}
TimeoutStartSec=60
"""

_ENDPOINT_TIMER = f"""\
[Unit]
Description=zoffsite: look at the tunnel every {LOOK} seconds

[Timer]
OnActiveSec=1s
OnUnitInactiveSec={LOOK}s
AccuracySec=1s

[Install]
WantedBy=timers.target
"""

_SETTLED = """\
[Unit]
Description=zoffsite: end an installation that a power cut broke off
ConditionPathExists=!/var/lib/zoffsite/kit/settled
After=zoffsite-tunnel.service

[Service]
Type=oneshot
ExecStart=/usr/local/lib/zoffsite/settle now

[Install]
WantedBy=multi-user.target
"""

_KEEPER = """\
[Unit]
Description=zoffsite: note what has arrived

[Service]
Type=oneshot
ExecStart=/usr/local/lib/zoffsite/keeper observe
"""

_KEEPER_TIMER = """\
[Unit]
Description=zoffsite: note every hour what has arrived

[Timer]
OnBootSec=2min
OnActiveSec=2min
OnUnitInactiveSec=1h

[Install]
WantedBy=timers.target
"""

_SCRUB = """\
[Unit]
Description=zoffsite: read every block and check it, which needs no key

[Service]
Type=oneshot
{commands}
"""

_SCRUB_TIMER = """\
[Unit]
Description=zoffsite: scrub once a month

[Timer]
OnCalendar=monthly
Persistent=true
RandomizedDelaySec=6h

[Install]
WantedBy=timers.target
"""

_SSH = """\
[Unit]
# Its address is the tunnel's. No Wants: before the kit is settled, sshd must not start a firewall.
After=zoffsite-tunnel.service

[Service]
Restart=on-failure
RestartSec=5s
"""


def box_units(spec: Spec) -> dict[str, Entry]:
    """By path."""
    # A scrub that runs already is no failure; the doctor looks at when the last one ended.
    scrubs = "\n".join(f"ExecStart=-/usr/sbin/zpool scrub {pool}" for pool in spec.pools)
    tunnel = _TUNNEL.format(
        what="to the source",
        firewall="zoffsite-firewall.service",
        script="/usr/local/lib/zoffsite/tunnel",
        conf="/etc/zoffsite/tunnel",
    )
    texts = {
        "zoffsite-firewall.service": _FIREWALL.format(
            what="of the box", file="/etc/zoffsite/firewall.nft", table="zoffsite"
        ),
        "zoffsite-tunnel.service": tunnel,
        "zoffsite-endpoint.service": _ENDPOINT,
        "zoffsite-endpoint.timer": _ENDPOINT_TIMER,
        "zoffsite-settled.service": _SETTLED,
        "zoffsite-keeper.service": _KEEPER,
        "zoffsite-keeper.timer": _KEEPER_TIMER,
        "zoffsite-scrub.service": _SCRUB.format(commands=scrubs),
        "zoffsite-scrub.timer": _SCRUB_TIMER,
        # Debian calls it ssh, others sshd.
        "ssh.service.d/zoffsite.conf": _SSH,
        "sshd.service.d/zoffsite.conf": _SSH,
    }
    return _entries(texts)


def source_units(spec: Spec, table: str) -> dict[str, Entry]:
    """By path. `table`: the firewall's name in nftables."""
    firewall, tunnel = source_unit_names(spec)
    texts = {
        firewall: _FIREWALL.format(
            what=f"against the box {spec.name}", file=f"/etc/zoffsite/firewall-{spec.name}.nft", table=table
        ),
        tunnel: _TUNNEL.format(
            what=f"for the box {spec.name}",
            firewall=firewall,
            script=f"/usr/local/lib/zoffsite/tunnel-{spec.name}",
            conf=f"/etc/zoffsite/tunnel-{spec.name}",
        ),
    }
    return _entries(texts)


def source_unit_names(spec: Spec) -> tuple[str, str]:
    """Firewall and tunnel, in the order in which they start."""
    return f"zoffsite-{spec.name}-firewall.service", f"zoffsite-{spec.name}-tunnel.service"


def _entries(texts: dict[str, str]) -> dict[str, Entry]:
    return {f"/etc/systemd/system/{name}": Entry(text=text) for name, text in texts.items()}
