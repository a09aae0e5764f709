"""LSTM and GRU: the spec, its batches, and what a fit learned.

A forecast is a function of the last L rows before the origin, of the last observed target before these where they hold none, and of the calendar
and the future columns after the origin, and of nothing else: the same in training, in a backtest and tomorrow.

Axes as in `settings.py`, and M origins.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from forecast.arrays import Array, under
from forecast.data.clock import CYCLES
from forecast.data.findings import counted
from forecast.data.panel import Panel
from forecast.data.scaling import SHARED, Units
from forecast.data.seasons import cycles_seen, seasonal_errors
from forecast.data.windows import Windows, make_windows, split_windows
from forecast.errors import ForecastError
from forecast.models.base import FAR, OtherSettingsError, Watch
from forecast.models.nets.net import Net, point_of
from forecast.models.nets.settings import ANCHORS, MEMORY, RATES, Settings, Sizes, usual_batch
from forecast.models.nets.training import (
    CHUNK,
    History,
    Inputs,
    Training,
    Unit,
    affordable,
    answer,
    loss_of,
    seeded,
    train,
)
from forecast.results import Log
from forecast.task import Goal
from forecast.workers import one_thread

PAIRS = {"day": 3, "week": 2, "year": 2}  # harmonics of the calendar that the decoder sees
WIDE = 128  # units from which products in bfloat16 are faster, on processors that have them
CLOSE = 1.05  # validation losses, as multiples of the lowest, of members that are kept
FROM_THE_LAST = ("last", "season", "target")  # anchors that start from the last observed target
ZEROS = {  # what 0 is in the units of a scale
    "standard": "the mean of the past",
    SHARED: "the mean of the past",
    "robust": "the median of the past",
    "minmax": "the lowest value of the past",
}
EASY = 0.05  # share of the mean naive error below which that of a series counts as so much: a flat series must not rule the loss
EMBEDDED = (
    1000  # a series with fewer rows than this gets no embedding of its own: too little to learn it from
)


@dataclass(frozen=True)
class Recurrent(Settings):
    """The spec of an LSTM or GRU forecaster: its settings, how they are fitted, restored and searched."""

    reads: ClassVar[tuple[str, ...]] = ("past", "future", "static")

    def fit(self, past: Panel, goal: Goal, *, seed: int, watch: Watch) -> "LearnedNet":
        """Train on a scaled panel; ForecastError where it is too short for one window."""
        sized = self.settle(past, goal.horizon)
        learned = sized.learn(
            split_windows(past, sized.sizes.context, goal.horizon, self.validation),
            goal,
            seed=seed,
            watch=watch,
            hasty=self.hasty,
        )
        usual = self.batch or usual_batch(past)
        if sized.sizes.batch == usual:
            return learned
        note = f"{sized.sizes.batch} windows a step instead of {usual}, so that those of {len(past.columns)} columns fit into {MEMORY >> 20} MB"
        return replace(learned, log=replace(learned.log, notes=(*learned.log.notes, note)))

    def learn(
        self,
        split: tuple[Windows, Windows, Windows],
        goal: Goal,
        *,
        seed: int,
        watch: Watch,
        hasty: bool = False,
    ) -> "LearnedNet":
        """Train with settled settings on windows for training, for validation, and all of both; hasty: as in `affordable`."""
        if self.loss == "qlike" and goal.units != Units("log", "none"):
            raise ForecastError(
                f"{self.name}.loss = 'qlike' compares variances in logs: add --transform log --scale none, or take another loss."
            )
        past, sizes, device = split[2].panel, self.sizes, self._device()
        cycles = cycles_seen(past)
        feed = Feed(split[0], self, cycles, np.arange(len(past.ids)), device, units_of(past, self.weighting))
        how = self._how(goal, device)
        if self.seconds is not None:
            with seeded(seed):
                net = Net(self, goal, _embedded(past), _width(cycles)).to(device)
                how = affordable(self.seconds / self.members, net, feed, split[0], how, hasty)

        def net_of(member: int, first: list[float]) -> Net:
            return Net(self.recipe(member, first), goal, _embedded(past), _width(cycles)).to(device)

        nets, histories, seconds = _trained(net_of, self.members, feed, split, how, seed, watch)
        lowest = _lowest(histories)
        nets = [net for net, loss in zip(nets, lowest, strict=True) if loss <= CLOSE * min(lowest)]
        kept = ", ".join(str(min(history, key=lambda row: row[2])[0]) for history in histories)
        bare = sum(net.skip is None for net in nets) if self.skip else 0
        at = {"none": "no anchor", "season": f"anchored at the last season of {self.span} rows"}.get(
            self.anchor_chosen, f"anchor {self.anchor_chosen}"
        )
        shares = [float(net.trust) for net in nets if net.trust is not None]
        drawn = f", {', '.join(f'{share:.0%}' for share in shares)} of the departure from the anchor forecast"
        if not any(shares):
            drawn = (
                ", forecasts the anchor itself, since departing from it gained less than one standard error:"
                f" {self._anchor_in_words(goal.units.scale)}"
            )
        of = (
            f", the mean of {counted(len(nets), 'net')}, {bare} of them without the skip"
            if self.members > 1
            else ""
        )
        note = (
            f"{self.name}: reads {sizes.context} rows in segments of {sizes.segment}, {_words(self.widths)} units, {at},"
            f" {len(split[0]):,} training windows, weights of step {kept} of {how.steps} kept ({sizes.batch} windows a step),"
            f" then {how.finish} steps on all rows{of}{drawn if set(shares) - {1.0} else ''}"
        )
        history = [
            (member * how.steps + step, loss, value)
            for member, rows in enumerate(histories)
            for step, loss, value in rows
        ]
        return LearnedNet(self, goal, tuple(nets), cycles, Log((note,), tuple(history), seconds))

    def refit(
        self, past: Panel, goal: Goal, start: dict[str, Array], *, seed: int, watch: Watch
    ) -> "LearnedNet | None":
        """Go on from the arrays of an earlier fit: the finish alone, on all rows of the past; None where that fit forecasts its anchor.

        Sizes, anchor, cycles and members stay, and what share of the departure from the anchor each forecasts.
        """
        before = self.restore(start, goal)
        if not any(net.trust is None or float(net.trust) for net in before.nets):
            return None
        sized, nets = before.sized.settle(past, goal.horizon), list(before.nets)
        whole, device = (
            split_windows(past, sized.sizes.context, goal.horizon, self.validation)[2],
            self._device(),
        )
        feed = Feed(
            whole, sized, before.cycles, np.arange(len(past.ids)), device, units_of(past, self.weighting)
        )
        how = replace(sized._how(goal, device), steps=0, shrink=False)
        if self.seconds is not None and how.finish:
            with seeded(seed):
                how = replace(
                    how, finish=affordable(self.seconds / len(nets), nets[0], feed, whole, how).finish
                )
        nets, _, seconds = _trained(
            lambda member, _: nets[member], len(nets), feed, (whole, whole, whole), how, seed, watch
        )
        note = f"{self.name}: goes on from the weights of the fit before, {how.finish} steps on all rows ({how.batch} windows a step)"
        return LearnedNet(sized, goal, tuple(nets), before.cycles, Log((note,), seconds=seconds))

    def _anchor_in_words(self, scale: str) -> str:
        """What a net of settled settings forecasts where it forecasts its anchor. scale: whose zero stands for none."""
        if self.anchor_chosen == "season":
            return f"the last season of {self.span} rows again"
        if self.anchor_chosen == "mean":
            return f"the mean of the last {self.span or self.sizes.context} rows"
        if self.anchor_chosen == "none":
            return ZEROS.get(scale, "zero in the units of the scale")
        return "the last observed value"

    def _how(self, goal: Goal, device: torch.device) -> Training:
        """How its nets are trained, once its sizes are settled."""
        sizes = self.sizes
        return Training(
            steps=sizes.steps,
            finish=round(self.finish * sizes.steps),
            batch=sizes.batch,
            learning_rate=self.rate,
            weight_decay=self.weight_decay,
            clip=self.clip,
            average=self.average,
            loss=loss_of(self.loss, goal.levels),
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
            judge=None if self.judge == "loss" else loss_of(self.judge, (), point_of(goal, self.loss)),
        )

    def recipe(self, member: int, first: Sequence[float]) -> Self:
        """The settings of one of several members; first: the lowest validation losses of the first two, which those after them hang on.

        The second leaves out the skip, so their errors differ. The others take turns where these two judge alike, else all are of the better kind.
        """
        alike = member < 2 or max(first) <= CLOSE * min(first)
        bare = member % 2 == 1 if alike else first[0] >= first[1]
        return replace(self, skip=self.skip and not bare)

    def half(self, device: torch.device) -> bool:
        """Whether the nets of settled settings multiply in bfloat16; ForecastError where that is asked of a processor without it."""
        if self.precision == "auto":
            return self.sizes.units >= WIDE and has_bfloat16(device)
        if self.precision == "bfloat16" and not has_bfloat16(device):
            raise ForecastError(
                f"{self.name}.precision = 'bfloat16', but this processor has no products in bfloat16."
                f" Take precision = 'auto', or leave it out."
            )
        return self.precision == "bfloat16"

    def _device(self) -> torch.device:
        """Where its nets compute."""
        there = torch.cuda.is_available()
        if self.device == "cuda" and not there:
            raise ForecastError(
                f"{self.name}.device = 'cuda', but torch finds no GPU here. Take device = 'cpu', or leave it out."
            )
        return torch.device("cpu" if self.device == "cpu" or not there else "cuda")

    def restore(self, arrays: dict[str, Array], goal: Goal) -> "LearnedNet":
        """The net whose arrays these are: a fresh twin is built, and names, shapes and dtypes must agree before anything is copied."""
        chosen = Sizes(*(int(size) for size in arrays["sizes"]))._asdict()
        chosen = {size: value for size, value in chosen.items() if getattr(self, size) is None}
        anchor, span = (int(value) for value in arrays["anchor"])
        sized = replace(self, anchor=ANCHORS[anchor], span=span or None, **chosen)
        cycles = tuple(name for name, used in zip(CYCLES, arrays["cycles"], strict=True) if used)
        nets = []
        for member in range(int(arrays["members"][0])):
            weights = {
                name: torch.tensor(array) for name, array in under(arrays, f"member.{member}.").items()
            }
            recipe = replace(sized, skip=self.skip and "skip.weight" in weights)
            net = Net(recipe, goal, int(arrays["series"][0]), _width(cycles)).to(self._device())
            twin = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in net.state_dict().items()}
            found = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in weights.items()}
            if twin != found:
                wrong = sorted(set(twin.items()) ^ set(found.items()))[0][0]
                raise OtherSettingsError(
                    f"The saved {self.name} does not fit its settings: {wrong} is {found.get(wrong)}, not {twin.get(wrong)}."
                )
            net.load_state_dict(weights)
            nets.append(net.eval())
        return LearnedNet(sized, goal, tuple(nets), cycles, Log())

    def space(self, trial: Any) -> Self:
        """What a study tries; a setting outside the usual range widens it. `search` small: units, layers, dropout and learning rate (log).

        full varies the groups net, input, head and training as well. What would contradict a setting that is given is not tried.
        """
        tried = {
            **self._sizes(trial),
            "dropout": trial.suggest_float("dropout", 0.0, max(0.6, self.dropout)),
            "learning_rate": self._rate(trial),
        }
        if self.search == "full":
            tried |= {
                **self._net(trial, tried.get("units", self.units)),
                **self._input(trial),
                **self._head(trial),
                **self._training(trial),
            }
        return replace(self, **tried)

    def _sizes(self, trial: Any) -> dict[str, Any]:
        """Units and layers; units alone where these are a list, which names both."""
        if isinstance(self.units, tuple):
            return {}
        choices = sorted({32, 64, 128} | ({self.units} if self.units else set()))
        units = trial.suggest_categorical("units", choices)
        layers = 1 if isinstance(units, tuple) else trial.suggest_int("layers", 1, max(2, self.layers))
        return {"units": units, "layers": layers}

    def _rate(self, trial: Any) -> float:
        scale = RATES[self.optimiser]
        rate: float = trial.suggest_float(
            "learning_rate", min(3e-4 * scale, self.rate), max(1e-2 * scale, self.rate), log=True
        )
        return rate

    def _net(self, trial: Any, units: Any) -> dict[str, Any]:
        """What a net of these units is made of beside them."""
        tried = {
            "input_dropout": trial.suggest_float("input_dropout", 0.0, max(0.3, self.input_dropout)),
            "recurrent_dropout": trial.suggest_float(
                "recurrent_dropout", 0.0, max(0.5, self.recurrent_dropout)
            ),
            "norm": trial.suggest_categorical("norm", ["none", "layer", "batch"])
            if self.batch != 1
            else self.norm,
            "bidirectional": trial.suggest_categorical("bidirectional", [False, True]),
            "attention": trial.suggest_categorical("attention", [False, True]),
            "init": trial.suggest_categorical("init", ["default", "orthogonal", "glorot", "he"]),
        }
        if not isinstance(units, tuple) or len(set(units)) == 1:
            tried["residual"] = trial.suggest_categorical("residual", [False, True])
        return tried

    def _input(self, trial: Any) -> dict[str, Any]:
        """What is done to a window before it is read."""
        tried = {
            "noise": trial.suggest_float("noise", 0.0, max(0.6, self.noise)),
            "target_noise": trial.suggest_float("target_noise", 0.0, max(0.3, self.target_noise)),
            "scaling": trial.suggest_float("scaling", 0.0, max(0.3, self.scaling)),
        }
        tried["since"] = trial.suggest_categorical("since", [False, True])
        if self.span is None:
            season = ["season"] if self.context is None else []
            tried["anchor"] = trial.suggest_categorical("anchor", ["last", *season, "target", "mean", "none"])
        return tried

    def _head(self, trial: Any) -> dict[str, Any]:
        """How the net answers; a step at a time, which is for teaching, only where it is asked for."""
        heads = ["segments", "linear", "dense", *(["recursive"] if self.head == "recursive" else [])]
        return {
            "head": trial.suggest_categorical("head", heads),
            "skip": trial.suggest_categorical("skip", [True, False]),
        }

    def _training(self, trial: Any) -> dict[str, Any]:
        """How the net is trained; sgd, whose rates are others, keeps to itself, and so does a decay that only adamw has."""
        kinds = [
            "cosine",
            "constant",
            "exponential",
            "staircase",
            "plateau",
            *(["one-cycle"] if self.warmup is None else []),
        ]
        tried = {
            "schedule": trial.suggest_categorical("schedule", kinds),
            "clip": trial.suggest_float("clip", min(0.1, self.clip), max(10.0, self.clip), log=True),
            "l2": trial.suggest_float("l2", 0.0, max(1e-4, self.l2)),
        }
        if self.optimiser != "sgd" and not self.weight_decay:
            tried["optimiser"] = trial.suggest_categorical("optimiser", ["adamw", "adam", "rmsprop"])
        return tried


class Feed:
    """Batches by index arithmetic: one float32 tensor of the series, sent to the device once, and the calendar computed from the last known stamp."""

    def __init__(
        self,
        windows: Windows,
        sized: Settings,
        cycles: tuple[str, ...],
        fitted: Array,
        device: torch.device,
        units: Array | None = None,
    ) -> None:
        self.device, panel = device, windows.panel
        self.units = None if units is None else torch.from_numpy(units.astype("float32")).to(device)
        values = torch.from_numpy(windows.values).to(device)
        self.values = torch.cat([values[:, :1], values[:, panel.moving[1:]].clamp_(-FAR, FAR)], 1)
        self.static = (
            torch.from_numpy(windows.values[panel.starts][:, panel.static])
            .nan_to_num()
            .clamp_(-FAR, FAR)
            .to(device)
        )
        self.fitted, self.cycles, self.future = (
            fitted,
            cycles,
            [panel.moving.index(place) for place in panel.future],
        )
        longest = int((np.arange(len(windows.seen)) - windows.seen).max(initial=0))  # rows without a target
        self.reaches = sized.anchor_chosen in FROM_THE_LAST and longest >= windows.context
        self.offsets = 1 + np.arange(sized.answers(windows.horizon)) * sized.sizes.segment

    def __call__(self, windows: Windows, origins: Array) -> tuple[Inputs, Tensor, Unit]:
        """((window (B, L, C), series (B,), calendar (B, m, F), future (B, H, K), static (B, J)), target (B, H), unit (B,)) at `origins`."""
        window = self._windows(windows, origins)
        if self.reaches:
            self._begin_with_older(window, windows, origins)
        series = torch.from_numpy(self.fitted[origins[:, 0]]).to(self.device)
        ahead = window[:, windows.context :]
        static = self.static[torch.from_numpy(origins[:, 0]).to(self.device)]
        inputs = (
            window[:, : windows.context],
            series,
            self._calendar(windows.panel, origins),
            ahead[:, :, self.future],
            static,
        )
        return inputs, ahead[:, :, 0], None if self.units is None else self.units[series]

    def _windows(self, windows: Windows, origins: Array) -> Tensor:
        """What windows at `origins` read (B, L + H, C): a block of memory each where all are whole, else row by row."""
        begins = windows.begins(origins)
        if begins is None:
            return self.values[torch.from_numpy(windows.rows(origins)).to(self.device)]
        (rows, columns), reach = self.values.shape, windows.context + windows.horizon
        blocks = self.values.as_strided((rows - reach + 1, reach, columns), (columns, columns, 1))
        return blocks.index_select(0, torch.from_numpy(begins).to(self.device))

    def _begin_with_older(self, window: Tensor, windows: Windows, origins: Array) -> None:
        """Write the last observed target before windows (B, L + H, C) that hold none into their first rows, where the net finds its anchor."""
        empty, latest = windows.older(origins)
        if len(empty):
            rows = torch.from_numpy(latest).to(self.device)
            window[torch.from_numpy(empty).to(self.device), 0, 0] = self.values[rows, 0]

    def _calendar(self, panel: Panel, origins: Array) -> Tensor:
        if not self.cycles or not len(self.offsets):
            return torch.zeros(len(origins), len(self.offsets), 0, device=self.device)
        stamps = panel.clock.after(panel.times[panel.starts[origins[:, 0]] + origins[:, 1] - 1], self.offsets)
        waves = [panel.clock.harmonics(stamps, cycle, PAIRS[cycle]) for cycle in self.cycles]
        return torch.from_numpy(np.concatenate(waves, axis=-1).astype("float32")).to(self.device)


@dataclass(frozen=True, eq=False)
class LearnedNet:
    """Trained nets, one a member: `predict` reads `context` rows before each origin."""

    sized: Recurrent
    goal: Goal
    nets: tuple[Net, ...]
    cycles: tuple[str, ...]
    log: Log

    @property
    def context(self) -> int:
        """Rows before an origin that a forecast reads; and, anchored at the last value, the last observed target before them."""
        return self.sized.sizes.context

    @torch.inference_mode()
    def predict(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """Forecasts (M, H, P), scaled, at origins (M, 2) of a scaled panel."""
        values = np.empty((len(origins), self.goal.horizon, self.nets[0].outputs))
        half = self.sized.half(next(self.nets[0].parameters()).device)
        for chunk, inputs in self._chunks(panel, origins, fitted):
            values[chunk] = np.mean(
                [answer(net, inputs, half).cpu().numpy() for net in self.nets], axis=0, dtype="float64"
            )
        return values

    @torch.inference_mode()
    def attention(self, panel: Panel, origins: Array, fitted: Array) -> Array:
        """The weights (M, n) of the segments of the context before each origin, the mean over members; each row sums to 1."""
        parts = []
        for _, (window, series, _, _, static) in self._chunks(panel, origins, fitted):
            parts.append(
                np.mean([net.attend(window, series, static).cpu().numpy() for net in self.nets], axis=0)
            )
        return np.concatenate(parts)

    def _chunks(self, panel: Panel, origins: Array, fitted: Array) -> Iterator[tuple[slice, Inputs]]:
        """The net's inputs at origins (M, 2), some of them at a time."""
        windows = make_windows(panel, self.context, self.goal.horizon)
        feed = Feed(windows, self.sized, self.cycles, fitted, next(self.nets[0].parameters()).device)
        for begin in range(0, len(origins), CHUNK):
            chunk = slice(begin, begin + CHUNK)
            yield chunk, feed(windows, origins[chunk])[0]

    def arrays(self) -> dict[str, Array]:
        """Weights, sizes, anchor and its span, number of embedded series, cycles of the calendar."""
        arrays = {
            f"member.{i}.{name}": tensor.cpu().numpy()
            for i, net in enumerate(self.nets)
            for name, tensor in net.state_dict().items()
        }
        arrays["members"] = np.array([len(self.nets)], "int64")
        arrays["sizes"] = np.array(self.sized.sizes, "int64")
        arrays["anchor"] = np.array([ANCHORS.index(self.sized.anchor_chosen), self.sized.span or 0], "int64")
        arrays["series"] = np.array(
            [0 if self.nets[0].series is None else self.nets[0].series.shape[1]], "int64"
        )
        arrays["cycles"] = np.array([name in self.cycles for name in CYCLES], "int64")
        return arrays


