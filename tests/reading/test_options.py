"""Reading: one value for `read`, Panel, Run and the flags, so that an option given at any of these doors arrives."""

import dataclasses
import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.data.options import OPTIONS, Reading, make_reading
from forecast.runs.plan import make_run, to_toml

YOUR_FILE = Path(__file__).parent.parent.parent / "docs" / "your-file.md"
FIELDS = dataclasses.fields(Reading)
GIVEN = {  # another value than the default for each option
    "target": ["temp", "load"],
    "event": "temp > 0",
    "time": ["date", "hour"],
    "id": "station",
    "past": "wind",
    "future": ["holiday"],
    "category": "kind",
    "neighbours": "all",
    "series": ["A", "B"],
    "static": "elevation",
    "tz": "Europe/Paris",
    "every": "1D",
    "how": "max",
    "missing": ["-9999", "NA"],
    "circular": "wind",
    "stamp": "end",
    "round": "1h",
    "dayfirst": True,
    "decimal": ",",
    "encoding": "cp1252",
    "header": 3,
    "calendar": "XNYS",
    "profile": "none",
    "names": ["a=b", "c=d"],
    "leave": "QN_*",
    "factor": ["temp=0.1", "wind=2"],
    "issued": "run",
    "lag": ["gdp=45D"],
    "unit": "temp=°C",
    "returns": True,
    "volatility": "squared",
    "ordered": ["calm", "storm"],
}


def stations(first=0, count=240):
    """Two stations of hourly rows, with degrees, names and a sign for missing."""
    step = np.arange(first, first + count)
    hours = pd.Timestamp("2024-01-01") + pd.to_timedelta(step, "h")
    one = pd.DataFrame(
        {
            "when": hours.strftime("%d/%m/%Y %H:%M"),
            "place": "A",
            "temp": np.where(step % 50 == 7, -9999, step % 24),
            "wind": step * 15 % 360,
            "kind": np.where(step % 2 == 0, "wet", "dry"),
        }
    )
    return pd.concat([one, one.assign(place="B", temp=step % 12)])


def same(one, two):
    return (
        one.ids == two.ids
        and one.columns == two.columns
        and one.clock == two.clock
        and one.findings == two.findings
        and one.reading == two.reading
        and np.array_equal(one.times, two.times)
        and np.array_equal(one.values, two.values, equal_nan=True)
    )


OF_STATIONS = {
    "target": "temp",
    "past": ["wind", "kind"],
    "missing": [-9999],
    "circular": "wind",
    "every": "1D",
    "how": "max",
    "neighbours": "B",
    "series": "A",
    "tz": "Europe/Paris",
}


def test_keywords_and_a_reading_are_the_same():
    by_name = fc.read(stations(), **OF_STATIONS)
    assert by_name.values.shape == (10, 5)  # ten days of A: temp, sine, cosine, kind, temp@B
    assert same(by_name, fc.read(stations(), Reading(**OF_STATIONS)))


def test_a_keyword_wins_over_a_reading_and_leaves_the_rest():
    changed = fc.read(stations(), Reading(**OF_STATIONS), how="min")
    assert same(changed, fc.read(stations(), **{**OF_STATIONS, "how": "min"}))
    assert changed.reading.how == "min"


def test_a_panel_has_the_reading_that_reads_its_file_again_and_the_next_one():
    panel = fc.read(stations(), **OF_STATIONS)
    assert panel.reading == Reading(
        **{**OF_STATIONS, "target": ["temp"], "neighbours": ["B"]},
        time="when",
        id="place",
        category=["kind"],
        future=[],
        static=[],
        dayfirst=True,
        profile="none",
    )
    again = fc.read(stations(), panel.reading)
    assert np.array_equal(again.values, panel.values, equal_nan=True)
    assert again.reading == panel.reading
    following = fc.read(stations(240, 48), panel.reading, clock=panel.clock)
    assert following.columns == panel.columns
    assert str(following.times[0])[:10] == "2024-01-11"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("wind", "wind"),
        (["wind", "kind"], ("wind", "kind")),
        (pd.Index(["wind"]), ("wind",)),
        (np.array([-9999, 7]), ("-9999", "7")),
        ([], ()),
        (None, None),
    ],
)
def test_several_names_in_any_form_are_a_tuple_of_text(value, kept):
    assert Reading(past=value).past == kept
    assert dataclasses.replace(Reading(), past=value) == make_reading(None, {"past": value})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"traget": "y"},
            r"There is no option 'traget' of reading a file\. Did you mean target\? There is: target, event, time",
        ),
        ({"target": 3}, r"^target = 3: input should be a valid string\.$"),
        ({"past": {"wind": 1}}, r"^past = \{'wind': 1\}: "),
        ({"every": 24}, r"^every = 24: input should be a valid string\.$"),
        ({"dayfirst": "often"}, r"^dayfirst = 'often': input should be a valid boolean"),
        ({"how": "sum"}, r"^`how=sum` says how readings become a longer step"),
        ({"factor": "temp"}, r"^`factor=temp` has no number to multiply by: write 0\.1, or TMAX=0\.1\.$"),
        ({"factor": "temp=0"}, r"^`factor=temp=0` has no number to multiply by"),
        ({"unit": "m"}, r"^`unit=m` is not a column and its unit: write TMAX=°C\.$"),
        ({"profile": "gchn-daily"}, r"^There is no profile 'gchn-daily'\. Did you mean ghcn-daily\?"),
        ({"names": ["a", "b"]}, r"^`names` has 2 names \(a, b\), and the frame has 5 columns: when, place"),
        (
            {"names": ["temp=wind"]},
            r"^After `names=temp=wind` several columns of the frame are called wind\.",
        ),
        ({"decimal": ";"}, r"^A decimal mark is \".\" or \",\"; found `decimal=;`"),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_its_name(options, message):
    with pytest.raises(fc.ForecastError, match=message):
        fc.read(stations(), **options)


