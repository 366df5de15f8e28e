"""An app with playback that a test can kill: `python -m tests.plugin_bridge.audio_app [stopped]`.

Prints the audio process's id once a slot plays, or, with that process stopped, once its slot is
under way; ends when stdin closes.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from plugin_bridge.audio_client import AudioOptions, DeviceGone
from tests.plugin_bridge.audio_scenarios import NO_DEVICE, audio, noise_clip, shared_blocks
from tests.plugin_bridge.command_runs import wait_for


def main(*, stopped: bool) -> None:
    with audio(AudioOptions(NO_DEVICE)) as (client, heard):
        heard.wait(DeviceGone)
        assert client.child_pid is not None
        if stopped:
            os.kill(client.child_pid, signal.SIGSTOP)
        client.put("A", noise_clip(1.0))
        client.choose("A")
        client.play(0)
        if stopped:
            wait_for(_is_block_filled, "a block under way")
        else:
            heard.wait_playing()
        sys.stdout.write(f"{client.child_pid}\n")
        sys.stdout.flush()
        sys.stdin.read()


def _is_block_filled() -> bool:
    """Whether there is a block with its samples: one that has only a name is not tracked yet."""
    blocks = [Path("/dev/shm", name).read_bytes() for name in shared_blocks()]
    return any(any(block[-64:]) for block in blocks)


if __name__ == "__main__":
    main(stopped="stopped" in sys.argv)
