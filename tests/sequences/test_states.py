"""Gates and states over a sequence: torch's own, what the head is given, and what each step reads."""

import numpy as np
import pytest
import torch

from forecast.errors import ForecastError
from forecast.sequences.table import classifier
from forecast.sequences.text import words_of
from forecast.sequences.trained import train
from tests.sequences.made import moods, waves

SMALL = {"units": 6, "steps": 20, "batch": 8, "members": 1, "pooling": "last", "bidirectional": False}
SHAPES = [
    ("lstm", {}),
    ("gru", {}),
    ("lstm", {"bidirectional": True, "layers": 2}),
    ("gru", {"bidirectional": True}),
]


@pytest.mark.parametrize(("model", "settings"), SHAPES)
@pytest.mark.parametrize("made", [waves, moods])
def test_they_are_those_of_torch_and_lead_to_the_probabilities(model, settings, made):
    read = made(24)
    trained = train(classifier(model, **{**SMALL, **settings}), read)
    net = trained.learned.nets[0]
    shares = trained.shares(read)
    for place, found in enumerate(trained.states(read)[:6]):
        assert found.id == read.ids[place]
        assert found.distance < 1e-6
        own = found.layer()
        assert own.read["hidden"].shape == (1, len(found.steps), 6)
        end = [own.read["hidden"][0, -1]]
        if settings.get("bidirectional"):
            number = settings.get("layers", 1)
            end.append(found.layer(f"layer {number} backward").read["hidden"][0, 0])
        with torch.no_grad():
            logits = (net.head(torch.tensor(np.concatenate(end))) - net.lift) * net.trust
        assert np.allclose(logits.softmax(0).numpy(), shares[place], atol=1e-6)


def test_each_step_is_named_by_what_it_reads():
    read = moods(24)
    trained = train(classifier("lstm", **SMALL, segment=3), read)
    found = trained.states(read)[0]
    assert " ".join(found.steps).split() == words_of(read.texts[0])
    assert all(len(step.split()) == 3 for step in found.steps[:-1])
    rows = waves(24)
    trained = train(classifier("gru", **SMALL, segment=4), rows)
    length = int(rows.lengths[1])
    steps = trained.states(rows)[1].steps
    assert steps[0] == "steps 1 to 4"
    assert steps[-1].split()[-1] == str(length)
    frame = trained.states(rows)[1].to_frame()
    assert len(frame) == len(steps) * 6
    assert list(frame.columns[:4]) == ["id", "step", "reads", "unit"]


def test_how_long_units_remember_is_in_rows():
    rows = waves(24)
    found = train(classifier("lstm", **SMALL, segment=4), rows).states(rows)[0]
    kept = found.layer().keeping.mean((0, 1))
    assert np.allclose(found.memory(), -4 / np.log(kept), rtol=1e-4)


def test_what_has_none_is_refused_in_a_sentence():
    rows = waves(24)
    with pytest.raises(ForecastError, match="statistics has no gates and states: it is no recurrent net"):
        train("statistics", rows).states(rows)
    trained = train(classifier("lstm", **SMALL), rows)
    with pytest.raises(ForecastError, match="lstm has members 0 to 0; found member=3"):
        trained.states(rows, member=3)
