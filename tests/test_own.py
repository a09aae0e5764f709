"""A Spec of one's own is a citizen: named on the command line, saved, loaded, predicted, tuned, replayed; and no file imports it."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import weather
from test_cli import file, forecast  # noqa: F401 (file is a fixture)

import forecast as fc
from forecast.errors import ForecastError
from forecast.models import spec
from forecast.models.combination import Combination
from forecast.models.own import by_name, imported, reference_of, split_path
from forecast.runs.plan import make_run, to_toml
from forecast.testing import check_spec
from forecast.tuning.study import tune

PAGE = Path(__file__).parent.parent / "docs" / "own-model.md"
LEVEL = '''
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Level:
    """A share of the mean of the last rows."""

    name: str = "level"
    rows: int = 24
    share: float = 1.0

    def fit(self, past, goal, *, seed, watch):
        return Learned(goal.horizon, self.rows, self.share)

    def restore(self, arrays, goal):
        return Learned(goal.horizon, self.rows, float(arrays["share"][0]))


@dataclass(frozen=True)
class Learned:
    horizon: int
    context: int
    share: float

    def predict(self, panel, origins, fitted):
        from forecast.models.answers import recent

        rows = np.nan_to_num(recent(panel, origins, self.context))
        return np.repeat(self.share * rows.mean(1)[:, None, None], self.horizon, axis=1)

    def arrays(self):
        return {"share": np.array([self.share])}


@dataclass
class Loose:
    name: str = "loose"


@dataclass(frozen=True)
class Ridge(Level):
    name: str = "ridge"


@dataclass(frozen=True)
class LevelToo(Level):
    name: str = "too"


@dataclass(frozen=True)
class Walk(Level):
    name: str = "walk"


@dataclass(frozen=True)
class Nameless:
    units: int = 8

    def fit(self, past, goal, *, seed, watch):
        return None

    def restore(self, arrays, goal):
        return None


class Plain:
    pass
'''


def blocks():
    """The blocks of Python in the page."""
    return re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """mine.py in the working directory; it leaves the path and the modules as they were."""
    (tmp_path / "mine.py").write_text(LEVEL)
    (tmp_path / "mymodule.py").write_text(blocks()[0])
    (tmp_path / "broken.py").write_text("import nowhere_to_be_found\n")
    (tmp_path / "wrong.py").write_text("x = 1 +\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    yield tmp_path
    for name in ("mine", "mymodule", "broken", "wrong"):
        sys.modules.pop(name, None)


def test_the_page_is_true(module, file):  # noqa: F811
    """Its net meets all demands and does what the page says, on the command line and in Python."""
    _, check, python = blocks()
    exec(compile(check, "check", "exec"), {})
    exec(compile(python, "python", "exec"), {})
    few = ["--set", "mynet.steps=20", "--horizon", 6, "--test", 40, "--quiet"]
    asked = ["fit", file, "--model", "mymodule:MySpec,naive", *few, "--out", "run"]
    done = forecast(module, *asked, "--set", "mymodule:MySpec.units=8", "--json")
    assert done.returncode == 0, done.stderr
    board = {row["model"] for row in json.loads(done.stdout)["leaderboard"]}
    assert {"mynet", "naive"} <= board
    tuned = forecast(
        module,
        "tune",
        file,
        "--model",
        "mymodule:MySpec",
        *few,
        "--trials",
        2,
        "--set",
        "tune.mynet.units=[16,4]",
        "--out",
        "tuned",
        "--json",
    )
    assert tuned.returncode == 0, tuned.stderr
    assert json.loads(tuned.stdout)["best"]["params"]["units"] in (4, 16)
    assert 'models = ["mymodule:MySpec", "lstm"' in (module / "tuned" / "tuned.toml").read_text()


@pytest.fixture
def run(module, file):  # noqa: F811
    """A finished run whose best model is one's own."""
    done = forecast(
        module,
        "fit",
        file,
        "--model",
        "mine:Level,drift",
        "--set",
        "level.rows=24",
        "--horizon",
        24,
        "--jobs",
        2,
        "--out",
        "run",
        "--quiet",
        "--json",
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["best"] == "level"
    return module / "run"


def test_a_run_of_a_class_is_finished_predicted_and_replayed_by_naming_it_again(run, module):
    toml = (run / "run.toml").read_text()
    assert 'models = ["mine:Level", "drift"]' in toml
    assert "[level]\nrows = 24" in toml
    given = ["--model", "mine:Level"]
    predicted = forecast(module, "predict", run, *given, "--keep", "--json")
    assert predicted.returncode == 0, predicted.stderr
    assert len(json.loads(predicted.stdout)["forecast"]) == 24
    replayed = forecast(module, "replay", run, *given, "--quiet", "--json")
    assert json.loads(replayed.stdout)["equal"] is True, replayed.stderr
    for command in ("predict", "score", "replay"):
        refused = forecast(module, command, run)
        assert refused.returncode == 2
        assert refused.stderr.splitlines()[-1] == (
            "forecast: The model mine:Level is a class of your own, and a file never imports one."
            " Give it again: --model mine:Level, or in Python specs=[Level]."
        )
    refused = forecast(module, "fit", "--config", run / "run.toml")
    assert (refused.returncode, "Give it again: --model mine:Level" in refused.stderr) == (2, True)


def test_in_python_a_run_is_read_again_with_its_class(run, module):
    kind = imported("mine:Level")
    plan = make_run(config=run / "run.toml", specs=[kind])
    assert [one.name for one in plan.specs()] == ["level", "drift"]
    assert plan.specs()[0] == kind(rows=24)
    again = fc.run(plan, out=run)
    assert again.resumed
    assert np.array_equal(fc.predict_run(run, specs=[kind]).values, again.forecast.values)
    assert fc.rows(run, specs=[kind()]).ids == again.panel.ids
    with pytest.raises(ForecastError, match=r"mine:Level is a class of your own.*specs=\[Level\]"):
        fc.load(run)
    with pytest.raises(ForecastError, match="mine:Level is a class of your own"):
        make_run(config=run / "run.toml")


def test_changed_code_is_another_run(run, module):
    flags = [
        "--model",
        "mine:Level,drift",
        "--set",
        "level.rows=24",
        "--horizon",
        24,
        "--out",
        "run",
        "--quiet",
    ]
    same = forecast(module, "fit", "weather.csv", *flags)
    assert "This run is there already" in same.stderr
    assert same.stdout.splitlines()[-1] == "Go on:  forecast predict run [NEWER_ROWS.csv] --model mine:Level"
    (module / "mine.py").write_text(LEVEL + "\n# another line\n")
    other = forecast(module, "fit", "weather.csv", *flags)
    assert other.returncode == 2
    assert "holds a run of other settings, data or versions" in other.stderr
    replayed = forecast(module, "replay", "run", "--model", "mine:Level", "--quiet", "--json")
    assert json.loads(replayed.stdout)["differs"][0].startswith("mine:Level was ")


def test_a_fit_of_a_class_is_saved_and_loaded_to_the_same_bits(module):
    kind = imported("mine:Level")
    fitted = fc.fit(kind(rows=12, share=0.5), weather((200,)), 6)
    fc.save(fitted, module / "m.safetensors")
    loaded = fc.load(module / "m.safetensors", specs=[kind])
    assert loaded.spec == kind(rows=12, share=0.5)
    assert np.array_equal(loaded.predict(weather((200,))).values, fitted.predict(weather((200,))).values)
    check_spec(kind())


def test_a_class_that_has_moved_is_known_by_its_own_name(module):
    fc.save(fc.fit(imported("mine:Level")(), weather((200,)), 6), module / "m.safetensors")
    (module / "mymodule.py").write_text(LEVEL)
    assert fc.load(module / "m.safetensors", specs=[imported("mymodule:Level")]).spec.name == "level"


def test_a_class_with_the_name_of_a_model_is_saved_as_what_it_is(module):
    kind = imported("mine:Ridge")
    fc.save(fc.fit(kind(), weather((200,)), 6), module / "m.safetensors")
    assert type(fc.load(module / "m.safetensors", specs=[kind]).spec) is kind


def test_what_is_no_value_is_not_saved(module):
    both = Combination("level+ridge", (imported("mine:Level")(), spec("ridge")))
    fitted = fc.fit(both, weather((200,)), 6)
    with pytest.raises(
        ForecastError, match=r"level\+ridge cannot be kept in a file: its class .* has no field name"
    ):
        fc.save(fitted, module / "m.safetensors")
    assert not (module / "m.safetensors").exists()


def test_a_study_in_python_tries_given_values_of_a_class(module):
    kind = imported("mine:Level")
    found = tune(kind(), weather((300,)), trials=2, space={"share": [1.0, 0.5]}, horizon=6, seed=3)
    assert found.spec.name == "level"
    assert found.to_json()["best"]["spec"]["class"] == "mine:Level"
    with pytest.raises(ForecastError, match="level has no settings to tune"):
        tune(kind(), weather((300,)), trials=2, horizon=6)


REFUSED = {
    "nothing:Level": "There is no module 'nothing' in .* or among the installed packages",
    "nothing.deep:Level": "There is no module 'nothing.deep'.*Run the command where nothing.py is",
    "broken:Level": "The module broken cannot be imported: it needs nowhere_to_be_found, which is missing",
    "wrong:Level": "The module wrong cannot be imported: SyntaxError: invalid syntax",
    "mine:Levle": "The module mine has no class 'Levle'. Did you mean Level",
    "mine:np": "mine:np is not a class",
    "mine:Plain": "mine:Plain is not a dataclass",
    "mine:Loose": "mine:Loose is not frozen",
    "mine:Nameless": "mine:Nameless has no field name with a default",
    "mine:Level:x": "names no class: write module:Class",
    "mine:Level+ridge": "names no class: write module:Class",
}


@pytest.mark.parametrize("reference", REFUSED)
def test_what_is_no_spec_is_refused_in_a_sentence(module, reference):
    with pytest.raises(ForecastError, match=REFUSED[reference]):
        imported(reference)


def test_a_name_of_the_library_is_refused(module):
    mine = [imported(f"mine:{name}") for name in ("Level", "Ridge", "Walk")]
    for kind in mine[1:]:
        with pytest.raises(ForecastError, match=f"has the name '{kind.name}', which is a model or a setting"):
            make_run("weather.csv", overrides={"models": [reference_of(kind)]}, specs=[kind])
    (module / "mymodule.py").write_text(LEVEL)
    with pytest.raises(ForecastError, match="mine:Level and mymodule:Level have the same name 'level'"):
        make_run("weather.csv", specs=[mine[0], imported("mymodule:Level")])


def test_errors_of_a_class_on_the_command_line_are_one_message_and_exit_2(module, file):  # noqa: F811
    for flags, words in (
        (["--model", "mine:Level+ridge"], "--model mine:Level+ridge names no class"),
        (["--model", "mine:Level", "--set", "level.cows=3"], "level has no setting 'cows'"),
        (["--model", "mine:Level", "--set", "level.rows=many"], "level.rows = 'many'"),
    ):
        refused = forecast(module, "fit", file, *flags)
        assert refused.returncode == 2
        assert "Traceback" not in refused.stderr
        assert words in refused.stderr
    assert not (module / "runs").exists()


def test_settings_by_name_or_by_class_are_the_same_run(module):
    kind = imported("mine:Level")
    plans = [
        make_run("weather.csv", overrides={"models": [model, "naive"], path: 3}, specs=[kind])
        for model, path in (("mine:Level", "level.rows"), ("level", "mine:Level.rows"))
    ]
    assert plans[0] == plans[1]
    assert plans[0].specs()[0] == kind(rows=3)
    toml = module / "plan.toml"
    toml.write_text(to_toml(plans[0]))
    assert make_run(config=toml, specs=[kind]).specs() == plans[0].specs()


def test_paths_of_settings():
    assert split_path("gru.units") == ("gru", "units")
    assert split_path("deep.mine:Level.rows") == ("deep.mine:Level", "rows")
    assert split_path("gru") == ("gru", "")
    assert by_name("tune.ridge.penalty", []) == "tune.ridge.penalty"


def test_a_reference_that_begins_as_another_is_not_taken_for_it(module):
    kinds = [imported("mine:Level"), imported("mine:LevelToo")]
    assert by_name("mine:LevelToo.rows", kinds) == "too.rows"
    assert by_name("tune.mine:Level.rows", kinds) == "tune.level.rows"


def test_the_settings_of_a_class_are_listed(module):
    shown = forecast(module, "models", "mine:Level", "--json")
    assert json.loads(shown.stdout) == {"class": "mine:Level", "name": "level", "rows": 24, "share": 1.0}


def test_a_change_of_a_class_is_compared(run, module, file):  # noqa: F811
    done = forecast(
        module, "compare", file, "--try", "mine:Level.rows=6", "--horizon", 24, "--quiet", "--json"
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["baseline"], {row["model"] for row in result["leaderboard"]}) == (
        "level",
        {"level", "rows=6"},
    )
