"""libsndfile through its C interface: a reader of acid, smpl and frames that is not ours."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import NamedTuple

import _soundfile_data

SFM_READ = 0x10
SFC_GET_LOOP_INFO = 0x10E0
SFC_GET_INSTRUMENT = 0x10D0
SF_LOOP_NONE, SF_LOOP_FORWARD = 800, 801


class _Info(ctypes.Structure):
    _fields_ = (
        ("frames", ctypes.c_int64),
        ("samplerate", ctypes.c_int),
        ("channels", ctypes.c_int),
        ("format", ctypes.c_int),
        ("sections", ctypes.c_int),
        ("seekable", ctypes.c_int),
    )


class _LoopInfo(ctypes.Structure):
    _fields_ = (
        ("time_sig_num", ctypes.c_short),
        ("time_sig_den", ctypes.c_short),
        ("loop_mode", ctypes.c_int),
        ("num_beats", ctypes.c_int),
        ("bpm", ctypes.c_float),
        ("root_key", ctypes.c_int),
        ("future", ctypes.c_int * 6),
    )


class _Loop(ctypes.Structure):
    _fields_ = (
        ("mode", ctypes.c_int),
        ("start", ctypes.c_uint32),
        ("end", ctypes.c_uint32),
        ("count", ctypes.c_uint32),
    )


class _Instrument(ctypes.Structure):
    _fields_ = (
        ("gain", ctypes.c_int),
        ("basenote", ctypes.c_char),
        ("detune", ctypes.c_char),
        ("velocity_lo", ctypes.c_char),
        ("velocity_hi", ctypes.c_char),
        ("key_lo", ctypes.c_char),
        ("key_hi", ctypes.c_char),
        ("loop_count", ctypes.c_int),
        ("loops", _Loop * 16),
    )


class Seen(NamedTuple):
    """What libsndfile says. loop: (start, end); acid and instrument values None when absent."""

    frames: int
    sample_rate: int
    channels: int
    meter: tuple[int, int] | None
    forward_loop: bool | None
    beats: int | None
    bpm: float | None
    root_note: int | None
    unity_note: int | None
    loops: tuple[tuple[int, int], ...] | None


def _library() -> ctypes.CDLL:
    path = next(Path(_soundfile_data.__file__).parent.glob("libsndfile*"))
    library = ctypes.CDLL(str(path))
    library.sf_open.restype = ctypes.c_void_p
    library.sf_open.argtypes = (ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(_Info))
    library.sf_command.argtypes = (
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_int,
    )
    library.sf_close.argtypes = (ctypes.c_void_p,)
    return library


_SNDFILE = _library()


def look(path: Path) -> Seen:
    """Open `path` and ask for its loop info and its instrument."""
    info, acid, instrument = _Info(), _LoopInfo(), _Instrument()
    handle = _SNDFILE.sf_open(bytes(path), SFM_READ, ctypes.byref(info))
    assert handle, f"libsndfile cannot open {path}"
    try:
        has_acid = _command(handle, SFC_GET_LOOP_INFO, acid)
        has_instrument = _command(handle, SFC_GET_INSTRUMENT, instrument)
    finally:
        _SNDFILE.sf_close(handle)
    loops = tuple((loop.start, loop.end) for loop in instrument.loops[: instrument.loop_count])
    return Seen(
        info.frames,
        info.samplerate,
        info.channels,
        (acid.time_sig_num, acid.time_sig_den) if has_acid else None,
        acid.loop_mode == SF_LOOP_FORWARD if has_acid else None,
        acid.num_beats if has_acid else None,
        acid.bpm if has_acid else None,
        acid.root_key if has_acid else None,
        ord(instrument.basenote) if has_instrument else None,
        loops if has_instrument else None,
    )


def _command(handle: int, command: int, target: ctypes.Structure) -> bool:
    return bool(_SNDFILE.sf_command(handle, command, ctypes.byref(target), ctypes.sizeof(target)))
