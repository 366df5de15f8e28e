"""The warm engine: shared by commands, private to its user, replaced when it is another one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.client import WorkerOptions
from engine.errors import ModelProblem, WriteProblem
from engine.messages import JobCancelledMessage, JobDone, Submit
from engine.request import GenerationRequest, Task
from plugin_bridge.engine_link import Events, ServedEngine, ServerPlan, open_served
from plugin_bridge.serve import EngineServer, serve
from plugin_bridge.serve_messages import Hello, encode_line, identity
from plugin_bridge.serve_socket import Address, connect, listen, start_lock
from tests.plugin_bridge.command_runs import Shell, ended, new_shell, wait_for
from tests.plugin_bridge.scored_maker import MAKER_SPEC

EVENT_SECONDS = 60.0


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = new_shell(tmp_path)
    yield shell
    if (shell.data / "run" / "serve.sock").exists():
        shell.run("serve", "--stop")


@pytest.fixture
def address(tmp_path: Path) -> Address:
    return Address(tmp_path / "run" / "serve.sock")


@pytest.fixture
def options(tmp_path: Path) -> WorkerOptions:
    return WorkerOptions(tmp_path / "takes", maker=MAKER_SPEC)


@pytest.fixture
def server(address: Address, options: WorkerOptions) -> Iterator[EngineServer]:
    """A server on a thread of the test's own process."""
    with start_lock(address):
        listener = listen(address)
    server = EngineServer(listener, address, options, 60.0)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server
    server.stop()
    thread.join()


def plan_for(address: Address, options: WorkerOptions) -> ServerPlan:
    return ServerPlan(address, options, 60.0, address.path.with_name("serve.log"))


def order(prompt: str, variations: int = 1) -> GenerationRequest:
    return GenerationRequest(Task.GENERATE, seed=1, prompt=prompt, variations=variations)


def last_event(events: Events) -> object:
    while True:
        event = events.get(timeout=EVENT_SECONDS)
        if isinstance(event, JobDone | JobCancelledMessage):
            return event


def status(shell: Shell) -> dict[str, Any]:
    return shell.run("serve", "--status", "--json").json


def begun_jobs(shell: Shell) -> int:
    log = shell.data / "logs" / "engine.log"
    return log.read_text().count("begins at take") if log.exists() else 0


def wait_for_begin(shell: Shell, process: subprocess.Popen[str]) -> None:
    wait_for(lambda: begun_jobs(shell) or process.poll() is not None, "the job to begin")
    assert process.poll() is None, ended(process)


def test_the_second_command_uses_the_same_server_and_worker(shell: Shell) -> None:
    assert shell.run("generate", "a").code == 0
    first = status(shell)
    assert shell.run("generate", "b").code == 0
    second = status(shell)
    assert (first["pid"], first["worker_pid"]) == (second["pid"], second["worker_pid"])
    assert second["current"] is True
    assert shell.run("serve", "--stop").code == 0
    wait_for(lambda: not psutil.pid_exists(first["pid"]), "the server to end")
    assert not psutil.pid_exists(first["worker_pid"])
    assert status(shell) == {"running": False}


def test_two_commands_at_once_start_one_server_and_both_finish(shell: Shell) -> None:
    both = [shell.start("generate", name, "--json") for name in ("a", "b")]
    assert [ended(process).code for process in both] == [0, 0]
    log = (shell.data / "logs" / "engine.log").read_text()
    assert len(shell.wavs()) == 2
    assert begun_jobs(shell) == 2, log
    servers = [
        process
        for process in psutil.process_iter(["cmdline"])
        if str(shell.data / "run") in " ".join(process.info["cmdline"] or [])
    ]
    wait_for(
        lambda: sum(process.is_running() for process in servers) <= 1, "the slower server to end"
    )


