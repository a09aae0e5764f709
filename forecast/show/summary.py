"""What a fitted net is made of, layer by layer, and where its attention lies."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    """The layers of a fitted net, of several members the first, in the order in which a forecast passes them. Printed, it is a table.

    parameters: of all members. multiply_adds: of all members, for one forecast: the products with weights, nearly all there is to compute.
    """

    model: str
    members: int
    rows: tuple[Row, ...]
    parameters: int
    multiply_adds: int

    def to_frame(self) -> "pd.DataFrame":
        """A row a layer."""
        import pandas as pd

        return pd.DataFrame([vars(row) for row in self.rows])

    def __str__(self) -> str:
        shapes = [" x ".join(map(str, row.shape)) for row in self.rows]
        lines = [f"{'layer':24}{'kind':12}{'output':>16}{'parameters':>13}{'multiply-adds':>16}"]
        lines += [
            f"{row.layer:24}{row.kind:12}{shape:>16}{row.parameters:13,}{row.multiply_adds:16,}"
            for row, shape in zip(self.rows, shapes, strict=True)
        ]
        many = f" in {self.members} members" if self.members > 1 else ""
        lines.append(
            f"{self.model}: {self.parameters:,} parameters{many}, {self.multiply_adds:,} multiply-adds per forecast"
        )
        return "\n".join(lines)


def summary(fitted: Fitted) -> Summary:
    """Layers, shapes, parameters and cost per forecast of a fitted net, measured as one window passes it."""
    nets = _net_of(fitted).nets
    net, (kinds, shapes, costs) = nets[0], _passed(nets[0])
    modules = dict(net.named_modules())
    own = [
        Row(name, "parameter", tuple(weight.shape), weight.numel(), 0)
        for name, weight in net.named_parameters(recurse=False)
    ]
    rows = [
        Row(
            name,
            kinds[name],
            shapes[name],
            sum(weight.numel() for weight in modules[name].parameters()),
            costs[name],
        )
        for name in kinds
    ]
    parameters = sum(weight.numel() for one in nets for weight in one.parameters())
    return Summary(
        fitted.spec.name,
        len(nets),
        (*rows, *own),
        parameters,
        sum(sum(_passed(one)[2].values()) for one in nets),
    )


def attention(fitted: Fitted, panel: Panel, origins: Array | None = None) -> Array:
    """The weights (M, n) that a net with `attention` gives to the n segments of its context before each origin (M, 2); each row sums to 1.

    The mean over members; by default after the last observed target of each series, as in `Fitted.predict`. The series are those of the fit.
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


def _passed(net: "Net") -> tuple[dict[str, str], dict[str, tuple[int, ...]], dict[str, int]]:
    """Kind, first shape and multiply-adds of each layer that one window passes, by its name. A layer passed twice costs twice."""
    import torch

    kinds: dict[str, str] = {}
    shapes: dict[str, tuple[int, ...]] = {}
    costs: dict[str, int] = {}

    def note(name: str) -> Any:
        def hook(module: Any, given: Any, made: Any) -> None:
            output = made[0] if isinstance(made, tuple) else made
            kinds.setdefault(name, type(module).__name__)
            shapes.setdefault(name, tuple(output.shape[1:]))
            costs[name] = costs.get(name, 0) + _multiply_adds(module, output)

        return hook

    handles = [
        module.register_forward_hook(note(name)) for name, module in net.named_modules() if _is_layer(module)
    ]
    try:
        with torch.inference_mode():
            net(*net.example())
    finally:
        for handle in handles:
            handle.remove()
    return kinds, shapes, costs


def _is_layer(module: Any) -> bool:
    """Whether it has weights of its own and computes with them in one go."""
    return any(True for _ in module.parameters(recurse=False)) and not any(True for _ in module.children())


def _multiply_adds(module: Any, output: Any) -> int:
    """Rows of the output times the entries of the matrices that each of them was multiplied with."""
    matrices = sum(weight.numel() for weight in module.parameters() if weight.dim() > 1)
    return math.prod(output.shape[:-1]) * matrices
