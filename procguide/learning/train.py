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
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from procguide.learning.shapes import load
from procguide.learning.synthesis import ShapeTensors, synthesise
from procguide.segmentation.classes import LOCATOR_CLASSES as CLASSES
from procguide.segmentation.network import build_network

__all__ = ["RECIPES", "Recipe", "export", "loss_of", "train"]

log = logging.getLogger("procguide.learning")


@dataclass(frozen=True)
class Recipe:
    """What is trained: lattice, patch, batch, and the network whose weights it starts from, if any."""

    spacing_mm: float
    patch: int
    batch: int
    channels: tuple[int, ...] = (32, 64, 128, 256)
    learning_rate: float = 1.5e-3
    start_from: str = ""


RECIPES = {
    "locator": Recipe(spacing_mm=3.0, patch=64, batch=2),
    "vertebrae": Recipe(spacing_mm=1.5, patch=80, batch=1, learning_rate=8e-4, start_from="locator"),
}


def loss_of(answer: Tensor, target: Tensor, offset: Tensor) -> Tensor:
    """Cross-entropy plus soft Dice over the classes that occur, plus the offset's absolute error."""
    logits, guess = answer[:, :-1].float(), answer[:, -1].float()
    cross_entropy = functional.cross_entropy(logits, target)
    probability = logits.softmax(dim=1)
    truth = functional.one_hot(target, len(CLASSES)).movedim(-1, 1).float()
    axes = (0, 2, 3, 4)
    overlap, size = (probability * truth).sum(axes), (probability + truth).sum(axes)
    occurs = (truth.sum(axes) > 0).float()
    occurs[0] = 0
    dice = ((1 - (2 * overlap + 1) / (size + 1)) * occurs).sum() / occurs.sum().clamp(min=1)
    known = ~offset.isnan()
    error = functional.smooth_l1_loss(guess[known], offset[known], beta=0.1) if known.any() else 0.0
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


def _batch(shapes: list[ShapeTensors], recipe: Recipe, seed: int, step: int) -> tuple[Tensor, Tensor, Tensor]:
    samples = []
    shares = torch.tensor([shape.share for shape in shapes])
    for n in range(recipe.batch):
        sample_seed = (seed * 1_000_003 + step) * 16 + n
        which = int(torch.multinomial(shares, 1, generator=torch.Generator().manual_seed(sample_seed)))
        samples.append(
            synthesise(shapes[which], patch=recipe.patch, spacing_mm=recipe.spacing_mm, seed=sample_seed)
        )
    image, target, offset = (torch.stack(part) for part in zip(*samples, strict=True))
    return image, target, offset


class _Run:
    """A network on its way: weights, optimiser, average, and how many steps it has made."""

    def __init__(self, recipe: Recipe, seed: int, runs: Path) -> None:
        torch.manual_seed(seed)
        self.recipe = recipe
        self.net = build_network(recipe.channels, len(CLASSES))
        if recipe.start_from:
            weights = load_file(runs / recipe.start_from / "weights.safetensors")
            self.net.load_state_dict({key: value.float() for key, value in weights.items()})
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

    def learn(self, batch: tuple[Tensor, Tensor, Tensor], steps: int) -> float:
        """One step of ``steps``; returns its loss."""
        image, target, offset = batch
        for group in self.optimiser.param_groups:
            group["lr"] = self.recipe.learning_rate * _schedule(self.step, steps)
        with torch.autocast("cpu", torch.bfloat16):
            answer = self.net(image)
        loss = loss_of(answer, target, offset)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimiser.step()
        self.average.update(self.net, self.step)
        self.step += 1
        return float(loss.detach())


def train(
    name: str, shapes: list[ShapeTensors], out: Path, *, steps: int, seed: int, save_every: int = 250
) -> None:
    """Run to ``steps`` and export; call again with the same folder to resume.

    The network that the recipe starts from lies in a sister folder of ``out`` by its name.
    """
    recipe = RECIPES[name]
    run = _Run(recipe, seed, out.parent)
    out.mkdir(parents=True, exist_ok=True)
    run.resume(out / "checkpoint.pt")
    started, first, running = time.monotonic(), run.step, 0.0
    with ThreadPoolExecutor(1) as pool:
        pending: Future[tuple[Tensor, Tensor, Tensor]] = pool.submit(_batch, shapes, recipe, seed, run.step)
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
                export(name, run.average.weights, out, steps=run.step, seed=seed, n_shapes=len(shapes))


def export(name: str, weights: dict[str, Tensor], out: Path, *, steps: int, seed: int, n_shapes: int) -> None:
    """``weights.safetensors`` (fp16) and the measured part of ``card.json``."""
    recipe = RECIPES[name]
    save_file({key: value.half().contiguous() for key, value in weights.items()}, out / "weights.safetensors")
    card = {
        "name": name,
        "version": "1",
        "spacing_mm": recipe.spacing_mm,
        "patch": recipe.patch,
        "channels": list(recipe.channels),
        "classes": [tissue.name.lower() for tissue in CLASSES],
        "training": {
            "steps": steps,
            "batch": recipe.batch,
            "learning_rate": recipe.learning_rate,
            "start_from": recipe.start_from or None,
            "seed": seed,
            "shapes": n_shapes,
        },
    }
    (out / "card.json").write_text(json.dumps(card, indent=2) + "\n")


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
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    shapes = [ShapeTensors.of(load(file)) for file in sorted(arguments.shapes.glob("*.npz"))]
    train(arguments.network, shapes, arguments.out, steps=arguments.steps, seed=arguments.seed)


if __name__ == "__main__":
    main()