NetOf = Callable[[int, list[float]], Net]
Trained = tuple[
    list[Net], list[History], float
]  # nets, their histories, CPU seconds that other processes spent on them


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device multiplies in bfloat16 itself."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.cpu._is_avx512_bf16_supported())


def _trained(
    net_of: NetOf,
    members: int,
    feed: Feed,
    split: tuple[Windows, Windows, Windows],
    how: Training,
    seed: int,
    watch: Watch,
) -> Trained:
    """Train nets, each from a seed of its own, side by side in as many processes as `joblib.parallel_config` allows; their bits are those of one.

    net_of: from a member and the lowest validation losses of the first two to its net. Each has checkpoints of its own, so those that ended before
    a fit was killed are taken up. Threads would share torch's random state: where joblib has them, one net is trained after another.
    """
    from joblib import Parallel, delayed, effective_n_jobs
    from joblib.parallel import get_active_backend

    def one(member: int, first: list[float]) -> tuple[Net, History, float]:
        begun = time.process_time()
        with one_thread(), seeded(seed + member):
            net = net_of(member, first)
            history = train(net, feed, split, how, watch.inner(member, members) if members > 1 else watch)
        return net.eval(), history, time.process_time() - begun

    nets: list[Net] = []
    histories: list[History] = []
    elsewhere = 0.0
    allowed = 1 if getattr(get_active_backend()[0], "uses_threads", False) else effective_n_jobs(None)
    for some in (range(min(members, 2)), range(2, members)):
        jobs = max(1, min(allowed, len(some)))
        made = Parallel(jobs)(delayed(one)(member, _lowest(histories)[:2]) for member in some)
        nets, histories = nets + [net for net, _, _ in made], histories + [history for _, history, _ in made]
        elsewhere += sum(seconds for _, _, seconds in made) if jobs > 1 else 0.0
    return nets, histories, elsewhere


