"""Regression trees of gradient boosting as plain arrays: grown by scikit-learn, kept and walked here."""

from typing import Any, NamedTuple

import numpy as np

from forecast.arrays import Array
from forecast.errors import ForecastError


class Forest(NamedTuple):
    """Regression trees as arrays over all nodes N: the sum of `value` at the T leaves that a row ends in, and `base`.

    feature, child int64: child[n] = (if not below, if below) as places of nodes, (N, 2); a leaf is its own child ·
    threshold, value (N,) · absent (N,): 1 where a missing feature counts as below · roots int64 (T,), depth int64 (T,) of
    the trees · base (1,).
    """

    feature: Array
    child: Array
    threshold: Array
    value: Array
    absent: Array
    roots: Array
    depth: Array
    base: Array


def checked(model: Any, x: Array, answers: Array) -> list[Forest]:
    """The trees of each output of a fitted model; ForecastError where they cannot be read.

    They give its own answers (n, outputs) to features x (n, F).
    """
    forests = []
    try:
        forests = [exported(model, output) for output in range(answers.shape[1])]
        walked = np.stack([walk(forest, x) for forest in forests], axis=1)
        same = np.allclose(walked, answers, rtol=1e-6, atol=1e-9)
    except (AttributeError, ValueError):  # another name, or nodes without a field
        same = False
    if not same:
        raise ForecastError(
            "boosting cannot read the trees of this version of scikit-learn: take 1.9, or choose another model."
        )
    return forests


def exported(model: Any, output: int = 0) -> Forest:
    """The trees of one output of a fitted HistGradientBoostingRegressor or Classifier, which keeps them as arrays of nodes.

    They stand under a private name.
    """
    trees = [stage[output].nodes for stage in model._predictors]
    sizes = np.array([len(tree) for tree in trees], "int64")
    roots = np.cumsum(sizes) - sizes
    nodes = np.concatenate(trees)
    is_leaf = nodes["is_leaf"].astype(bool)
    own = np.arange(len(nodes))
    offset = np.repeat(roots, sizes)
    sides = [nodes[side].astype("int64") + offset for side in ("right", "left")]
    return Forest(
        feature=np.where(is_leaf, 0, nodes["feature_idx"]).astype("int64"),
        child=np.stack([np.where(is_leaf, own, side) for side in sides], axis=1),
        threshold=nodes["num_threshold"].astype("float64"),
        value=np.where(is_leaf, nodes["value"], 0.0),
        absent=nodes["missing_go_to_left"].astype("int64"),
        roots=roots,
        depth=np.array([tree["depth"].max() for tree in trees], "int64"),
        base=np.asarray(model._baseline_prediction, "float64").ravel()[output : output + 1],
    )


def walk(forest: Forest, x: Array) -> Array:
    """The sum of the trees (n,) at features x (n, F), missing = NaN: all rows go down a tree together, a level at a time."""
    total = np.full(len(x), forest.base[0])
    flat = np.ascontiguousarray(x).ravel()
    begin = np.arange(len(x)) * x.shape[1]
    child = forest.child.ravel()
    gaps = bool(np.isnan(flat).any())
    for root, depth in zip(forest.roots, forest.depth, strict=True):
        node = np.full(len(x), root)
        for _ in range(depth):
            value = flat[begin + forest.feature[node]]
            below = value <= forest.threshold[node]
            if gaps:
                below |= np.isnan(value) & (forest.absent[node] == 1)
            node = child[2 * node + below]
        total += forest.value[node]
    return total
