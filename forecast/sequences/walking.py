"""Every model on every fold: what each learned of the training part, asked about the test part. Parts are kept and resumed."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecast.arrays import Array
from forecast.evaluation.backtest import Keep, Part
from forecast.results import Log
from forecast.sequences.base import Classifier
from forecast.sequences.moving import telling, without_each
from forecast.sequences.splits import Fold
from forecast.sequences.trained import train
from forecast.sequences.values import Sequences
from forecast.sequences.verdict import Answered
from forecast.workers import one_thread, processes


@dataclass(frozen=True, eq=False)
class Walked:
    """What all models answered on the test parts, and the log of each (model, fold).

    moved: of each model, by the place of a tested sequence, the probability of the class that was named without each
    of its pieces, (PIECES,).
    """

    tested: Answered
    logs: dict[Part, Log]
    moved: dict[str, dict[int, Array]]


def walk(
    models: Sequence[Classifier],
    read: Sequences,
    folds: Sequence[Fold],
    *,
    seed: int,
    jobs: int,
    keep: Keep,
    why: bool = False,
) -> Walked:
    """Fit each model on the training part of each fold and ask it about the test part; `jobs` fits side by side, 0 = one a core.

    why: what moved the surest answers is asked too. Results do not depend on `jobs` by a bit.
    """
    pairs = [(model, fold) for model in models for fold in folds]
    beside = min(processes(jobs), len(pairs))
    if beside == 1:
        found = [run_part(model, read, fold, seed, keep, why) for model, fold in pairs]
    else:
        from joblib import Parallel, delayed

        calls = [delayed(run_part)(model, read, fold, seed, keep, why) for model, fold in pairs]
        found = Parallel(n_jobs=beside)(calls)
    answers = {(model.name, fold.index): one for (model, fold), one in zip(pairs, found, strict=True)}
    return _gathered(models, read, folds, answers)


def run_part(
    model: Classifier, read: Sequences, fold: Fold, seed: int, keep: Keep, why: bool
) -> tuple[dict[str, Array], Log]:
    """The shares (m, K) of one model for the test part of one fold, from where they are kept, or made and kept.

    With `why` which of them are told about (J,) and their probabilities without each piece (J, PIECES).
    """
    part: Part = (model.name, fold.index)
    there = keep.load(part)
    if there is not None:
        return there
    begin = time.process_time()
    trained = train(model, read.part(fold.train), seed=seed, watch=keep.watch(part))
    asked = read.part(fold.test)
    shares = trained.shares(asked)
    log = replace(trained.log, seconds=time.process_time() - begin)
    answers = {"shares": shares}
    if why:
        places = telling(shares, asked.labels)
        answers["telling"] = places
        with one_thread():
            answers["without"] = without_each(trained.learned, asked, places, shares[places].argmax(1))
    keep.store(part, answers, log)
    return answers, log


def _gathered(
    models: Sequence[Classifier],
    read: Sequences,
    folds: Sequence[Fold],
    answers: dict[Part, tuple[dict[str, Array], Log]],
) -> Walked:
    """The answers of all folds below each other, in the order of the folds."""
    places = np.concatenate([fold.test for fold in folds])
    numbers = np.concatenate([np.full(len(fold.test), fold.index) for fold in folds])
    shares = {}
    seconds = {}
    moved = {}
    for model in models:
        own = [answers[model.name, fold.index] for fold in folds]
        shares[model.name] = np.concatenate([answer["shares"] for answer, _ in own])
        seconds[model.name] = sum(log.seconds for _, log in own)
        moved[model.name] = _moved([answer for answer, _ in own])
    groups = None if read.groups is None else read.groups[places]
    tested = Answered(read.labels[places], read.classes, groups, shares, seconds, places, numbers)
    return Walked(tested, {part: log for part, (_, log) in answers.items()}, moved)


def _moved(answers: Sequence[dict[str, Array]]) -> dict[int, Array]:
    """The probabilities without each piece of all folds, by the place of the sequence among all that were tested."""
    found: dict[int, Array] = {}
    before = 0
    for answer in answers:
        if "telling" in answer:
            for place, without in zip(answer["telling"], answer["without"], strict=True):
                found[before + int(place)] = without
        before += len(answer["shares"])
    return found
