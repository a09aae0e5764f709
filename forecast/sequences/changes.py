"""Changes of one setting of a model, each a model of its own that is named by the change."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from forecast.errors import ForecastError
from forecast.sequences.base import Classifier
from forecast.sequences.plan import Naming
from forecast.sequences.table import MODELS, classifier, classifier_from, settings_of

Change = tuple[str, Any]  # the path of a setting and its value


def changed_models(plan: Naming, kind: str, tries: Sequence[Change]) -> list[Classifier]:
    """The model that all changes are of, and one for each change; ForecastError where they are of none, or of several."""
    names = list(dict.fromkeys(path.partition(".")[0] for path, _ in tries))
    if len(names) != 1 or names[0] not in MODELS:
        found = ", ".join(names) or "none"
        raise ForecastError(
            f"Changes of one model of sequences are compared at a time; found {found}. Give `tries=bag.least=3`, and more"
            f" of bag. There is: {', '.join(MODELS)}."
        )
    base = classifier(names[0], **plan.settings.get(names[0], {}))
    if kind not in base.kinds:
        raise ForecastError(f"{base.name} reads {' and '.join(base.kinds)}, and these sequences are {kind}.")
    return [base, *(_changed(base, path, value) for path, value in tries)]


def _changed(base: Classifier, path: str, value: Any) -> Classifier:
    """The model with one setting changed, named by the change; ForecastError where that changes nothing."""
    setting = path.partition(".")[2]
    other = classifier_from({**settings_of(base), setting: value})
    if other == base:
        raise ForecastError(f"{path} = {value} is what {base.name} has already: there is nothing to compare.")
    named: Classifier = dataclasses.replace(other, name=f"{setting}={value}")  # type: ignore[type-var]
    return named
