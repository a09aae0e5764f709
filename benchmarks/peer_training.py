"""A recurrent net of another library while it is trained; training.py runs it in that library's own environment, beside peer.py.

    python peer_training.py TASK.npz MODEL OUT.npz

TASK: as of peer.py, origins one row apart up to the end, and marks (K,), the CPU seconds of training after which the net is judged.
OUT: values (K, S, M, H), and seconds (K,), those at which the weights of these forecasts were copied: the library's whole fit counts, from its
data on. Copies are judged when the training is over, and it ends at the last mark, not by the library's own rule.
"""

import copy
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytorch_lightning as lightning
import torch
from peer import Task, cpu, darts_net, darts_series, long, neuralforecast_net

Judge = Callable[[Any], np.ndarray]  # weights -> forecasts (S, M, H)


class Marks(lightning.Callback):
    """Copies the weights at each mark and stops at the last."""

    def __init__(self, marks: np.ndarray) -> None:
        self.marks, self.copies, self.begun = marks, [], cpu()

    def on_train_batch_end(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, *_: Any
    ) -> None:
        """Called after every step."""
        if cpu() - self.begun >= self.marks[len(self.copies)]:
            self.copies.append((cpu() - self.begun, copy.deepcopy(module.state_dict())))
            trainer.should_stop = len(self.copies) == len(self.marks)


def neuralforecast(task: Task, model: str, marks: Marks) -> Judge:
    """Trained for the MAE, the library's default."""
    from neuralforecast.losses.pytorch import MAE
    from neuralforecast.tsdataset import TimeSeriesDataset

    data = TimeSeriesDataset.from_df(long(task))[0]
    net = neuralforecast_net(task, model, MAE(), max_steps=10**6, callbacks=[marks])
    net.fit(data, test_size=len(task["stamps"]) - task["first"])

    def judge(weights: Any) -> np.ndarray:
        net.load_state_dict(weights)
        return net.predict(data, step_size=1).reshape(
            len(task["values"]), len(task["origins"]), task["horizon"]
        )

    return judge


def darts(task: Task, model: str, marks: Marks) -> Judge:
    """Trained for the MAE too."""
    series, low, spread = darts_series(task)
    net = darts_net(task, model, loss_fn=torch.nn.L1Loss(), callbacks=[marks])
    net.fit([one[: task["first"]] for one in series])

    def judge(weights: Any) -> np.ndarray:
        net.model.load_state_dict(weights)
        made = net.historical_forecasts(
            series,
            start=task["first"],
            forecast_horizon=task["horizon"],
            retrain=False,
            last_points_only=False,
        )
        scaled = np.array([[one.values()[:, 0] for one in some] for some in made])
        return scaled * spread[:, None, None] + low[:, None, None]

    return judge


def main() -> None:
    """Train one, judge its copies and write their forecasts."""
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    path, name, out = sys.argv[1:]
    stored = np.load(path)
    task = {key: stored[key] if stored[key].ndim else stored[key].item() for key in stored}
    library, model = name.split(".")
    fit = {"neuralforecast": neuralforecast, "darts": darts}[library]
    fit(task, model, Marks(np.array([0.1])))  # first calls are not counted
    marks = Marks(task["marks"])
    judge = fit(task, model, marks)
    np.savez(
        out,
        values=np.stack([judge(weights) for _, weights in marks.copies]),
        seconds=[seconds for seconds, _ in marks.copies],
    )


if __name__ == "__main__":
    main()
