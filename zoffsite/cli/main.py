"""The `zoffsite` command: what each verb takes. Everything heavy is imported by the verb that needs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from zoffsite import __version__
from zoffsite.cli.completing import job_names
from zoffsite.cli.logs import LogFormat, LogLevel, set_up_logs
from zoffsite.model.errors import ExitCode, ZoffsiteError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich would cost a third of the CPU time of `--help`
    help="Personal off-site backup for ZFS: raw encrypted sends to a box that never sees a key.",
    epilog="Exit codes: 0 all well, 1 some datasets failed, 2 wrong usage or settings, 3 a host cannot be reached, "
    "4 refused for safety, 5 another run holds the lock, 130 interrupted.",
)
config_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look at the settings.")
notify_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Look after the notifications.")
box_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Set up the box.")
app.add_typer(config_app, name="config")
app.add_typer(box_app, name="box")
app.add_typer(notify_app, name="notify")
escrow_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Put away what a new machine needs.")
app.add_typer(escrow_app, name="escrow")

JobOption = Annotated[
    Optional[str],  # noqa: UP045 - typer reads this at run time
    typer.Option(
        "--job", "-j", help="The job of zoffsite.toml; not needed if there is only one.", autocompletion=job_names
    ),
]
DatasetOption = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option("--dataset", "-d", help="Only this dataset of the job; can be given more than once."),
]
DatasetsArgument = Annotated[list[str], typer.Argument(metavar="DATASET...", help="Datasets of the job.")]
WaitOption = Annotated[
    bool,
    typer.Option(
        "--wait",
        help="For schedules: wait for another run of the job to end (12 hours), and tell of a run that cannot begin.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]

BoxOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--box", "-b", help="The box of zoffsite.toml; not needed if only one has a tunnel."),
]


def say_version(wanted: bool) -> None:
    """Of this program, as a bug report needs it."""
    if wanted:
        typer.echo(f"zoffsite {__version__}")
        raise typer.Exit


@app.callback()
def everywhere(
    config: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--config", "-c", help="The settings file (default: where zoffsite.toml is looked for)."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="The same as --log-level debug.")] = False,
    log_level: Annotated[
        LogLevel, typer.Option("--log-level", help="What the log on stderr says; debug: each command that is run, too.")
    ] = LogLevel.INFO,
    log_format: Annotated[LogFormat, typer.Option("--log-format", help="Lines for people, or JSON.")] = LogFormat.TEXT,
    _version: Annotated[
        bool, typer.Option("--version", callback=say_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options of every verb."""
    from zoffsite.cli.context import set_up

    set_up(config)
    set_up_logs(log_format, LogLevel.DEBUG if verbose else log_level)


@app.command()
def plan(job: JobOption = None, dataset: DatasetOption = None, json: JsonOption = False) -> None:
    """Show what a run would do, and why. Contacts both sides and changes nothing."""
    from zoffsite.cli.plan import show_plan

    show_plan(job, dataset or [], as_json=json)


