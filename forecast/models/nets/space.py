"""What a study of LSTM or GRU forecasters tries.

A setting outside the usual range widens it, and what would contradict a setting that is given is
not tried.
"""

from typing import Any

from forecast.models.nets.settings import RATES, Settings

Tried = dict[str, Any]  # settings by name


def suggested(given: Settings, trial: Any) -> Tried:
    """The settings that an Optuna trial suggests in place of the given ones.

    `search` small: units, layers, dropout and learning rate (log); full varies the groups net, input,
    head and training as well.
    """
    tried = suggested_sizes(given.units, given.layers, trial)
    tried["dropout"] = trial.suggest_float("dropout", 0.0, max(0.6, given.dropout))
    tried["learning_rate"] = suggested_rate(given.rate, given.optimiser, trial)
    if given.search == "full":
        units = tried.get("units", given.units)
        tried |= _net(given, trial, units)
        tried |= _input(given, trial)
        tried |= _head(given, trial)
        tried |= _training(given, trial)
    return tried


def suggested_sizes(given: Any, layers: int, trial: Any) -> Tried:
    """Units and layers; units alone where the given ones are a list, which names both.

    given: units, None = chosen in the fit · layers: the given ones.
    """
    if isinstance(given, tuple):
        return {}
    choices = {32, 64, 128}
    if given:
        choices.add(given)
    units = trial.suggest_categorical("units", sorted(choices))
    if isinstance(units, tuple):
        return {"units": units, "layers": 1}
    return {"units": units, "layers": trial.suggest_int("layers", 1, max(2, layers))}


def suggested_rate(given: float, optimiser: str, trial: Any) -> float:
    """The learning rate: a range that is usual for an optimiser, and that holds the given rate."""
    scale = RATES[optimiser]
    low = min(3e-4 * scale, given)
    high = max(1e-2 * scale, given)
    rate: float = trial.suggest_float("learning_rate", low, high, log=True)
    return rate


def _net(given: Settings, trial: Any, units: Any) -> Tried:
    """What a net of these units is made of next to them."""
    tried: Tried = {}
    for name, usual in (("input_dropout", 0.3), ("recurrent_dropout", 0.5)):
        tried[name] = trial.suggest_float(name, 0.0, max(usual, getattr(given, name)))
    if given.batch != 1:
        tried["norm"] = trial.suggest_categorical("norm", ["none", "layer", "batch"])
    tried["bidirectional"] = trial.suggest_categorical("bidirectional", [False, True])
    tried["attention"] = trial.suggest_categorical("attention", [False, True])
    tried["init"] = trial.suggest_categorical("init", ["default", "orthogonal", "glorot", "he"])
    if not isinstance(units, tuple) or len(set(units)) == 1:
        tried["residual"] = trial.suggest_categorical("residual", [False, True])
    return tried


def _input(given: Settings, trial: Any) -> Tried:
    """What is done to a window before it is read."""
    tried: Tried = {}
    for name, usual in (("noise", 0.6), ("target_noise", 0.3), ("scaling", 0.3)):
        tried[name] = trial.suggest_float(name, 0.0, max(usual, getattr(given, name)))
    tried["since"] = trial.suggest_categorical("since", [False, True])
    if given.span is None:
        anchors = ["last", "season", "target", "mean", "none"]
        if given.context is not None:  # it may be shorter than the season
            anchors.remove("season")
        tried["anchor"] = trial.suggest_categorical("anchor", anchors)
    return tried


def _head(given: Settings, trial: Any) -> Tried:
    """How the net answers; one step at a time, which is for teaching, only where it is asked for."""
    heads = ["segments", "linear", "dense"]
    if given.head == "recursive":
        heads.append("recursive")
    head = trial.suggest_categorical("head", heads)
    skip = trial.suggest_categorical("skip", [True, False])
    return {"head": head, "skip": skip}


def _training(given: Settings, trial: Any) -> Tried:
    """How the net is trained; sgd, whose rates are others, stays as given, and so does a decay that only adamw has."""
    kinds = ["cosine", "constant", "exponential", "staircase", "plateau"]
    if given.warmup is None:
        kinds.append("one-cycle")
    tried: Tried = {"schedule": trial.suggest_categorical("schedule", kinds)}
    tried["clip"] = trial.suggest_float("clip", min(0.1, given.clip), max(10.0, given.clip), log=True)
    tried["l2"] = trial.suggest_float("l2", 0.0, max(1e-4, given.l2))
    if given.optimiser != "sgd" and not given.weight_decay:
        tried["optimiser"] = trial.suggest_categorical("optimiser", ["adamw", "adam", "rmsprop"])
    return tried
