"""What both processes that have the sound card do first, and what they say of it."""

from __future__ import annotations

import logging
import sys

from engine.child_main import go_first, leave_ctrl_c_to_the_app
from plugin_bridge.audio_blocks import leave_blocks_to_their_owner

SICK = "The sound system does not work; restart it, or the computer."
#: PortAudio reports nonsense on JACK; nothing real is as long as this.
LONGEST_LATENCY_SECONDS = 1.0
#: As PipeWire gives its clients.
_NICE = -11
#: How soon the thread of the callback gets the interpreter from another one.
_SWITCH_SECONDS = 0.001


def be_in_time() -> None:
    """Come before programs that can wait, log to stderr, and leave to the app what is the app's."""
    go_first(_NICE)
    leave_ctrl_c_to_the_app()
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s"
    )
    leave_blocks_to_their_owner()
    sys.setswitchinterval(_SWITCH_SECONDS)
