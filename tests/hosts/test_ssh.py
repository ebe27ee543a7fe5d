"""The SSH host against a real sshd."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from zoffsite.hosts.ssh import SshRunner, connect
from zoffsite.hosts.ssh_errors import fingerprint
from zoffsite.model.errors import (
    OperationError,
    SafetyError,
    SettingsError,
    TransferError,
    UnreachableError,
    ZoffsiteError,
)

from .line import forgiving_line
from .sshd import Sshd, free_port, keygen, public_key, running, wait_until
from .streams import FOREVER, python

pytestmark = pytest.mark.sshd


def failure(runner: SshRunner) -> ZoffsiteError:
    with pytest.raises(ZoffsiteError) as caught:
        runner.run(["true"])
    runner.close()
    return caught.value


def test_a_program_gets_its_arguments_unchanged(box: SshRunner) -> None:
    odd = ["a b", "$HOME", "`id`", "'", '"', "*", "ä\n", "", "--", "tank/x@y z"]
    done = box.run(python("import sys; sys.stdout.write(ascii(sys.argv[1:]))", *odd))
    assert done.stdout == ascii(odd)


def test_messages_are_untranslated_and_zfs_is_looked_for_in_sbin(box: SshRunner) -> None:
    done = box.run(python("import os; print(os.environ['LC_ALL'], os.environ['PATH'])"))
    assert done.stdout.split()[0] == "C"
    assert "/usr/sbin" in done.stdout.split()[1].split(":")


def test_exit_code_and_stderr_come_back(box: SshRunner) -> None:
    done = box.run(["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (done.exit_code, done.stdout, done.stderr) == (7, "out\n", "err")


def test_a_missing_program_is_exit_code_127_and_named(box: SshRunner) -> None:
    done = box.run(["no-such-program", "list"])
    assert done.exit_code == 127
    assert "no-such-program" in done.stderr


def test_many_programs_at_once_share_one_connection(sshd: Sshd, box: SshRunner) -> None:
    before = sshd.connections
    meet = threading.Barrier(5)

    def one(number: int) -> str:
        meet.wait(10)
        return box.run(["sh", "-c", f"cat; echo {number}"]).stdout

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(one, range(5)))
    assert answers == [f"{number}\n" for number in range(5)]
    assert sshd.connections == before + 1


def test_one_session_more_than_sshd_allows_is_a_transient_error_that_names_the_setting(box: SshRunner) -> None:
    processes = [box.open(["cat"]) for _ in range(6)]
    try:
        with pytest.raises(TransferError) as caught:
            box.open(["cat"])
    finally:
        for process in processes:
            process.kill()
            process.wait(5)
    assert (caught.value.code, caught.value.transient) == ("too-many-sessions", True)
    assert "MaxSessions" in caught.value.remedy


def test_the_cipher_is_the_fast_one(sshd: Sshd) -> None:
    transport = connect(sshd.host)
    try:
        assert transport.local_cipher == "aes128-gcm@openssh.com"
    finally:
        transport.close()
        transport.join(5)


def test_a_side_that_falls_silent_is_taken_for_dead_after_three_keepalives(sshd: Sshd) -> None:
    before = set(sshd.sessions())
    runner = SshRunner(sshd.client(keepalive=0.3))
    assert runner.run(["echo", "alive"]).stdout == "alive\n"
    frozen = set(sshd.sessions()) - before

    def freeze() -> None:
        for pid in frozen:
            os.kill(pid, signal.SIGSTOP)

    later = threading.Timer(0.5, freeze)
    later.start()
    try:
        with pytest.raises(ZoffsiteError) as caught:
            runner.run(["sleep", "100"])
        assert (caught.value.code, caught.value.transient) == ("connection-lost", True)
    finally:
        later.join()
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        runner.close()


def test_a_quiet_connection_stays(sshd: Sshd) -> None:
    runner = SshRunner(sshd.client(keepalive=0.2))
    before = sshd.connections
    assert runner.run(["sleep", "1.2"]).exit_code == 0
    time.sleep(1)  # six keepalives, of which none may be missed
    assert runner.run(["true"]).exit_code == 0
    assert sshd.connections == before + 1
    runner.close()


def test_a_wrong_host_key_stops_everything_and_shows_both_fingerprints(sshd: Sshd, tmp_path: Path) -> None:
    other = public_key(keygen(tmp_path / "other"))
    error = failure(SshRunner(sshd.client(host_key=other)))
    assert isinstance(error, SafetyError)
    assert (error.code, error.transient) == ("host-key-mismatch", False)
    expected, seen = (fingerprint(_blob(key)) for key in (other, sshd.host.host_key))
    assert expected in str(error)
    assert seen in str(error)
    assert "ssh-keygen -lf" in error.remedy
    assert not any("Accepted publickey" in line for line in sshd.log[-3:])


def test_a_fingerprint_is_what_ssh_keygen_prints(sshd: Sshd, tmp_path: Path) -> None:
    key = keygen(tmp_path / "key")
    printed = subprocess.run(["ssh-keygen", "-lf", str(key)], check=True, capture_output=True, text=True).stdout
    assert fingerprint(_blob(public_key(key))) in printed


def test_a_host_without_a_key_of_the_pinned_type_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    other = public_key(keygen(tmp_path / "other", kind="ecdsa"))
    error = failure(SshRunner(sshd.client(host_key=other)))
    assert isinstance(error, SafetyError)
    assert error.code == "host-key-mismatch"
    assert "seen no key of type ecdsa-sha2-nistp256" in str(error)


@pytest.mark.parametrize(
    "pin", ["", "ssh-ed25519", "ssh-ed25519 !!!!", "ssh-ed25519 AAAAB3NzaC1yc2E=", "ssh-dss AAAAB3NzaC1kc3M="]
)
def test_a_pin_that_is_no_key_is_a_settings_error(sshd: Sshd, pin: str) -> None:
    error = failure(SshRunner(sshd.client(host_key=pin)))
    assert isinstance(error, SettingsError)
    assert error.code == "host-key-invalid"


def test_a_refused_key_is_not_transient_and_shows_the_line_to_add(sshd: Sshd, tmp_path: Path) -> None:
    stranger = keygen(tmp_path / "stranger")
    error = failure(SshRunner(sshd.client(identity_file=stranger)))
    assert isinstance(error, UnreachableError)
    assert (error.code, error.transient) == ("login-refused", False)
    assert public_key(stranger) in error.remedy


def test_an_unknown_user_is_refused_the_same_way(sshd: Sshd) -> None:
    assert failure(SshRunner(sshd.client(user="nobody-by-that-name"))).code == "login-refused"


def test_no_key_but_the_named_one_is_tried(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id_ed25519").write_bytes(sshd.host.identity_file.read_bytes())
    monkeypatch.setenv("HOME", str(home))
    error = failure(SshRunner(sshd.client(identity_file=keygen(tmp_path / "stranger"))))
    assert error.code == "login-refused"


def test_a_closed_port_is_transient_and_names_the_service(sshd: Sshd) -> None:
    error = failure(SshRunner(sshd.client(port=free_port())))
    assert isinstance(error, UnreachableError)
    assert (error.code, error.transient) == ("connection-refused", True)
    assert "systemctl status ssh" in error.remedy


def test_an_unknown_name_is_transient(sshd: Sshd) -> None:
    error = failure(SshRunner(sshd.client(host="no-such-host.invalid")))
    assert isinstance(error, UnreachableError)
    assert (error.code, error.transient) == ("name-unknown", True)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections and says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield int(server.getsockname()[1])


def test_a_host_that_accepts_and_stays_silent_is_given_up_in_time(sshd: Sshd, silent_port: int) -> None:
    error = failure(SshRunner(sshd.client(port=silent_port, connect_timeout=0.5)))
    assert isinstance(error, UnreachableError)
    assert (error.code, error.transient) == ("no-handshake", True)


def test_a_service_that_is_not_ssh_is_said_to_be_none(sshd: Sshd) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def answer() -> None:
            peer, _ = server.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        talker = threading.Thread(target=answer)
        talker.start()
        error = failure(SshRunner(sshd.client(port=int(server.getsockname()[1]), connect_timeout=1.0)))
        talker.join(5)
    assert error.code == "no-handshake"


def test_a_connection_that_died_is_made_anew(sshd: Sshd, box: SshRunner) -> None:
    assert box.run(["echo", "one"]).stdout == "one\n"
    sshd.cut()
    assert box.run(["echo", "two"]).stdout == "two\n"


def test_a_connection_that_breaks_while_a_program_runs_is_transient(sshd: Sshd, box: SshRunner, marker: str) -> None:
    cutter: list[threading.Timer] = []

    def cut_when_running() -> None:
        if running(marker):
            sshd.cut()
        else:
            cutter.append(threading.Timer(0.05, cut_when_running))
            cutter[-1].start()

    cut_when_running()
    with pytest.raises(ZoffsiteError) as caught:
        box.run(python(FOREVER.replace("time", "__import__('time')"), marker))
    for pid in running(marker):
        os.kill(pid, signal.SIGKILL)
    assert (caught.value.code, caught.value.transient) == ("connection-lost", True)


def test_an_answer_of_which_bytes_were_lost_is_never_taken_for_a_whole_one(sshd: Sshd, tmp_path: Path) -> None:
    """Taking bytes also sends: the window opens again. Here that fails, and still the program's good end arrives."""
    size, end = 1 << 20, tmp_path / "end"
    program = f"head -c {size} /dev/zero; while [ ! -e {end} ]; do sleep 0.02; done"
    with forgiving_line(sshd.host.port) as port:
        runner = SshRunner(sshd.client(port=port))
        process = runner.open(["sh", "-c", program])
        assert wait_until(lambda: len(process._channel.in_buffer) == size)
        process._transport.sock.shutdown(socket.SHUT_WR)
        try:
            assert process.read(size) == b""
            end.touch()
            with pytest.raises(TransferError) as caught:
                process.wait(10)
        finally:
            end.touch()
            sshd.cut()
            runner.close()
    assert (caught.value.code, caught.value.transient) == ("connection-lost", True)


