"""The page on explanations: its Python runs."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

PAGE = Path(__file__).parents[2] / "docs" / "explain.md"


def test_the_python_of_the_page_runs(tmp_path):
    random = np.random.default_rng(0)
    time = pd.date_range("2024-01-01", periods=500, freq="h")
    frame = pd.DataFrame({"time": time, "temp": np.sin(np.arange(500) / 4), "wind": random.normal(size=500)})
    frame.to_parquet(tmp_path / "weather.parquet")
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S))
    assert "fc.explain(" in code
    assert "fc.states(" in code
    small = code.replace("data/weather.parquet", str(tmp_path / "weather.parquet"))
    small = small.replace("horizon=24", "horizon=24, units=8, steps=20, context=48")
    names: dict[str, object] = {}
    exec(small, names)
    assert abs(names["why"].total - names["why"].forecast).max() < 0.01
