#!/bin/sh
# The end of a first installation.  usage: settle now | wait SECONDS
#   wait: until the source answers through the tunnel, then as `now`; if it does not in time, undo firewall and tunnel.
# Nothing of it is enabled before, so that a power cut on the way leaves the machine as reachable as it was.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
# shellcheck source=/dev/null
. /etc/zoffsite/kit.conf # UNITS

settled=/var/lib/zoffsite/kit/settled

settle() {
    cp /etc/zoffsite/sshd.conf /etc/ssh/sshd_config.d/00-zoffsite.conf
    if ! sshd -t; then
        rm -f /etc/ssh/sshd_config.d/00-zoffsite.conf
        echo "sshd does not take its settings; it keeps its old ones" >&2
        return 1
    fi
    sync /etc/ssh/sshd_config.d/00-zoffsite.conf
    # shellcheck disable=SC2086  # each word is a unit
    systemctl enable --quiet $UNITS
    # shellcheck disable=SC2086
    systemctl start $UNITS
    : >"$settled"
    sync "$settled"
    # The link of a unit that is not there fails: it is ssh on Debian and sshd elsewhere.
    systemctl restart ssh.service 2>/dev/null || systemctl restart sshd.service
    echo "the tunnel is up: firewall, tunnel and SSH are as they stay"
}

undo() {
    # shellcheck disable=SC2086
    systemctl stop $UNITS
    echo "the tunnel did not come up: firewall and tunnel are stopped again; next: run the kit's install" >&2
}

case ${1:-} in
    now) settle ;;
    wait)
        left=$2
        while [ "$left" -gt 0 ]; do
            case $(/usr/local/lib/zoffsite/tunnel /etc/zoffsite/tunnel age) in
                never | '') sleep 2 ;;
                *) settle; exit ;;
            esac
            left=$((left - 2))
        done
        undo
        exit 1
        ;;
    *) sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
