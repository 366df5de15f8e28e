"""The control port: what scripts may ask, and everything else refused without a crash."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from engine.client import WorkerOptions
from engine.errors import ModelProblem
from plugin_bridge.control import control_port
from plugin_bridge.control.control_commands import ControlCommands
from plugin_bridge.control.control_jobs import OPEN_LIMIT, ControlJobs
from plugin_bridge.control.control_messages import LINE_LIMIT_BYTES
from plugin_bridge.control.control_port import Allowance, Limits, open_port
from plugin_bridge.engine_link import OwnEngine
from plugin_bridge.serve_socket import Address
from tests.plugin_bridge.command_runs import ended, new_shell, wait_for, write_clicks
from tests.plugin_bridge.control_script import Script
from tests.plugin_bridge.scored_maker import MAKER_SPEC

GENEROUS = Limits(burst=10**9)


def _asks(command: str, **fields: object) -> bytes:
    return json.dumps({"command": command, **fields}).encode()


_PATHS = ("loop.wav", "../loop.wav", "/tmp/../etc/passwd", "~/loop.wav", "/a\0b.wav", "", ".")
_NOT_SOUNDS = ("/dev/zero", "/dev/stdin", "/etc", "/etc/passwd", "/proc/self/mem", "/nowhere/x.wav")
_IDS = ("../../etc/passwd", "/etc/passwd", "a/b", "a\\b", "%2e%2e", "*", "", "a\0b", "x" * 129, "é")
_WRONG_TYPES: tuple[dict[str, object], ...] = (
    {"bars": "4"},
    {"bars": 4.5},
    {"bars": True},
    {"bars": 2**70},
    {"bars": [4]},
    {"prompt": 5},
    {"prompt": None},
    {"variations": {}},
    {"seed": "1"},
    {"bpm": "120"},
    {"id": 7},
    {"id": "x" * 65},
    {"prompt": "x" * 2001},
)
_OUT_OF_RANGE: tuple[dict[str, object], ...] = (
    {"bars": 0},
    {"bars": -1},
    {"bars": 65},
    {"variations": 0},
    {"variations": 10**9},
    {"seed": -1},
    {"bpm": 1e308},
    {"bpm": 39.0},
    {"steps": 10**6},
    {"guidance": -1.0},
    {"key": "H flat lydian"},
)
HOSTILE = (
    *(_asks("continue", source=path) for path in (*_PATHS, *_NOT_SOUNDS)),
    *(_asks("take", take=take) for take in _IDS),
    *(_asks("generate", **{"prompt": "x", **wrong}) for wrong in (*_WRONG_TYPES, *_OUT_OF_RANGE)),
    _asks("generate", prompt="x", out="/etc/cron.d/x"),
    _asks("take", take="abc", path="/etc/x"),
    _asks("take", take="abc", bit_depth="8"),
    _asks("progress", job="nobody's"),
    _asks("cancel", job="../x"),
    _asks("cancel"),
    _asks("retire"),
    _asks("__class__"),
    _asks("inpaint", source="/tmp/x.wav", start=2.0, end=1.0),
    _asks("continue", source="/tmp/x.wav", direction="sideways"),
    b'{"command": "generate", "prompt": "x", "bpm": NaN}',
    b'{"command": "generate", "prompt": "x", "bpm": Infinity}',
    b'{"command": "generate", "prompt": "\xff\xfe"}',
    b'{"command": "generate", "prompt": "\\ud800"}',
    b'{"command": "status"} {"command": "status"}',
    b'[{"command": "status"}]',
    b'"status"',
    b"status",
    b"",
    b"{}",
    b"null",
    b"\0\0\0\0",
    b"[" * 20_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b"GET / HTTP/1.1\r",
    b"Host: localhost\r",
)


def test_there_are_sixty_hostile_requests_and_more() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def commands(tmp_path: Path) -> Iterator[ControlCommands]:
    options = WorkerOptions(tmp_path / "takes", maker=MAKER_SPEC)
    with closing(ControlJobs(lambda: OwnEngine(options))) as jobs:
        yield ControlCommands(jobs, tmp_path / "takes", tmp_path / "exports")


def serve(address: Address, commands: ControlCommands, limits: Limits) -> Iterator[Path]:
    """Serve on a thread of the test's own process."""
    with open_port(address, commands, limits) as port:
        thread = threading.Thread(target=port.run)
        thread.start()
        try:
            yield address.path
        finally:
            port.stop()
            thread.join()


