"""What each request of a script does: a line in, a line out, whatever the line holds."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from engine.errors import AppError, BadArgument
from engine.library import Library
from engine.take import TakeFacts
from plugin_bridge.command_line.console import JsonValue, one_line
from plugin_bridge.command_line.destination import SUBTYPES
from plugin_bridge.command_line.orders import build_order
from plugin_bridge.command_line.stored_take import export_stored
from plugin_bridge.command_line.take_report import json_path
from plugin_bridge.control.control_jobs import ControlJob, ControlJobs
from plugin_bridge.control.control_messages import (
    CancelRequest,
    ProgressRequest,
    Request,
    StatusRequest,
    TakeRequest,
    checked_take,
    decode_request_line,
    options_of,
)

_log = logging.getLogger(__name__)

PROTOCOL = 1


class ControlCommands:
    """Carries out requests. Any thread.

    library: the folder of takes. exports: the app's own folder, where `take` puts files.
    """

    def __init__(self, jobs: ControlJobs, library: Path, exports: Path) -> None:
        self._jobs = jobs
        self._library = library
        self._exports = exports

    def answer(self, line: bytes) -> Mapping[str, JsonValue]:
        """Carry out one line and return what to say; never raises."""
        request_id = ""
        try:
            request = decode_request_line(line)
            request_id = request.id
            return {"id": request_id, "ok": True, **self._carry_out(request)}
        except AppError as error:
            return refusal(error.sentence, request_id)
        except Exception:  # noqa: BLE001 - the top of a script's request
            _log.exception("A request of a script met a fault")
            return refusal("Loopgraft met a fault of its own; its log tells more.", request_id)

    def _carry_out(self, request: Request) -> dict[str, JsonValue]:
        match request:
            case StatusRequest():
                return {
                    "protocol": PROTOCOL,
                    "jobs": [{"job": job.job_id, "state": job.state} for job in self._jobs.all],
                }
            case TakeRequest():
                return self._export(request)
            case ProgressRequest(job=job_id):
                return _job_json(self._jobs.job(job_id))
            case CancelRequest(job=job_id):
                return _job_json(self._jobs.cancel(job_id))
            case _:
                order = build_order(options_of(request))
                return {"job": self._jobs.submit(order.request), "seed": order.request.seed}

    def _export(self, request: TakeRequest) -> dict[str, JsonValue]:
        name = checked_take(request.take)
        with closing(Library(self._library)) as library:
            entry = library.get(name)
        if entry is None:
            raise BadArgument("There is no take of this id.")
        subtype = SUBTYPES[request.bit_depth] if request.bit_depth else None
        path = export_stored(entry.path, entry.facts, self._exports, subtype)
        return {"path": json_path(path), **_take_json(entry.facts)}


def refusal(sentence: str, request_id: str = "") -> dict[str, JsonValue]:
    """Return the answer to what is not done."""
    return {"id": request_id, "ok": False, "error": one_line(sentence)}


def _job_json(job: ControlJob) -> dict[str, JsonValue]:
    return {
        "job": job.job_id,
        "state": job.state,
        "fraction": job.fraction,
        "text": job.text,
        "takes": [_take_json(facts) for facts in job.takes],
        "reason": one_line(job.sentence),
    }


def _take_json(facts: TakeFacts) -> dict[str, JsonValue]:
    return {
        "take": facts.take_id,
        "frames": facts.frames,
        "sample_rate": facts.sample_rate,
        "tempo_bpm": facts.tempo_bpm,
        "seed": facts.request.seed,
        "grafted": [[span.start, span.stop] for span in facts.grafted],
    }
