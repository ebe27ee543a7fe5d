"""The files of a deployment: systemd units, and the environment that they share."""

from __future__ import annotations

from zoffsite.deploy.quoting import variable, word
from zoffsite.deploy.sandbox import of_doctor, of_runs, of_server
from zoffsite.deploy.spec import Deployment, Timed, Way

UNITS = "/etc/systemd/system"
ENVIRONMENT = "/etc/zoffsite/prefect.env"
AUTH, DATABASE = "PREFECT_API_AUTH_STRING", "PREFECT_SERVER_DATABASE_CONNECTION_URL"
UNFINISHED = "/etc/zoffsite/deploy-unfinished"
"""There while a deployment goes on: one that was cut off may have left old units running beside new files."""
MARK = "# Written by `zoffsite deploy`, which overwrites it. Changes of yours: systemctl edit "
SERVER, SERVE, WORKER = "zoffsite-prefect.service", "zoffsite-serve.service", "zoffsite-worker.service"
COMMANDS = {
    "backup": "backup --job {job} --wait",
    "verify": "verify --job {job} --tell",
    "prune": "prune --job {job} --wait",
    "prove": "prove --job {job} --tell",
    "drill": "drill --job {job}",
    "doctor": "doctor {job} --tell",
}
"""What a timer runs."""
DOCTOR = "doctor"
KEPT_DAYS = 90
"""How long Prefect keeps runs, with their logs and artifacts."""

_RUN = """\
[Unit]
Description=zoffsite: {verb} of job {job}
Wants=network-online.target
After=network-online.target zfs.target

[Service]
Type=oneshot
ExecStart={zoffsite} {command}
Environment={config}
Environment={state_dir}
# Where Prefect's server is, if there is one; without an answer from it the job runs all the same.
Environment={prefect_home}
EnvironmentFile=-{environment}
# A first backup may take weeks, and a run waits up to 12 hours for another one of its job.
TimeoutStartSec=infinity
# SIGTERM goes to zoffsite alone, which ends the transfers on both sides and reports that it was stopped.
KillMode=mixed
TimeoutStopSec=90
Nice=10
{sandbox}"""

_TIMER = """\
[Unit]
Description=zoffsite: times of {verb}, job {job}

[Timer]
{calendar}
# What was missed while the machine was off is made up for once, when it is on again.
Persistent=true
AccuracySec=1min

[Install]
WantedBy=timers.target
"""

_SERVER = """\
[Unit]
Description=zoffsite: Prefect server, on {host}
After=network.target

[Service]
ExecStart={python} -m prefect server start
{user}
StateDirectory=zoffsite-prefect
Environment=PREFECT_HOME=/var/lib/zoffsite-prefect
Environment=HOME=/var/lib/zoffsite-prefect
Environment=PREFECT_SERVER_API_HOST={host}
Environment=PREFECT_SERVER_API_PORT={port}
Environment=PREFECT_SERVER_ANALYTICS_ENABLED=false
Environment=DO_NOT_TRACK=1
# Prefect's newer UI lets the browser ask a host outside; the older one does not.
Environment=PREFECT_SERVER_UI_V2_ENABLED=false
# When it starts it copies the UI's pages, by default into its own package, where it may not write.
Environment=PREFECT_SERVER_UI_STATIC_DIRECTORY=/var/lib/zoffsite-prefect/ui
# Runs are kept for {days} days, with their logs and artifacts: the database stops growing.
Environment=PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED=true
Environment=PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD={seconds}
# Without it, restarting the server would let go of running jobs' limits, and crash them some minutes later.
Environment=PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE=prefect.server.concurrency.lease_storage.filesystem
EnvironmentFile={environment}
Restart=on-failure
RestartSec=5s
{sandbox}
[Install]
WantedBy=multi-user.target
"""

_RUNNER = """\
[Unit]
Description=zoffsite: {what}
Wants=network-online.target{server}
After=network-online.target zfs.target{server}
# However often it ends because the server is away, it is started again.
StartLimitIntervalSec=0
# It reads jobs and schedules when it starts. They stand here so that it is restarted after a change of them:
{schedules}

[Service]
ExecStart={python} -m {module}
Environment={config}
Environment={state_dir}
Environment={prefect_home}
Environment=DO_NOT_TRACK=1
EnvironmentFile={environment}
Restart=always
RestartSec=10s
# SIGTERM goes to the first process alone: it stops the runs, which clean up.
KillMode=mixed
TimeoutStopSec=90
Nice=10
{sandbox}
[Install]
WantedBy=multi-user.target
"""


