"""What a fit of a net says about itself, in words."""

from collections.abc import Sequence

from forecast.arrays import Array
from forecast.data.findings import counted, listed
from forecast.data.panel import Panel
from forecast.data.scaling import SHARED
from forecast.models.nets.net import Net
from forecast.models.nets.settings import Settings
from forecast.models.nets.training import History, Training

NAMES = "names"  # in place of a scale where the target has names
ZEROS = {  # what 0 is in the units of a scale
    "standard": "the mean of the past",
    SHARED: "the mean of the past",
    "robust": "the median of the past",
    "minmax": "the lowest value of the past",
    NAMES: "how often each name was seen in the past",
}


def about_fit(
    sized: Settings, nets: Sequence[Net], histories: list[History], how: Training, windows: int, scale: str
) -> str:
    """One sentence on a fit: its sizes, its training, its members, and what it forecasts of its departure from the anchor.

    sized: settled settings · nets: those that were kept of the members · windows: for training · scale:
    whose zero stands for no anchor.
    """
    sizes = sized.sizes
    kept = ", ".join(str(_best_step(history)) for history in histories)
    return (
        f"{sized.name}: reads {sizes.context} rows in segments of {sizes.segment},"
        f" {_widths(sized.widths)} units, {_anchor(sized)}, {windows:,} training windows,"
        f" weights of step {kept} of {how.steps} kept ({sizes.batch} windows a step),"
        f" then {how.finish} steps on all rows{_members(sized, nets)}{_departure(sized, nets, scale)}"
    )


def about_refit(sized: Settings, how: Training) -> str:
    """One sentence on a warm refit."""
    return (
        f"{sized.name}: goes on from the weights of the fit before, {how.finish} steps on all rows"
        f" ({how.batch} windows a step)"
    )


def about_idle(sized: Settings, past: Panel, idle: Array) -> list[str]:
    """One sentence on the columns that never varied in the fit, where there are some. idle (C,): which."""
    names = [column.name for column, still in zip(past.columns, idle, strict=True) if still]
    if not names:
        return []
    return [
        f"{sized.name}: {listed(names)} did not vary in the rows that were fitted, so nothing could be learned"
        f" from {'it' if len(names) == 1 else 'them'}: no weight in the forecast, whatever the value there"
    ]


def anchor_in_words(sized: Settings, scale: str) -> str:
    """What a net of settled settings forecasts where it forecasts its anchor. scale: whose zero stands for none."""
    if sized.anchor_chosen == "season":
        return f"the last season of {sized.span} rows again"
    if sized.anchor_chosen == "mean":
        return f"the mean of the last {sized.span or sized.sizes.context} rows"
    if sized.anchor_chosen == "none":
        return ZEROS.get(scale, "zero in the units of the scale")
    return "the last observed value"


def _best_step(history: History) -> int:
    """The step of the lowest validation loss."""
    step, _, _ = min(history, key=lambda row: row[2])
    return step


def _widths(widths: tuple[int, ...]) -> str:
    """Equal widths are named once."""
    if len(set(widths)) == 1:
        return str(widths[0])
    return " + ".join(map(str, widths))


def _anchor(sized: Settings) -> str:
    if sized.anchor_chosen == "none":
        return "no anchor"
    if sized.anchor_chosen == "season":
        return f"anchored at the last season of {sized.span} rows"
    return f"anchor {sized.anchor_chosen}"


def _members(sized: Settings, nets: Sequence[Net]) -> str:
    if sized.members == 1:
        return ""
    bare = sum(net.skip is None for net in nets) if sized.skip else 0
    return f", the mean of {counted(len(nets), 'net')}, {bare} of them without the skip"


def _departure(sized: Settings, nets: Sequence[Net], scale: str) -> str:
    """How much of the departure from the anchor each net forecasts; nothing where all forecast all of it."""
    shares = [float(net.trust) for net in nets if net.trust is not None]
    if not shares:  # none is drawn toward its anchor
        return ""
    if not any(shares):
        return (
            ", forecasts the anchor itself, since departing from it gained less than one standard error:"
            f" {anchor_in_words(sized, scale)}"
        )
    if set(shares) == {1.0}:
        return ""
    each = ", ".join(f"{share:.0%}" for share in shares)
    return f", {each} of the departure from the anchor forecast"
