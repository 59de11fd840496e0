"""How well labels fit a reference: overlap, surfaces in true millimetres, and names of levels."""

from procguide.evaluation.evaluate import evaluate
from procguide.evaluation.evaluation import Evaluation
from procguide.evaluation.side import Side

__all__ = ["Evaluation", "Side", "evaluate"]
