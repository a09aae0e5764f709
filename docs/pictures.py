"""The two pictures of README and docs, from data/weather.parquet: tomorrow's forecast with its bands, and the board.

`make pictures` runs `forecast fit` with its defaults on the file and draws what the run says, so no number here is typed by hand.
"""

import html
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import forecast as fc
from forecast.show.look import COLOURS

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
DATA = HERE.parent / "data" / "weather.parquet"
STATION = "JFK"
OBSERVED = 96  # rows before the forecast that are drawn
WIDTH, HEIGHT = 860, 330
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 44, 38
INK, FAINT, TRUTH, LINE = "#333333", "#E4E4E4", "#222222", COLOURS["lstm"]
STYLE = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"


def main() -> None:
    """Fit the file, and draw both pictures."""
    with tempfile.TemporaryDirectory() as folder:
        run = fc.run(DATA, out=Path(folder) / "weather")
        PICTURES.mkdir(exist_ok=True)
        observed = observed_of(run.panel, STATION)
        forecast = run.forecast.to_frame(cutoff=False)
        ahead = forecast[forecast["unique_id"] == STATION]
        keep("forecast.svg", forecast_picture(observed, ahead, run.board.best))
        keep("board.svg", board_picture(run.board))


def keep(name: str, text: str) -> None:
    """Write a picture into the folder of pictures."""
    (PICTURES / name).write_text(text, encoding="utf-8")


def observed_of(panel: Any, station: str) -> pd.Series:
    """The last observed values of a station, by stamp."""
    rows = panel.rows(panel.ids.index(station))
    values = panel.values[rows, 0][-OBSERVED:]
    stamps = panel.times[rows][-OBSERVED:]
    return pd.Series(values, index=pd.DatetimeIndex(stamps))


def forecast_picture(observed: pd.Series, ahead: pd.DataFrame, model: str) -> str:
    """Observed values, and after them the forecast in its 80 % and 95 % bands, in degrees."""
    stamps = pd.DatetimeIndex(ahead["ds"]).tz_localize(None)
    low95, high95 = ahead[f"{model}-lo-95"], ahead[f"{model}-hi-95"]
    low80, high80 = ahead[f"{model}-lo-80"], ahead[f"{model}-hi-80"]
    lowest = np.floor(min(observed.min(), low95.min()) / 5) * 5
    highest = np.ceil(max(observed.max(), high95.max()) / 5) * 5
    across = _scale(observed.index[0].value, stamps[-1].value, LEFT, WIDTH - RIGHT)
    up = _scale(lowest, highest, HEIGHT - BOTTOM, TOP)
    x_seen = [across(stamp.value) for stamp in observed.index]
    x_ahead = [across(stamp.value) for stamp in stamps]
    parts = _grid(np.arange(lowest, highest + 1, 5), up)
    parts += _days(observed.index[0], stamps[-1], across)
    parts.append(_band(x_ahead, [up(v) for v in low95], [up(v) for v in high95], 0.18))
    parts.append(_band(x_ahead, [up(v) for v in low80], [up(v) for v in high80], 0.38))
    parts.append(_curve(x_seen, [up(v) for v in observed], TRUTH, 1.6))
    parts.append(_curve(x_ahead, [up(v) for v in ahead[model]], LINE, 2.4))
    title = f"Temperature at {STATION}, next {len(ahead)} hours by {model}, in °C"
    parts.append(_text(LEFT, 22, title, weight=600, size=15))
    parts += _legend()
    return _whole(parts, title, HEIGHT)


def board_picture(board: Any) -> str:
    """The error of each model as a bar, with its skill and p, and the first sentence of the verdict above."""
    height = TOP + 20 + 34 * len(board.rows) + 14
    longest = max(row.scores[board.metric] for row in board.rows)
    wide = _scale(0, longest, 0, 380)
    parts = [_text(16, 24, _sentence(board), weight=600, size=15)]
    parts.append(_text(100, 50, f"{board.metric.upper()} in °C, {board.horizon} hours ahead"))
    parts.append(_text(580, 50, "skill (95 % interval)"))
    parts.append(_text(770, 50, "p"))
    for place, row in enumerate(board.rows):
        top = TOP + 20 + 34 * place
        score = row.scores[board.metric]
        colour = COLOURS.get(row.model, "#332288")
        parts.append(_text(90, top + 17, row.model, anchor="end"))
        parts.append(
            f'<rect x="100" y="{top}" width="{wide(score):.1f}" height="24" rx="3" fill="{colour}"/>'
        )
        parts.append(_text(106 + wide(score), top + 17, f"{score:.3f}"))
        parts.append(_text(580, top + 17, _skill(row, board.baseline)))
        parts.append(_text(770, top + 17, _chance(row.p)))
    return _whole(parts, _sentence(board), height)