def files_of(deployment: Deployment) -> dict[str, str]:
    """Every file but the environment, by path."""
    units = {name: text for each in by_timer(deployment) for name, text in _timed(deployment, each).items()}
    if deployment.way is Way.PREFECT:
        units |= {SERVER: _server(deployment), SERVE: _serve(deployment)}
    elif deployment.way is Way.WORKER:
        units[WORKER] = _worker(deployment)
    return {f"{UNITS}/{name}": f"{MARK}{name}\n{text}" for name, text in units.items()}


def started(deployment: Deployment) -> tuple[str, ...]:
    """The units that are enabled and started, in this order."""
    timers = tuple(timer_of(each.job, each.verb) for each in by_timer(deployment))
    return {Way.TIMERS: (), Way.PREFECT: (SERVER, SERVE), Way.WORKER: (WORKER,)}[deployment.way] + timers


def by_timer(deployment: Deployment) -> tuple[Timed, ...]:
    """What timers run. Beside Prefect that is the doctor: it must see what the process of all other runs may not."""
    alone = deployment.way is Way.TIMERS
    return tuple(each for each in deployment.timed if alone or each.verb == DOCTOR)


def timer_of(job: str, verb: str) -> str:
    """The name of the timer that runs a verb of a job."""
    return f"zoffsite-{verb}-{job}.timer"


def environment_of(deployment: Deployment, password: str, database: str = "") -> str:
    """Where the API is, how one logs in, and where a server here keeps what it knows, if not in a file: a secret."""
    lines = [variable("PREFECT_API_URL", deployment.api or f"{deployment.pages}/api")]
    if password:
        lines.append(variable(AUTH, password))
        if deployment.way is Way.PREFECT:
            lines.append(variable("PREFECT_SERVER_API_AUTH_STRING", password))
    if database and deployment.way is Way.PREFECT:
        lines.append(variable(DATABASE, database))
    return "".join(f"{line}\n" for line in lines)


def _timed(deployment: Deployment, timed: Timed) -> dict[str, str]:
    service = _RUN.format(
        verb=timed.verb,
        job=timed.job,
        command=COMMANDS[timed.verb].format(job=timed.job),
        zoffsite=word(deployment.zoffsite, "zoffsite itself"),
        **_places(deployment),
        environment=ENVIRONMENT,
        sandbox=_sandbox(deployment, timed.verb),
    )
    calendar = "\n".join(f"OnCalendar={line}" for line in timed.calendar)
    timer = _TIMER.format(verb=timed.verb, job=timed.job, calendar=calendar)
    name = timer_of(timed.job, timed.verb)
    return {name.replace(".timer", ".service"): service, name: timer}


def _sandbox(deployment: Deployment, verb: str) -> str:
    if verb == DOCTOR:
        return of_doctor(deployment.state_dir)
    return of_runs(deployment.needs, deployment.state_dir, drills=verb == "drill")


def _server(deployment: Deployment) -> str:
    user = "DynamicUser=yes" if deployment.reachable else "# Root, because no other user can reach Prefect where it is."
    return _SERVER.format(
        python=word(deployment.python, "zoffsite's Python"),
        user=user,
        host=deployment.listen.ip,
        port=deployment.port,
        days=KEPT_DAYS,
        seconds=KEPT_DAYS * 86400,
        environment=ENVIRONMENT,
        sandbox=of_server(deployment.listen),
    )


def _serve(deployment: Deployment) -> str:
    return _runner(deployment, "the jobs, for the Prefect server here", "deployments.serve", f" {SERVER}")


def _worker(deployment: Deployment) -> str:
    module = f"deployments.work {word(deployment.pool, '--pool')}"
    return _runner(deployment, "the jobs, for a Prefect server elsewhere", module, "")


def _runner(deployment: Deployment, what: str, module: str, server: str) -> str:
    return _RUNNER.format(
        what=what,
        schedules=_schedules(deployment),
        python=word(deployment.python, "zoffsite's Python"),
        module=module,
        server=server,
        **_places(deployment),
        environment=ENVIRONMENT,
        sandbox=of_runs(deployment.needs, deployment.state_dir, drills=True),
    )


def _places(deployment: Deployment) -> dict[str, str]:
    return {
        "config": word(f"ZOFFSITE_CONFIG={deployment.config}", "the settings' file"),
        "state_dir": word(f"ZOFFSITE_STATE_DIR={deployment.state_dir}", "state_dir"),
        "prefect_home": word(f"PREFECT_HOME={deployment.state_dir}/prefect", "state_dir"),
    }


def _schedules(deployment: Deployment) -> str:
    lines = [f"# jobs: {', '.join(deployment.jobs)}"]
    served = [each for each in deployment.timed if each not in by_timer(deployment)]
    lines += [f"# {each.verb} of {each.job}: {' or '.join(each.calendar)}" for each in served]
    return "\n".join(lines)
