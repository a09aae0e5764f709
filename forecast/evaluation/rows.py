"""One model of a leaderboard, as a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forecast.records import Number


@dataclass(frozen=True)
class Row:
    """One model of a leaderboard.

    scores: metric -> score, the one that ranks first · skill: how much lower that is than the baseline's, as a share; NaN
    where the baseline is exact but for rounding, or the model cannot be measured against it; skill_lo and skill_hi its
    95 % interval · p: of equal accuracy with the baseline, corrected for the number of models (Holm 1979) · coverage:
    interval in percent -> share of the actual values within it · among_best: in the model confidence set; None where the
    test is too short to say, or the model is not ranked · seconds: CPU time · asked: False of a model that was walked
    without being named.
    """

    model: str
    scores: Mapping[str, Number]
    skill: Number
    skill_lo: Number
    skill_hi: Number
    p: float | None
    coverage: Mapping[str, Number]
    among_best: bool | None
    seconds: float
    asked: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Its values by name, each score under the name of its metric."""
        values = {"model": self.model, **self.scores}
        others = ("skill", "skill_lo", "skill_hi", "p", "coverage", "among_best", "seconds", "asked")
        return {**values, **{name: getattr(self, name) for name in others}}
