"""`loopgraft render`: a batch of recipes, one JSON object per line, resumable."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from engine.errors import AppError, BadArgument, BadInputFile, JobCancelled
from engine.input_file import open_regular_file
from engine.messages import TakeDone
from engine.request import GRAFTING_TASKS, GenerationRequest
from engine.take import TakeFacts
from engine.wav_file import read_recipe
from plugin_bridge.command_line.console import Console, JsonValue
from plugin_bridge.command_line.destination import SUBTYPES, check_destination
from plugin_bridge.command_line.engine_choice import DEFAULT_MODEL, check_model, open_engine
from plugin_bridge.command_line.options import Options
from plugin_bridge.command_line.recipes import parse_object, request_from_object
from plugin_bridge.command_line.render_chain import Kept, what_is_kept
from plugin_bridge.command_line.source_search import SourceSearch
from plugin_bridge.command_line.stored_take import export_stored
from plugin_bridge.command_line.take_report import (
    ExportedTake,
    json_path,
    take_json,
    take_line,
)
from plugin_bridge.command_line.take_run import EngineLost, run_job
from plugin_bridge.engine_link import EngineLink
from plugin_bridge.plugins.hosted_plugin import PluginProblem

_LIMIT_BYTES = 64 << 20


@dataclass(frozen=True)
class BatchLine:
    """One line of the batch. number: counted from 1. seed: what it takes where it names none."""

    number: int
    text: str
    seed: int


@dataclass
class _Batch:
    """there: the dry files of the folder that is written to, by their requests' digests."""

    console: Console
    kept: Kept
    folder: Path
    there: dict[str, Path]
    model: str
    made: list[dict[str, JsonValue]] = field(default_factory=list[dict[str, JsonValue]])
    skipped: int = 0
    faults: list[dict[str, JsonValue]] = field(default_factory=list[dict[str, JsonValue]])
    exit_code: int = 0

    def note_fault(self, line: BatchLine, error: AppError) -> None:
        self.exit_code = self.exit_code or error.exit_code
        self.faults.append({"line": line.number, "error": error.sentence})
        self.console.progress.say(f"line {line.number}: {error.sentence}")


def run(options: Options, console: Console) -> int:
    """Render what is not there yet. Returns 0, or the exit code of the first bad line."""
    lines = read_lines(Path(options.file))
    destination = check_destination(options.out, options.bit_depth)
    if destination.is_file:
        raise BadArgument("--out names a file, but a batch needs a folder.")
    kept = what_is_kept(options, destination)
    folder = Path(options.file).absolute().parent
    model = check_model(options.model or DEFAULT_MODEL)
    batch = _Batch(console, kept, folder, dict(digests_in(destination.path)), model)
    with open_engine(options, model) as link:
        for line in lines:
            try:
                _render_line(line, batch, link)
            except (JobCancelled, EngineLost):
                raise
            except AppError as error:
                batch.note_fault(line, error)
    _tell(batch, len(lines))
    return batch.exit_code


def read_lines(path: Path) -> list[BatchLine]:
    """Return the lines with something on them. Raises BadInputFile.

    A line without a seed gets one from its own text and from how often that came before, so
    that the same file asks for the same takes again.
    """
    with open_regular_file(path) as file:
        data = file.read(_LIMIT_BYTES + 1)
    if len(data) > _LIMIT_BYTES:
        raise BadInputFile(f"The batch has more than {_LIMIT_BYTES >> 20} MiB; split it.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputFile("The batch is no UTF-8 text; give JSON lines.", repr(error)) from error
    seen: Counter[str] = Counter()
    lines: list[BatchLine] = []
    for number, raw in enumerate(text.split("\n"), start=1):
        if not (stripped := raw.strip()):
            continue
        digest = hashlib.sha256(f"{stripped}#{seen[stripped]}".encode()).hexdigest()
        seen[stripped] += 1
        lines.append(BatchLine(number, stripped, int(digest[:7], 16)))
    if not lines:
        raise BadInputFile("The batch has no lines; write one JSON recipe per line.")
    return lines


def digests_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the exported files of a folder with what each was made from."""
    for path in sorted(folder.glob("*.wav")) if folder.is_dir() else ():
        try:
            facts = read_recipe(path)
        except BadInputFile:  # somebody else's file
            continue
        if facts is not None:
            yield facts.request.digest, path


def missing_runs(request: GenerationRequest, there: set[str]) -> list[tuple[int, int]]:
    """Return first index and number of takes of each run that is not there yet."""
    runs: list[tuple[int, int]] = []
    for index in range(request.variations):
        if request.take(index).digest in there:
            continue
        if runs and sum(runs[-1]) == index:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((index, 1))
    return runs


def _render_line(line: BatchLine, batch: _Batch, link: EngineLink) -> None:
    value = {"model": batch.model, **parse_object(line.text)}
    request = request_from_object(value, batch.folder, line.seed)
    if request.model != batch.model:
        raise BadArgument(
            f"This line wants the model “{request.model}”, but the batch runs with “{batch.model}”."
        )
    runs = missing_runs(request, _what_is_there(request, batch, line))
    if runs:
        advice = "put it beside the batch or write its path"
        request = SourceSearch("This line", batch.folder, advice).complete(request)
    for first, count in runs:
        part = replace(request, seed=request.seed + first, variations=count)
        run_job(link, part, batch.console, partial(_finish, batch, line))


def _what_is_there(request: GenerationRequest, batch: _Batch, line: BatchLine) -> set[str]:
    """Return the takes that need not be made; those that only lack their wet file get it now."""
    done: set[str] = set()
    for take in map(request.take, range(request.variations)):
        if batch.kept.is_there(take, batch.there):
            batch.skipped += 1
            done.add(take.digest)
        elif dry := batch.there.get(take.digest):
            facts = read_recipe(dry)
            if facts is not None:
                _write(batch, line, facts, partial(_stay, dry))
                done.add(take.digest)
    return done


def _stay(path: Path, _folder: Path) -> Path:
    return path


def _finish(batch: _Batch, line: BatchLine, done: TakeDone) -> None:
    subtype = batch.kept.destination.subtype
    if subtype is None and done.facts.request.task not in GRAFTING_TASKS:
        subtype = SUBTYPES["24"]

    def write_dry(folder: Path) -> Path:
        return export_stored(done.path, done.facts, folder, subtype)

    _write(batch, line, done.facts, write_dry)


def _write(
    batch: _Batch, line: BatchLine, facts: TakeFacts, write_dry: Callable[[Path], Path]
) -> None:
    """Write what is kept of a take. A chain that fails with it costs only its wet file."""
    try:
        paths = batch.kept.write(facts.request, facts.is_loop, write_dry, batch.console)
    except PluginProblem as error:
        batch.note_fault(line, error)
        return
    if "dry" in paths:
        batch.there[facts.request.digest] = paths["dry"]
    takes = [ExportedTake(path, facts) for path in paths.values()]
    for take in takes:
        batch.console.line(take_line(take))
    ways = {kind: json_path(path) for kind, path in paths.items()}
    batch.made.append({**take_json(takes[0]), "paths": ways})


def _tell(batch: _Batch, lines: int) -> None:
    batch.console.line(
        f"{len(batch.made)} takes made, {batch.skipped} were there, "
        f"{len(batch.faults)} of {lines} lines failed"
    )
    batch.console.result(
        {
            "takes": list(batch.made),
            "skipped": batch.skipped,
            "lines": lines,
            "faults": list(batch.faults),
            "exit_code": batch.exit_code,
        }
    )
