"""The options of every command, typed. What a command does not have keeps its default here."""

from __future__ import annotations

import argparse

from plugin_bridge.sync.transport import SourceName


class Options(argparse.Namespace):
    """One parsed command line. Texts that need the engine to be understood stay texts."""

    command: str
    action: str = ""

    prompt: str | None = None
    negative: str | None = None
    from_prompt: str = ""
    to_prompt: str = ""
    bpm: str | None = None
    bars: int | None = None
    key: str | None = None
    seconds: float | None = None
    one_shot: bool = False
    seed: int | None = None
    variations: int | None = None
    candidates: int | None = None
    steps: int | None = None
    guidance: float | None = None
    recipe: str | None = None

    source: str = ""
    start: list[str] | None = None
    end: list[str] | None = None
    start_bar: list[str] | None = None
    end_bar: list[str] | None = None
    downbeat: float | None = None
    direction: str = "forward"
    context_seconds: float | None = None
    strength: float | None = None

    model: str | None = None
    device: str = "auto"
    no_serve: bool = False

    out: str | None = None
    bit_depth: str | None = None
    json: bool = False

    files: list[str]
    file: str = ""
    query: list[str]
    name: str = ""
    score: str = ""
    limit: int = 50
    starred: bool = False
    unstar: bool = False

    runs: int = 3
    create: bool = False
    remove: bool = False
    output: str = ""
    input: str = ""
    latency_ms: float | None = None
    once: bool = False
    until_eof: bool = False
    again: bool = False
    chain: str = ""
    plugins: list[str] | None = None
    presets: dict[int, str] | None = None
    preset: str = ""
    settings: list[str] | None = None
    keep: str = "wet"
    tail: str = "keep"
    save_chain: str = ""
    limit_seconds: float | None = None
    sync: SourceName | None = None
    lead: bool = False

    stop: bool = False
    status: bool = False
