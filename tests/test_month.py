"""The daily loop, day after day, as it goes in practice: corrections, gaps, a changed unit, a stuck sensor, a refit, and kills."""

import numpy as np
import pandas as pd
import pytest
from killing import in_a_child

import forecast as fc
from forecast.files import load_json, sha256
from forecast.runs.daily import kept_forecasts, predict_run, score_run
from forecast.runs.refit import refit_run
from forecast.runs.revised import kept_revisions

KNOWN, HORIZON, NAMES = 160, 3, ("a", "b", "c")
MONTH = 30


def measured():
    """True values (KNOWN + MONTH, 3): weekly waves with noise; after 8 days of the month all levels rise."""
    random, count = np.random.default_rng(11), np.arange(KNOWN + MONTH)
    wave = 3 * np.sin(count * 2 * np.pi / 7)
    rise = 4.0 * (count >= KNOWN + 8)
    return np.stack([level + wave + rise + random.normal(0, 1, len(count)) for level in (20, 40, 60)], axis=1)


def stamp(day):
    return pd.Timestamp("2024-01-01") + pd.Timedelta(days=KNOWN + day)


class Month:
    """The loop, and a record of its own of what should be there: actual values, forecasts as they were first made, corrections."""

    def __init__(self, folder, seed=0):
        self.folder = folder / "run" / "days"
        self.random = np.random.default_rng(seed)
        self.values = measured()
        self.actual, self.made, self.corrections = {}, {}, []
        self.killed, self.touches = 0, 20
        frame = pd.concat([self.rows(day, self.values) for day in range(-KNOWN, 0)])
        frame.to_csv(folder / "days.csv", index=False)
        walk = {"walk.horizon": HORIZON, "walk.folds": 1}
        fc.run(folder / "days.csv", out=self.folder, models=["mean"], jobs=1, set=walk)

    def rows(self, day, values):
        own = values[KNOWN + day]
        return pd.DataFrame({"ds": [stamp(day)] * 3, "site": NAMES, "y": own})

    def keep(self, rows, kill=False, revised=False):
        """Keep some rows, if asked for first in a process that is killed at some moment."""
        before = predict_run(self.folder, rows, revised=revised).to_frame(cutoff=True)
        if kill:
            self.kill(lambda: predict_run(self.folder, rows, keep=True, revised=revised))
            self.check(before)
        predict_run(self.folder, rows, keep=True, revised=revised)
        for row in rows.to_dict("records"):
            cell = (row["site"], row["ds"])
            if cell in self.actual and self.actual[cell] != row["y"]:
                self.corrections.append((*cell, self.actual[cell], row["y"]))
            self.actual[cell] = row["y"]
        self.record(before)
        self.check()

    def record(self, frame):
        for row in frame.to_dict("records"):
            self.made.setdefault((row["unique_id"], row["cutoff"], row["ds"]), row["mean"])

    def kill(self, work):
        """Do some work in a process that is killed at a random one of the moments at which it touches the run's folder."""
        at = int(self.random.integers(1, self.touches + 1))
        touched = in_a_child(work, at)
        self.killed += not touched
        if touched:  # it ended before that moment: there are fewer
            self.touches = touched

    def check(self, coming=None):
        """Every forecast is there as it was first made, and no other but those of a keep that was killed after it was done."""
        kept = kept_forecasts(self.folder)
        found = {}
        for row in kept.to_dict("records"):
            found[(row["unique_id"], row["cutoff"], row["ds"])] = row["mean"]
        expected = dict(self.made)
        if coming is not None and len(found) > len(expected):
            for row in coming.to_dict("records"):
                expected.setdefault((row["unique_id"], row["cutoff"], row["ds"]), row["mean"])
        assert found == expected
        record = kept_revisions(self.folder)
        if coming is None:
            cells = record[["unique_id", "ds", "was", "now"]].to_numpy().tolist() if len(record) else []
            assert [tuple(cell) for cell in cells] == self.corrections

    def scored(self):
        """The score, compared with one of our own to the last digit."""
        scored = score_run(self.folder)
        errors = {step: [] for step in range(1, HORIZON + 1)}
        for (name, cutoff, ds), value in self.made.items():
            if (name, ds) in self.actual:
                errors[(ds - cutoff).days].append(abs(self.actual[name, ds] - value))
        assert scored.steps["count"].tolist() == [len(own) for own in errors.values()]
        ours = [float(np.mean(own)) for own in errors.values()]
        assert scored.steps["mae"].tolist() == pytest.approx(ours, rel=1e-13)
        return scored


def refitted(month):
    """A refit that is due, killed first, then done: the old or the new model answers in between."""
    model = month.folder / "model.safetensors"
    old = sha256(model)
    month.kill(lambda: refit_run(month.folder))
    predict_run(month.folder)  # which finishes what was decided
    if sha256(model) == old:
        assert refit_run(month.folder).taken
    assert load_json(month.folder / "run.json")["model_sha256"] == sha256(model)
    assert load_json(month.folder / "fits" / "1" / "fit.json")["taken"]
    month.check()


def wrong_unit(rows):
    """Rows in which b is in Fahrenheit, as it were."""
    return rows.assign(y=rows["y"].where(rows["site"] != "b", 32 + 1.8 * rows["y"]))


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_week_of_the_loop(tmp_path):
    month = Month(tmp_path)
    for day in range(7):
        rows = month.rows(day, month.values)
        if day == 3:
            continue  # a day is missing
        if day == 5:
            month.keep(month.rows(4, month.values + 0.5), kill=True, revised=True)
        month.keep(wrong_unit(rows) if day == 2 else rows, kill=day % 2 == 0)
    assert month.killed >= 2
    scored = month.scored()
    assert [(one.unique_id, one.begin, one.count) for one in scored.unusual.far] == [("b", "2024-06-11", 1)]
    month.keep(month.rows(2, month.values), revised=True)
    assert not month.scored().unusual.far


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("seed", range(3))
def test_a_month_of_the_loop(tmp_path, seed):
    month = Month(tmp_path, seed)
    said = {}
    for day in range(MONTH):
        rows = month.rows(day, month.values)
        if day in (8, 9):
            continue  # two days are missing
        if day == 6:
            month.keep(month.rows(4, month.values + 0.5), kill=True, revised=True)
        if day in (12, 13):
            rows = wrong_unit(rows)
        if day == 14:
            said["unit"] = month.scored().unusual
            mended = pd.concat([month.rows(12, month.values), month.rows(13, month.values)])
            month.keep(mended, kill=True, revised=True)
        if 17 <= day <= 23:
            rows = rows.assign(y=rows["y"].where(rows["site"] != "c", 64.0))
        month.keep(rows, kill=bool(month.random.integers(2)))
        if day % 5 == 0:
            month.keep(rows)  # the same rows again
        if day == 24:
            said["stuck"] = month.scored().unusual
        if day == 25:
            assert month.scored().due
            refitted(month)
    assert month.killed >= 8
    assert {(one.unique_id, one.column) for one in said["unit"].far} == {("b", "y")}
    assert [(one.unique_id, one.count, one.value) for one in said["stuck"].stuck] == [("c", 7, 64.0)]
    last = month.scored()
    assert (last.present, last.fit) == (1, 1)
    assert not last.unusual.far
    kept = kept_forecasts(month.folder)
    assert kept.groupby("fit").size().to_dict() == {0: 72 * 3, 1: 4 * 9}
