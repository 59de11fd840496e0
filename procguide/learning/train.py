"""Train a shipped network: ``python -m procguide.learning.train locator --shapes DIR --out RUNS/locator``.

Seeded (every sample's seed is a function of the run's seed and the step) and resumable (the newest
checkpoint in ``--out`` is taken up).
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from procguide.learning.ambiguity import allowed
from procguide.learning.cards import CARDS
from procguide.learning.export import export_bundle
from procguide.learning.shapes import load
from procguide.learning.synthesis import CT_AND_MR, CT_ONLY, Batch, Contrasts, ShapeTensors, synthesise
from procguide.segmentation.classes import FINE_CLASSES, LOCATOR_CLASSES, ORGAN_CLASSES, TissueClass
from procguide.segmentation.network import METADATA_FILE, NetworkSpec, build_network

__all__ = ["RECIPES", "Recipe", "export", "loss_of", "train"]

log = logging.getLogger("procguide.learning")

VERSION = "2.2.0"


@dataclass(frozen=True)
class Recipe:
    """What is trained: lattice, patch, batch, what is told apart, and in which images."""

    spacing_mm: float
    patch: int
    batch: int
    classes: tuple[TissueClass, ...]
    contrasts: Contrasts = CT_AND_MR
    channels: tuple[int, ...] = (32, 64, 128, 256)
    learning_rate: float = 1.2e-3


RECIPES = MappingProxyType(
    {
        "locator": Recipe(spacing_mm=3.0, patch=64, batch=2, classes=LOCATOR_CLASSES),
        "vertebrae": Recipe(spacing_mm=1.2, patch=80, batch=1, classes=FINE_CLASSES),
        "organs": Recipe(spacing_mm=4.0, patch=64, batch=1, classes=ORGAN_CLASSES, contrasts=CT_ONLY),
    }
)


def loss_of(answer: Tensor, batch: Batch, meaning: Tensor) -> Tensor:
    """Marginal cross-entropy, soft Dice over the classes that occur, and the offset's absolute error.

    ``answer`` ``(b, n + 1, k, j, i)``; ``meaning`` ``(codes, n)`` says which classes a code allows. Dice is
    over voxels whose class is known alone.
    """
    probability = answer[:, :-1].float().softmax(dim=1)
    right = meaning[batch.target].movedim(-1, 1)
    cross_entropy = -(probability * right).sum(1).clamp(min=1e-6).log().mean()
    certain = (right.sum(1, keepdim=True) == 1).float()
    truth = right * certain
    axes = (0, 2, 3, 4)
    overlap, size = (probability * truth).sum(axes), (probability * certain + truth).sum(axes)
    occurs = (truth.sum(axes) > 0).float()
    occurs[0] = 0
    dice = ((1 - (2 * overlap + 1) / (size + 1)) * occurs).sum() / occurs.sum().clamp(min=1)
    guess = answer[:, -1].float()
    known = ~batch.offset.isnan()
    error = functional.smooth_l1_loss(guess[known], batch.offset[known], beta=0.1) if known.any() else 0.0
    return cross_entropy + dice + error


class _Average:
    """Exponential moving average of a network's weights."""

    def __init__(self, net: nn.Module) -> None:
        self.weights = {key: value.detach().clone() for key, value in net.state_dict().items()}

    def update(self, net: nn.Module, step: int) -> None:
        decay = min(0.995, (1 + step) / (10 + step))
        for key, value in net.state_dict().items():
            self.weights[key].lerp_(value.detach(), 1 - decay)


def _schedule(step: int, steps: int) -> float:
    """Short warm-up, then half a cosine down to two per cent."""
    return min(1.0, (step + 1) / 100) * (0.51 + 0.49 * math.cos(math.pi * step / steps))


def _batch(shapes: list[ShapeTensors], recipe: Recipe, seed: int, step: int) -> Batch:
    seeds = [(seed * 1_000_003 + step) * 16 + n for n in range(recipe.batch)]
    return synthesise(
        shapes, seeds, patch=recipe.patch, spacing_mm=recipe.spacing_mm, contrasts=recipe.contrasts
    )


