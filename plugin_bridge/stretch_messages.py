"""What an app and its stretch process say to each other: one JSON line each, audio by block."""

from __future__ import annotations

from fractions import Fraction

import msgspec

from plugin_bridge.stretch import Bend


class StretchOrder(msgspec.Struct, frozen=True, tag=True):
    """Stretch `block`, float32 (2, frames), into `result`, float32 (2, result_frames).

    Fractions are [numerator, denominator].
    """

    number: int
    block: str
    frames: int
    sample_rate: int
    result: str
    result_frames: int
    ratio: tuple[int, int]
    frames_per_beat: tuple[int, int]
    downbeat: tuple[int, int]

    @property
    def bend(self) -> Bend:
        """Return how. Raises BadArgument, ZeroDivisionError."""
        return Bend(
            Fraction(*self.ratio), Fraction(*self.frames_per_beat), Fraction(*self.downbeat)
        )


class StretchDone(msgspec.Struct, frozen=True, tag=True):
    """problem: why there is no result, else empty."""

    number: int
    problem: str = ""


_ORDER: msgspec.json.Decoder[StretchOrder] = msgspec.json.Decoder(StretchOrder)
_DONE: msgspec.json.Decoder[StretchDone] = msgspec.json.Decoder(StretchDone)


def encode_stretch(message: StretchOrder | StretchDone) -> bytes:
    """Return the message as one line of JSON, newline included."""
    return msgspec.json.encode(message) + b"\n"


def decode_order(line: bytes) -> StretchOrder:
    """Read one line sent to the stretch process. Raises msgspec.MsgspecError on garbage."""
    return _ORDER.decode(line)


def decode_done(line: bytes) -> StretchDone:
    """Read one line sent by the stretch process. Raises msgspec.MsgspecError on garbage."""
    return _DONE.decode(line)
