"""The audio process's main: `python -m plugin_bridge.audio_process [--device NAME] [--rate HZ]`.

The only importer of sounddevice. The protocol takes over the pipes that were stdin and stdout; from
then on file descriptor 1 is stderr. `--list` writes one DeviceList and ends: PortAudio looks for
devices only while no stream is open, so that a process that plays cannot look itself.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import sys
import threading
import time
from collections.abc import Generator, Sequence
from typing import Any

from engine.audio import FloatArray
from engine.child_main import claim_pipes, end_with_the_app
from engine.errors import BadArgument
from engine.pipes import LineWriter
from plugin_bridge.audio_deck import Deck
from plugin_bridge.audio_faults import parse_audio_fault
from plugin_bridge.audio_keeper import OpenOutput, OutputRequest
from plugin_bridge.audio_messages import DeviceList, encode_audio
from plugin_bridge.audio_server import AudioServer
from plugin_bridge.capture.portaudio_inputs import inputs_of
from plugin_bridge.devices import (
    JACK,
    DeviceProblem,
    InputDevice,
    OutputDevice,
    portaudio_advice,
)
from plugin_bridge.slots import CHANNELS
from plugin_bridge.sound_process import LONGEST_LATENCY_SECONDS, SICK, be_in_time


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until the app closes the pipe. Returns an exit code."""
    options = _parse(arguments)
    from_app, to_app = claim_pipes()
    end_with_the_app()
    if options.list:
        LineWriter(to_app).write(encode_audio(_list()))
        return 0
    faults = tuple(parse_audio_fault(fault) for fault in options.fault)
    be_in_time()
    request = OutputRequest(options.device, options.rate, options.latency)
    server = AudioServer(PortAudio(), request, faults, to_app)
    gc.freeze()  # what is there now stays: a collection must not stop the audio to look at it
    return server.serve(from_app)


class PortAudio:
    """The sound system, through sounddevice. One thread."""

    def __init__(self) -> None:
        self._sounddevice: Any = None
        self._is_fresh = self._is_started = False

    def outputs(self) -> tuple[OutputDevice, ...]:
        """Look for the outputs anew; no stream may be open. Raises DeviceProblem."""
        with _quiet_stderr():
            sd = self._load()
            try:
                self._start_anew()
                return self._found()
            except sd.PortAudioError as error:
                raise DeviceProblem(SICK, str(error)) from error

    def _found(self) -> tuple[OutputDevice, ...]:
        sd = self._sounddevice
        apis = [str(api["name"]) for api in sd.query_hostapis()]
        return tuple(
            OutputDevice(
                str(device["name"]),
                apis[device["hostapi"]],
                int(device["max_output_channels"]),
                round(device["default_samplerate"]),
                device["index"] == sd.default.device[1],
            )
            for device in self._devices()
            if device["max_output_channels"] >= CHANNELS
        )

    def inputs(self) -> tuple[InputDevice, ...]:
        """Return the inputs that the last look found. Raises DeviceProblem."""
        sd = self._sounddevice
        try:
            return inputs_of(sd)
        except sd.PortAudioError as error:
            raise DeviceProblem(SICK, str(error)) from error

    def open(self, device: OutputDevice, request: OutputRequest, deck: Deck) -> OpenOutput:
        """Open and start a stream. Raises DeviceProblem."""
        sd = self._sounddevice
        try:
            for known in self._devices():
                api = sd.query_hostapis(known["hostapi"])["name"]
                if (known["name"], api) == (device.name, device.host_api):
                    return self._open_index(int(known["index"]), device, request, deck)
        except (sd.PortAudioError, ValueError) as error:
            raise DeviceProblem(
                f"“{device.name}” could not be opened; close the program that uses it, or "
                "choose another output.",
                str(error),
            ) from error
        raise DeviceProblem(f"The output “{device.name}” is gone; choose another.")

    def _open_index(
        self, index: int, device: OutputDevice, request: OutputRequest, deck: Deck
    ) -> OpenOutput:
        sd = self._sounddevice
        rate = request.sample_rate
        try:
            sd.check_output_settings(index, CHANNELS, "float32", samplerate=rate)
        except sd.PortAudioError:
            rate = device.sample_rate
        deck.use_rate(rate)
        return _Stream(sd, index, device, rate, request.latency_seconds, deck)

    def _devices(self) -> list[dict[str, Any]]:
        return list(self._sounddevice.query_devices())

    def _load(self) -> Any:
        """Return sounddevice, which starts PortAudio at its import."""
        if self._sounddevice is None:
            try:
                import sounddevice
            except OSError as error:  # no PortAudio library
                raise DeviceProblem(portaudio_advice(), str(error)) from error
            except Exception as error:  # PortAudioError, of the very module that failed
                raise DeviceProblem(SICK, str(error)) from error
            self._sounddevice = sounddevice
            self._is_fresh = self._is_started = True
        return self._sounddevice

    def _start_anew(self) -> None:
        """Have PortAudio look again (sounddevice's own documentation knows no other way)."""
        sd = self._sounddevice
        if self._is_fresh:
            self._is_fresh = False
            return
        if self._is_started:
            self._is_started = False
            sd._terminate()
        sd._initialize()
        self._is_started = True


