"""The child that writes a recording: `python -m plugin_bridge.capture.recording_writer`.

It measures the key, whose scipy takes a second to import: started when the recording begins, it is
ready when the bars are there. One order on stdin, one answer on stdout.
"""

from __future__ import annotations

import logging
import os
import sys

import msgspec

from engine.audio import AudioClip
from engine.child_main import claim_pipes, end_with_the_app, leave_ctrl_c_to_the_app, step_back
from engine.errors import AppError
from engine.pipes import read_lines
from plugin_bridge.audio_blocks import copy_block, leave_blocks_to_their_owner
from plugin_bridge.capture.recording_file import write_recording
from plugin_bridge.capture.recording_plan import Refusal, WriteOrder, WriteReply

#: As the clip reader: below the window, above the engine.
_NICE = 5

_log = logging.getLogger(__name__)


def main() -> int:
    """Write what is ordered. Returns an exit code."""
    from_app, to_app = claim_pipes()
    end_with_the_app()
    leave_ctrl_c_to_the_app()
    step_back(_NICE)
    leave_blocks_to_their_owner()
    for line in read_lines(from_app):
        os.write(to_app, msgspec.json.encode(_answer(line)) + b"\n")
        return 0
    return 0


def _answer(line: bytes) -> WriteReply:
    try:
        order = msgspec.json.decode(line, type=WriteOrder)
        samples = copy_block(order.block, order.frames)
        return write_recording(order.plan, AudioClip(samples, order.plan.sample_rate))
    except AppError as error:
        return Refusal(error.sentence, error.details)
    except Exception as error:  # noqa: BLE001 - the top of this process
        _log.exception("A recording could not be written")
        return Refusal("The recording could not be written; try again.", repr(error))


if __name__ == "__main__":
    sys.exit(main())
