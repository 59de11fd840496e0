"""Slices of the image with the plan drawn on them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from procguide.imaging import Volume
from procguide.planning.nouns import Trajectory
from procguide.reporting.overlays import Overlay, field_in
from procguide.reporting.palette import NEEDLE, TARGET
from procguide.reporting.plane import Plane, orientation_letters, sample

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "BONE_WINDOW",
    "DISCLAIMER",
    "PIXELS",
    "SMALL_PIXELS",
    "SOFT_WINDOW",
    "Window",
    "draw_needle",
    "draw_slice",
    "encode",
    "furnish",
    "new_picture",
    "show_image",
    "text",
    "window_words",
]

DISCLAIMER = "FOR RESEARCH AND TRAINING"
PIXELS = 860
SMALL_PIXELS = 620
"""Wide enough for a third of the page."""
_DPI = 100
_IN_PLANE_MM = 2.0


@dataclass(frozen=True)
class Window:
    """Grey values shown: black at ``low``, white at ``high``; HU for CT. None: from the picture itself."""

    name: str
    low: float | None = None
    high: float | None = None


SOFT_WINDOW = Window("soft-tissue window", -160.0, 280.0)
BONE_WINDOW = Window("bone window", -220.0, 800.0)


def draw_slice(
    volume: Volume,
    plane: Plane,
    *,
    window: Window,
    overlays: Sequence[Overlay],
    trajectory: Trajectory | None,
    title: str,
    pixels: int = PIXELS,
) -> bytes:
    """One JPEG of ``plane``: image, outlines, needle, target, letters, scale bar, names, disclaimer."""
    picture = sample(volume, plane)
    figure, axes = new_picture(plane, pixels)
    low, high = _grey_range(volume, picture, window)
    show_image(axes, picture, plane, low, high)
    for overlay in overlays:
        _outline(axes, overlay, plane)
    if trajectory is not None:
        draw_needle(axes, trajectory, plane)
    furnish(axes, plane, title, window_words(volume, window))
    return encode(figure)


def new_picture(plane: Plane, pixels: int = PIXELS) -> tuple[Any, Axes]:
    """An empty figure ``pixels`` wide whose axes fill it, in the plane's own millimetres.

    Words keep their size in pixels: on a smaller picture they are larger beside what it shows.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    wide = pixels / _DPI
    figure = Figure(figsize=(wide, wide * plane.height_mm / plane.width_mm), dpi=_DPI, facecolor="black")
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(-plane.width_mm / 2, plane.width_mm / 2)
    axes.set_ylim(plane.height_mm / 2, -plane.height_mm / 2)
    axes.set_autoscale_on(False)
    return figure, axes


def encode(figure: Any, kind: str = "jpeg") -> bytes:
    """The figure as JPEG or PNG bytes."""
    stream = io.BytesIO()
    options = {"quality": 86, "optimize": True} if kind == "jpeg" else {"optimize": True}
    figure.savefig(stream, format=kind, dpi=_DPI, pil_kwargs=options)
    return stream.getvalue()


def text(
    axes: Any,
    u: float,
    v: float,
    words: str,
    *,
    size: float = 17,
    colour: str = "white",
    rim: str = "black",
    **options: Any,
) -> None:
    """Words ``size`` pixels high with a rim, readable on any grey."""
    from matplotlib.patheffects import withStroke

    effects = [withStroke(linewidth=size / 5, foreground=rim)]
    axes.text(u, v, words, color=colour, fontsize=size * 0.72, path_effects=effects, zorder=9, **options)


def window_words(volume: Volume, window: Window) -> str:
    """The window's name; for what is not CT, whose grey values have no unit, how it was set."""
    return window.name if volume.modality == "CT" else f"{volume.modality}, grey values spread"


def _grey_range(volume: Volume, picture: NDArray[np.float32], window: Window) -> tuple[float, float]:
    if volume.modality == "CT" and window.low is not None and window.high is not None:
        return window.low, window.high
    low, high = np.percentile(picture, (1, 99.5))
    return float(low), float(max(high, low + 1))


def show_image(axes: Axes, picture: NDArray[np.float32], plane: Plane, low: float, high: float) -> None:
    """Grey values between ``low`` and ``high``, filling the plane."""
    half_width, half_height = plane.width_mm / 2, plane.height_mm / 2
    axes.imshow(
        picture,
        cmap="gray",
        vmin=low,
        vmax=high,
        extent=(-half_width, half_width, half_height, -half_height),
        interpolation="bicubic",
        aspect="auto",
    )


def _pixel_coordinates(plane: Plane) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = plane.shape
    u = (np.arange(columns, dtype=np.float64) - (columns - 1) / 2) * plane.pixel_mm
    v = (np.arange(rows, dtype=np.float64) - (rows - 1) / 2) * plane.pixel_mm
    return u, v


def _outline(axes: Axes, overlay: Overlay, plane: Plane) -> None:
    field = field_in(overlay, plane)
    if field is None:
        return
    u, v = _pixel_coordinates(plane)
    style = "dashed" if overlay.dashed else "solid"
    width = 1.3 if overlay.level else 1.8
    axes.contour(
        u, v, field, levels=[0.5], colors=[overlay.colour], linewidths=width, linestyles=style, zorder=3
    )
    if overlay.dashed or overlay.name == "canal":
        axes.contourf(u, v, field, levels=[0.5, np.inf], colors=[overlay.colour], alpha=0.16, zorder=2)
    if overlay.level:
        _name_level(axes, overlay, plane, field)