def test_a_server_without_work_ends_by_itself(tmp_path: Path) -> None:
    shell = new_shell(tmp_path, LOOPGRAFT_SERVE_IDLE_SECONDS="0.3")
    assert shell.run("generate", "a").code == 0
    wait_for(lambda: not (shell.data / "run" / "serve.sock").exists(), "the idle time to pass")
    assert status(shell) == {"running": False}


def test_a_server_killed_in_a_job_is_one_sentence_and_exit_code_4(shell: Shell) -> None:
    process = shell.start("generate", "slow:sampling")
    wait_for_begin(shell, process)
    os.kill(status(shell)["pid"], signal.SIGKILL)
    done = ended(process)
    assert done.code == 4
    assert len(done.errors.splitlines()) == 1
    assert "run the command again" in done.errors
    assert shell.run("generate", "a").code == 0  # the stale socket is replaced


def test_ctrl_c_cancels_the_job_and_leaves_the_server(shell: Shell) -> None:
    process = shell.start("generate", "slow:sampling", "--json")
    wait_for_begin(shell, process)
    pid = status(shell)["pid"]
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert done.code == 5
    assert done.json == {"error": "Cancelled.", "exit_code": 5}
    assert status(shell)["pid"] == pid
    assert shell.run("generate", "a").code == 0


def test_a_server_with_other_settings_is_replaced(shell: Shell) -> None:
    assert shell.run("generate", "a").code == 0
    first = status(shell)["pid"]
    assert shell.run("generate", "a", "--device", "cpu").code == 0
    assert status(shell)["pid"] != first
    wait_for(lambda: not psutil.pid_exists(first), "the old server to end")


def test_clients_at_once_hear_of_their_own_jobs_only(
    server: EngineServer, address: Address, options: WorkerOptions
) -> None:
    links = [open_served(plan_for(address, options)) for _ in range(2)]
    jobs = [link.submit(order(name, 2)) for link, name in zip(links, "ab", strict=True)]
    for link, job_id in zip(links, jobs, strict=True):
        assert last_event(link.events) == JobDone(job_id)
        link.close()


def test_a_client_that_leaves_cancels_its_job(
    server: EngineServer, address: Address, options: WorkerOptions
) -> None:
    leaving = open_served(plan_for(address, options))
    leaving.submit(order("slow:sampling", 64))
    leaving.events.get(timeout=EVENT_SECONDS)
    leaving.close()
    staying = open_served(plan_for(address, options))
    job_id = staying.submit(order("a"))
    assert last_event(staying.events) == JobDone(job_id)
    staying.close()


def test_a_retired_server_finishes_its_jobs(address: Address, options: WorkerOptions) -> None:
    with start_lock(address):
        listener = listen(address)
    server = EngineServer(listener, address, options, 60.0)
    thread = threading.Thread(target=server.run)
    thread.start()
    link = open_served(plan_for(address, options))
    job_id = link.submit(order("slow:sampling"))
    link.events.get(timeout=EVENT_SECONDS)
    other = connect(address)
    assert other is not None
    other.sendall(b'{"type": "Retire", "now": false}\n')
    wait_for(lambda: not address.path.exists(), "the socket to be taken away")
    assert last_event(link.events) == JobDone(job_id)
    thread.join(EVENT_SECONDS)
    assert not thread.is_alive()
    link.close()
    other.close()


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00\xff\xfe\n",
        b'{"type": "Hello"}\n',
        b"[" * 100_000 + b"\n",
        encode_line(Submit("1", order("an order before the greeting"))),
        encode_line(Hello(1, "x")).replace(b"\n", b"") * 2 + b"\n",
    ],
)
def test_garbage_ends_the_connection_and_nothing_else(
    garbage: bytes, server: EngineServer, address: Address, options: WorkerOptions
) -> None:
    connection = connect(address)
    assert connection is not None
    with connection:
        connection.settimeout(EVENT_SECONDS)
        connection.sendall(garbage)
        assert connection.recv(1000) == b""
    link = open_served(plan_for(address, options))
    assert last_event_of_a_job(link)
    link.close()