@app.command()
def backup(
    job: JobOption = None,
    dataset: DatasetOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="The same as `plan`.")] = False,
    direct: Annotated[bool, typer.Option("--direct", help="Run without Prefect.")] = False,
    prefect: Annotated[bool, typer.Option("--prefect", help="Run through Prefect, or not at all.")] = False,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Run a job here and now: snapshot, raw send, verify, prune."""
    from zoffsite.cli.backup import Driver, run_backup
    from zoffsite.cli.plan import show_plan

    if direct and prefect:
        raise typer.BadParameter("--direct and --prefect exclude each other")
    if dry_run:
        show_plan(job, dataset or [], as_json=json)
        return
    driver = Driver.DIRECT if direct else Driver.PREFECT if prefect else Driver.WHICHEVER
    raise typer.Exit(run_backup(job, dataset or [], driver, wait=wait, as_json=json))


@app.command()
def prune(
    job: JobOption = None,
    dataset: DatasetOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only show what would be destroyed.")] = False,
    wait: WaitOption = False,
    json: JsonOption = False,
) -> None:
    """Apply the retention on both sides, without a backup; only to what the box has wholly."""
    from zoffsite.cli.prune import run_prune, show_prune

    if dry_run:
        show_prune(job, dataset or [], as_json=json)
        return
    raise typer.Exit(run_prune(job, dataset or [], wait=wait, as_json=json))


@app.command()
def verify(
    job: JobOption = None,
    tell: Annotated[bool, typer.Option("--tell", help="As a run does: save a report, and send alerts.")] = False,
    json: JsonOption = False,
) -> None:
    """Check every replica on the box against what it must be.

    GUID, encryption on, no key loaded, not mounted, read-only, nothing written since, no receive pending.
    """
    from zoffsite.cli.verify import run_verify, verify_and_tell

    raise typer.Exit((verify_and_tell if tell else run_verify)(job, as_json=json))


@app.command()
def deploy(
    prefect: Annotated[
        bool, typer.Option("--prefect", help="A Prefect server here, and what runs jobs for it.")
    ] = False,
    worker: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--worker", metavar="URL", help="Run jobs for the Prefect server whose API is at this URL."),
    ] = None,
    pool: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--pool", help="This machine's work pool there (default: its host name)."),
    ] = None,
    listen: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--listen",
            metavar="ADDRESS/PREFIX",
            help="With --prefect: the address in a tunnel, and its network, for workers on other machines.",
        ),
    ] = None,
    port: Annotated[int, typer.Option("--port", help="The Prefect server's.")] = 4200,
    root: Annotated[Path, typer.Option("--root", help="Write below this folder, and start nothing.")] = Path("/"),
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would change.")] = False,
) -> None:
    """Let the jobs run by themselves: by systemd timers, or through Prefect.

    Can be repeated: what is as it should be stays, units of an earlier deployment that are not needed go. Passwords
    stay. Says what it did.
    """
    from zoffsite.cli.deploy import run_deploy
    from zoffsite.deploy.spec import Way

    if prefect and worker is not None:
        raise typer.BadParameter("--prefect and --worker exclude each other")
    if listen is not None and not prefect:
        raise typer.BadParameter("--listen is for the server that --prefect sets up")
    way = Way.PREFECT if prefect else Way.WORKER if worker is not None else Way.TIMERS
    raise typer.Exit(run_deploy(way, listen=listen, port=port, pool=pool, api=worker, root=root, dry_run=dry_run))


@app.command()
def status(
    job: JobOption = None,
    json: JsonOption = False,
    nagios: Annotated[bool, typer.Option("--nagios", help="One line for a monitor; exits 0, 1, 2 or 3.")] = False,
    prometheus: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--prometheus", metavar="FILE", help="Write metrics, for node exporter's textfile collector."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Follow a run under way; contacts nobody.")] = False,
    serve: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--serve", metavar="PORT", min=0, max=65535, help="Answer /metrics and /status on loopback."),
    ] = None,
    every: Annotated[int, typer.Option(min=10, help="With --serve: look at most so often, in seconds.")] = 300,
    dashboard: Annotated[bool, typer.Option("--dashboard", help="Print a dashboard for Grafana.")] = False,
) -> None:
    """Show how old the data on the box is, when jobs run, and how long there is room.

    Judged by what is on the box, per dataset, against its own objective; exit 1 when any is stale.
    """
    if sum((json, nagios, watch, dashboard, serve is not None)) > 1:
        raise typer.BadParameter("--json, --nagios, --watch, --serve and --dashboard exclude each other")
    if dashboard:
        from zoffsite.views.dashboard import dashboard_json

        print(dashboard_json())
        return
    if watch:
        from zoffsite.cli.watch import watch_runs

        raise typer.Exit(watch_runs(job))
    if serve is not None:
        from zoffsite.cli.serve import serve_status

        raise typer.Exit(serve_status(job, serve, every))
    from zoffsite.cli.status import run_for_monitor, run_status

    raise typer.Exit(run_for_monitor(job, prometheus) if nagios else run_status(job, prometheus, as_json=json))


@app.command()
def history(
    dataset: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(metavar="[DATASET]", help="Only this one, as it is called on the source, and all below it."),
    ] = None,
    job: JobOption = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=100_000, help="At most so many, the newest.")] = 50,
    json: JsonOption = False,
) -> None:
    """Show what was sent, pruned, proved and drilled, newest first. Contacts no host."""
    from zoffsite.cli.history import show_history

    show_history(job, dataset, limit, as_json=json)


@app.command("prove")
def prove_(
    job: JobOption = None,
    dataset: DatasetOption = None,
    within: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--within", help="Only what was not proved for so long; 0 proves it again. Default: the settings'."
        ),
    ] = None,
    at_most: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--at-most", help='Read about so much, the rest another time: "50 GB". Default: the settings\'.'),
    ] = None,
    tell: Annotated[bool, typer.Option("--tell", help="As a run does: save a report, and send alerts.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would be proved.")] = False,
    json: JsonOption = False,
) -> None:
    """Prove, without a key, that the box still holds what was sent.

    Both sides read the same stream from their own disks, and compute a digest keyed by a number that nobody knew
    before. Nothing but the digest crosses the wire. What differs is an alarm: exit 1, and nothing of it is pruned.
    """
    from zoffsite.cli.prove import prove_and_tell, run_prove

    if tell and not dry_run:
        raise typer.Exit(prove_and_tell(job, dataset or [], within, at_most, as_json=json))
    raise typer.Exit(run_prove(job, dataset or [], within, at_most, dry_run=dry_run, as_json=json))


@app.command("drill")
def drill_(
    datasets: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(
            metavar="[DATASET]…",
            help="By their full names. Without any: the one that was drilled longest ago, and the canary.",
        ),
    ] = None,
    job: JobOption = None,
    key_file: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--key-file", help="Load the key from this file: PATH, or DATASET=PATH where there are several."),
    ] = None,
    ask_key: Annotated[bool, typer.Option("--ask-key", help="Ask for keys.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would be drilled.")] = False,
    json: JsonOption = False,
) -> None:
    """Rehearse a restore: does it come back, whole, and how long does it take?

    Brings a dataset back from the box into a scratch on the source, opens it, compares every file, attribute and byte
    with the source's own snapshot, and destroys the scratch. What differs is an alarm: exit 1, and nothing of the
    dataset is pruned. Needs root on the source.
    """
    from zoffsite.cli.drill import run_drill, show_drill
    from zoffsite.cli.restore import keys_of

    if dry_run:
        raise typer.Exit(show_drill(job, datasets or [], as_json=json))
    keys = keys_of(key_file or [], ask=ask_key)
    raise typer.Exit(run_drill(job, datasets or [], keys, as_json=json))


@app.command("restore")
def restore_(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="As it is called on the source.")],
    to: Annotated[
        str, typer.Option("--to", "-t", help="The new dataset: it must not exist yet. With --path: a folder.")
    ],
    job: JobOption = None,
    snapshot: Annotated[
        str, typer.Option("--snapshot", "-s", help="`latest`, a snapshot's name, or a date: the newest taken by then.")
    ] = "latest",
    alone: Annotated[bool, typer.Option("--alone", help="Without what is below it.")] = False,
    key_file: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--key-file", help="Load the key from this file: PATH, or DATASET=PATH where there are several."),
    ] = None,
    ask_key: Annotated[bool, typer.Option("--ask-key", help="Ask for keys, and load them.")] = False,
    mount: Annotated[bool, typer.Option("--mount", help="Mount it, read-only, once its key is loaded.")] = False,
    from_pool: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--from-pool", help="From the box's disk, attached here: its pool, imported read-only."),
    ] = None,
    path: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--path", help="Only this file or folder of the dataset: all of it comes, and goes again."),
    ] = None,
    scratch: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--scratch", help="With --path: where the dataset is put meanwhile (default: in its own pool)."),
    ] = None,
    bandwidth: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--bandwidth", help='At most so much: "5 MB/s". Of the job, only the backups are limited.'),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would come back.")] = False,
    json: JsonOption = False,
) -> None:
    """Bring a dataset back from the box, and all below it, into a new one.

    On the machine that the job backs up, or on any trusted one; never on the box. Interrupted, the same command goes
    on where it ended. Nothing that exists is changed.
    """
    from zoffsite.cli.restore import Asked, run_restore

    asked = Asked(
        dataset=dataset,
        to=to,
        snapshot=snapshot,
        alone=alone,
        key_files=key_file or [],
        ask_key=ask_key,
        mount=mount,
        bandwidth=bandwidth,
        from_pool=from_pool,
    )
    if path is not None:
        from zoffsite.cli.pick import run_pick

        raise typer.Exit(run_pick(job, asked, path, scratch, dry_run=dry_run, as_json=json))
    raise typer.Exit(run_restore(job, asked, dry_run=dry_run, as_json=json))


@app.command()
def doctor(
    job: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(
            metavar="[JOB]",
            help="The job of zoffsite.toml; not needed if there is only one.",
            autocompletion=job_names,
        ),
    ] = None,
    tell: Annotated[bool, typer.Option("--tell", help="Send alerts, too: for a timer.")] = False,
    json: JsonOption = False,
) -> None:
    """Examine both machines and the way between them. Changes nothing.

    Each finding says why it matters, what to do, and whether it was seen from here or is the box's own word.
    Run it as root on the source, or parts cannot be looked at. Exit 1 when anything is not as it should be.
    """
    from zoffsite.cli.doctor import run_doctor

    raise typer.Exit(run_doctor(job, tell=tell, as_json=json))


@app.command("approve-key")
def approve_key(datasets: DatasetsArgument, job: JobOption = None) -> None:
    """Let a changed encryption key go to the box.

    Reads how the newest snapshot's stream begins on the source, remembers that key, and sends nothing.
    """
    from zoffsite.cli.approve import run_approve_key

    run_approve_key(job, datasets)


@app.command()
def acknowledge(datasets: DatasetsArgument, job: JobOption = None) -> None:
    """End the alarms of a dataset, so that it is pruned again. Contacts no host."""
    from zoffsite.cli.approve import run_acknowledge

    run_acknowledge(job, datasets)


@app.command()
def init(
    directory: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--dir", help="Where to write (default: /etc/zoffsite for root, else ~/.config/zoffsite)."),
    ] = None,
    job: Annotated[str, typer.Option("--job", "-j", help="The job's name.")] = "home",
    dataset: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--dataset", "-d", help="Back this one up, with all below it; can be given more than once."),
    ] = None,
    endpoint: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--endpoint", help="The kit sets up the box, which dials in here: your DNS name; more may follow."
        ),
    ] = None,
    host: Annotated[Optional[str], typer.Option("--host", help="The box's name or address.")] = None,  # noqa: UP045
    host_key: Annotated[str, typer.Option("--host-key", help="Without the kit: its key, `ssh-ed25519 AAAA…`.")] = "",
    user: Annotated[str, typer.Option("--user", help="Who logs in on the box.")] = "zoffsite",
    root: Annotated[Optional[str], typer.Option("--root", help="Where replicas go on the box.")] = None,  # noqa: UP045
    identity_file: Annotated[str, typer.Option("--identity-file", help="The key that logs in.")] = (
        "~/.ssh/zoffsite_ed25519"
    ),
    cron: Annotated[str, typer.Option("--cron", help="When it is run.")] = "0 3 * * *",
    no_input: Annotated[bool, typer.Option("--no-input", help="Ask nothing: flags and defaults only.")] = False,
) -> None:
    """Write the first zoffsite.toml and .env: ask what is needed, find pools and datasets, overwrite nothing.

    Secrets are asked for, or taken from the environment (ZOFFSITE_NOTIFY_URLS, ZOFFSITE_JOB__HOME__PING_URL). No flag
    takes one: others see the command line.
    """
    from zoffsite.cli.init import Given, run_init

    given = Given(
        directory=directory,
        job=job,
        datasets=tuple(dataset or ()),
        endpoints=tuple(endpoint or ()),
        host=host,
        host_key=host_key,
        user=user,
        root=root,
        identity_file=identity_file,
        cron=cron,
        asks=not no_input and sys.stdin.isatty(),
    )
    raise typer.Exit(run_init(given))


@config_app.command("check")
def config_check(
    offline: Annotated[bool, typer.Option("--offline", help="Only the files; contact no host.")] = False,
) -> None:
    """Check the settings, then hosts and permissions.

    Every mistake in the settings is named at once, with its key and line. Only when there is none, both hosts are
    tried: that they can be reached, that the datasets are there and encrypted, that the users may do what is needed.
    """
    from zoffsite.cli.config import check

    raise typer.Exit(check(offline=offline))


@config_app.command("show")
def config_show(
    everything: Annotated[bool, typer.Option("--all", help="What holds by default, too.")] = False,
    json: JsonOption = False,
) -> None:
    """Show each setting, and where its value comes from. Secrets are masked; no host is contacted."""
    from zoffsite.cli.config_show import show_settings

    show_settings(everything=everything, as_json=json)


@box_app.command("kit")
def box_kit(
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write to.")],
    box: BoxOption = None,
    contact: Annotated[str, typer.Option("--contact", help="Whom the friend calls: for the printed card.")] = "",
) -> None:
    """Write what both machines need: tunnel, firewalls, SSH, gate and keeper, each side with its `install`."""
    from zoffsite.cli.box import write_kit

    raise typer.Exit(write_kit(out, box, contact))


@box_app.command("pair")
def box_pair(
    text: Annotated[str, typer.Argument(help="What the box's `install` printed (zoffsite1:…), or a file with it.")],
    box: BoxOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="The box was set up anew: forget its old keys.")] = False,
) -> None:
    """Take the box's public keys: pin its host key, and let its end of the tunnel in."""
    from zoffsite.cli.box import pair

    raise typer.Exit(pair(text, box, replace=replace))


PassphraseOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--passphrase-file", help="Read the passphrase from this file; else it is asked for."),
]
IncludeOption = Annotated[
    Optional[list[Path]],  # noqa: UP045
    typer.Option("--include", help="This file, too: the key of a dataset, a recovery key. More than once."),
]
EscrowArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The escrow file.")]
OpenedArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="The escrow file, or a text that was typed back from paper.")
]


@escrow_app.command("write")
def escrow_write(
    file: EscrowArgument,
    include: IncludeOption = None,
    passphrase_file: PassphraseOption = None,
) -> None:
    """Seal settings, login keys and ledger into one file, with a passphrase, for the day after the fire."""
    from zoffsite.cli.escrow import write

    write(file, include or [], passphrase_file)


@escrow_app.command("print")
def escrow_print(
    include: IncludeOption = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--out", "-o", help="A new file, for you alone; else it goes to standard output."),
    ] = None,
) -> None:
    """Write settings, login keys and what you include as text for paper, which can be typed back. It is not sealed.

    Each line has a check of its own; keys are in short groups. `zoffsite escrow open` reads what was typed.
    """
    from zoffsite.cli.escrow import print_

    print_(include or [], out)


@escrow_app.command("list")
def escrow_list(file: OpenedArgument, passphrase_file: PassphraseOption = None) -> None:
    """Show what is in it."""
    from zoffsite.cli.escrow import list_

    list_(file, passphrase_file)


