"""`python -m engine.training`: make the corpus, fit the codec, train, evaluate."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from engine.allocator import restart_with_kept_blocks
from engine.resources import resource_path
from engine.training.evaluation.options import add_options

if TYPE_CHECKING:
    Stages = argparse._SubParsersAction[argparse.ArgumentParser]  # pyright: ignore[reportPrivateUsage]

WORK = Path(".training")
CODEC = "codec.safetensors"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one stage; every stage goes on from what the one before left."""
    parser = _parser()
    options = parser.parse_args(arguments)
    options.run(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.training", description=__doc__)
    parser.add_argument("--work", type=Path, default=WORK, help="folder for shards and checkpoints")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    stages = parser.add_subparsers(required=True)
    _add_corpus_stages(stages)
    _add_denoiser(stages)
    _add_decoder(stages)
    _add_closing_stages(stages)
    return parser


def _add_corpus_stages(stages: Stages) -> None:
    codec = stages.add_parser("codec", help="fit the closed-form codec on the corpus")
    codec.add_argument("--items", type=int, default=600)
    codec.set_defaults(run=_codec)
    corpus = stages.add_parser("corpus", help="synthesise and encode shards of the corpus")
    corpus.add_argument("--items", type=int, default=8000)
    corpus.add_argument("--held-out", type=int, default=400)
    corpus.set_defaults(run=_corpus)


def _add_training(stage: argparse.ArgumentParser, learning_rate: float) -> None:
    """Add what both trained stages share."""
    stage.add_argument("--minutes", type=float, required=True)
    stage.add_argument("--decay-minutes", type=float, default=0.0)
    stage.add_argument("--learning-rate", type=float, default=learning_rate)
    stage.add_argument("--device", default="cpu")
    stage.add_argument("--seed", type=int, default=0)


def _add_denoiser(stages: Stages) -> None:
    denoiser = stages.add_parser("denoiser", help="train the denoiser, from a checkpoint if any")
    _add_training(denoiser, learning_rate=1e-3)
    denoiser.add_argument("--width", type=int, default=256)
    denoiser.add_argument("--layers", type=int, default=6)
    denoiser.add_argument("--heads", type=int, default=4)
    denoiser.add_argument("--tokens", type=int, default=3072)
    denoiser.add_argument("--start-from", type=Path, help="weights to begin with, once")
    denoiser.set_defaults(run=_denoiser)


def _add_decoder(stages: Stages) -> None:
    decoder = stages.add_parser("decoder", help="train the decoder, from a checkpoint if any")
    _add_training(decoder, learning_rate=5e-4)
    decoder.add_argument("--width", type=int, help="default: 256, on a GPU 384")
    decoder.add_argument("--depth", type=int, help="default: 5, on a GPU 7")
    decoder.add_argument("--synthesisers", type=int, default=1, help="processes that make items")
    decoder.add_argument("--batch", type=int, default=8)
    decoder.add_argument("--crop-latents", type=int, default=28)
    decoder.add_argument("--adversarial", action="store_true", help="with discriminators (GPU)")
    decoder.set_defaults(run=_decoder)


def _add_closing_stages(stages: Stages) -> None:
    measure = stages.add_parser("evaluate", help="measure weights on held-out prompts")
    add_options(measure)
    measure.set_defaults(run=_evaluate)
    readme = stages.add_parser("readme", help="write the card's table into the README")
    readme.add_argument("--readme", type=Path, default=Path("README.md"))
    readme.add_argument("--weights", type=Path, default=resource_path("models", "graft"))
    readme.set_defaults(run=_readme)
    grafts = stages.add_parser("grafts", help="measure grafts on held-out items and recordings")
    grafts.add_argument("--weights", type=Path, default=resource_path("models", "graft"))
    grafts.add_argument("--count", type=int, default=100, help="held-out items")
    grafts.add_argument("--real", type=int, default=30, help="recordings")
    grafts.add_argument("--recordings", type=Path, help="their folder (Debian's lmms-common)")
    grafts.add_argument("--parts", nargs="+", help="inpaint continue follow vary morph")
    grafts.add_argument("--seed", type=int, default=0)
    grafts.add_argument("--report", type=Path, help="where to write the table and the worst cases")
    grafts.set_defaults(run=_grafts)
    average = stages.add_parser("average", help="the mean of several ends of one training")
    average.add_argument("weights", type=Path, nargs="+", metavar="DENOISER")
    average.set_defaults(run=_average)
    graphs = stages.add_parser("onnx", help="write the ONNX graphs for the weights' shape")
    graphs.add_argument("--target", type=Path, default=resource_path("models", "graft"))
    graphs.set_defaults(run=_onnx)
    release = stages.add_parser("release", help="ship the trained weights with a card")
    release.add_argument("--target", type=Path, default=resource_path("models", "graft"))
    release.add_argument("--model-version", required=True)
    release.add_argument("--hardware", required=True, help="what it was trained on, in words")
    release.add_argument("--figures", type=Path, help="JSON that `evaluate` wrote")
    release.set_defaults(run=_release)


def _codec(options: argparse.Namespace) -> None:
    from engine.training.dataset import fit_codec_on_corpus

    fit_codec_on_corpus(options.work / CODEC, options.items, options.workers)


def _codec_file(options: argparse.Namespace) -> Path:
    """Return the codec that was fitted in this folder, else the shipped one."""
    own = options.work / CODEC
    return own if own.exists() else resource_path("models", "graft", CODEC)


def _corpus(options: argparse.Namespace) -> None:
    from engine.training.dataset import make_shards

    codec = _codec_file(options)
    make_shards(options.work / "held_out", codec, options.held_out, "held_out", options.workers)
    make_shards(options.work / "train", codec, options.items, "train", options.workers)


def _denoiser(options: argparse.Namespace) -> None:
    from engine.models.graft.codec import load_codec
    from engine.models.graft.denoiser import DenoiserShape
    from engine.training.train_denoiser import TrainingPlan, train

    torch.set_num_threads(options.workers)
    plan = TrainingPlan(
        minutes=options.minutes,
        decay_minutes=options.decay_minutes,
        learning_rate=options.learning_rate,
        tokens=options.tokens,
        seed=options.seed,
        device=options.device,
        start_from=options.start_from,
        shape=DenoiserShape(options.width, options.layers, options.heads),
    )
    train(
        plan,
        options.work / "train",
        options.work / "held_out",
        options.work / "denoiser",
        load_codec(_codec_file(options)),
    )


def _decoder(options: argparse.Namespace) -> None:
    from dataclasses import replace
    from functools import partial

    from engine.models.graft.codec import load_codec
    from engine.models.graft.decoder import CPU_SHAPE, DecoderShape
    from engine.training.crops import CropPlan, batches
    from engine.training.train_decoder import DecoderPlan, train_decoder

    torch.set_num_threads(options.workers)
    usual = CPU_SHAPE if options.device == "cpu" else DecoderShape()
    width, depth = options.width or usual.width, options.depth or usual.depth
    plan = DecoderPlan(
        minutes=options.minutes,
        decay_minutes=options.decay_minutes,
        learning_rate=options.learning_rate,
        adversarial=options.adversarial,
        seed=options.seed,
        device=options.device,
        shape=replace(usual, width=width, depth=depth),
    )
    codec = _codec_file(options)
    crops = CropPlan(codec, options.batch, options.crop_latents, options.synthesisers, options.seed)
    train_decoder(plan, load_codec(codec), partial(batches, crops), options.work / "decoder")


def _evaluate(options: argparse.Namespace) -> None:
    from engine.training.evaluate import run

    run(options)


def _readme(options: argparse.Namespace) -> None:
    from engine.training.evaluation.report import rewrite_readme

    rewrite_readme(options.readme, options.weights)


def _grafts(options: argparse.Namespace) -> None:
    from engine.training.evaluate_grafts import PARTS, GraftPlan, evaluate_grafts, graft_bars, worst
    from engine.training.evaluation.bars import table
    from engine.training.graft_cases import RECORDINGS

    plan = GraftPlan(
        weights=options.weights,
        count=options.count,
        real=options.real,
        recordings=options.recordings or RECORDINGS,
        parts=tuple(options.parts or PARTS),
        seed=options.seed,
    )
    found = evaluate_grafts(plan, options.workers)
    report = table(graft_bars(found)) + "\n" + worst(found) + "\n"
    print(report)
    if options.report is not None:
        options.report.write_text(report, "utf-8")


def _average(options: argparse.Namespace) -> None:
    from engine.training.release import average

    average(options.weights, options.work / "denoiser" / "denoiser.safetensors")


def _onnx(options: argparse.Namespace) -> None:
    from engine.models.graft.denoiser import load_denoiser
    from engine.training.export_onnx import export_graphs
    from engine.training.release import list_files

    shape = load_denoiser(options.target / "denoiser.safetensors").shape
    for path in export_graphs(shape, options.target):
        print(f"{path.name}: {path.stat().st_size} bytes")
    list_files(options.target)


def _release(options: argparse.Namespace) -> None:
    from engine.models.graft.denoiser import load_denoiser
    from engine.training.export_onnx import export_graphs
    from engine.training.release import gather, training_facts, write_card

    figures = {} if options.figures is None else json.loads(options.figures.read_text("utf-8"))
    gather(options.work, options.target)
    export_graphs(load_denoiser(options.target / "denoiser.safetensors").shape, options.target)
    training = training_facts(options.work, options.hardware)
    write_card(options.target, options.model_version, training, figures)


if __name__ == "__main__":
    restart_with_kept_blocks("engine.training")
    main()
