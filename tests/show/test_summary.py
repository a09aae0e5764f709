import numpy as np
import pytest
from conftest import weather

import forecast as fc
from forecast.fitting import fit

SMALL = {"units": 8, "steps": 12, "batch": 8, "context": 48, "segment": 6}


def test_a_summary_counts_parameters_and_multiply_adds():
    panel = weather((300,))
    fitted = fit("gru", panel, 12, **SMALL)
    found = fc.summary(fitted)
    rows = {row.layer: row for row in found.rows}
    weights = {
        name: array
        for name, array in fitted.learned.arrays().items()
        if name.startswith("member.") and "trust" not in name
    }
    assert found.parameters == sum(array.size for array in weights.values())
    assert (
        rows["enter"].multiply_adds == 8 * (3 * 6 + 1) * 8
    )  # 8 segments of 6 targets, masks and past values, and the share observed
    assert (
        rows["rnn"].multiply_adds == (8 + 2) * 2 * 3 * 8 * 8
    )  # 8 read and 2 answered, two matrices of 3 gates
    assert rows["head"].multiply_adds == 2 * 8 * 6
    assert rows["skip"].multiply_adds == 48 * 12
    assert rows["rnn"].shape == (8, 8)
    assert rows["position"].parameters == 2 * 8
    assert f"gru: {found.parameters:,} parameters, {found.multiply_adds:,} multiply-adds per forecast" in str(
        found
    )
    assert len(found.to_frame()) == len(found.rows)


@pytest.mark.parametrize("head", ["segments", "linear", "dense", "recursive"])
def test_a_summary_of_every_head_and_of_a_stack_counts_each_parameter_once(head, monkeypatch):
    monkeypatch.setattr(
        "forecast.models.nets.recurrent.CLOSE", 100.0
    )  # the second member, which has no skip, is kept however it judges
    settings = {
        "units": [8, 6],
        "bidirectional": True,
        "attention": True,
        "norm": "layer",
        "head": head,
        "members": 2,
    }
    fitted = fit("lstm", weather((300,)), 12, **{**SMALL, **settings})
    found = fc.summary(fitted)
    assert found.parameters == sum(
        array.size
        for name, array in fitted.learned.arrays().items()
        if name.startswith("member.") and "trust" not in name
    )
    assert f"{found.parameters:,} parameters in 2 members" in str(found)


def test_attention_of_a_fitted_net():
    panel = weather((300, 200))
    weights = fc.attention(fit("gru", panel, 12, attention=True, members=2, **SMALL), panel)
    assert weights.shape == (2, 8)
    assert np.allclose(weights.sum(1), 1)


def test_what_has_no_layers_and_what_has_no_attention_is_said():
    panel = weather((300,))
    with pytest.raises(fc.ForecastError, match="naive is no net: it has no layers to show"):
        fc.summary(fit("naive", panel, 12))
    with pytest.raises(fc.ForecastError, match="gru was fitted without attention"):
        fc.attention(fit("gru", panel, 12, **SMALL), panel)
