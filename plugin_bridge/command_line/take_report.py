"""Takes as a person and as a program read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.display_name import display_text
from engine.key import Key
from engine.take import Measurements, TakeFacts
from plugin_bridge.command_line.console import JsonValue, shown_path


@dataclass(frozen=True)
class ExportedTake:
    """A take and the file that was written for the user."""

    path: Path
    facts: TakeFacts


def take_line(take: ExportedTake) -> str:
    """Return one calm line: where it is, and what was measured."""
    facts = take.facts
    parts = [shown_path(take.path), *measured_parts(facts.measured, facts.tempo_bpm)]
    parts.append(f"seed {facts.request.seed}")
    return "  ".join(parts)


def measured_parts(measured: Measurements, tempo_bpm: float | None = None) -> list[str]:
    """Return the measurements in words; what cannot be measured is left out."""
    parts: list[str] = []
    heard = None if measured.bpm is None else f"{measured.bpm:.1f}"
    if tempo_bpm is not None:
        parts.append(f"{tempo_bpm:g} bpm" + (f" (measured {heard})" if heard else ""))
    elif heard:
        parts.append(f"measured {heard} bpm")
    if measured.key is not None:
        parts.append(measured.key.name)
    if measured.seam_score is not None:
        parts.append(f"seam {measured.seam_score:.2f}")
    if measured.lufs is not None:
        parts.append(f"{measured.lufs:.1f} LUFS")
    return parts


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
        "measured": measurements_json(measured),
        "seam_score": measured.seam_score,
        "timings_seconds": dict(facts.timings_seconds),
        "device": facts.device,
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


def by_seam(takes: Sequence[ExportedTake]) -> list[ExportedTake]:
    """Return the takes with the least audible joins first; those without joins last."""
    return sorted(takes, key=_seam)


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


def _seam(take: ExportedTake) -> float:
    score = take.facts.measured.seam_score
    return float("inf") if score is None else score
