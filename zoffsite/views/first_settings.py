"""The first zoffsite.toml and .env: written with comments, so that they can be read before anything runs."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSettings:
    """What `zoffsite init` has asked. `endpoints`: the kit sets up the box, which dials in; else `host_key` is needed.

    `left_out` are datasets that are not encrypted, so that they cannot be backed up. The URLs are secrets.
    """

    job: str
    datasets: tuple[str, ...]
    host: str
    user: str
    root: str
    identity_file: str
    cron: str
    timezone: str
    endpoints: tuple[str, ...] = ()
    host_key: str = ""
    left_out: tuple[str, ...] = ()
    notify_urls: str = ""
    ping_url: str = ""


def settings_text(asked: FirstSettings) -> str:
    """The settings file."""
    return f"""\
# zoffsite.toml, written by `zoffsite init`. docs/reference/settings.md tells about every setting; after a change:
# zoffsite config check. Secrets never stand here: they are in .env beside this file.

# ---- the box: the backup machine at a friend's place -----------------------------------------------------------------
[box.friend]
host = {_text(asked.host)}
user = {_text(asked.user)}
identity_file = {_text(asked.identity_file)}
root = {_text(asked.root)}
{_way_in(asked)}

# ---- the job ---------------------------------------------------------------------------------------------------------
[job.{asked.job}]
box = "friend"
# With all datasets below them. Each must be encrypted by ZFS.
datasets = {_list(asked.datasets)}
# Names or patterns of what can be had again, and stays at home:
exclude = []
# No replica should be older: `zoffsite status` judges by it. Some may have others:
# objectives = {{ "tank/photos" = "8d" }}
objective = "26h"
# bandwidth = "5 MB/s"
{_left_out(asked)}
# A snapshot stays while any rule keeps it. The newest, and the base of the next transfer, always stay.
[job.{asked.job}.keep.source]
within = "2d"
daily = 7

[job.{asked.job}.keep.box]
within = "2d"
daily = 14
weekly = 8
monthly = 12
yearly = 2

# When timers or deployments run it: `zoffsite deploy` sets them up.
[job.{asked.job}.schedule]
cron = {_text(asked.cron)}
timezone = {_text(asked.timezone)}
"""


def secrets_text(asked: FirstSettings) -> str:
    """The .env file. Nothing is expanded in it."""
    return f"""\
# Secrets of zoffsite, for nobody else to read (mode 600). Nothing is expanded: a $ stays a $.

# Who hears of failures and recoveries: apprise URLs, separated by spaces. Try them: zoffsite notify test
{_variable("ZOFFSITE_NOTIFY_URLS", asked.notify_urls, "mailtos://user:password@mail.example.org?to=me@example.org")}

# A dead man's switch, which alerts when it hears of no run:
{_variable(ping_variable(asked.job), asked.ping_url, "https://hc-ping.com/your-uuid-here")}
"""


def ping_variable(job: str) -> str:
    """The variable of the job's dead man's switch."""
    return f"ZOFFSITE_JOB__{job.upper().replace('-', '_')}__PING_URL"


def _way_in(asked: FirstSettings) -> str:
    if asked.endpoints:
        return (
            "# The box dials in: `zoffsite box kit` sets up both machines, `zoffsite box pair` takes the box's key.\n"
            f"tunnel = {{ endpoints = {_list(asked.endpoints)} }}"
        )
    return (
        "# What `cat /etc/ssh/ssh_host_ed25519_key.pub` shows on the box. Anybody else who answers is refused.\n"
        f"host_key = {_text(asked.host_key)}"
    )


def _left_out(asked: FirstSettings) -> str:
    if not asked.left_out:
        return ""
    return f"# Not encrypted, so that they cannot be backed up: {', '.join(asked.left_out)}\n"


def _variable(name: str, value: str, example: str) -> str:
    return f"{name}={_quoted(value)}" if value else f"#{name}='{example}'"


def _quoted(value: str) -> str:
    """In quotes of either kind; python-dotenv reads \\' inside single ones."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _text(value: str) -> str:
    """A basic string of TOML, whose escapes are those of JSON."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(values: tuple[str, ...]) -> str:
    return f"[{', '.join(map(_text, values))}]"
