"""How much burnt-in text is found and blanked, what it costs in image, and how long a study takes.

Names, identifiers and dates are drawn on real and made images in several sizes and brightnesses. A line is
found if 99 % of its bright pixels are blanked; lines that differ by less than 40 grey levels from what is
behind them are counted apart; image lost is what is blanked beyond the lines' boxes grown
by four pixels. With --quick, a few images only. Timings are of one thread.

``python -m benchmarks.deidentification`` writes benchmarks/results/deidentification.json.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.recording import write_result
from procguide.dicom.deidentify import deidentify
from procguide.dicom.deidentify.regions import Box, mask_of
from procguide.dicom.deidentify.text_finder import RapidTextFinder

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("PROCGUIDE_REAL_DATA", ROOT.parent / "shared" / "data"))
LINES = (
    "QUIXOTE^DULCINEA",
    "Garcia Marquez, Gabriel  M",
    "ID: 4711-0815",
    "DOB 14.02.1957",
    "10/03/2024 10:15:32",
    "Hospital El Toboso",
    "Müller-Lüdenscheidt, Ö.",
    "Ivanova  0047-11",
    "MRN 00123456",
)
SIZES_PX = (10, 12, 14, 18, 24)
BRIGHTNESSES = (255, 180)
FOUND = 0.99
FAINT = 40


@dataclass
class Tally:
    """Lines drawn and found, and the share of image lost, of one kind of image."""

    drawn: int = 0
    found: int = 0
    faint_drawn: int = 0
    faint_found: int = 0
    by_size: dict[int, list[int]] = field(default_factory=dict)
    lost: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    boxes_without_text: int = 0


def images(quick: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Kind and grey picture ``(j, i)`` 8 bits."""
    rng = np.random.default_rng(0)
    count = 1 if quick else 6
    for _ in range(count):
        yield "made speckle", rng.normal(70, 25, (480, 640)).clip(0, 255).astype(np.uint8)
        ramp = np.linspace(20, 200, 640)[None].repeat(480, axis=0)
        yield "made radiograph", (ramp + rng.normal(0, 6, (480, 640))).clip(0, 255).astype(np.uint8)
    nerves = sorted((DATA / "ultrasound_nerve" / "images").glob("*.png"))
    for file in nerves[:: max(len(nerves) // (2 * count), 1)][: 2 * count]:
        yield "ultrasound (Mindray TE7)", np.asarray(Image.open(file).convert("L"))
    for file in sorted((DATA / "fluoroscopy").glob("*.jpg")):
        picture = Image.open(file).convert("L")
        picture.thumbnail((1024, 1024))
        yield "lumbar radiograph", np.asarray(picture)


@dataclass(frozen=True)
class Line:
    """One line of text as drawn: its bright pixels, their box, and how it differs from what is behind."""

    size: int
    pixels: np.ndarray
    box: Box
    contrast: float


def draw(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, list[Line]]:
    """The image with four lines of text."""
    picture = Image.fromarray(image)
    painter = ImageDraw.Draw(picture)
    lines = []
    for n, row in enumerate(np.linspace(0.02, 0.85, 4)):
        text, size = str(rng.choice(LINES)), int(rng.choice(SIZES_PX))
        font = ImageFont.load_default(size)
        left = int(rng.integers(4, max(5, image.shape[1] - int(painter.textlength(text, font)) - 4)))
        top = int(row * image.shape[0])
        layer = Image.new("L", picture.size)
        ImageDraw.Draw(layer).text((left, top), text, fill=255, font=font)
        pixels = np.asarray(layer) > 128
        brightness = BRIGHTNESSES[n % 2]
        picture.paste(brightness, mask=layer)
        rows, columns = np.nonzero(pixels)
        box = Box(int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1)
        contrast = abs(brightness - float(np.median(image[pixels])))
        lines.append(Line(size, pixels, box, contrast))
    return np.asarray(picture), lines


def measure(quick: bool) -> dict[str, Tally]:
    """All kinds of images, one drawing each, and each once without text."""
    finder, rng = RapidTextFinder(threads=1), np.random.default_rng(1)
    tallies: dict[str, Tally] = {}
    for kind, image in images(quick):
        tally = tallies.setdefault(kind, Tally())
        plain = np.repeat(image[..., None], 3, axis=-1)
        tally.boxes_without_text += len(finder.find(plain))
        drawn, lines = draw(image, rng)
        start = time.perf_counter()
        boxes = finder.find(np.repeat(drawn[..., None], 3, axis=-1))
        tally.seconds.append(time.perf_counter() - start)
        blanked = mask_of((box.grown(2) for box in boxes), image.shape)
        allowed = mask_of((box.grown(4) for box in (line.box for line in lines)), image.shape)
        tally.lost.append(float((blanked & ~allowed).mean()))
        for line in lines:
            hit = int(blanked[line.pixels].mean() >= FOUND)
            if line.contrast < FAINT:
                tally.faint_drawn += 1
                tally.faint_found += hit
                continue
            tally.drawn += 1
            tally.found += hit
            tally.by_size.setdefault(line.size, []).append(hit)
    return tallies


def time_a_study() -> dict[str, float]:
    """Seconds for the real CT series, header, second check and all."""
    source = DATA / "ct_abdomen_dicom"
    if not source.is_dir():
        return {}
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        report = deidentify(source, Path(folder) / "out")
        seconds = time.perf_counter() - start
    return {"files": report.written, "leaks": len(report.leaks), "seconds": round(seconds, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    load = os.getloadavg()[0]
    tallies = measure(quick)
    results = {
        kind: {
            "images": len(tally.lost),
            "lines_drawn": tally.drawn,
            "lines_blanked": tally.found,
            "faint_lines": f"{tally.faint_found}/{tally.faint_drawn}",
            "blanked_by_size_px": {
                str(size): f"{sum(hits)}/{len(hits)}" for size, hits in sorted(tally.by_size.items())
            },
            "image_lost_percent": round(100 * float(np.mean(tally.lost)), 3),
            "boxes_on_images_without_our_text": tally.boxes_without_text,
            "median_s_a_picture": round(float(np.median(tally.seconds)), 2),
        }
        for kind, tally in tallies.items()
    }
    document = {"burnt_in_text": results, "ct_study": time_a_study()}
    if quick:
        print(document)
    else:
        write_result("deidentification", document, load)


if __name__ == "__main__":
    main()
