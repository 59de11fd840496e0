"""Age, sex, stature and weight of one subject."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Person", "draw_person"]

STATURE_CM = {"female": (163.5, 6.7), "male": (176.5, 7.2)}
"""Mean and SD (assumed: European adults)."""
BMI_MEAN, BMI_LOG_SD = 26.2, 0.165


@dataclass(frozen=True)
class Person:
    """Who the subject is. ``size`` scales all bone (1: the tables)."""

    age: int
    sex: str
    height_cm: float
    weight_kg: float
    size: float

    @property
    def bmi(self) -> float:
        """Body mass index, kg/m2."""
        return self.weight_kg / (self.height_cm / 100) ** 2

    @property
    def female(self) -> bool:
        """Whether the subject is a woman."""
        return self.sex == "female"

    @property
    def habitus(self) -> float:
        """0 where the index is 23, 1 where it is 30."""
        return (self.bmi - 23.0) / 7.0


def draw_person(rng: np.random.Generator) -> Person:
    """Age, sex, stature, weight. Middle age is heaviest, the old have lost stature (assumed).

    Stature explains part of vertebral size; the rest is sex and chance.
    """
    sex = str(rng.choice(["female", "male"]))
    age = int(np.clip(rng.normal(55, 17), 20, 92))
    mean, spread = STATURE_CM[sex]
    young = rng.normal(mean, spread)
    height = young - 0.08 * max(0, age - 45)
    middle = BMI_MEAN * (1 - 0.10 * ((age - 58) / 38) ** 2)
    bmi = float(np.clip(middle * np.exp(rng.normal(0, BMI_LOG_SD)), 17.5, 42.0))
    weight = bmi * (height / 100) ** 2
    sex_part = -0.025 if sex == "female" else 0.025
    size = 1 + 0.55 * (young - 170) / 170 + sex_part + rng.normal(0, 0.022)
    return Person(age, sex, float(height), float(weight), float(np.clip(size, 0.86, 1.16)))
