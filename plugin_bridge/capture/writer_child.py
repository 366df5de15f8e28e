"""The app's side of the child that writes one recording."""

from __future__ import annotations

import subprocess

import msgspec

from engine.audio import FloatArray
from engine.child_process import child_environment, module_command
from engine.errors import WriteProblem
from plugin_bridge.audio_blocks import SampleBlock
from plugin_bridge.capture.recording_plan import RecordingPlan, WriteOrder, WriteReply

_MODULE = "plugin_bridge.capture.recording_writer"
#: 200 s of sound are measured and written in a few seconds, and a busy machine takes ten times it.
_DEADLINE_SECONDS = 120.0


class WriterChild:
    """A writer that makes itself ready meanwhile. One thread."""

    def __init__(self) -> None:
        """Start it. Raises WriteProblem."""
        try:
            self._process = subprocess.Popen(
                module_command(_MODULE),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=child_environment(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1"),
            )
        except OSError as error:
            raise _failed(str(error)) from error

    def write(self, plan: RecordingPlan, samples: FloatArray) -> WriteReply:
        """Write float32 (2, frames) and end. Raises WriteProblem where the child fails."""
        block = SampleBlock(samples)
        try:
            order = WriteOrder(plan, block.name, samples.shape[1])
            line = msgspec.json.encode(order) + b"\n"
            out, _ = self._process.communicate(line, timeout=_DEADLINE_SECONDS)
            return msgspec.json.decode(out, type=WriteReply)
        except (OSError, subprocess.TimeoutExpired, msgspec.MsgspecError) as error:
            raise _failed(repr(error)) from error
        finally:
            block.close()
            self.close()

    def close(self) -> None:
        """End it; again is no fault."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


def _failed(details: str) -> WriteProblem:
    return WriteProblem("The recording could not be written: its writer failed.", details)
