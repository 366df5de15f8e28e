"""Notes out of a Standard MIDI File (formats 0 and 1), at their seconds.

Source: MIDI Manufacturers Association, Standard MIDI Files 1.0 (RP-001).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from engine.display_name import display_name
from engine.errors import BadInputFile
from engine.input_file import open_regular_file

MOST_SECONDS = 600.0
_LIMIT_BYTES = 16 << 20
_MOST_EVENTS = 1_000_000
_DEFAULT_BEAT_US = 500_000
_META, _TEMPO, _END_OF_TRACK = 0xFF, 0x51, 0x2F
_SYSTEM_EXCLUSIVE = (0xF0, 0xF7)
#: Data bytes after a status byte, by its high nibble.
_DATA_BYTES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}

#: A channel message and its place in seconds.
Note = tuple[bytes, float]


class _Event(NamedTuple):
    """status: 0xFF of a change of tempo, whose data are the microseconds of a beat."""

    tick: int
    status: int
    data: bytes


class _Broken(Exception):
    """The bytes are no MIDI file; why, as the end of a sentence."""


def read_midi(path: Path) -> list[Note]:
    """Return every channel message in order. Raises BadInputFile."""
    name = display_name(path)
    with open_regular_file(path) as file:
        data = file.read(_LIMIT_BYTES + 1)
    if len(data) > _LIMIT_BYTES:
        raise BadInputFile(f"“{name}” has more than {_LIMIT_BYTES >> 20} MiB; split it.")
    try:
        notes = parse_midi(data)
    except _Broken as broken:
        raise BadInputFile(f"“{name}” is no MIDI file that is read: {broken}.") from None
    if not notes:
        raise BadInputFile(f"“{name}” has no notes; give a file with at least one.")
    if notes[-1][1] > MOST_SECONDS:
        raise BadInputFile(
            f"“{name}” lasts {notes[-1][1]:.0f} s, more than {MOST_SECONDS:g} s; cut it."
        )
    return notes


def parse_midi(data: bytes) -> list[Note]:
    """Return every channel message with its seconds. Raises _Broken."""
    if data[:4] != b"MThd" or len(data) < 14:
        raise _Broken("it does not begin like one")
    size, kind, _, division = struct.unpack(">IHHH", data[4:14])
    if kind > 1:
        raise _Broken("it holds several songs (format 2); save it as format 0 or 1")
    if division & 0x8000 or division == 0:
        raise _Broken("its time is counted in film frames; save it with ticks per beat")
    events: list[_Event] = []
    for chunk in _tracks(data, 8 + size):
        events += _events(chunk)
        if len(events) > _MOST_EVENTS:
            raise _Broken(f"it has more than {_MOST_EVENTS} events")
    # Tempo first where both come at once: it counts from its own tick on.
    events.sort(key=lambda event: (event.tick, event.status != _META))
    return list(_timed(events, division))


def _timed(events: list[_Event], division: int) -> Iterator[Note]:
    tick, seconds, beat_us = 0, 0.0, _DEFAULT_BEAT_US
    for event in events:
        seconds += (event.tick - tick) * beat_us / (division * 1e6)
        tick = event.tick
        if event.status == _META:
            beat_us = int.from_bytes(event.data)
        else:
            yield bytes([event.status]) + event.data, seconds


def _tracks(data: bytes, at: int) -> Iterator[bytes]:
    while at + 8 <= len(data):
        (size,) = struct.unpack(">I", data[at + 4 : at + 8])
        chunk = data[at + 8 : at + 8 + size]
        if data[at : at + 4] == b"MTrk":
            if len(chunk) < size:
                raise _Broken("it is cut short")
            yield chunk
        at += 8 + size


def _events(track: bytes) -> Iterator[_Event]:
    """Yield channel messages and tempos of one track."""
    at = tick = status = 0
    while at < len(track):
        delta, at = _number(track, at)
        tick += delta
        if at < len(track) and track[at] & 0x80:
            status, at = track[at], at + 1
        if status == _META:
            kind, at = _byte(track, at), at + 1
            data, at = _block(track, at)
            if kind == _END_OF_TRACK:
                return
            if kind == _TEMPO and len(data) == 3:
                yield _Event(tick, _META, data)
        elif status in _SYSTEM_EXCLUSIVE:
            _, at = _block(track, at)
        else:
            count = _DATA_BYTES.get(status >> 4, 0)
            data, at = track[at : at + count], at + count
            if not count or len(data) < count or max(data) > 0x7F:
                raise _Broken("an event in it makes no sense")
            yield _Event(tick, status, data)


def _block(track: bytes, at: int) -> tuple[bytes, int]:
    """Return bytes that come after their count, and the place after them."""
    size, at = _number(track, at)
    if at + size > len(track):
        raise _Broken("it is cut short")
    return track[at : at + size], at + size


def _number(track: bytes, at: int) -> tuple[int, int]:
    """Return a number of one to four bytes, seven bits each, and the place after it."""
    value = 0
    for count in range(4):
        byte = _byte(track, at + count)
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, at + count + 1
    raise _Broken("a number in it has no end")


def _byte(track: bytes, at: int) -> int:
    if at >= len(track):
        raise _Broken("it is cut short")
    return track[at]