@pytest.fixture
def path(folder: Path, commands: ControlCommands) -> Iterator[Path]:
    yield from serve(Address(folder / "control.sock"), commands, GENEROUS)


@pytest.fixture
def capped(folder: Path, commands: ControlCommands) -> Iterator[Path]:
    limits = Limits(connections=2, burst=5, per_second=0.001)
    yield from serve(Address(folder / "control.sock"), commands, limits)


@pytest.fixture
def script(path: Path) -> Iterator[Script]:
    with closing(Script(path)) as script:
        yield script


def test_every_hostile_request_is_refused_with_a_sentence(script: Script, tmp_path: Path) -> None:
    for line in HOSTILE:
        answer = script.send(line)
        assert answer is not None, line[:80]
        assert answer["ok"] is False, line[:80]
        assert answer["error"].endswith("."), answer
        assert "fault of its own" not in answer["error"], line[:80]
    assert script.ask("status")["jobs"] == []
    assert not (tmp_path / "exports").exists()


def test_too_long_a_line_ends_the_connection_and_no_other(path: Path, script: Script) -> None:
    for line in (b"x" * (LINE_LIMIT_BYTES + 1), b'{"command": "' + b"y" * 10_000_000):
        with closing(Script(path)) as flood:
            answer = flood.send(line)
            assert answer is None or "bytes" in answer["error"]
            assert flood.answer() is None
    assert script.ask("status")["ok"]


def test_who_asks_too_often_is_refused(capped: Path) -> None:
    with closing(Script(capped)) as script:
        answers = [script.ask("status")["ok"] for _ in range(20)]
    assert answers == [True] * 5 + [False] * 15


def test_a_bucket_of_requests_fills_with_time() -> None:
    bucket = Allowance(Limits(burst=2, per_second=2.0), seconds=100.0)
    assert [bucket.take(100.0) for _ in range(3)] == [True, True, False]
    assert [bucket.take(100.5) for _ in range(2)] == [True, False]
    assert [bucket.take(900.0) for _ in range(3)] == [True, True, False]


def test_only_so_many_scripts_at_once(capped: Path) -> None:
    with closing(Script(capped)) as one, closing(Script(capped)) as two:
        assert one.ask("status")["ok"]
        assert two.ask("status")["ok"]
        with closing(Script(capped)) as three:
            answer = three.answer()
            assert answer is not None
            assert "2 scripts" in answer["error"]
            assert three.answer() is None


def test_another_users_process_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_port, "peer_is_me", lambda _connection: False)
    with closing(Script(path)) as stranger:
        answer = stranger.answer()
        assert answer is not None
        assert "another user" in answer["error"]
        assert stranger.answer() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a moment")