def _name_level(axes: Axes, overlay: Overlay, plane: Plane, field: NDArray[np.float32]) -> None:
    """The level's name in the middle of the largest part of its body that the plane cuts."""
    inside = field > 0.5
    if overlay.body is not None:
        body = sample(overlay.body, plane) > 0.5
        inside = body if body.sum() * plane.pixel_mm**2 > 60 else inside
    if inside.sum() * plane.pixel_mm**2 < 60:
        return
    u, v = _pixel_coordinates(plane)
    rows, columns = np.nonzero(inside)
    middle_u, middle_v = float(np.median(u[columns])), float(np.median(v[rows]))
    if abs(middle_v) < plane.height_mm * 0.06 and abs(middle_u) > plane.width_mm * 0.34:
        middle_v += plane.height_mm * 0.08  # clear of the orientation letters
    if abs(middle_u) < plane.width_mm * 0.45 and abs(middle_v) < plane.height_mm * 0.42:
        text(
            axes,
            middle_u,
            middle_v,
            overlay.level or "",
            size=22,
            colour=overlay.colour,
            ha="center",
            va="center",
            weight="bold",
        )


def draw_needle(axes: Axes, trajectory: Trajectory, plane: Plane, *, projected: bool = False) -> None:
    """The needle to scale: solid within 2 mm of the plane, dotted where it is only projected.

    ``projected``: solid everywhere, as on an X-ray.
    """
    along = np.linspace(0, 1, 401)[:, None]
    entry, target = np.asarray(trajectory.entry), np.asarray(trajectory.target)
    hub = entry - np.asarray(trajectory.direction) * 18.0
    points = plane.project(hub + along * (target - hub))
    near = np.abs(points[:, 2]) <= (np.inf if projected else _IN_PLANE_MM)
    points_per_mm = axes.get_window_extent().width / _DPI * 72 / plane.width_mm
    width = max(trajectory.needle.diameter_mm * points_per_mm, 3.0)
    shown = np.where(near[:, None], points[:, :2], np.nan)
    if np.ptp(points[:, :2], axis=0).max() < 2.0:
        axes.plot(*points[-1, :2], "o", color=NEEDLE, markersize=max(width, 6), zorder=6)
    else:
        axes.plot(points[:, 0], points[:, 1], ":", color=NEEDLE, linewidth=1.6, zorder=4)
        axes.plot(
            shown[:, 0], shown[:, 1], linewidth=width + 2, color="black", solid_capstyle="butt", zorder=4
        )
        axes.plot(*shown.T, color=NEEDLE, linewidth=width, solid_capstyle="butt", zorder=6)
        skin = plane.project(entry)
        if not projected and abs(skin[2]) <= _IN_PLANE_MM:
            axes.plot(skin[0], skin[1], "D", color=NEEDLE, markeredgecolor="white", markersize=9, zorder=7)
            text(axes, skin[0], skin[1] + 3.0, "skin entry", size=16, ha="center", va="top", colour="#FFD9C2")
    tip = plane.project(target)
    axes.plot(
        tip[0],
        tip[1],
        "o",
        markerfacecolor="none",
        markeredgecolor="black",
        markersize=21,
        markeredgewidth=4,
        zorder=7,
    )
    axes.plot(
        tip[0],
        tip[1],
        "o",
        markerfacecolor="none",
        markeredgecolor=TARGET,
        markersize=21,
        markeredgewidth=2,
        zorder=8,
    )


def furnish(axes: Any, plane: Plane, title: str, note: str = "", *, light: bool = False) -> None:
    """Orientation letters, scale bar, title, note and disclaimer; ``light`` for a light ground."""
    right, bottom = plane.width_mm / 2, plane.height_mm / 2
    edge = 0.022 * plane.width_mm
    ends = (
        (right - edge, 0, orientation_letters(plane.right), "right", "center"),
        (-right + edge, 0, orientation_letters(np.negative(plane.right)), "left", "center"),
        (0, -bottom + 3.4 * edge, orientation_letters(np.negative(plane.down)), "center", "top"),
        (0, bottom - edge, orientation_letters(plane.down), "center", "bottom"),
    )
    ink, rim = ("#1B2A41", "#F6F8FA") if light else ("white", "black")
    letter, warning = ("#7A4B00", "#A32A00") if light else ("#FFE680", "#FFB5A0")
    for u, v, letters, across, vertical in ends:
        text(axes, u, v, letters, size=32, colour=letter, rim=rim, ha=across, va=vertical, weight="bold")
    text(
        axes,
        -right + edge,
        -bottom + edge,
        title,
        size=22,
        colour=ink,
        rim=rim,
        ha="left",
        va="top",
        weight="bold",
    )
    text(axes, right - edge, bottom - edge, note, size=16, colour=ink, rim=rim, ha="right", va="bottom")
    text(
        axes,
        -right + edge,
        bottom - edge,
        DISCLAIMER,
        size=16,
        colour=warning,
        rim=rim,
        ha="left",
        va="bottom",
        weight="bold",
    )
    _scale_bar(axes, plane, ink, rim)


def _scale_bar(axes: Any, plane: Plane, ink: str, rim: str) -> None:
    length = 20.0
    right, bottom = plane.width_mm * 0.478, plane.height_mm * 0.435
    for width, colour, order in ((5.0, rim, 7), (2.4, ink, 8)):
        axes.plot(
            [right - length, right],
            [bottom, bottom],
            color=colour,
            linewidth=width,
            solid_capstyle="butt",
            zorder=order,
        )
    text(
        axes,
        right - length / 2,
        bottom - 0.012 * plane.height_mm,
        "20 mm",
        size=16,
        colour=ink,
        rim=rim,
        ha="center",
        va="bottom",
    )
