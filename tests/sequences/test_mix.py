"""Mixtures of classifiers, and how sure probabilities may be."""

from dataclasses import dataclass

import numpy as np
import pytest

import forecast as fc
from forecast.models.base import Watch
from forecast.results import Log
from forecast.sequences.calibrating import cooled, log_loss, settled, temperature_of, weights_of
from forecast.sequences.mix import Mix
from forecast.sequences.net.recurrent import Recurrent
from sequences.made import levels

NET = Recurrent(units=6, filters=5, steps=60, batch=16, members=1, learning_rate=0.02)


@dataclass(frozen=True)
class Rate:
    """The shares of the classes, made `sureness` times as sure: a classifier without a net."""

    name: str = "rate"
    sureness: float = 1.0
    kinds: tuple[str, ...] = ("numbers", "texts")

    def fit(self, past, *, seed, watch):
        counts = np.bincount(past.labels, minlength=len(past.classes))
        return LearnedRate(counts / counts.sum(), self.sureness, Log((f"{self.name}: counted {len(past)}",)))

    def restore(self, arrays, values, classes):
        return LearnedRate(arrays["rate"], values["sureness"], Log())


@dataclass(frozen=True, eq=False)
class LearnedRate:
    rate: np.ndarray
    sureness: float
    log: Log

    def shares(self, sequences):
        return cooled(np.tile(self.rate, (len(sequences), 1)), 1 / self.sureness)

    def arrays(self):
        return {"rate": self.rate}

    def values(self):
        return {"sureness": self.sureness}


def test_a_temperature_brings_back_what_was_made_too_sure():
    random = np.random.default_rng(0)
    true = random.dirichlet(np.ones(3), 4000)
    labels = np.array([random.choice(3, p=one) for one in true])
    for sureness in (0.5, 1.0, 3.0):
        found = temperature_of(cooled(true, 1 / sureness), labels)
        assert found == pytest.approx(sureness, rel=0.1)


def test_few_sequences_move_the_temperature_little():
    sure = np.array([[0.9, 0.1]] * 3)
    assert 0.4 < temperature_of(sure, np.zeros(3, int)) < 1
    assert temperature_of(sure[:0], np.zeros(0, int)) == 1


def test_the_ranking_stays():
    shares = np.random.default_rng(0).dirichlet(np.ones(4), 50)
    for temperature in (0.2, 5.0):
        assert np.array_equal(np.argsort(cooled(shares, temperature)), np.argsort(shares))
    assert np.allclose(cooled(shares, 1.0), shares)


def test_weights_are_those_under_which_the_labels_are_likeliest():
    random = np.random.default_rng(0)
    first = random.dirichlet(np.ones(2), 5000)
    second = random.dirichlet(np.ones(2), 5000)
    labels = (random.random(5000) < (0.8 * first + 0.2 * second)[:, 1]).astype(int)
    found = weights_of(np.stack([first, second]), labels)
    assert found == pytest.approx([0.8, 0.2], abs=0.04)
    assert found.sum() == pytest.approx(1)
    assert weights_of(np.stack([first, second])[:, :0], labels[:0]) == pytest.approx([0.5, 0.5])


def test_rounded_probabilities_sum_to_one():
    shares = np.random.default_rng(0).dirichlet(np.ones(7), 100)
    made = settled(shares)
    assert np.abs(made - shares).max() < 1e-9
    assert np.abs(made.sum(1) - 1).max() < 1e-12
    assert np.array_equal(settled(shares + 1e-14), made)


@pytest.fixture(scope="module")
def past():
    return levels(420)


@pytest.fixture(scope="module")
def net_alone(past):
    return NET.fit(past, seed=0, watch=Watch())


def test_a_mixture_leans_on_the_part_that_knows(past, net_alone):
    new = levels(100, seed=5)
    mixed = Mix("mix(rate,lstm)", (Rate(), NET)).fit(past, seed=0, watch=Watch())
    equal = Mix("rate+lstm", (Rate(), NET), weights="equal").fit(past, seed=0, watch=Watch())
    assert mixed.weights[1] > 0.7
    assert equal.weights == (0.5, 0.5)
    loss = {
        name: log_loss(made.shares(new), new.labels)
        for name, made in (("mix", mixed), ("equal", equal), ("net", net_alone))
    }
    assert loss["mix"] < loss["equal"]
    assert loss["mix"] < loss["net"] + 0.1
    by_hand = sum(
        weight * cooled(part.shares(new), heat)
        for weight, part, heat in zip(mixed.weights, mixed.parts, mixed.temperatures, strict=True)
    )
    assert np.abs(mixed.shares(new) - by_hand).max() < 1e-9
    assert "weights and temperatures from 60 sequences" in mixed.log.notes[-1]


def test_a_part_that_is_too_sure_is_calibrated_before_the_mean(past):
    equal = Mix("sure+rate", (Rate("sure", 10.0), Rate()), weights="equal").fit(past, seed=0, watch=Watch())
    assert equal.temperatures[0] > 3
    assert equal.temperatures[1] < 2


def test_the_parts_are_those_of_fits_alone_and_a_net_is_fitted_once(past, net_alone):
    class Counted(Watch):
        fits = 0

        def inner(self, place, of):
            Counted.fits += 1
            return Watch()

    mixed = Mix("rate+lstm", (Rate(), NET)).fit(past, seed=0, watch=Counted())
    assert np.array_equal(mixed.parts[1].shares(past), net_alone.shares(past))
    assert Counted.fits == 3  # two parts, and the counting once more without those who judge


def test_save_and_restore(past):
    spec = Mix("mix(rate,lstm)", (Rate(), NET))
    made = spec.fit(past, seed=0, watch=Watch())
    again = spec.restore(made.arrays(), made.values(), past.classes)
    assert np.array_equal(again.shares(past), made.shares(past))


def test_two_parts_that_differ():
    with pytest.raises(fc.ForecastError, match="has rate twice"):
        Mix("rate+rate", (Rate(), Rate()))
    with pytest.raises(fc.ForecastError, match="at least two parts"):
        Mix("mix(rate)", (Rate(),))
    assert Mix("a", (Rate(kinds=("texts",)), NET)).kinds == ("texts",)
