"""Batches for nets: what a window reads, made by index arithmetic when it is asked for.

Axes as in `settings.py`.
"""

import numpy as np
import torch
from torch import Tensor

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.data.seasons import seasonal_errors
from forecast.data.windows import Windows
from forecast.models.base import FAR
from forecast.models.nets.judging import Inputs
from forecast.models.nets.losses import Unit
from forecast.models.nets.settings import Settings
from forecast.task import Goal, Span

PAIRS = {"day": 3, "week": 2, "year": 2}  # harmonics of the calendar that the decoder sees
FROM_THE_LAST = ("last", "season", "target")  # anchors that start from the last observed target
LEAST_SPREAD = 1e-6  # between the highest and the lowest scaled value of a column that varies
EASY = 0.05  # share of the mean naive error below which that of a series counts as so much: a flat series must not rule the loss


class Feed:
    """Batches from one float32 tensor of the series, sent to the device once.

    The calendar is computed from the last known stamp.
    """

    def __init__(
        self,
        windows: Windows,
        sized: Settings,
        goal: Goal,
        cycles: tuple[str, ...],
        fitted: Array,
        device: torch.device,
        units: Array | None = None,
        idle: Array | None = None,
    ) -> None:
        """fitted (S,): the fitted row of each series, -1 = cold.

        units (S,): what the errors of each series are multiplied by, None = 1 · idle (C,): which columns
        are read as 0 in every row, None = none.
        """
        panel = windows.panel
        self.device = device
        self.span = goal.task.reduce
        self.fitted = fitted
        self.cycles = cycles
        self.future = [panel.moving.index(place) for place in panel.future]
        self.units = None if units is None else torch.from_numpy(units.astype("float32")).to(device)
        if idle is None:
            idle = np.zeros(len(panel.columns), bool)
        values = torch.from_numpy(windows.values).to(device)
        columns = values[:, panel.moving[1:]].clamp_(-FAR, FAR)
        columns[:-1, torch.from_numpy(idle[panel.moving[1:]])] = 0.0  # but for the row of what lies outside
        self.values = torch.cat([values[:, :1], columns], 1)
        static = torch.from_numpy(windows.values[panel.starts][:, panel.static])
        static[:, torch.from_numpy(idle[panel.static])] = 0.0
        self.static = static.nan_to_num().clamp_(-FAR, FAR).to(device)
        self.offsets = 1 + np.arange(sized.answers(goal)) * sized.sizes.segment
        without_target = np.arange(len(windows.seen)) - windows.seen
        longest = int(without_target.max(initial=0))
        self.reaches = sized.anchor_chosen in FROM_THE_LAST and longest >= windows.context

    def __call__(self, windows: Windows, origins: Array) -> tuple[Inputs, Tensor, Unit]:
        """The net's inputs at `origins` (B, 2), the target (B, A) and the units (B,).

        inputs: window (B, L, C), series (B,), calendar (B, m, F), future (B, H, K), static (B, J).
        """
        window = self._windows(windows, origins)
        if self.reaches:
            self._begin_with_older(window, windows, origins)
        series = torch.from_numpy(self.fitted[origins[:, 0]]).to(self.device)
        static = self.static[torch.from_numpy(origins[:, 0]).to(self.device)]
        calendar = self._calendar(windows.panel, origins)
        read = window[:, : windows.context]
        ahead = window[:, windows.context :]
        inputs = (read, series, calendar, ahead[:, :, self.future], static)
        units = None if self.units is None else self.units[series]
        return inputs, reduced(ahead[:, :, 0], self.span), units

    def _windows(self, windows: Windows, origins: Array) -> Tensor:
        """What windows at `origins` read (B, L + H, C): a block of memory each where all are whole, else row by row."""
        begins = windows.begins(origins)
        if begins is None:
            index = torch.from_numpy(windows.rows(origins))
            return self.values[index.to(self.device)]
        rows, columns = self.values.shape
        reach = windows.context + windows.horizon
        shape = (rows - reach + 1, reach, columns)
        blocks = self.values.as_strided(shape, (columns, columns, 1))
        return blocks.index_select(0, torch.from_numpy(begins).to(self.device))

    def _begin_with_older(self, window: Tensor, windows: Windows, origins: Array) -> None:
        """Write the last observed target before windows (B, L + H, C) that hold none into their first rows.

        There the net finds its anchor.
        """
        empty, latest = windows.older(origins)
        if not len(empty):
            return
        rows = torch.from_numpy(latest).to(self.device)
        places = torch.from_numpy(empty).to(self.device)
        window[places, 0, 0] = self.values[rows, 0]

    def _calendar(self, panel: Panel, origins: Array) -> Tensor:
        """Harmonics (B, m, F) of the first step that each answer is about."""
        shape = (len(origins), len(self.offsets), 0)
        if not self.cycles or not len(self.offsets):
            return torch.zeros(shape, device=self.device)
        stamps = panel.clock.after(panel.cutoffs(origins), self.offsets)
        waves = [panel.clock.harmonics(stamps, cycle, PAIRS[cycle]) for cycle in self.cycles]
        joined = np.concatenate(waves, axis=-1).astype("float32")
        return torch.from_numpy(joined).to(self.device)


def reduced(codes: Tensor, span: Span) -> Tensor:
    """Targets (B, H) as they are asked, (B, A): as `forecast.task.reduced`, NaN where any step is."""
    if span == "each":
        return codes
    found = codes.amax(1) if span == "any" else codes.amin(1)
    return found[:, None]


def idle_columns(past: Panel) -> Array:
    """Which columns (C,) of a scaled panel no net can learn from: all of their observed values are the same.

    The target is never among them.
    """
    idle = np.ones(len(past.columns), bool)
    idle[0] = False
    if len(idle) == 1:
        return idle
    rows = np.concatenate(
        [np.arange(start, stop) for start, stop in zip(past.starts, past.stops, strict=True)]
    )
    for column in np.flatnonzero(idle):
        values = past.values[rows, column]
        seen = values[~np.isnan(values)]
        idle[column] = not len(seen) or np.ptp(seen) < LEAST_SPREAD
    return idle


def calendar_width(cycles: tuple[str, ...]) -> int:
    """Features of the calendar."""
    return sum(2 * PAIRS[name] for name in cycles)


def units_of(past: Panel, weighting: str) -> Array | None:
    """What errors of each series (S,) are multiplied by before the loss, 1 on average; None where all count alike.

    mase: 1 / the mean error of the seasonal naive forecast in the past (Hyndman and Koehler 2006);
    owa: the mean of that and of equal units, each over its own mean, as the two parts of M4's score are.
    """
    if weighting == "equal":
        return None
    naive = seasonal_errors(past)
    usual = np.nanmedian(naive) if (~np.isnan(naive)).any() else 1.0
    naive = np.nan_to_num(naive, nan=usual)
    units = 1 / np.maximum(naive, EASY * naive.mean())
    if weighting == "owa":
        units = 1 / naive.mean() + units
    return units / units.mean()