def test_the_socket_is_shut_to_other_users(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    os.seteuid(65_534)
    try:
        with socket.socket(socket.AF_UNIX) as stranger, pytest.raises(PermissionError):
            stranger.connect(str(path))
    finally:
        os.seteuid(0)


def test_a_folder_that_others_may_enter_is_not_served(
    folder: Path, commands: ControlCommands
) -> None:
    folder.chmod(0o755)
    with (
        pytest.raises(ModelProblem, match="open to other users"),
        open_port(Address(folder / "control.sock"), commands),
    ):
        pass
    assert not (folder / "control.sock").exists()


def test_a_second_port_is_refused_and_the_first_goes_on(
    path: Path, script: Script, commands: ControlCommands
) -> None:
    with pytest.raises(ModelProblem, match="open already"), open_port(Address(path), commands):
        pass
    assert script.ask("status")["ok"]


def fuzzed(number: int, rng: random.Random) -> bytes:
    """Return a line made of a good or hostile one by cutting, flipping, doubling or splicing."""
    lines = (*HOSTILE, _asks("status"), _asks("progress", job="a"), _asks("take", take="ab"))
    line = bytearray(rng.choice(lines)[:2000])
    for _ in range(rng.randint(1, 4)):
        place = rng.randint(0, len(line))
        match rng.randrange(4):
            case 0:
                line[place:place] = rng.randbytes(rng.randint(1, 8))
            case 1:
                del line[place : place + rng.randint(1, 12)]
            case 2:
                line[place:place] = rng.choice(lines)[: rng.randint(1, 40)]
            case _:
                line[place : place + 1] = bytes([rng.randrange(256)])
    return bytes(line).replace(b"\n", b" ").replace(b"generate", b"g%d" % number)


def test_ten_thousand_fuzzed_messages_are_each_answered(script: Script) -> None:
    rng = random.Random(3)
    for number in range(10_000):
        line = fuzzed(number, rng)
        answer = script.send(line)
        assert answer is not None, line
        assert "fault of its own" not in answer.get("error", ""), line
    assert script.ask("status")["ok"]


def test_a_script_continues_a_file_and_gets_the_take_by_its_id(
    script: Script, tmp_path: Path
) -> None:
    source = tmp_path / "loop.wav"
    write_clicks(source)
    order = script.ask(
        "continue", id="7", source=str(source), bars=2, bpm=112.0, downbeat=0.0, seed=5
    )
    assert (order["id"], order["ok"], order["seed"]) == ("7", True, 5)
    over = script.over(order["job"])
    assert (over["state"], over["fraction"]) == ("done", 1.0)
    (take,) = over["takes"]
    exported = script.ask("take", take=take["take"])
    assert Path(exported["path"]).parent == tmp_path / "exports"
    assert Path(exported["path"]).is_file()
    assert script.ask("take", take=take["take"])["path"] == exported["path"]


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        ("generate", {"prompt": "drums", "bars": 1, "variations": 2}),
        ("inpaint", {"start": 0.5, "end": 1.0}),
        ("vary", {"strength": 0.3}),
    ],
)
def test_each_kind_of_order_is_made(
    command: str, fields: dict[str, object], script: Script, tmp_path: Path
) -> None:
    if command != "generate":
        write_clicks(tmp_path / "loop.wav")
        fields = {**fields, "source": str(tmp_path / "loop.wav"), "bpm": 112.0, "downbeat": 0.0}
    over = script.over(script.ask(command, **fields)["job"])
    assert over["state"] == "done"
    assert len(over["takes"]) == fields.get("variations", 1)


def test_a_cancelled_job_ends_and_too_many_are_refused(script: Script) -> None:
    slow = {"prompt": "slow:sampling", "steps": 200, "bars": 1, "variations": 64}
    jobs = [script.ask("generate", **slow)["job"] for _ in range(OPEN_LIMIT)]
    refused = script.ask("generate", **slow)
    assert "made already" in refused["error"]
    for job in jobs:
        assert script.ask("cancel", job=job)["ok"]
    assert {script.over(job)["state"] for job in jobs} == {"cancelled"}


def test_an_engine_that_fails_is_told_in_a_sentence(script: Script) -> None:
    over = script.over(script.ask("generate", prompt="error", bars=1)["job"])
    assert over["state"] == "failed"
    assert over["reason"].endswith(".")


def test_the_command_serves_one_script_over_the_warm_engine(tmp_path: Path) -> None:
    shell = new_shell(tmp_path)
    process = shell.start("control", "--once", "--json")
    path = shell.data / "run" / "control.sock"
    try:
        wait_for(path.exists, "the port")
        with closing(Script(path)) as script:
            over = script.over(script.ask("generate", prompt="drums", bars=1)["job"])
            assert over["state"] == "done"
            exported = script.ask("take", take=over["takes"][0]["take"])
            assert Path(exported["path"]).parent == shell.data / "exports"
            assert shell.run("serve", "--status", "--json").json["running"]
        done = ended(process)
        assert done.code == 0, done.errors
        assert not path.exists()
    finally:
        process.kill()
        process.communicate()
        shell.run("serve", "--stop")


def test_ctrl_c_ends_the_command_also_while_a_script_is_connected(tmp_path: Path) -> None:
    shell = new_shell(tmp_path)
    process = shell.start("control", "--json")
    path = shell.data / "run" / "control.sock"
    try:
        wait_for(path.exists, "the port")
        with closing(Script(path)) as script:
            assert script.ask("status")["ok"]
            process.send_signal(signal.SIGINT)
            assert script.answer() is None
        assert ended(process).code == 0
        assert not path.exists()
    finally:
        process.kill()
        process.communicate()
