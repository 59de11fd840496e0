"""Small made pictures: an X-ray of blocks and rods, and speckle in layers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from procguide.imaging import Frame, View
from procguide.quality import Examined, Kind, Score
from procguide.quality.assess import checks_for

Picture = NDArray[np.float32]


def xray(size: int = 512, seed: int = 0) -> Picture:
    """Brightness 0..1, bright where much radiation comes through: a column of blocks in soft tissue."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((size, size)) / size
    light = 0.45 + 0.3 * np.abs(columns - 0.5) + 0.05 * np.sin(9 * rows)
    for n in range(5):
        block = (np.abs(rows - 0.1 - 0.2 * n) < 0.075) & (np.abs(columns - 0.5) < 0.13)
        light = np.where(block, 0.38 + 0.06 * np.cos(40 * columns), light)
    slanted = np.abs((columns - 0.2) - 0.5 * (rows - 0.5)) < 0.06
    light = np.where(slanted, light - 0.13, light)
    light = gaussian_filter(light, 0.7) + rng.normal(0, 0.003, light.shape)
    return np.clip(light, 0, 1).astype(np.float32)


def scan(seed: int = 0) -> tuple[Picture, tuple[slice, slice]]:
    """Ultrasound 0..1 in a black frame, and where its sector is."""
    rng = np.random.default_rng(seed)
    rows, columns = 420, 460
    strength = np.exp(gaussian_filter(rng.standard_normal((rows, columns)), (3, 30)) * 12)
    strength[:6] = 12
    for row in (90, 190, 300):
        strength[row : row + 4] = 8
    parts = [
        gaussian_filter(rng.standard_normal((rows, columns)) * np.sqrt(strength), (1.2, 2.2)) for _ in "ab"
    ]
    level = 20 * np.log10(np.hypot(*parts) + 1e-6)
    echoes = np.clip((level - np.percentile(level, 97) + 36) / 55, 0, 1)
    picture = np.zeros((480, 640), np.float32)
    sector = (slice(20, 20 + rows), slice(80, 80 + columns))
    picture[sector] = np.maximum(echoes, np.abs(rng.normal(0, 0.02, echoes.shape)))
    return picture, sector


def frame(brightness: Picture, modality: str = "RF") -> Frame:
    """As 8 bits."""
    return Frame(np.rint(np.clip(brightness, 0, 1) * 255).astype(np.uint8), View(modality))


def examined(brightness: Picture, kind: Kind = Kind.FLUOROSCOPY, task: str = "") -> Examined:
    """A frame under examination."""
    return Examined(kind, frame=frame(brightness), task=task)


def score(name: str, given: Examined) -> Score | None:
    """What the named check measures."""
    return next(check for check in checks_for(given.kind) if check.name == name).measure(given)


def is_fault(name: str, given: Examined) -> bool:
    """Whether the named check finds a fault."""
    check = next(check for check in checks_for(given.kind) if check.name == name)
    found = check.measure(given)
    assert found is not None
    return check.limits.severity(found.value) != "ok"
