"""Where the C-arm stops: views that several needles can share are shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from procguide.geometry import vector
from procguide.planning.catalogue import ViewName
from procguide.planning.nouns import Plan, ViewSetting
from procguide.planning.session.nouns import Pose, Station, Stop
from procguide.planning.session.route import best_route

__all__ = ["pose_of", "stations_of"]

_ALIKE_DEG = {ViewName.BULLS_EYE: 1.5}
_ALIKE_OTHERWISE_DEG = 4.0
"""How far from the shared angle a needle's own may be: end-on shows a needle's tilt at once. Assumed."""
_FIELD_RADIUS_MM = 50.0
"""Of what is seen sharply about the centre of a picture. Assumed."""


@dataclass(frozen=True)
class _Sight:
    """One view of one needle."""

    stop: int
    setting: ViewSetting
    pose: Pose | None


def pose_of(setting: ViewSetting, plan: Plan) -> Pose | None:
    """The C-arm's for a view of a needle; None under ultrasound."""
    if setting.dial_deg is None or setting.tilt_deg is None:
        return None
    return Pose(setting.dial_deg, setting.tilt_deg, plan.trajectory.target)


def stations_of(stops: Sequence[Stop]) -> tuple[Station, ...]:
    """Every needle's first view in the order of ``stops``, then the other views, each shared where it can be.

    Views of the same place in the procedures' order follow each other by the shortest way.
    """
    stations: list[Station] = []
    most = max((len(stop.plan.views) for stop in stops if stop.plan), default=0)
    for turn in range(most):
        groups = _grouped([sight for stop in stops for sight in _sights(stop, turn)], in_order=turn == 0)
        made = [_station(group) for group in groups]
        stations += made if turn == 0 else _ordered(made, stations[-1].pose if stations else None)
    return tuple(stations)


def _sights(stop: Stop, turn: int) -> list[_Sight]:
    if stop.plan is None or turn >= len(stop.plan.views):
        return []
    setting = stop.plan.views[turn]
    return [_Sight(stop.number, setting, pose_of(setting, stop.plan))]


def _grouped(sights: Sequence[_Sight], *, in_order: bool) -> list[list[_Sight]]:
    """Sights that one pose serves; ``in_order`` only neighbours, so that the order stays."""
    groups: list[list[_Sight]] = []
    for sight in sights:
        open_groups = groups[-1:] if in_order else groups
        home = next((group for group in open_groups if _fits(group, sight)), None)
        if home is None:
            groups.append([sight])
        else:
            home.append(_turned_like(home[0], sight))
    return groups


def _fits(group: Sequence[_Sight], sight: _Sight) -> bool:
    """Whether one pose serves the group and one more."""
    if (
        sight.setting.name is not group[0].setting.name
        or sight.setting.reachable != group[0].setting.reachable
    ):
        return False
    poses = [one.pose for one in (*group, _turned_like(group[0], sight)) if one.pose is not None]
    if len(poses) <= len(group):
        return False
    mean = _mean(poses)
    limit = _ALIKE_DEG.get(sight.setting.name, _ALIKE_OTHERWISE_DEG)
    return all(
        np.hypot(pose.dial_deg - mean.dial_deg, pose.tilt_deg - mean.tilt_deg) <= limit
        and float(np.linalg.norm(np.subtract(pose.centre, mean.centre))) <= _FIELD_RADIUS_MM
        for pose in poses
    )


def _turned_like(first: _Sight, sight: _Sight) -> _Sight:
    """A lateral view from the other side shows the same: taken from where the first is."""
    if sight.setting.name is not ViewName.TRUE_LATERAL or first.pose is None or sight.pose is None:
        return sight
    if abs(sight.pose.dial_deg - first.pose.dial_deg) <= 90:
        return sight
    turned = sight.pose.dial_deg + (180.0 if sight.pose.dial_deg < 0 else -180.0)
    return _Sight(sight.stop, sight.setting, Pose(turned, -sight.pose.tilt_deg, sight.pose.centre))


def _mean(poses: Sequence[Pose]) -> Pose:
    dial, tilt = (
        float(np.mean([getattr(pose, name) for pose in poses])) for name in ("dial_deg", "tilt_deg")
    )
    return Pose(dial, tilt, vector(np.mean([pose.centre for pose in poses], axis=0)))


def _station(group: Sequence[_Sight]) -> Station:
    poses = [sight.pose for sight in group if sight.pose is not None]
    settings = [sight.setting for sight in group]
    return Station(
        view=settings[0].name,
        pose=_mean(poses) if poses else None,
        stops=tuple(sight.stop for sight in group),
        look_for=tuple(dict.fromkeys(setting.look_for for setting in settings)),
        reachable=all(setting.reachable for setting in settings),
        warnings=tuple(dict.fromkeys(words for setting in settings for words in setting.warnings)),
    )


def _ordered(stations: Sequence[Station], start: Pose | None) -> list[Station]:
    """By the shortest way from ``start``; what needs no C-arm comes last."""
    posed = [station for station in stations if station.pose is not None]
    route = best_route([[station.pose] for station in posed if station.pose is not None], start)
    return [posed[n] for n, _ in route] + [station for station in stations if station.pose is None]
