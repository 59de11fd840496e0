"""Whether the generator feeds a training step faster than the network consumes it, and what it draws.

``python benchmarks/synthesis.py BANK [--network vertebrae] [--sheet FILE.png]`` times both on two threads in
one run, on the shapes that ``procguide.learning.bank`` wrote to BANK, and writes
benchmarks/results/synthesis.json. ``--sheet`` draws 64 samples: the middle sagittal plane of each, and
what it teaches.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from procguide.learning.shapes import load
from procguide.learning.synthesis import Batch, ShapeTensors, synthesise
from procguide.learning.train import RECIPES, Recipe, _Run

ROOT = Path(__file__).resolve().parent.parent
REPEATS = 8
ACROSS = 8


def draw(shapes: list[ShapeTensors], recipe: Recipe, seeds: range) -> Batch:
    return synthesise(
        shapes, seeds, patch=recipe.patch, spacing_mm=recipe.spacing_mm, contrasts=recipe.contrasts
    )


def measure(shapes: list[ShapeTensors], recipe: Recipe) -> dict[str, float]:
    """Seconds a step's batch, and a step, each the median of some."""
    import torch

    torch.set_num_threads(2)
    run = _Run(recipe, 0, None)
    drawn, learnt = [], []
    for n in range(REPEATS):
        started = time.perf_counter()
        batch = draw(shapes, recipe, range(n * recipe.batch, (n + 1) * recipe.batch))
        drawn.append(time.perf_counter() - started)
        started = time.perf_counter()
        run.learn(batch, REPEATS)
        learnt.append(time.perf_counter() - started)
    seconds = {"batch_s": float(np.median(drawn)), "step_s": float(np.median(learnt))}
    return {name: round(value, 3) for name, value in seconds.items()} | {
        "step_to_batch": round(seconds["step_s"] / seconds["batch_s"], 2)
    }


def sheet(batch: Batch) -> NDArray[np.uint8]:
    """Middle sagittal planes, eight across, image beside image with labels."""
    from matplotlib import colormaps

    colours = np.array([colormaps["tab20"](n % 20)[:3] for n in range(64)])
    middle = batch.image.shape[-1] // 2
    rows = []
    for row in range(ACROSS):
        tiles = []
        for n in range(row * ACROSS, (row + 1) * ACROSS):
            grey = np.clip((batch.image[n, 0, :, :, middle].numpy()[::-1] + 1.4) / 3.2, 0, 1)
            grey = np.repeat(grey[..., None], 3, axis=2)
            codes = batch.target[n, :, :, middle].numpy()[::-1]
            tiles += [grey, np.where((codes > 0)[..., None], (grey + colours[codes]) / 2, grey)]
        rows.append(np.concatenate(tiles, axis=1))
    return (np.concatenate(rows) * 255).astype(np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bank", type=Path)
    parser.add_argument("--network", choices=sorted(RECIPES), default="vertebrae")
    parser.add_argument("--sheet", type=Path)
    arguments = parser.parse_args()
    shapes = [ShapeTensors.of(load(file)) for file in sorted(arguments.bank.glob("*.npz"))]
    recipe = RECIPES[arguments.network]
    result = {"network": arguments.network, "shapes": len(shapes)} | measure(shapes, recipe)
    print(json.dumps(result))
    if arguments.sheet:
        from matplotlib.image import imsave

        imsave(arguments.sheet, sheet(draw(shapes, recipe, range(1, 1 + ACROSS**2))))
    target = ROOT / "benchmarks" / "results" / "synthesis.json"
    known = json.loads(target.read_text()) if target.exists() else {}
    target.write_text(json.dumps(known | {arguments.network: result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
