"""LSTM and GRU: the spec, and what a fit learned.

A forecast is a function of the last L rows before the origin, of the last observed target before
these where they hold none, and of the calendar and the future columns after the origin, and of
nothing else: the same in training, in a backtest and tomorrow.

Axes as in `settings.py`, and M origins.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch

from forecast.arrays import Array, under
from forecast.data.clock import cycle_flags, flagged_cycles
from forecast.data.panel import Panel
from forecast.data.seasons import cycles_seen, season_of
from forecast.data.windows import Windows, make_windows, split_windows
from forecast.errors import ForecastError
from forecast.models.answers import in_chunks
from forecast.models.base import OtherSettingsError, Watch
from forecast.models.contributions import Contributions
from forecast.models.hurdle import amounts, note_of, zeros_of
from forecast.models.names import base_shares, logits_of, names_ahead, shares_of
from forecast.models.nets.attribution import Place
from forecast.models.nets.attribution import explained as attributed
from forecast.models.nets.feed import Feed, calendar_width, idle_columns, units_of
from forecast.models.nets.gates import layer_states, traced
from forecast.models.nets.hurdle import hurdle_loss, joined_answers
from forecast.models.nets.judging import CHUNK, Inputs, answer
from forecast.models.nets.layered import LayerStates
from forecast.models.nets.losses import cross_entropy, loss_of
from forecast.models.nets.members import lowest_losses, train_members
from forecast.models.nets.net import Net, point_of
from forecast.models.nets.notes import NAMES, about_fit, about_idle, about_refit
from forecast.models.nets.settings import ANCHORS, MEMORY, Settings, Sizes, usual_batch
from forecast.models.nets.shortage import (
    NONE_SHORT,
    Short,
    about_short,
    season_again,
    short_lengths,
    without_first,
)
from forecast.models.nets.space import suggested
from forecast.models.nets.training import History, Training, affordable, seeded, train
from forecast.results import Log
from forecast.task import Goal

WIDE = 128  # units from which products in bfloat16 are faster, on processors that have them
CLOSE = 1.05  # validation losses, as multiples of the lowest, of members that are kept
JUDGING = 2048  # windows at most that say from how many rows on nets forecast series shorter than the context
LENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)  # which of the short series' lengths are judged, as quantiles
EMBEDDED = 1000  # a series with fewer rows gets no embedding of its own: too little to learn it from


@dataclass(frozen=True)
class Recurrent(Settings):
    """The spec of an LSTM or GRU forecaster: its settings, how they are fitted, restored and searched."""

    reads: ClassVar[tuple[str, ...]] = ("past", "future", "static")
    targets: ClassVar[tuple[str, ...]] = ("number", "event", "names")

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "LearnedNet":
        """Train on a scaled panel; ForecastError where it is too short for one window."""
        chosen = self.with_hurdle(past)
        if chosen.hurdle:
            past = amounts(past)
        sized = chosen.settle(past, goal.horizon)
        split = split_windows(past, sized.sizes.context, goal.horizon, self.validation)
        learned = sized.learn(split, goal, seed=seed, watch=watch, hasty=self.hasty)
        if chosen.hurdle:
            learned = learned.noting(f"{self.name}: {note_of(past)}")
        usual = self.batch or usual_batch(past)
        if sized.sizes.batch == usual:
            return learned
        note = (
            f"{sized.sizes.batch} windows a step instead of {usual}, so that those of"
            f" {len(past.columns)} columns fit into {MEMORY >> 20} MB"
        )
        return learned.noting(note)

    def learn(
        self,
        split: tuple[Windows, Windows, Windows],
        goal: Goal,
        *,
        seed: int,
        watch: Watch,
        hasty: bool = False,
    ) -> "LearnedNet":
        """Train with settled settings on windows for training, for validation, and all of both.

        hasty: as in `affordable`. ForecastError where the loss does not suit the units of the goal.
        """
        self._check_units(goal)
        training, _, whole = split
        past = whole.panel
        cycles = cycles_seen(past)
        device = self._device()
        idle = idle_columns(past)
        feed = self._feed(training, goal, cycles, device, idle)
        how = self._how(goal, device)
        prior = _prior(whole, goal)

        def net_of(member: int, first: list[float]) -> Net:
            recipe = self.recipe(member, first)
            net = Net(recipe, goal, _embedded(past), calendar_width(cycles))
            if prior is not None:
                net.get_buffer("prior").copy_(prior)
            return net.to(device)

        if self.seconds is not None:
            with seeded(seed):
                how = affordable(self.seconds / self.members, net_of(0, []), feed, training, how, hasty)

        def trained(member: int, net: Net, inner: Watch) -> History:
            return train(net, feed, split, how, inner)

        made = train_members(net_of, self.members, trained, seed, watch)
        nets = _kept(made.nets, made.histories)
        scale = NAMES if goal.names else goal.units.scale
        notes = [about_fit(self, nets, made.histories, how, len(training), scale)]
        notes += about_idle(self, past, idle)
        log = Log(tuple(notes), _joined(made.histories, how.steps), made.seconds)
        return LearnedNet(self, goal, nets, cycles, idle, log).with_short(split)

    def refit(
        self, past: Panel, goal: Goal, start: dict[str, Array], *, seed: int, watch: Watch
    ) -> "LearnedNet | None":
        """Go on from the arrays of an earlier fit: the finish alone, on all rows of the past.

        Sizes, anchor, cycles and members stay, what share of the departure from the anchor each
        forecasts, and which columns are not read. None where that fit forecasts its anchor.
        """
        before = self.restore(start, goal)
        if not any(net.trust is None or float(net.trust) for net in before.nets):
            return None
        if before.sized.hurdle:
            past = amounts(past)
        sized = before.sized.settle(past, goal.horizon)
        _, _, whole = split_windows(past, sized.sizes.context, goal.horizon, self.validation)
        device = self._device()
        feed = sized._feed(whole, goal, before.cycles, device, before.idle)
        how = replace(sized._how(goal, device), steps=0, shrink=False)
        nets = before.nets
        if self.seconds is not None and how.finish:
            with seeded(seed):
                limited = affordable(self.seconds / len(nets), nets[0], feed, whole, how)
            how = replace(how, finish=limited.finish)
        split = (whole, whole, whole)

        def net_of(member: int, first: list[float]) -> Net:
            return nets[member]

        def trained(member: int, net: Net, inner: Watch) -> History:
            return train(net, feed, split, how, inner)

        made = train_members(net_of, len(nets), trained, seed, watch)
        notes = [about_refit(self, how), *about_idle(self, past, before.idle)]
        log = Log(tuple(notes), seconds=made.seconds)
        return LearnedNet(sized, goal, tuple(made.nets), before.cycles, before.idle, log, before.short)

    def recipe(self, member: int, first: Sequence[float]) -> Self:
        """The settings of one of several members; first: the lowest validation losses of the first two.

        The second leaves out the skip, so their errors differ. The others take turns where these two
        judge alike, else all are of the better kind.
        """
        bare = member % 2 == 1
        if member >= 2 and max(first) > CLOSE * min(first):
            bare = first[0] >= first[1]
        return replace(self, skip=self.skip and not bare)

    def half(self, device: torch.device) -> bool:
        """Whether the nets of settled settings multiply in bfloat16; ForecastError where that is asked of a processor without it."""
        if self.precision == "auto":
            return self.sizes.units >= WIDE and has_bfloat16(device)
        if self.precision == "bfloat16" and not has_bfloat16(device):
            raise ForecastError(
                f"`{self.name}.precision=bfloat16`, but this processor has no products in bfloat16."
                f" Take `{self.name}.precision=auto`, or leave it out."
            )
        return self.precision == "bfloat16"

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "LearnedNet":
        """The net whose arrays these are.

        A fresh twin is built, and names, shapes and dtypes must agree before anything is copied;
        OtherSettingsError where they do not.
        """
        sized = self._sized_as(arrays)
        cycles = flagged_cycles(arrays["cycles"])
        series = int(arrays["series"][0])
        nets = []
        for member in range(int(arrays["members"][0])):
            saved = under(arrays, f"member.{member}.")
            weights = {name: torch.tensor(array) for name, array in saved.items()}
            recipe = replace(sized, skip=self.skip and "skip.weight" in weights)
            net = Net(recipe, goal, series, calendar_width(cycles)).to(self._device())
            self._check_twin(net.state_dict(), weights)
            net.load_state_dict(weights)
            nets.append(net.eval())
        idle = arrays["idle"].astype(bool)
        return LearnedNet(sized, goal, tuple(nets), cycles, idle, Log(), Short(*arrays["short"].tolist()))

    def space(self, trial: Any) -> Self:
        """These settings with those that an Optuna trial suggests."""
        return replace(self, **suggested(self, trial))

    def _sized_as(self, arrays: dict[str, Array]) -> Self:
        """The settled settings of a fit whose arrays these are."""
        sizes = Sizes(*(int(size) for size in arrays["sizes"]))
        chosen: dict[str, Any] = {}
        for name, size in sizes._asdict().items():
            if getattr(self, name) is None:
                chosen[name] = size
        if arrays["hurdle"][0]:
            chosen["shrink"] = False
        anchor, span = (int(value) for value in arrays["anchor"])
        hurdle = bool(arrays["hurdle"][0])
        return replace(self, anchor=ANCHORS[anchor], span=span or None, hurdle=hurdle, **chosen)

    def _check_twin(self, twin: dict[str, torch.Tensor], saved: dict[str, torch.Tensor]) -> None:
        """OtherSettingsError unless two sets of weights have the same names, shapes and dtypes."""
        wanted = _shapes(twin)
        found = _shapes(saved)
        if wanted == found:
            return
        wrong, _ = sorted(set(wanted.items()) ^ set(found.items()))[0]
        raise OtherSettingsError(
            f"The saved {self.name} does not fit its settings:"
            f" {wrong} is {found.get(wrong)}, not {wanted.get(wrong)}."
        )

    def _check_units(self, goal: Goal) -> None:
        """ForecastError where the loss is that of variances and the values are not their logs."""
        if self.loss == "qlike" and not goal.units.plain_logs:
            raise ForecastError(
                f"`{self.name}.loss=qlike` compares variances in logs: add `transform=log` and `scale=none`,"
                f" or take another loss."
            )

    def _feed(
        self, windows: Windows, goal: Goal, cycles: tuple[str, ...], device: torch.device, idle: Array
    ) -> Feed:
        """Batches of the series that are fitted."""
        past = windows.panel
        fitted = np.arange(len(past.ids))
        return Feed(windows, self, goal, cycles, fitted, device, units_of(past, self.weighting), idle)

    def _how(self, goal: Goal, device: torch.device) -> Training:
        """How its nets are trained, once its sizes are settled."""
        sizes = self.sizes
        loss = cross_entropy if goal.names else loss_of(self.loss, goal.levels)
        if self.hurdle:
            loss = hurdle_loss()
        judge = None
        if self.judge != "loss":
            judge = loss_of(self.judge, (), point_of(goal, self.loss))
        return Training(
            steps=sizes.steps,
            finish=round(self.finish * sizes.steps),
            batch=sizes.batch,
            learning_rate=self.rate,
            weight_decay=self.weight_decay,
            clip=self.clip,
            average=self.average,
            loss=loss,
            patience=self.patience,
            half=self.half(device),
            optimiser=self.optimiser,
            momentum=0.9 if self.momentum is None else self.momentum,
            l1=self.l1,
            l2=self.l2,
            clip_value=self.clip_value,
            schedule=self.schedule,
            warmup=self.warmup,
            shrink=self.shrink,
            judge=judge,
        )

    def _device(self) -> torch.device:
        return device_of(self.name, self.device)


def device_of(name: str, wanted: str) -> torch.device:
    """Where the nets of a model compute; ForecastError where a GPU is wanted and there is none."""
    there = torch.cuda.is_available()
    if wanted == "cuda" and not there:
        raise ForecastError(
            f"`{name}.device=cuda`, but torch finds no GPU here. Take `{name}.device=cpu`, or leave it out."
        )
    return torch.device("cuda" if there and wanted != "cpu" else "cpu")


@dataclass(frozen=True, eq=False)
class LearnedNet:
    """Trained nets, one for each member: `predict` reads `context` rows before each origin.

    idle (C,): the columns that never varied in the fit; they are read as 0 in every row · short: what is forecast
    at origins before which a series has few rows.
    """

    sized: Recurrent
    goal: Goal
    nets: tuple[Net, ...]
    cycles: tuple[str, ...]
    idle: Array
    log: Log
    short: Short = NONE_SHORT

    @property
    def context(self) -> int:
        """Rows before an origin that a forecast reads; and, anchored at the last value, the last observed target before them."""
        return self.sized.sizes.context

    @property
    def hurdle(self) -> bool:
        """Whether a quantile of 0 says that the target is exactly 0."""
        return bool(self.sized.hurdle)

    def noting(self, note: str) -> "LearnedNet":
        """The same nets with one note more in their log."""
        return replace(self, log=replace(self.log, notes=(*self.log.notes, note)))

    def with_short(self, split: tuple[Windows, Windows, Windows]) -> "LearnedNet":
        """These nets with what they forecast of series shorter than the context, as the judging windows say.

        split: windows for training, for judging, and all of both.
        """
        _, judging, whole = split
        lengths = short_lengths(whole.panel.lengths, self.context)
        if self.goal.names or self.sized.hurdle or not len(lengths) or not len(judging):
            return self
        season = min(season_of(whole.panel), self.context)
        tried = np.unique(np.quantile(lengths, LENGTHS, method="nearest"))
        enough = self.context
        for rows in tried[::-1].tolist():
            if not self._better_than(season, judging, rows):
                break
            enough = rows
        note = about_short(self.sized.name, lengths, self.context, season, enough)
        return replace(self.noting(note), short=Short(season, enough))

    @torch.inference_mode()
    def _better_than(self, season: int, judging: Windows, rows: int) -> bool:
        """Whether the mean absolute error of windows of which only the last rows are there is below that of their season again."""
        panel = judging.panel
        fitted = np.arange(len(panel.ids))
        feed = Feed(judging, self.sized, self.goal, self.cycles, fitted, self._device, idle=self.idle)
        chosen = np.unique(np.linspace(0, len(judging) - 1, JUDGING).round().astype("int64"))
        origins = judging.origins(chosen)
        of_nets = 0.0
        of_season = 0.0
        for begin in range(0, len(origins), CHUNK):
            (window, *others), target, _ = feed(judging, origins[begin : begin + CHUNK])
            window = without_first(window, rows)
            point = self._mean((window, *others))[..., self.nets[0].middle]
            again = season_again(window[..., 0], self.goal.horizon, season).cpu().numpy()
            actual = target.cpu().numpy()
            of_nets += float(np.nansum(np.abs(point - actual)))
            of_season += float(np.nansum(np.abs(again - actual)))
        return of_nets < of_season

    @torch.inference_mode()
    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled, at origins (M, 2) of a scaled panel; of a target of names their shares (M, A, K)."""
        if not self.sized.hurdle:
            return self._answered(panel, origins, fitted)
        answers = self._answered(amounts(panel), origins, fitted)
        return joined_answers(answers, zeros_of(panel)[origins[:, 0]], self.goal.levels)

    def _answered(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """What the nets answer (M, A, outputs), of names their shares (M, A, K): the mean over the members."""
        names = len(self.goal.names)
        values = np.empty((len(origins), self.goal.answered, names or self.nets[0].outputs))
        for chunk, inputs in self._chunks(panel, origins, fitted):
            values[chunk] = self._mean(inputs)
            short = self._short(origins[chunk])
            if short.any():
                values[chunk][short] += self._moved(inputs[0], values[chunk])[short, :, None]
        return values

    def _mean(self, inputs: Inputs) -> Array:
        """What the nets answer (B, A, outputs), of names their shares (B, A, K): the mean over the members."""
        half = self.sized.half(self._device)
        answers = [answer(net, inputs, half).cpu().numpy() for net in self.nets]
        if self.goal.names:
            answers = [shares_of(logits.astype("float64")) for logits in answers]
        mean: Array = np.mean(answers, axis=0, dtype="float64")
        return mean

    def _short(self, origins: Array) -> Array:
        """At which origins (M, 2) the last season is forecast again, bool (M,)."""
        short: Array = origins[:, 1] < self.short.enough
        return short

    def _moved(self, window: torch.Tensor, values: Array) -> Array:
        """How far the last season of windows (B, L, C) again is from the point of what the nets answer, (B, H)."""
        again = season_again(window[..., 0], self.goal.horizon, self.short.season).cpu().numpy()
        moved: Array = again - values[..., self.nets[0].middle]
        return moved

    def states(
        self, panel: Panel, origins: Array, fitted: Array, member: int
    ) -> tuple[list[LayerStates], float, float]:
        """Gates and states of one member at origins (M, 2) of a scaled panel, and two distances.

        They are the largest between the hidden states and those of torch in float32, and between the forecasts in float32
        and those of `predict`, which may be in bfloat16, in scaled units.
        """
        windows = make_windows(panel, self.context, self.goal.horizon)
        feed = Feed(windows, self.sized, self.goal, self.cycles, fitted, self._device, idle=self.idle)
        inputs, _, _ = feed(windows, origins)
        net = self.nets[member]
        calls, forecast = traced(net, inputs)
        with torch.no_grad():
            usual = answer(net, inputs, self.sized.half(self._device))[..., net.middle]
        apart = max(call.distance for call in calls)
        return layer_states(calls, len(origins)), apart, float((forecast - usual).abs().max())

    @torch.inference_mode()
    def attention(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """The weights (M, n) of the segments of the context before each origin, the mean over members; each row sums to 1."""
        parts = []
        for _, (window, series, _, _, static) in self._chunks(panel, origins, fitted):
            weights = [net.attend(window, series, static).cpu().numpy() for net in self.nets]
            parts.append(np.mean(weights, axis=0))
        return np.concatenate(parts)

    def explain(
        self, panel: Panel, origins: Array, fitted: Array, steps: Array, integration: int
    ) -> Contributions | None:
        """Integrated gradients, the mean over members; what the linear path says is exact (`nets/attribution`).

        None with a hurdle: the point of such a distribution is not one output of the net.
        """
        if self.sized.hurdle:
            return None
        chunks = [inputs for _, inputs in self._chunks(panel, origins, fitted)]
        place = Place(panel.moving, panel.future, panel.static)
        made = attributed(self.nets, chunks, place, steps, integration)
        short = self._short(origins)
        if short.any():
            target = torch.cat([inputs[0][..., 0] for inputs in chunks])
            again = season_again(target, self.goal.horizon, self.short.season).cpu().numpy()
            made = made.only_from(np.where(short[:, None], again[:, steps], np.nan))
        return made

    def arrays(self) -> dict[str, Array]:
        """Weights, sizes, anchor and its span, embedded series, cycles of the calendar, idle columns, what is done of short series."""
        arrays = {}
        for i, net in enumerate(self.nets):
            for name, tensor in net.state_dict().items():
                arrays[f"member.{i}.{name}"] = tensor.cpu().numpy()
        embedding = self.nets[0].series
        series = 0 if embedding is None else embedding.shape[1]
        anchor = ANCHORS.index(self.sized.anchor_chosen)
        arrays["members"] = np.array([len(self.nets)], "int64")
        arrays["sizes"] = np.array(self.sized.sizes, "int64")
        arrays["anchor"] = np.array([anchor, self.sized.span or 0], "int64")
        arrays["series"] = np.array([series], "int64")
        arrays["hurdle"] = np.array([bool(self.sized.hurdle)], "int64")
        arrays["short"] = np.array(self.short, "int64")
        arrays["idle"] = self.idle.astype("int64")
        arrays["cycles"] = cycle_flags(self.cycles)
        return arrays

    @property
    def _device(self) -> torch.device:
        return next(self.nets[0].parameters()).device

    def _chunks(self, panel: Panel, origins: Array, fitted: Array) -> Iterator[tuple[slice, Inputs]]:
        """The net's inputs at origins (M, 2), some of them at a time."""
        windows = make_windows(panel, self.context, self.goal.horizon)
        feed = Feed(windows, self.sized, self.goal, self.cycles, fitted, self._device, idle=self.idle)
        for begin in range(0, len(origins), CHUNK):
            chunk = slice(begin, begin + CHUNK)
            inputs, _, _ = feed(windows, origins[chunk])
            yield chunk, inputs


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies in bfloat16 itself."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())


def _kept(nets: list[Net], histories: list[History]) -> tuple[Net, ...]:
    """The members whose validation loss is close to the lowest."""
    lowest = lowest_losses(histories)
    limit = CLOSE * min(lowest)
    return tuple(net for net, loss in zip(nets, lowest, strict=True) if loss <= limit)


def _joined(histories: list[History], steps: int) -> tuple[tuple[int, float, float], ...]:
    """The histories of members one after another, each of which has so many steps."""
    rows = []
    for member, history in enumerate(histories):
        for step, loss, value in history:
            rows.append((member * steps + step, loss, value))
    return tuple(rows)


def _prior(whole: Windows, goal: Goal) -> torch.Tensor | None:
    """The logits (K - 1,) of how often each name is among those that windows are to forecast; None for numbers."""
    if not goal.names:
        return None
    origins = whole.origins(np.arange(len(whole)))
    ahead = in_chunks(lambda part: names_ahead(whole, part, goal), origins)
    shares = base_shares(ahead, len(goal.names))
    return torch.from_numpy(logits_of(shares).astype("float32"))


def _shapes(weights: dict[str, torch.Tensor]) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    return {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in weights.items()}


def _embedded(past: Panel) -> int:
    """How many series get an embedding: all of a panel of several long ones, else none."""
    if len(past.ids) == 1 or past.lengths.mean() < EMBEDDED:
        return 0
    return len(past.ids)
