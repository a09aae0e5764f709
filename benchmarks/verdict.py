"""Size and power of the test behind the verdict: how often chance alone is called skill, and what skill can be seen with how many origins.

    python benchmarks/verdict.py

Pairs of forecasts whose losses at each origin are means of |error| over the horizon; errors of the two share a part, and horizons of
neighbouring origins overlap. Equally good pairs give the size at 5 %; five equally good models next to a baseline, corrected by Holm, the
family-wise rate. The same size is found for squared, pinball and QLIKE losses, and how often "hardly chance" is said of equal pairs: where p is below
5 % and the model confidence set holds one of the two alone. Then one of a pair is better by a skill, and the power is set next to that of the same
difference tested with its true long-run variance and normal quantiles.
"""

import argparse
import json

import numpy as np
from report import machine, table
from scipy.stats import norm

from forecast.evaluation.inference import confidence_set, diebold_mariano, holm

CASES = [
    (1, 50, 1),
    (1, 200, 1),
    (1, 500, 1),
    (24, 72, 24),
    (24, 200, 1),
    (24, 500, 1),
    (24, 1700, 1),
]  # horizon, origins, stride
BY_LOSS = [(1, 200, 1), (24, 200, 1), (24, 1700, 1)]  # cases that every loss is tried on
SHARED = 0.6  # spread of the errors' common part beside 1 of each one's own
SKILLS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)


def losses(random: np.random.Generator, horizon: int, origins: int, stride: int, models: int) -> np.ndarray:
    """Losses (origins, models) of equally good forecasts: the mean of |error| over each origin's horizon."""
    steps = (origins - 1) * stride + horizon
    errors = np.abs(random.normal(size=(steps, models)) + SHARED * random.normal(size=(steps, 1)))
    sums = np.cumsum(np.concatenate([np.zeros((1, models)), errors]), axis=0)
    starts = np.arange(origins) * stride
    return (sums[starts + horizon] - sums[starts]) / horizon


LOSSES = {  # of errors (steps, models)
    "absolute": np.abs,
    "squared": np.square,
    "pinball at .1": lambda errors: np.maximum(0.1 * errors, -0.9 * errors),
    "QLIKE": lambda errors: np.exp(errors) - errors - 1,  # of log(y / f)
}


def by_origin(random: np.random.Generator, horizon: int, origins: int, stride: int, loss: str) -> np.ndarray:
    """Losses (origins, 2) of a pair of equally good forecasts: the mean over each origin's horizon."""
    steps = (origins - 1) * stride + horizon
    errors = random.normal(size=(steps, 2)) + SHARED * random.normal(size=(steps, 1))
    cells = LOSSES[loss](errors / 2)
    sums = np.cumsum(np.concatenate([np.zeros((1, 2)), cells]), axis=0)
    starts = np.arange(origins) * stride
    return (sums[starts + horizon] - sums[starts]) / horizon


def sizes_by_loss(pairs: int, seed: int) -> list[dict[str, object]]:
    """Size of the test and of the words "hardly chance" for each loss, over some of the cases."""
    found = []
    for place, loss in enumerate(LOSSES):
        row: dict[str, object] = {"loss": loss}
        for horizon, origins, stride in BY_LOSS:
            random = np.random.default_rng([seed, place, horizon, origins])
            rejected = said = 0
            for _ in range(pairs):
                made = by_origin(random, horizon, origins, stride, loss)
                if p_value(made[:, 0], made[:, 1], horizon, stride) >= 0.05:
                    continue
                rejected += 1
                best = confidence_set([made[:, 0], made[:, 1]], origins * stride / horizon)
                said += len(best) == 1
            case = f"{horizon} steps, {origins} origins"
            row[case] = rejected / pairs
            row[f"{case}: said"] = said / pairs
        found.append(row)
    return found


def p_value(one: np.ndarray, two: np.ndarray, horizon: int, stride: int) -> float:
    """The p of the package's test."""
    p = diebold_mariano(one - two, len(one) * stride / horizon)
    return 1.0 if p is None else p


def main() -> None:
    """Simulate every case and print the two tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--losses", action="store_true", help="the sizes by loss alone")
    options = parser.parse_args()
    by_loss = sizes_by_loss(options.pairs, options.seed)
    if options.losses:
        print(f"{table(by_loss)}\n\n{options.pairs} pairs, seed {options.seed}; {machine()}")
        return
    sizes, powers = [], []
    for horizon, origins, stride in CASES:
        random = np.random.default_rng([options.seed, horizon, origins, stride])
        raw, family, means = 0, 0, []
        for _ in range(options.pairs):
            made = losses(random, horizon, origins, stride, 6)
            values = [p_value(made[:, i], made[:, 0], horizon, stride) for i in range(1, 6)]
            raw += values[0] < 0.05
            family += min(p for p in holm(list(values)) if p is not None) < 0.05
            means.append([(made[:, 1] - made[:, 0]).mean(), made[:, 0].mean()])
        case = {"horizon": horizon, "origins": origins, "stride": stride}
        sizes.append({**case, "size": raw / options.pairs, "family-wise, 5 models": family / options.pairs})
        spread, level = np.std([mean for mean, _ in means]), np.mean([mean for _, mean in means])
        for skill in SKILLS:
            found = 0
            for _ in range(options.pairs // 2):
                made = losses(random, horizon, origins, stride, 2)
                found += p_value((1 - skill) * made[:, 1], made[:, 0], horizon, stride) < 0.05
            shift = skill * level / spread
            true = norm.sf(1.96 - shift) + norm.cdf(-1.96 - shift)
            powers.append(
                {
                    **case,
                    "skill": f"{100 * skill:.0f} %",
                    "power": found / (options.pairs // 2),
                    "with the true variance": true,
                }
            )
    print(
        json.dumps({"by_loss": by_loss, "size": sizes, "power": powers})
        if options.json
        else f"{table(by_loss)}\n\n{table(sizes)}\n\n{table(powers)}"
    )
    if not options.json:
        print(f"\n{options.pairs} pairs (power: half as many), seed {options.seed}; {machine()}")


if __name__ == "__main__":
    main()
