#!/bin/sh
# The end of a first installation.  usage: settle now | wait SECONDS | undo
#   wait: until the source answers through the tunnel, then as `now`; if it does not in time, as `undo`
#   undo: firewall and tunnel are stopped
# Nothing of it is enabled before, so that a power cut on the way leaves the machine as reachable as it was. A cut inside
# `now` leaves zoffsite-settled.service enabled, which ends it at the next boot.
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin
# shellcheck source=/dev/null
. /etc/zoffsite/kit.conf || exit # NAME UNITS

state=/var/lib/zoffsite/kit
ours=/etc/ssh/sshd_config.d/00-zoffsite.conf
# The link of a unit that is not there fails: it is ssh on Debian and sshd elsewhere.
if systemctl cat ssh.service >/dev/null 2>&1; then ssh=ssh.service; else ssh=sshd.service; fi

# What sshd would read first, and all that it reads after it.
tried() {
    cat /etc/zoffsite/sshd.conf /etc/ssh/sshd_config >/run/zoffsite-sshd.conf && sshd -t -f /run/zoffsite-sshd.conf
    code=$?
    rm -f /run/zoffsite-sshd.conf
    return $code
}

# The last thing to be in force is what closes the other doors: sshd on the tunnel's address alone, once that tunnel
# and sshd itself are enabled, on the disk.
settle() {
    tried || { echo "sshd does not take its settings; it keeps its old ones" >&2; return 1; }
    systemctl is-enabled --quiet "$ssh" 2>/dev/null || echo "$ssh" >>"$state/enabled-$NAME"
    # shellcheck disable=SC2086  # each word is a unit
    systemctl enable --quiet $UNITS zoffsite-settled.service "$ssh" && systemctl start $UNITS && sync || return 1
    cp /etc/zoffsite/sshd.conf "$ours.new" && mv "$ours.new" "$ours" && : >"$state/settled" && sync || return 1
    systemctl restart "$ssh" || return 1
    echo "the tunnel is up: firewall, tunnel and SSH are as they stay"
}

undo() {
    rm -f "$ours" "$state/settled"
    # shellcheck disable=SC2086
    systemctl disable --quiet $UNITS zoffsite-settled.service 2>/dev/null
    # shellcheck disable=SC2086
    systemctl stop $UNITS
    systemctl try-restart "$ssh"
    echo "firewall and tunnel are stopped again; next: run the kit's install" >&2
    exit 1
}

case ${1:-} in
    now) settle || undo ;;
    undo) undo ;;
    wait)
        left=$2
        while [ "$left" -gt 0 ]; do
            case $(/usr/local/lib/zoffsite/tunnel /etc/zoffsite/tunnel age 2>/dev/null) in
                never | '') sleep 2 ;;
                *) settle || undo; exit ;;
            esac
            left=$((left - 2))
        done
        echo "the tunnel did not come up" >&2
        undo
        ;;
    *) sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