def test_a_program_that_a_signal_ended_is_not_taken_for_a_lost_connection(box: SshRunner) -> None:
    assert box.run(["sh", "-c", "kill -KILL $$"]).exit_code in (-1, 128 + 9)  # as the login shell has it


def test_a_program_that_does_not_answer_in_time_is_cut(box: SshRunner) -> None:
    with pytest.raises(OperationError) as caught:
        box.run(["sleep", "3"], timeout=0.3)
    assert (caught.value.code, caught.value.transient) == ("timeout", True)


def test_an_endless_answer_is_cut_at_the_limit(sshd: Sshd) -> None:
    runner = SshRunner(sshd.host, stdout_limit=1 << 20)
    with pytest.raises(OperationError) as caught:
        runner.run(["cat", "/dev/zero"])
    assert caught.value.code == "oversized-answer"
    runner.close()


def test_endless_complaints_are_cut_as_well(box: SshRunner) -> None:
    with pytest.raises(OperationError) as caught:
        box.run(["sh", "-c", "cat /dev/zero >&2"])
    assert caught.value.code == "oversized-answer"


def test_an_answer_that_is_not_utf_8_is_malformed(box: SshRunner) -> None:
    with pytest.raises(OperationError) as caught:
        box.run(["printf", r"tank\377"])
    assert caught.value.code == "malformed-answer"


def test_complaints_cannot_drive_the_terminal(box: SshRunner) -> None:
    done = box.run(["sh", "-c", r"printf '\033]0;owned\007\033[2Jcannot receive\377\nmore' >&2; exit 1"])
    assert "\033" not in done.stderr
    assert "\007" not in done.stderr
    assert "cannot receive" in done.stderr
    assert done.stderr.endswith("\nmore")


def test_nothing_of_ours_is_left_after_close(sshd: Sshd) -> None:
    before = set(sshd.sessions())
    runner = SshRunner(sshd.host)
    runner.run(["true"])
    runner.close()
    assert not [thread for thread in threading.enumerate() if "paramiko" in type(thread).__module__]
    assert wait_until(lambda: set(sshd.sessions()) <= before)


def _blob(key: str) -> bytes:
    return base64.b64decode(key.split()[1])