class _Run:
    """A network on its way: weights, optimiser, average, and how many steps it has made."""

    def __init__(self, recipe: Recipe, seed: int, start: Path | None) -> None:
        torch.manual_seed(seed)
        self.recipe = recipe
        self.net = build_network(recipe.channels, len(recipe.classes))
        for weight in self.net.parameters():  # a tenth faster on CPU
            if weight.dim() == 5:
                weight.data = weight.data.to(memory_format=torch.channels_last_3d)
        if start is not None:
            _begin_with(self.net, start)
        self.meaning = torch.from_numpy(allowed(recipe.classes)).float()
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=recipe.learning_rate, weight_decay=1e-4)
        self.average = _Average(self.net)
        self.step = 0

    def resume(self, checkpoint: Path) -> None:
        """Take up a checkpoint if there is one."""
        if checkpoint.exists():
            state = torch.load(checkpoint, weights_only=True)
            self.net.load_state_dict(state["net"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.average.weights, self.step = state["average"], state["step"]

    def save(self, checkpoint: Path) -> None:
        """Write a checkpoint; a kill leaves the old one or the new one."""
        state: dict[str, Any] = {"net": self.net.state_dict(), "optimiser": self.optimiser.state_dict()}
        state |= {"average": self.average.weights, "step": self.step}
        torch.save(state, checkpoint.with_suffix(".new"))
        checkpoint.with_suffix(".new").replace(checkpoint)

    def learn(self, batch: Batch, steps: int) -> float:
        """One step of ``steps``; returns its loss."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * _schedule(self.step, steps)
        with torch.autocast("cpu", torch.bfloat16):
            answer = self.net(batch.image.to(memory_format=torch.channels_last_3d))
        loss = loss_of(answer, batch, self.meaning)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.average.update(self.net, self.step)
        self.step += 1
        return float(loss.detach())


def _begin_with(net: nn.Module, weights: Path) -> None:
    """Take over every tensor of another network's that fits; its head may tell other classes apart."""
    own = net.state_dict()
    given = {key: value.float() for key, value in load_file(weights).items() if key in own}
    net.load_state_dict(own | {key: value for key, value in given.items() if value.shape == own[key].shape})


def _origin(start: Path | None) -> str:
    """Name and version of the bundle that a weights file belongs to."""
    if start is None:
        return "random weights"
    metadata = json.loads((start.parents[1] / METADATA_FILE).read_text(encoding="utf-8"))
    return f"{metadata['name']} {metadata['version']}"


def train(
    name: str,
    shapes: list[ShapeTensors],
    out: Path,
    *,
    steps: int,
    seed: int,
    start: Path | None = None,
    figures: Sequence[str] = (),
    save_every: int = 250,
) -> None:
    """Run to ``steps`` and export; call again with the same folder to resume.

    ``start`` is the weights file of a bundle to begin with, ``figures`` are lines for the card.
    """
    recipe = RECIPES[name]
    run = _Run(recipe, seed, start)
    out.mkdir(parents=True, exist_ok=True)
    run.resume(out / "checkpoint.pt")
    started, first, running = time.monotonic(), run.step, 0.0
    with ThreadPoolExecutor(1) as pool:
        pending: Future[Batch] = pool.submit(_batch, shapes, recipe, seed, run.step)
        while run.step < steps:
            batch = pending.result()
            pending = pool.submit(_batch, shapes, recipe, seed, run.step + 1)
            loss = run.learn(batch, steps)
            running = 0.98 * running + 0.02 * loss if running else loss
            if run.step % 50 == 0:
                pace = (time.monotonic() - started) / (run.step - first)
                log.info("step %d loss %.3f, %.2f s a step", run.step, running, pace)
            if run.step % save_every == 0 or run.step == steps:
                run.save(out / "checkpoint.pt")
    facts = {"seed": seed, "shapes": len(shapes), "began_with": _origin(start)}
    export(run, name, out, facts, figures)


def export(run: _Run, name: str, out: Path, facts: Mapping[str, Any], figures: Sequence[str] = ()) -> None:
    """The averaged weights as a MONAI bundle in ``out / "bundle"``; its card holds ``facts``, ``figures``."""
    recipe = run.recipe
    spec = NetworkSpec(name, VERSION, recipe.spacing_mm, recipe.patch, recipe.channels, recipe.classes)
    training = {
        "steps": run.step,
        "batch": recipe.batch,
        "learning_rate": recipe.learning_rate,
        "contrasts": f"{recipe.contrasts.ct:g} CT, {recipe.contrasts.mr:g} MRI, {recipe.contrasts.any:g} any",
    }
    card = replace(CARDS[name], figures=tuple(figures))
    export_bundle(out / "bundle", run.average.weights, spec, card, training | dict(facts))


def main() -> None:
    """Command line of the training."""
    parser = argparse.ArgumentParser(prog="python -m procguide.learning.train", description=__doc__)
    parser.add_argument("network", choices=sorted(RECIPES))
    parser.add_argument(
        "--shapes", type=Path, required=True, help="folder that procguide.learning.bank wrote"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path, help="weights of a bundle to begin with")
    parser.add_argument("--figures", type=Path, help="lines for the card: what was measured")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    shapes = [ShapeTensors.of(load(file)) for file in sorted(arguments.shapes.glob("*.npz"))]
    torch.set_num_threads(arguments.threads)
    train(
        arguments.network,
        shapes,
        arguments.out,
        steps=arguments.steps,
        seed=arguments.seed,
        start=arguments.start,
        figures=arguments.figures.read_text().splitlines() if arguments.figures else (),
    )


if __name__ == "__main__":
    main()
