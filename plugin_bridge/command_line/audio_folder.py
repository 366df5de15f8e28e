"""A file or all audio files of a folder, as commands take them."""

from __future__ import annotations

from pathlib import Path

from engine.display_name import display_name
from engine.errors import BadInputFile
from plugin_bridge.folder_watch import is_audio


def audio_files(source: Path) -> list[Path]:
    """Return the file, or the folder's audio files by name. Raises BadInputFile."""
    if not source.is_dir():
        return [source]
    try:
        inside = sorted(source.iterdir())
    except OSError as error:
        raise BadInputFile(
            f"“{display_name(source)}” cannot be read ({error.strerror}); choose another folder."
        ) from error
    found = [path for path in inside if is_audio(path) and path.is_file()]
    if not found:
        raise BadInputFile(
            f"The folder “{display_name(source)}” holds no audio; give one with WAV, AIFF, FLAC, "
            "OGG or MP3 files."
        )
    return found