def _sentence(board: Any) -> str:
    """The comparison of the best model with the baseline in one sentence."""
    best = next(row for row in board.rows if row.model == board.best)
    if best.model == board.baseline:
        return f"{best.model}, a baseline, is best"
    return (
        f"{best.model}: an error {best.skill:.1%} below that of {board.baseline}, the best baseline".replace(
            "%", " %"
        )
    )


def _skill(row: Any, baseline: str) -> str:
    """The skill of a model with its interval; the baseline is named."""
    if row.model == baseline:
        return "the best baseline"
    return f"{row.skill * 100:+.1f} % ({row.skill_lo * 100:+.1f} .. {row.skill_hi * 100:+.1f})"


def _chance(p: float | None) -> str:
    """p as a table prints it."""
    if p is None:
        return ""
    return "< .001" if p < 0.001 else f"{p:.3f}"


def _scale(low: float, high: float, begin: float, end: float) -> Any:
    """The straight line that takes low to begin and high to end."""
    return lambda value: begin + (value - low) / (high - low) * (end - begin)


def _grid(values: Any, up: Any) -> list[str]:
    """A line and a label for each value of the axis."""
    parts = []
    for value in values:
        y = up(value)
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{FAINT}"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{value:.0f}", anchor="end"))
    return parts


def _days(first: pd.Timestamp, last: pd.Timestamp, across: Any) -> list[str]:
    """A line and a label where each day begins."""
    parts = []
    for day in pd.date_range(first.ceil("D"), last, freq="D"):
        x = across(day.value)
        parts.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="{FAINT}"/>')
        parts.append(_text(x, HEIGHT - BOTTOM + 18, f"{day:%d %b}", anchor="middle"))
    return parts


def _legend() -> list[str]:
    """What each line and band is, at the right of the title."""
    signs = (("observed", TRUTH, 1.0), ("forecast", LINE, 1.0), ("80 %", LINE, 0.5), ("95 %", LINE, 0.18))
    parts = []
    for place, (word, colour, share) in enumerate(signs):
        x = WIDTH - 330 + 84 * place
        parts.append(f'<rect x="{x}" y="12" width="14" height="10" fill="{colour}" fill-opacity="{share}"/>')
        parts.append(_text(x + 19, 21, word))
    return parts


def _band(x: list[float], low: list[float], high: list[float], share: float) -> str:
    """What lies between two curves, filled."""
    there = [f"{a:.1f} {b:.1f}" for a, b in zip(x, high, strict=True)]
    back = [f"{a:.1f} {b:.1f}" for a, b in zip(reversed(x), reversed(low), strict=True)]
    return f'<path d="M{"L".join([*there, *back])}Z" fill="{LINE}" fill-opacity="{share}"/>'


def _curve(x: list[float], y: list[float], colour: str, width: float) -> str:
    """A curve, with a gap where a value is missing."""
    path = ""
    pen = "M"
    for a, b in zip(x, y, strict=True):
        if np.isnan(b):
            pen = "M"
            continue
        path += f"{pen}{a:.1f} {b:.1f}"
        pen = "L"
    return f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 13, weight: int = 400) -> str:
    """Words at a place."""
    look = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{INK}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {look}>{html.escape(words)}</text>'


def _whole(parts: list[str], title: str, height: float) -> str:
    """A picture of these parts on white, with its title for those who cannot see it."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" style="{STYLE}">'
    )
    ground = f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>'
    return "\n".join([head, f"<title>{html.escape(title)}</title>", ground, *parts, "</svg>", ""])


if __name__ == "__main__":
    main()
