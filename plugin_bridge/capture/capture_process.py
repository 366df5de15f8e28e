"""The listening process's main: `python -m plugin_bridge.capture.capture_process [--input NAME]`.

One open input for its whole life: where it goes, the process ends, and the app starts another.
Not the audio process: PortAudio looks for devices only while no stream is open, so that waiting
for a lost microphone would stop the music. The protocol takes over stdin and stdout.
"""

from __future__ import annotations

import argparse
import gc
import sys
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.audio import FloatArray
from engine.child_main import claim_pipes, end_with_the_app
from engine.errors import AppError
from engine.pipes import LineWriter
from plugin_bridge.capture.capture_messages import InputGone, encode_capture
from plugin_bridge.capture.capture_server import CaptureServer, OpenInput
from plugin_bridge.capture.jack_input import JackInput
from plugin_bridge.capture.jack_ports import is_port_pattern
from plugin_bridge.capture.portaudio_inputs import inputs_of
from plugin_bridge.capture.tape import Tape
from plugin_bridge.devices import (
    JACK,
    DeviceProblem,
    InputDevice,
    find_input,
    portaudio_advice,
)
from plugin_bridge.slots import CHANNELS
from plugin_bridge.sound_process import LONGEST_LATENCY_SECONDS, SICK, be_in_time


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until the app closes the pipe or the input goes. Returns an exit code."""
    options = _parse(arguments)
    from_app, to_app = claim_pipes()
    end_with_the_app()
    be_in_time()
    writer = LineWriter(to_app)
    try:
        source = open_input(options.input, options.rate, options.latency)
    except AppError as error:
        writer.write(encode_capture(InputGone(error.sentence, error.details, is_final=True)))
        return 0
    gc.freeze()  # a collection must not stop the input's thread to look at what stays anyway
    return CaptureServer(source, writer).serve(from_app)


def open_input(name: str, sample_rate: int, latency_seconds: float) -> OpenInput:
    """Open an input. name: a device, “” the system's, or of JACK a client, port or pattern.

    Raises AppError.
    """
    if is_port_pattern(name):
        return JackInput(name)
    sd = _load()
    try:
        device = find_input(inputs_of(sd), name)
        if device.host_api == JACK:
            sd._terminate()  # its own client of the server
            return JackInput(device.name)
        return _SoundInput(sd, device, sample_rate, latency_seconds)
    except sd.PortAudioError as error:
        raise DeviceProblem(
            f"The input “{name or 'of the system'}” could not be opened; close the program that "
            "uses it, or choose another.",
            str(error),
        ) from error


class _SoundInput:
    """A PortAudio stream that writes its tape."""

    ports: tuple[str, ...] = ()

    def __init__(
        self, sd: Any, device: InputDevice, sample_rate: int, latency_seconds: float
    ) -> None:
        self.name, self.host_api = device.name, device.host_api
        known = next(
            entry
            for entry in sd.query_devices()
            if (entry["name"], sd.query_hostapis(entry["hostapi"])["name"])
            == (device.name, device.host_api)
        )
        channels = min(CHANNELS, device.channels)
        settings: dict[str, Any] = {
            "device": int(known["index"]),
            "channels": channels,
            "dtype": "float32",
        }
        self.sample_rate = sample_rate
        try:
            sd.check_input_settings(samplerate=sample_rate, **settings)
        except sd.PortAudioError:
            self.sample_rate = device.sample_rate
        told = f"“{device.name}” records {self.sample_rate} Hz, not {sample_rate} Hz."
        self.sentence = told if self.sample_rate != sample_rate else ""
        self.tape = Tape(self.sample_rate)
        self._error = sd.PortAudioError
        self._finished = threading.Event()
        self._due: float | None = None
        self._stream = sd.InputStream(
            samplerate=self.sample_rate,
            blocksize=0,
            latency=latency_seconds,
            clip_off=True,
            dither_off=True,
            callback=self._take,
            finished_callback=self._finished.set,
            **settings,
        )
        self._stream.start()
        latency = float(self._stream.latency)
        self.latency_seconds = latency if 0.0 < latency < LONGEST_LATENCY_SECONDS else 0.0

    def is_alive(self) -> bool:
        try:
            return not self._finished.is_set() and bool(self._stream.active)
        except self._error:  # as ALSA does of a card that was pulled out
            return False

    def close(self) -> None:
        self._stream.close()

    def _take(self, block: FloatArray, frames: int, times: Any, status: Any) -> None:
        """Take a block, (frames, channels): the only place of this layout. It waits for nothing."""
        lost = 0
        if status.input_overflow and self._due is not None:
            lost = max(0, round((times.inputBufferAdcTime - self._due) * self.sample_rate))
            self.tape.stumble() if lost == 0 else None
        self._due = times.inputBufferAdcTime + frames / self.sample_rate
        self.tape.write(np.asarray(block).T, lost)


def _load() -> Any:
    """Return sounddevice, which starts PortAudio at its import. Raises DeviceProblem."""
    try:
        import sounddevice
    except OSError as error:  # no PortAudio library
        raise DeviceProblem(portaudio_advice(), str(error)) from error
    except Exception as error:  # PortAudioError, of the very module that failed
        raise DeviceProblem(SICK, str(error)) from error
    return sounddevice


class _Options(argparse.Namespace):
    input: str
    rate: int
    latency: float


def _parse(arguments: Sequence[str] | None) -> _Options:
    parser = argparse.ArgumentParser(prog="plugin_bridge.capture.capture_process")
    parser.add_argument("--input", default="", help="default: the system's")
    parser.add_argument("--rate", type=int, default=44_100, metavar="HZ")
    parser.add_argument("--latency", type=float, default=0.1, metavar="SECONDS")
    return parser.parse_args(arguments, namespace=_Options())


if __name__ == "__main__":
    sys.exit(main())
