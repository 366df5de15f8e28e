"""Takes as a person and as a program read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.display_name import display_text
from engine.key import Key
from engine.take import Measurements, TakeFacts
from plugin_bridge.command_line.console import JsonValue, shown_path
from plugin_bridge.command_line.prompt_report import understood_json


@dataclass(frozen=True)
class ExportedTake:
    """A take and the file that was written for the user."""

    path: Path
    facts: TakeFacts


def take_line(take: ExportedTake) -> str:
    """Return one calm line: where it is, and what was measured."""
    facts = take.facts
    parts = [shown_path(take.path), *facts_parts(facts)]
    parts.append(f"seed {facts.request.seed}")
    return "  ".join(parts)


def facts_parts(facts: TakeFacts) -> list[str]:
    """Return what a take was asked to be and what was heard in it, in words."""
    heard = facts.measured
    parts = [_tempo_part(_bpm(facts.tempo_bpm, "g"), _bpm(heard.bpm, ".1f"))]
    parts.append(_key_part(facts.request.key, heard.key))
    if heard.seam_score is not None:
        parts.append(f"seam {heard.seam_score:.2f}")
    if facts.adherence is not None:
        parts.append(f"fits {facts.adherence:.2f}")
    if heard.lufs is not None:
        parts.append(f"{heard.lufs:.1f} LUFS")
    return [part for part in parts if part]


def _tempo_part(asked: str, heard: str) -> str:
    if not asked:
        return f"measured {heard} bpm" if heard else ""
    return f"{asked} bpm (measured {heard})" if heard else f"{asked} bpm"


def _key_part(asked: Key | None, heard: Key | None) -> str:
    """Return the key; both where another one was heard than was asked for."""
    if asked is None or heard is None or asked == heard:
        known = asked or heard
        return "" if known is None else known.name
    return f"{asked.name} (measured {heard.name})"


def _bpm(tempo: float | None, form: str) -> str:
    return "" if tempo is None else f"{tempo:{form}}"


def take_json(take: ExportedTake) -> dict[str, JsonValue]:
    """Return the take as the JSON that PRODUCT.md promises."""
    facts, measured = take.facts, take.facts.measured
    return {
        "path": json_path(take.path),
        "take_id": facts.take_id,
        "seed": facts.request.seed,
        "frames": facts.frames,
        "sample_rate": facts.sample_rate,
        "channels": facts.channels,
        "subtype": facts.subtype,
        "bars": facts.bars,
        "tempo_bpm": facts.tempo_bpm,
        "downbeat_frame": facts.downbeat_frame,
        "is_loop": facts.is_loop,
        "grafted": [[span.start, span.stop] for span in facts.grafted],
        "requested": {"bpm": facts.request.bpm, "key": key_name(facts.request.key)},
        "understood": understood_json(facts),
        "measured": measurements_json(measured),
        "seam_score": measured.seam_score,
        "adherence": facts.adherence,
        "candidates": facts.candidates,
        "timings_seconds": dict(facts.timings_seconds),
        "device": facts.device,
        "runtime": facts.runtime,
        "model": facts.request.model,
        "model_version": facts.model_version,
    }


def measurements_json(measured: Measurements) -> dict[str, JsonValue]:
    return {
        "bpm": measured.bpm,
        "bpm_confidence": measured.bpm_confidence,
        "key": key_name(measured.key),
        "key_confidence": measured.key_confidence,
        "lufs": measured.lufs,
        "peak": measured.peak,
        "seam_scores": list(measured.seam_scores),
        "seam_score": measured.seam_score,
    }


def ranked(takes: Sequence[ExportedTake]) -> list[ExportedTake]:
    """Return the takes best first: joins that are not heard, then what goes best with the rest."""
    return sorted(takes, key=lambda take: take.facts.standing)


def key_name(key: Key | None) -> str | None:
    return None if key is None else key.name


def json_path(path: Path | str) -> str:
    """Return an absolute path as text; odd bytes stay surrogates, which JSON can escape."""
    return str(Path(path).absolute())


def shown_prompt(facts: TakeFacts) -> str:
    """Return what a take was asked to be on one line: its prompt, or the task and its source."""
    request = facts.request
    if request.to_prompt:
        return display_text(f"“{request.prompt} → {request.to_prompt}”")
    if request.prompt:
        return display_text(f"“{request.prompt}”")
    if request.source is None:
        return request.task
    return f"{request.task} of “{display_text(request.source.name)}”"
