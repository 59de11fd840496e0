"""How much may be injected in one sitting, held against what the catalogue plans for each needle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

from pydantic import Field, PositiveFloat

from procguide.planning.catalogue.document import read_document
from procguide.planning.catalogue.numbers import Model, Number
from procguide.planning.catalogue.schema import Volume
from procguide.planning.session.nouns import Budget, Stop

__all__ = ["budgets_of", "volumes_of"]


class _Agent(Model):
    agent: str
    volumes: tuple[Volume, ...]
    most_mg: Number
    most_mg_a_kg: Number | None = None
    strengths_mg_per_ml: tuple[PositiveFloat, ...] = Field(min_length=1)


class _Limits(Model):
    agents: tuple[_Agent, ...]
    sources: Mapping[str, str]


@cache
def _limits() -> _Limits:
    text = (files("procguide.planning.session") / "limits.yaml").read_text(encoding="utf-8")
    return _Limits.model_validate(read_document(text, "limits.yaml").values)


def volumes_of(stops: Sequence[Stop]) -> dict[str, float]:
    """The most that the catalogue plans in all, mL, by what it is."""
    total: dict[str, float] = {}
    for stop in stops:
        for name, number in stop.procedure.volumes_ml.items():
            total[name] = total.get(name, 0.0) + number.at(stop.level)
    return total


def budgets_of(stops: Sequence[Stop], weight_kg: float | None = None) -> tuple[Budget, ...]:
    """For every agent and strength, what is allowed in all and for each of the stops' needles.

    A volume is known where every procedure of the session gives it. With ``weight_kg`` a limit by weight
    counts where it is lower.
    """
    return tuple(_budgets(stops, weight_kg)) if stops else ()


def _budgets(stops: Sequence[Stop], weight_kg: float | None) -> Iterator[Budget]:
    limits, total = _limits(), volumes_of(stops)
    for agent in limits.agents:
        named = [[name for name in agent.volumes if name in stop.procedure.volumes_ml] for stop in stops]
        planned = sum(total.get(name, 0.0) for name in agent.volumes) if all(named) else None
        limit, most = agent.most_mg, agent.most_mg.value
        if (
            weight_kg is not None
            and agent.most_mg_a_kg is not None
            and agent.most_mg_a_kg.value * weight_kg < most
        ):
            limit, most = agent.most_mg_a_kg, agent.most_mg_a_kg.value * weight_kg
        for strength in agent.strengths_mg_per_ml:
            yield Budget(
                agent=agent.agent,
                strength_mg_per_ml=strength,
                most_ml=most / strength,
                most_mg=most,
                planned_ml=planned,
                each_ml=most / strength / len(stops),
                mark=limit.mark,
                source=limits.sources[limit.source] if limit.source else limit.mark.value,
            )