@escrow_app.command("open")
def escrow_open(
    file: OpenedArgument,
    out: Annotated[Path, typer.Option("--out", "-o", help="The new folder to write to.")],
    passphrase_file: PassphraseOption = None,
) -> None:
    """Write all that is in it into a new folder. Needs no settings."""
    from zoffsite.cli.escrow import open_

    open_(file, out, passphrase_file)


@notify_app.command("test")
def notify_test(job: JobOption = None) -> None:
    """Send a test message to every notification URL."""
    from zoffsite.cli.notify import send_test

    raise typer.Exit(send_test(job))


@notify_app.command("digest")
def notify_digest(job: JobOption = None) -> None:
    """Send how everything stands, to the URLs that are for digests: made for a timer or cron, once a week.

    Contacts both sides. What it finds changes no exit code: that is what `status` is for.
    """
    from zoffsite.cli.notify import send_digest

    raise typer.Exit(send_digest(job))


@app.command()
def man(
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to write to.")] = Path("~/.local/share/man/man1"),
) -> None:
    """Write manual pages, one for each command, where man(1) finds them."""
    from zoffsite.cli.man import write_pages

    raise typer.Exit(write_pages(typer.main.get_command(app), out.expanduser()))


def run() -> None:
    """The console script: every failure ends in one message and a documented exit code, never in a traceback."""
    try:
        app(standalone_mode=True)
    except ZoffsiteError as error:
        from zoffsite.cli.context import show_error

        show_error(error)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(ExitCode.SOME_FAILED)
