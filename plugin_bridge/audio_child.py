"""How one audio process is started as a child, and a look at the devices by one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.child_process import ChildPlan, ChildProcess, child_environment, module_command
from plugin_bridge.audio_messages import DeviceList, ToAudio, decode_from_audio, encode_audio
from plugin_bridge.devices import DeviceProblem, OutputDevice
from plugin_bridge.sound_server import joined

AudioChild = ChildProcess[ToAudio]

_LIST_SECONDS = 20.0
_MODULE = "plugin_bridge.audio_process"


@dataclass(frozen=True)
class AudioOptions:
    """How the audio process is started and how much patience there is with it.

    device: as find_output takes it, empty: the system's default. sample_rate: of the timeline, and
    what the device is asked for. faults: as `--fault` takes them; only the first process gets
    them. log_path: where stderr is kept (None: only its last lines, for the event).
    """

    device: str = ""
    sample_rate: int = 44_100
    latency_seconds: float = 0.1
    faults: tuple[str, ...] = ()
    log_path: Path | None = None
    heartbeat_seconds: float = 1.0
    answer_deadline_seconds: float = 5.0
    start_deadline_seconds: float = 30.0
    close_deadline_seconds: float = 3.0
    backoff_seconds: float = 0.25


def start_audio(
    options: AudioOptions,
    device: str,
    faults: tuple[str, ...],
    on_line: Callable[[AudioChild, bytes | None], None],
) -> AudioChild:
    """Start an audio process; `on_line` as ChildProcess calls it. Raises OSError."""
    plan = ChildPlan[ToAudio](
        name="audio",
        command=tuple(joined(audio_command(options, device, faults))),
        encode=encode_audio,
        environment=child_environment(),
        log_path=options.log_path,
    )
    return ChildProcess(plan, on_line)


def audio_command(options: AudioOptions, device: str, faults: tuple[str, ...]) -> list[str]:
    """Return an audio process's command line."""
    command = module_command(_MODULE, f"--device={device}")
    command += ["--rate", str(options.sample_rate), "--latency", str(options.latency_seconds)]
    return command + [f"--fault={fault}" for fault in faults]


def list_outputs() -> tuple[OutputDevice, ...]:
    """Return the outputs that there are now: see list_devices."""
    return list_devices().devices


def list_devices() -> DeviceList:
    """Return the outputs and inputs that there are now, seen by a process of its own. Blocks
    about 0.5 s.

    Raises DeviceProblem when PortAudio is missing or its look fails.
    """
    try:
        done = subprocess.run(
            joined(module_command(_MODULE, "--list")),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=child_environment(),
            timeout=_LIST_SECONDS,
            check=False,
        )
        reply = decode_from_audio(done.stdout)
    except subprocess.TimeoutExpired as error:
        raise DeviceProblem(
            f"The sound system did not answer within {_LIST_SECONDS:g} s; restart it.", str(error)
        ) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise DeviceProblem("The devices could not be listed; try again.", str(error)) from error
    if not isinstance(reply, DeviceList):
        raise DeviceProblem("The devices could not be listed; try again.", repr(reply))
    if reply.sentence:
        raise DeviceProblem(reply.sentence)
    return reply