class _Stream:
    """A stream that draws from the deck."""

    def __init__(
        self,
        sd: Any,
        index: int,
        device: OutputDevice,
        sample_rate: int,
        latency_seconds: float,
        deck: Deck,
    ) -> None:
        self.sample_rate = sample_rate
        self._deck = deck
        self._is_jack = device.host_api == JACK
        self._error = sd.PortAudioError
        self._finished = threading.Event()
        self._buffer_seconds = latency_seconds
        self._last = 0.0
        self.latency_seconds = 0.0
        # blocksize 0: the host's own, so that nothing is buffered twice.
        self._stream = sd.OutputStream(
            samplerate=sample_rate,
            blocksize=0,
            device=index,
            channels=CHANNELS,
            dtype="float32",
            latency=latency_seconds,
            clip_off=True,
            dither_off=True,
            callback=self._draw,
            finished_callback=self._finished.set,
        )
        try:
            self._stream.start()
        except sd.PortAudioError:
            self._stream.close()
            raise
        told = float(self._stream.latency)
        is_sense = device.host_api != JACK and 0.0 < told < LONGEST_LATENCY_SECONDS
        self.latency_seconds = told if is_sense else 0.0

    def is_alive(self) -> bool:
        try:
            return not self._finished.is_set() and bool(self._stream.active)
        except self._error:  # as ALSA does of a card that was pulled out
            return False

    def close(self) -> None:
        self._stream.close()

    def _draw(self, out: FloatArray, frames: int, _time: Any, status: Any) -> None:
        """Fill a block. The audio thread: it waits for nothing and tells nothing."""
        self._deck.fill(out, self.latency_seconds, is_jack=self._is_jack)
        now, last = time.monotonic(), self._last
        self._last = now
        if not last:  # some hosts call the first block an under-run
            return
        if status.output_underflow:
            self._deck.under_runs += 1
        elif now - last > frames / self.sample_rate + self._buffer_seconds:
            self._deck.late += 1


def _list() -> DeviceList:
    try:
        port = PortAudio()
        return DeviceList(port.outputs(), inputs=port.inputs())
    except DeviceProblem as problem:
        return DeviceList((), problem.sentence)


class _Options(argparse.Namespace):
    list: bool
    device: str
    rate: int
    latency: float
    fault: list[str]


def _parse(arguments: Sequence[str] | None) -> _Options:
    parser = argparse.ArgumentParser(prog="plugin_bridge.audio_process", description=__doc__)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--device", default="", help="default: the system's")
    parser.add_argument("--rate", type=int, default=44_100, metavar="HZ")
    parser.add_argument("--latency", type=float, default=0.1, metavar="SECONDS")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME@COUNT")
    return parser.parse_args(arguments, namespace=_Options())


@contextlib.contextmanager
def _quiet_stderr() -> Generator[None]:
    """Keep what ALSA and JACK write on every look out of the log."""
    kept = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BadArgument as error:
        sys.exit(error.sentence)
