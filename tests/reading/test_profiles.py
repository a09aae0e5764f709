"""Files laid out as their vendors' pages say are recognised, and read right with no option but the target; near misses are not taken for them."""

import numpy as np
import pandas as pd
import pytest
from forecast.plan import make_run

import forecast as fc
from forecast.data.findings import ReadingError
from forecast.reading.profiles import PROFILES

DAYS = pd.date_range("2024-01-01", periods=40, freq="D")
HOURS = pd.date_range("2024-01-01", periods=72, freq="h")


def lines(*rows):
    return "\n".join(rows) + "\n"


def said(panel, code="profile"):
    return [finding.message for finding in panel.findings if finding.code == code]


def codes(path, options):
    """The codes of all findings, also where the file is refused."""
    try:
        findings = fc.read(path, **options).findings
    except ReadingError as error:
        findings = error.findings
    return [finding.code for finding in findings]


def ghcn(stations=("USW00094728",), days=DAYS, header=None, scale=10):
    """Files by station: the maximum of day i is i / 10 degrees, the minimum 5 below, the rain i / 10 mm."""
    head = header or (
        '"STATION","DATE","LATITUDE","LONGITUDE","ELEVATION","NAME","PRCP","PRCP_ATTRIBUTES","SNOW","SNOW_ATTRIBUTES",'
        '"TMAX","TMAX_ATTRIBUTES","TMIN","TMIN_ATTRIBUTES"'
    )
    rows = [head]
    for place, station in enumerate(stations):
        for day in days:
            i = (day - DAYS[0]).days + 7 * place
            low = "-9999" if i == 11 else f"{(i - 50) * scale / 10:g}"
            rows.append(
                f'"{station}","{day:%Y-%m-%d}","40.77","-73.96","42.7","NY CITY, NY US","{i * scale / 10:g}",",,W,2400","0",",,W",'
                f'"{i * scale / 10:g}",",,W","{low}",",,W"'
            )
    return lines(*rows)


# name: files that are read as it, each with its options, the names of its series, columns and first values of each column
FILES = {
    "ghcn-daily": [
        (
            ghcn(),
            {"target": "TMAX"},
            ["USW00094728"],
            {"TMAX": [0, 0.1, 0.2, 0.3], "PRCP": [0, 0.1], "TMIN": [-5, -4.9]},
        ),
        (
            ghcn(("USW00094728", "UKM00003772")),
            {"target": "TMAX"},
            ["UKM00003772", "USW00094728"],
            {"TMAX": [0.7, 0.8]},
        ),
    ],
}
MISSES = {
    "ghcn-daily": [
        ghcn(scale=1),  # degrees with decimals, as other services of NOAA write them
        ghcn(("72503014732",)),  # stations of GSOD
        ghcn().replace('"ELEVATION"', '"ELEV"'),
    ],
}


@pytest.fixture
def written(tmp_path):
    def write(content, name="file.csv"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write


GOOD = [(name, *file) for name, files in FILES.items() for file in files]
BAD = [(name, file) for name, files in MISSES.items() for file in files]


@pytest.mark.parametrize(("name", "content", "options", "ids", "values"), GOOD)
def test_a_file_of_a_vendor_is_recognised_and_read_right(written, name, content, options, ids, values):
    panel = fc.read(written(content), **options)
    assert panel.reading.profile == name
    assert list(panel.ids) == ids
    names = [column.name for column in panel.columns]
    for column, first in values.items():
        found = panel.values[: len(first), names.index(column)]
        assert found.tolist() == pytest.approx(first, abs=0, rel=0, nan_ok=True)
    [words] = said(panel)
    assert words.startswith(f"recognised as {PROFILES[name].title}: sets ")
    assert "`profile=none` switches it off" in words
    assert words.endswith(f"Terms of use: {PROFILES[name].licence}")


@pytest.mark.parametrize(("name", "content", "options", "ids", "values"), GOOD)
def test_the_decided_reading_reads_it_again_and_is_all_options(written, name, content, options, ids, values):
    path = written(content)
    panel = fc.read(path, **options)
    again = fc.read(path, panel.reading)
    assert again.reading == panel.reading
    assert np.array_equal(again.values, panel.values, equal_nan=True)
    assert np.array_equal(again.times, panel.times)
    newer = fc.read(path, panel.reading, clock=panel.clock)
    assert np.array_equal(newer.values, panel.values, equal_nan=True)


def test_an_option_that_is_given_wins(written):
    path = written(ghcn())
    panel = fc.read(
        path, target="TMAX", factor="TMAX=2", leave=["*_ATTRIBUTES", "NAME", "L*", "ELEV*", "SNOW"]
    )
    assert [column.name for column in panel.columns] == ["TMAX", "PRCP", "TMIN"]
    assert panel.values[:3, 0].tolist() == [0, 2, 4]
    assert panel.values[:3, 1].tolist() == [0, 1, 2]
    assert "`factor=" not in said(panel)[0]
    assert panel.reading.missing == ("-9999",)
    raw = fc.read(path, target="TMAX", profile="none")
    assert raw.values[:3, 0].tolist() == [0, 1, 2]
    assert raw.reading.profile == "none"
    assert said(raw) == []


def test_several_targets_of_one_station_are_series_and_a_column_that_is_named_is_not_left_out(written):
    panel = fc.read(written(ghcn()), target=["TMAX", "TMIN"], past="LATITUDE")
    assert panel.ids == ("TMAX", "TMIN")
    assert panel.values[1].tolist() == [0.1, 40.77]
    assert panel.reading.id is None


def test_with_target_and_past_named_the_file_is_recognised_too(written):
    panel = fc.read(written(ghcn()), target="TMAX", past="TMIN")
    assert panel.reading.profile == "ghcn-daily"
    assert panel.values[3].tolist() == [0.3, -4.7]


def test_a_run_reads_newer_rows_by_its_profile(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    days = pd.date_range("2024-01-01", periods=120, freq="D")
    (tmp_path / "old.csv").write_text(ghcn(days=days))
    newer = ghcn(days=days[110:] + pd.Timedelta("10D"))
    without_snow = newer.replace('"SNOW","SNOW_ATTRIBUTES",', "").replace('"0",",,W",', "")
    assert len(without_snow) < len(newer)
    (tmp_path / "new.csv").write_text(without_snow)
    (tmp_path / "run.toml").write_text(
        'data = "old.csv"\ntarget = "TMAX"\npast = "TMIN"\nmodels = ["naive", "seasonal"]\n'
    )
    fc.run(make_run(config=tmp_path / "run.toml"), out=tmp_path / "run")
    rows = fc.rows(tmp_path / "run", tmp_path / "new.csv")
    assert rows.values[-1].tolist() == [12.9, 7.9]
    assert rows.columns == fc.read(tmp_path / "old.csv", target="TMAX", past="TMIN").columns
    assert '"profile": "ghcn-daily"' in (tmp_path / "run" / "run.json").read_text()


@pytest.mark.parametrize(("name", "content"), BAD)
def test_a_near_miss_is_not_taken_for_it(written, name, content):
    path = written(content)
    assert "profile" not in codes(path, FILES[name][0][1])
    with pytest.raises(fc.ForecastError, match=f"is not laid out as a file of {PROFILES[name].title}"):
        fc.read(path, profile=name)


def test_every_profile_has_a_file_and_a_near_miss():
    assert set(FILES) == set(PROFILES) == set(MISSES)
    assert all(profile.header for profile in PROFILES.values())