def _lowest(histories: list[History]) -> list[float]:
    """The lowest validation loss of each; inf of one that diverged, and of a warm refit, which does not judge."""
    return [
        min((value for _, _, value in history if not math.isnan(value)), default=math.inf)
        for history in histories
    ]


def units_of(past: Panel, weighting: str) -> Array | None:
    """What errors of each series (S,) are multiplied by before the loss, 1 on average; None where all count alike.

    mase: 1 / the mean error of the seasonal naive forecast in the past (Hyndman and Koehler 2006); owa: the mean of that and of equal units, each
    over its own mean, as the two parts of M4's score are.
    """
    if weighting == "equal":
        return None
    naive = seasonal_errors(past)
    naive = np.nan_to_num(naive, nan=np.nanmedian(naive) if (~np.isnan(naive)).any() else 1.0)
    units = 1 / np.maximum(naive, EASY * naive.mean())
    if weighting == "owa":
        units = 1 / naive.mean() + units
    return units / units.mean()


def _words(widths: tuple[int, ...]) -> str:
    """Equal widths are named once."""
    return " + ".join(map(str, widths)) if len(set(widths)) > 1 else str(widths[0])


def _width(cycles: tuple[str, ...]) -> int:
    """Features of the calendar."""
    return sum(2 * PAIRS[name] for name in cycles)


def _embedded(past: Panel) -> int:
    """How many series get an embedding: all of a panel of several long ones, else none."""
    return len(past.ids) if len(past.ids) > 1 and past.lengths.mean() >= EMBEDDED else 0
