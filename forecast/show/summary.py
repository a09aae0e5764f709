"""What a fitted net is made of, layer by layer, and where its attention lies."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from forecast.arrays import Array
from forecast.data.panel import Panel
from forecast.errors import ForecastError
from forecast.fitting import Fitted

if TYPE_CHECKING:
    import pandas as pd

    from forecast.models.nets.net import Net
    from forecast.models.nets.recurrent import LearnedNet


@dataclass(frozen=True)
class Row:
    """One layer: the shape of what it gave first for one window, its parameters, and its multiply-adds in one forecast."""

    layer: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """The layers of a fitted net in the order in which a forecast passes them; of several members those of the first.

    Printed, it is a table. parameters: of all members. multiply_adds: of all members, for one forecast: the products with
    weights, which are nearly all there is to compute.
    """

    model: str
    members: int
    rows: tuple[Row, ...]
    parameters: int
    multiply_adds: int

    def to_frame(self) -> "pd.DataFrame":
        """One row per layer."""
        import pandas as pd

        return pd.DataFrame([vars(row) for row in self.rows])

    def __str__(self) -> str:
        lines = [f"{'layer':24}{'kind':12}{'output':>16}{'parameters':>13}{'multiply-adds':>16}"]
        for row in self.rows:
            shape = " x ".join(map(str, row.shape))
            lines.append(f"{row.layer:24}{row.kind:12}{shape:>16}{row.parameters:13,}{row.multiply_adds:16,}")
        many = f" in {self.members} members" if self.members > 1 else ""
        lines.append(
            f"{self.model}: {self.parameters:,} parameters{many}, {self.multiply_adds:,} multiply-adds per forecast"
        )
        return "\n".join(lines)


def summary(fitted: Fitted) -> Summary:
    """Layers, shapes, parameters and cost per forecast of a fitted net, measured as one window passes it."""
    nets = _net_of(fitted).nets
    first = nets[0]
    passed = _passed(first)
    modules = dict(first.named_modules())
    rows = []
    for name, kind in passed.kinds.items():
        parameters = sum(weight.numel() for weight in modules[name].parameters())
        rows.append(Row(name, kind, passed.shapes[name], parameters, passed.costs[name]))
    for name, weight in first.named_parameters(recurse=False):
        rows.append(Row(name, "parameter", tuple(weight.shape), weight.numel(), 0))
    return Summary(
        model=fitted.spec.name,
        members=len(nets),
        rows=tuple(rows),
        parameters=sum(_parameters_of(net) for net in nets),
        multiply_adds=sum(sum(_passed(net).costs.values()) for net in nets),
    )


def _parameters_of(net: "Net") -> int:
    """How many numbers a net has learned."""
    return sum(weight.numel() for weight in net.parameters())


class Attended(NamedTuple):
    """Where a net with attention looks before one origin: weights (n,) of the segments of its context.

    rows: of a segment · origin (2,): series and rows known.
    """

    weights: Array
    rows: int
    origin: Array


def attended(fitted: Fitted, panel: Panel) -> Attended | None:
    """Where a net with attention looks before the last origin of the first series; None of any other model, and of a new series."""
    from forecast.models.nets.recurrent import LearnedNet

    learned = fitted.learned
    first = panel.ends()[:1]
    if not isinstance(learned, LearnedNet) or learned.nets[0].attention is None or not len(first):
        return None
    if fitted.scaling.fitted(panel.ids)[first[0, 0]] < 0:
        return None
    (weights,) = attention(fitted, panel, first)
    return Attended(weights, learned.sized.sizes.segment, first[0])


def attention(fitted: Fitted, panel: Panel, origins: Array | None = None) -> Array:
    """The weights (M, n) that a net with `attention` gives to the n segments of its context before each origin (M, 2).

    Each row sums to 1. They are the mean over members; by default after the last observed target of each series, as in
    `Fitted.predict`. The series are those of the fit; ForecastError for others, and for a net without attention.
    """
    learned = _net_of(fitted)
    if learned.nets[0].attention is None:
        raise ForecastError(f"{fitted.spec.name} was fitted without attention. Fit it with attention=True.")
    rows = fitted.scaling.fitted(panel.ids)
    origins = panel.ends() if origins is None else np.asarray(origins, "int64")
    if (rows[origins[:, 0]] < 0).any():
        raise ForecastError(
            "Attention is shown for series that the model was fitted on; a new series has none."
        )
    return learned.attention(fitted.scaled(panel), origins, rows)


def _net_of(fitted: Fitted) -> "LearnedNet":
    from forecast.models.nets.recurrent import LearnedNet

    if not isinstance(fitted.learned, LearnedNet):
        raise ForecastError(f"{fitted.spec.name} is no net: it has no layers to show.")
    return fitted.learned


@dataclass
class _Passed:
    """The layers that one window passed, by name: kind, shape of the first output, multiply-adds of all passes."""

    kinds: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    costs: dict[str, int] = field(default_factory=dict)

    def noting(self, name: str) -> Any:
        """A hook of torch that notes each pass of a layer."""

        def hook(module: Any, given: Any, made: Any) -> None:
            output = made[0] if isinstance(made, tuple) else made
            self.kinds.setdefault(name, type(module).__name__)
            self.shapes.setdefault(name, tuple(output.shape[1:]))
            self.costs[name] = self.costs.get(name, 0) + _multiply_adds(module, output)

        return hook


def _passed(net: "Net") -> _Passed:
    """What one window passes of a net. A layer that is passed twice costs twice."""
    import torch

    passed = _Passed()
    handles = []
    for name, module in net.named_modules():
        if _is_layer(module):
            handles.append(module.register_forward_hook(passed.noting(name)))
    try:
        with torch.inference_mode():
            net(*net.example())
    finally:
        for handle in handles:
            handle.remove()
    return passed


def _is_layer(module: Any) -> bool:
    """Whether a module has weights and no modules inside."""
    return any(True for _ in module.parameters(recurse=False)) and not any(True for _ in module.children())


def _multiply_adds(module: Any, output: Any) -> int:
    """Rows of the output times the entries of the matrices that each of them was multiplied with."""
    matrices = sum(weight.numel() for weight in module.parameters() if weight.dim() > 1)
    return math.prod(output.shape[:-1]) * matrices
