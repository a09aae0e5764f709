"""A classification that is killed goes on to the same bits with the same command."""

import hashlib
import signal

import pandas as pd
import pytest
from test_faults import begin, end, litter, strike

from tests.sequences.made import moods

SMALL = [
    "--set",
    "lstm.units=8",
    "--set",
    "lstm.steps=200",
    "--set",
    "lstm.batch=8",
    "--set",
    "lstm.members=1",
]


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    read = moods(90)
    names = [read.classes[label] for label in read.labels]
    path = tmp_path_factory.mktemp("data") / "moods.csv"
    pd.DataFrame({"said": read.texts, "mood": names}).to_csv(path, index=False)
    return path


def command(file):
    return [
        *("classify", file, "--label", "mood", "--text", "said", "--model", "lstm,majority"),
        *("--split", "kfold:2", "--jobs", 1, "--out", "run", "--json", *SMALL),
    ]


def bits(run):
    """Hashes of all that does not hold the time it took."""
    names = ("model.safetensors", "outcomes.parquet", "confusion.csv", "history.csv")
    return {name: hashlib.sha256((run / name).read_bytes()).hexdigest() for name in names}


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["lstm-0.checkpoint", "lstm-1.checkpoint", "lstm--1.checkpoint"])
def test_a_classification_killed_in_a_fit_goes_on_to_the_same_bits(file, unbroken, tmp_path, moment):
    run = tmp_path / "run"
    struck = begin(tmp_path, *command(file))
    assert strike(struck, signal.SIGKILL, (run / "parts" / moment).exists)[0] == -signal.SIGKILL
    assert not (run / "run.json").exists()
    end(begin(tmp_path, *command(file)))
    assert bits(run) == unbroken
    assert not litter(run)


@pytest.fixture(scope="module")
def unbroken(file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unbroken")
    end(begin(folder, *command(file)))
    return bits(folder / "run")
