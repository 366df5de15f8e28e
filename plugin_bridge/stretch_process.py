"""The stretch process's main: `python -m plugin_bridge.stretch_process`, orders on stdin.

Beside the plugin host the only importer of pedalboard, here for its Rubber Band alone: no plugin is
ever loaded. It waits behind everything that sounds.
"""

from __future__ import annotations

import sys
from fractions import Fraction
from functools import lru_cache

import pedalboard

from engine.audio import FloatArray
from engine.child_main import (
    claim_pipes,
    end_with_the_app,
    leave_ctrl_c_to_the_app,
    step_back,
)
from engine.errors import AppError
from engine.pipes import LineWriter, read_lines
from plugin_bridge.audio_blocks import copy_block, leave_blocks_to_their_owner, write_block
from plugin_bridge.stretch import Course, bend, course_of
from plugin_bridge.stretch_messages import (
    StretchDone,
    StretchOrder,
    decode_order,
    encode_stretch,
)

_NICE = 5


def main() -> int:
    """Stretch until stdin closes. Returns an exit code."""
    from_app, to_app = claim_pipes()
    end_with_the_app()
    leave_ctrl_c_to_the_app()
    step_back(_NICE)
    leave_blocks_to_their_owner()
    writer = LineWriter(to_app)
    for line in read_lines(from_app):
        writer.write(encode_stretch(_obey(decode_order(line))))
    return 0


def _obey(order: StretchOrder) -> StretchDone:
    try:
        how = order.bend
        samples = copy_block(order.block, order.frames)
        course = _course(order.sample_rate, how.ratio)
        write_block(order.result, bend(samples, order.sample_rate, how, _longer, course))
    except (AppError, OSError, ValueError, ArithmeticError, MemoryError) as error:
        return StretchDone(order.number, str(error) or repr(error))
    return StretchDone(order.number)


@lru_cache(maxsize=64)
def _course(sample_rate: int, ratio: Fraction) -> Course:
    return course_of(_longer, sample_rate, ratio)


def _longer(samples: FloatArray, sample_rate: int, ratio: float) -> FloatArray:
    return pedalboard.time_stretch(samples, sample_rate, 1.0 / ratio)


if __name__ == "__main__":
    sys.exit(main())
