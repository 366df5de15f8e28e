"""Finished, permanent, well-named WAV files for a DAW: written once, never touched again."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from engine.atomic_file import FileExists, write_atomically, write_problem
from engine.display_name import display_name
from engine.errors import BadArgument
from engine.sample_format import check_subtype, convert
from engine.take import TakeFacts
from engine.take_maker import NativeSamples
from engine.wav_file import encode_wav, recipe_chunk
from plugin_bridge.export_name import export_stem, numbered, title
from plugin_bridge.wav_metadata import MIDDLE_C, AcidChunk, InfoChunk, SamplerLoop, SmplChunk

#: How far the audio may be from a whole number of beats and still be stretched to a grid.
BEAT_TOLERANCE = 0.02
_OTHER_AUDIO_ENDINGS = (".aif", ".aiff", ".aifc", ".flac", ".m4a", ".mp3", ".ogg", ".opus", ".wave")


def export_take(
    facts: TakeFacts,
    samples: NativeSamples,
    destination: str | os.PathLike[str],
    subtype: str | None = None,
) -> Path:
    """Write the take as a WAV and return its path. samples: the take's native numbers.

    destination: a folder (made when missing), where the file is named after the take and one
    that is already there is returned; or a new file ending in .wav. subtype: default the take's
    own; another one rounds and clips. The same take gives the same bytes.
    Raises BadArgument, FileExists (a named file is never overwritten), WriteProblem.
    """
    target = _checked_target(destination)
    wav = wav_bytes(facts, samples, subtype or facts.subtype)
    if target.suffix.lower() == ".wav" and not target.is_dir():
        write_atomically(target, (wav,))
        return target
    make_folder(target)
    return write_named(target, export_stem(facts), wav)


def wav_bytes(facts: TakeFacts, samples: NativeSamples, subtype: str) -> bytes:
    """Return the exported file: samples, acid, smpl, LIST/INFO and the recipe."""
    check_subtype(subtype)
    if samples.shape != (facts.channels, facts.frames):
        raise ValueError(
            f"samples of shape {samples.shape} are not the take's "
            f"{(facts.channels, facts.frames)} channels and frames"
        )
    if subtype != facts.subtype:
        samples = convert(samples, subtype)
    # How long it took is not part of the take: the recipe must give identical bytes. Nor is where
    # its source lies: the file is given to others, and a path names the user's home folder.
    request = facts.request.without_folders()
    kept = replace(facts, request=request, subtype=subtype, timings_seconds={})
    metadata = (acid_chunk(facts), smpl_chunk(facts), info_chunk(facts))
    chunks = [(chunk.ID, chunk.encode()) for chunk in metadata]
    return encode_wav(samples, facts.sample_rate, subtype, [*chunks, recipe_chunk(kept)])


def acid_chunk(facts: TakeFacts) -> AcidChunk:
    """Return the tempo facts: a loop of whole beats that DAWs may stretch, else a one-shot."""
    key = facts.key
    signature = facts.request.signature
    tempo_bpm = facts.tempo_bpm or 0.0
    beats_exact = facts.frames / facts.sample_rate * tempo_bpm / 60
    beats = round(beats_exact)
    # Audio that is no whole number of beats would be stretched to a wrong tempo.
    on_grid = beats > 0 and abs(beats_exact - beats) <= BEAT_TOLERANCE
    one_shot = facts.request.one_shot or not on_grid
    return AcidChunk(
        one_shot=one_shot,
        root_note=None if key is None else MIDDLE_C + key.root,
        beats=0 if one_shot else beats,
        beat_unit=signature.beat_unit,
        beats_per_bar=signature.beats_per_bar,
        tempo_bpm=tempo_bpm,
    )


def smpl_chunk(facts: TakeFacts) -> SmplChunk:
    """Return the sampler's facts: the root on its own key, and the whole file as the loop."""
    key = facts.key
    loops = (SamplerLoop(0, facts.frames),) if facts.is_loop else ()
    return SmplChunk(facts.sample_rate, MIDDLE_C + (0 if key is None else key.root), loops)


def info_chunk(facts: TakeFacts) -> InfoChunk:
    request = facts.request
    comment = f"{request.task}, {request.model}, seed {request.seed}"
    return InfoChunk(title=title(facts), comment=comment)


def _checked_target(destination: str | os.PathLike[str]) -> Path:
    text = os.fspath(destination)
    target = Path(text)
    if not text or "\0" in text:
        raise BadArgument("The place to write to has no name; give a folder or a .wav file.")
    if target.suffix.lower() in _OTHER_AUDIO_ENDINGS and not target.is_dir():
        raise BadArgument(
            f"“{display_name(target)}” ends in {target.suffix}, but results are WAV files; "
            "give a name that ends in .wav, or a folder."
        )
    return target


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_problem(folder, error) from error


def write_named(folder: Path, stem: str, wav: bytes) -> Path:
    """Write under the first free name; a file with the same bytes is the one wanted."""
    for name in numbered(stem):
        path = folder / f"{name}.wav"
        try:
            if not os.path.lexists(path):
                write_atomically(path, (wav,))
                return path
            if _holds(path, wav):
                return path
        except FileExists:  # another process took the name in between
            if _holds(path, wav):
                return path
    raise AssertionError("names never run out")


def _holds(path: Path, content: bytes) -> bool:
    try:
        return (
            path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content
        )
    except OSError:  # not ours to read: another name will do
        return False
