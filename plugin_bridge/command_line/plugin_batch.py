"""Many files through one chain: what is there already is left, one bad file ends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.display_name import display_name
from engine.errors import AppError, BadArgument, BadInputFile
from engine.input_file import file_sha256
from plugin_bridge.command_line.audio_folder import audio_files
from plugin_bridge.command_line.console import Console, JsonValue, one_line, shown_path
from plugin_bridge.command_line.plugin_render import Job, find_source, render_file
from plugin_bridge.plugins.chain import Chain
from plugin_bridge.plugins.offline import check_chain
from plugin_bridge.plugins.plugin_index import PluginIndex
from plugin_bridge.plugins.wet_mark import marks_in, read_mark


@dataclass
class _Batch:
    """there: the marks of what is done. settled: the chain with every setting, once known."""

    job: Job
    index: PluginIndex
    console: Console
    there: set[str]
    made: list[dict[str, JsonValue]] = field(default_factory=list[dict[str, JsonValue]])
    faults: list[dict[str, JsonValue]] = field(default_factory=list[dict[str, JsonValue]])
    skipped: int = 0
    exit_code: int = 0
    settled: Chain | None = None

    def run(self, source: Path) -> None:
        """Make what is missing of one file; a fault is noted."""
        try:
            sha256 = file_sha256(source)
            marks = {kind: self.job.mark(source, sha256, kind) for kind in self.job.kinds}
            missing = [kind for kind, mark in marks.items() if mark not in self.there]
            if not missing:
                self.skipped += 1
                return
            made = render_file(self.job, source, missing, self.index, self.console)
        except AppError as error:
            self.note_fault(source, error)
            return
        self.there |= {marks[kind] for kind in made.paths}
        self.made.append(made.result)
        if made.rendered is not None:
            self.settled = self.settled or made.rendered.chain
        for path in made.paths.values():
            self.console.line(shown_path(path))

    def note_fault(self, source: Path | str, error: AppError) -> None:
        name = display_name(source)
        self.exit_code = self.exit_code or error.exit_code
        self.faults.append({"source": name, "error": one_line(error.sentence)})
        self.console.progress.say(f"{name}: {error.sentence}")


def run_batch(
    job: Job, texts: Sequence[str], index: PluginIndex, console: Console
) -> tuple[Chain | None, int]:
    """Render files, takes and whole folders; returns the settled chain and an exit code.

    The chain is None where nothing was rendered, the code the first fault's.
    Raises BadArgument and PluginProblem for what would be wrong with every file.
    """
    if job.destination.is_file:
        raise BadArgument("--out names a file, but several sources need a folder.")
    check_chain(job.chain, index)
    batch = _Batch(job, index, console, set(marks_in(job.destination.path)))
    sources = _find_sources(batch, texts)
    for number, source in enumerate(sources):
        words = f"{number + 1} of {len(sources)}, {display_name(source)}"
        console.progress.show(words, number / len(sources))
        batch.run(source)
    _tell(batch)
    return batch.settled, batch.exit_code


def _find_sources(batch: _Batch, texts: Sequence[str]) -> list[Path]:
    """Return every file that is meant, each once; a folder's own results are not."""
    found: dict[Path, None] = {}
    for text in texts:
        try:
            if Path(text).is_dir():
                inside = audio_files(Path(text))
                found |= dict.fromkeys(path for path in inside if not read_mark(path))
            else:
                found[find_source(text)] = None
        except (BadInputFile, BadArgument) as error:
            batch.note_fault(text, error)
    return list(found)


def _tell(batch: _Batch) -> None:
    batch.console.line(
        f"{len(batch.made)} files rendered, {batch.skipped} were there, {len(batch.faults)} failed"
    )
    batch.console.result(
        {
            "files": list(batch.made),
            "skipped": batch.skipped,
            "faults": list(batch.faults),
            "exit_code": batch.exit_code,
        }
    )