def last_event_of_a_job(link: ServedEngine) -> bool:
    job_id = link.submit(order("a"))
    return last_event(link.events) == JobDone(job_id)


def test_the_socket_is_for_its_user_only(server: EngineServer, address: Address) -> None:
    assert address.path.stat().st_mode & 0o777 == 0o600
    assert address.path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("which", ["socket", "folder"])
def test_a_socket_that_others_can_reach_is_refused(
    which: str, server: EngineServer, address: Address
) -> None:
    target = address.path if which == "socket" else address.path.parent
    before = target.stat().st_mode
    target.chmod(0o777)
    with pytest.raises(ModelProblem, match="open to other users"):
        connect(address)
    target.chmod(before)


def test_a_stale_socket_is_replaced(address: Address) -> None:
    with start_lock(address):
        listen(address).close()
    assert address.path.exists()
    assert connect(address) is None
    with start_lock(address):
        listener = listen(address)
    connection = connect(address)
    assert connection is not None
    connection.close()
    listener.close()


def test_a_second_server_leaves_the_place_to_the_first(
    server: EngineServer, address: Address, options: WorkerOptions
) -> None:
    assert serve(address, options, 60.0) is False


def test_a_stranger_on_the_socket_is_replaced(address: Address, options: WorkerOptions) -> None:
    """A listener that answers the greeting with nonsense loses its place."""
    with start_lock(address):
        stranger = listen(address)

    def answer() -> None:
        connection, _ = stranger.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b'{"type": "Welcome", "protocol": "none"}\n')
            connection.recv(1000)

    thread = threading.Thread(target=answer)
    thread.start()
    plan = plan_for(address, options)
    link = open_served(plan)
    thread.join()
    stranger.close()
    assert link.welcome.identity == identity(options)
    assert last_event_of_a_job(link)
    link.close()
    stop(address)


def stop(address: Address) -> None:
    connection = connect(address)
    assert connection is not None
    with connection:
        connection.sendall((json.dumps({"type": "Retire", "now": True}) + "\n").encode())
        connection.settimeout(EVENT_SECONDS)
        while connection.recv(1000):
            pass


def test_a_path_too_long_for_a_socket_is_known(tmp_path: Path) -> None:
    assert Address(tmp_path / "s").is_possible
    assert not Address(tmp_path / ("x" * 120)).is_possible


@pytest.fixture
def remote_shell(tmp_path: Path) -> Shell:
    """A login without a session, as over ssh or in a container: no folder of sockets is named."""
    shell = new_shell(tmp_path, HOME=str(tmp_path), TMPDIR=str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    for name in ("LOOPGRAFT_DATA", "XDG_RUNTIME_DIR"):
        shell.environment.pop(name, None)
    return shell


needs_no_session = pytest.mark.skipif(
    not sys.platform.startswith("linux") or Path(f"/run/user/{os.getuid()}").exists(),
    reason="the system has a folder of sockets for us",
)


@needs_no_session
def test_without_a_login_session_no_warning_is_shown(remote_shell: Shell, tmp_path: Path) -> None:
    for words in (("serve", "--status"), ("generate", "beat"), ("serve", "--stop")):
        done = remote_shell.run(*words)
        assert done.code == 0, done.errors
        assert "Warning" not in done.errors
        assert "XDG" not in done.errors
    folder = tmp_path / "tmp" / f"runtime-{os.getuid()}" / "Loopgraft"
    assert folder.stat().st_mode & 0o777 == 0o700


@needs_no_session
def test_a_folder_of_sockets_that_is_not_the_users_own_is_refused(
    remote_shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "tmp" / f"runtime-{os.getuid()}").symlink_to(tmp_path)
    done = remote_shell.run("serve", "--status")
    assert done.code == WriteProblem.exit_code
    assert "XDG_RUNTIME_DIR" in done.errors
    assert len(done.errors.strip().splitlines()) == 1
    assert not (tmp_path / "Loopgraft").exists()