def test_columns_get_names_factors_and_units_and_are_left_out():
    named = fc.read(
        stations(),
        names=["when", "place", "degrees", "wind", "kind"],
        target="degrees",
        leave="w*d",
        factor="degrees=0.1",
        unit="degrees=tens",
        missing="-9999",
    )
    assert [column.name for column in named.columns] == ["degrees"]
    assert named.values[:5, 0].tolist() == [0, 0.1, 0.2, 0.3, 0.4]
    assert [one.message for one in named.findings if one.code == "unit"] == ["units: degrees in tens"]
    some = fc.read(
        stations(), names="temp=degrees", target="degrees", factor=["2", "degrees=10"], missing="-9999"
    )
    assert some.values[:3].tolist() == [[0, 0], [10, 30], [20, 60]]
    again = fc.read(stations(240, 48), some.reading, clock=some.clock)
    assert again.values[0].tolist() == [0, 0]
    assert again.values[1].tolist() == [10, 30]


@pytest.mark.parametrize("option", ["names", "leave", "factor", "unit"])
def test_a_column_that_is_not_there_is_refused_by_its_option(option):
    given = {"leave": "tmep"}.get(option, "tmep=1")
    with pytest.raises(
        fc.ForecastError, match=rf"^There is no column 'tmep' for `{option}`. Did you mean temp\?"
    ):
        fc.read(stations(), target="temp", **{option: given})


def test_what_is_no_reading_is_refused():
    with pytest.raises(
        fc.ForecastError,
        match=r"^reading = 'temp': this is no Reading\. Give forecast\.Reading\(target=\.\.\.\)",
    ):
        fc.read(stations(), "temp")


def test_every_option_reaches_a_run_by_name_by_reading_and_by_toml(tmp_path):
    assert tuple(GIVEN) == OPTIONS
    wanted = Reading(**GIVEN)
    run = make_run("x.csv", overrides=GIVEN)
    assert run.reading == wanted
    assert all(getattr(wanted, one.name) != one.default for one in FIELDS)
    assert make_run("x.csv", overrides={"reading": wanted}) == run
    (tmp_path / "run.toml").write_text(to_toml(run))
    assert make_run(config=tmp_path / "run.toml").reading == wanted
    top = tomllib.loads(to_toml(run))
    assert {name: top[name] for name in OPTIONS} == GIVEN
    assert "reading" not in top


def test_in_toml_the_options_stand_at_the_top(tmp_path):
    (tmp_path / "run.toml").write_text('data = "x.csv"\n[reading]\ntarget = "y"\n')
    with pytest.raises(fc.ForecastError, match="each option by its own name, such as target"):
        make_run(config=tmp_path / "run.toml")


def flags_of(command):
    """The parameters of a command by name, as the command line parses them."""
    import typer.main

    from forecast.cli import app

    return {one.name: one for one in typer.main.get_command(app).commands[command].params}


@pytest.mark.parametrize("command", ["check", "fit", "backtest", "compare", "tune", "audit"])
def test_every_option_is_a_flag_with_its_help_and_default(command):
    flags = flags_of(command)
    assert [name for name in flags if name in OPTIONS] == list(OPTIONS)
    for one in FIELDS:
        flag = flags[one.name]
        assert flag.opts == [f"--{one.name}"]
        assert flag.secondary_opts == [f"--{one.metadata['opposite']}"] * bool(one.metadata["opposite"])
        assert flag.help == one.metadata["help"]
        assert flag.show_default == (one.metadata["shown"] or False)
        assert flag.multiple == (one.metadata["many"] or bool(one.metadata["opposite"]))


def test_the_page_on_your_file_names_the_flag_of_every_option_and_none_that_is_not_there():
    section = YOUR_FILE.read_text(encoding="utf-8")
    named = set(re.findall(r"--([a-z]+)", section))
    flags = flags_of("fit")
    known = {
        text.removeprefix("--") for flag in flags.values() for text in (*flag.opts, *flag.secondary_opts)
    }
    opposites = {one.metadata["opposite"] for one in FIELDS} - {""}
    assert {*OPTIONS, *opposites} <= named
    assert named <= known


def test_help_of_a_reading_says_what_each_option_means():
    for one in FIELDS:
        assert f"{one.name}: {one.metadata['meaning']}." in fc.Reading.__doc__
