"""What a fit of a net that names sequences says about itself, in words."""

from collections.abc import Sequence

from forecast.data.findings import counted
from forecast.models.nets.training import History, Training
from forecast.sequences.net.batches import computed
from forecast.sequences.net.lessons import SequenceLessons
from forecast.sequences.net.net import Net
from forecast.sequences.net.settings import NetSettings
from forecast.sequences.net.vectors import Vectors
from forecast.sequences.text import Texts, Vocabulary


def about_texts(name: str, vocabulary: Vocabulary, texts: Texts) -> str:
    """One sentence on vocabulary and length."""
    longer = (
        f"the {vocabulary.keep} {vocabulary.length} of longer ones are read ({texts.cut:.1%} of the texts)"
    )
    if not texts.cut:
        longer = f"all texts are read whole, {vocabulary.length} words at most"
    return (
        f"{name}: {texts.words:,} of {texts.different:,} different words are known, {texts.unknown:.1%} of what is read"
        f" is unknown; {longer}"
    )


def about_vectors(sized: NetSettings, vectors: Vectors, words: int) -> str:
    """One sentence on how much of a vocabulary a file of vectors covers."""
    then = "learned on" if sized.tuned else "left as they are"
    return (
        f"{sized.name}: {sized.vectors} has a vector for {vectors.covered:,} of {words:,} words"
        f" ({vectors.covered / words:.1%}); the others are drawn at random; all are {then}"
    )


def about_fit(
    sized: NetSettings,
    nets: Sequence[Net],
    histories: Sequence[History],
    how: Training,
    lessons: SequenceLessons,
) -> str:
    """One sentence on a fit: its sizes, its training, what judged it. lessons: those of the first net."""
    steps = ", ".join(str(_best_step(history)) for history in histories)
    heat = ", ".join(f"{1 / float(net.trust):.2f}" for net in nets)
    split = lessons.split
    mean = "" if len(nets) == 1 else f", the mean of {len(nets)} nets, each judged by other sequences"
    finish = f", then {how.finish} steps on all sequences" if how.finish else ""
    return (
        f"{sized.name}: {_reading(sized)}, {_layers(sized)}, pooling {sized.pooling};"
        f" {counted(len(split.teach), 'training sequence')}, {len(split.judge):,} judge,"
        f" weights of step {steps} of {how.steps} kept ({sized.batch} sequences a step,"
        f" {_filled(lessons):.2f} steps computed per real step){finish}, temperature {heat}{mean}"
    )


def _reading(sized: NetSettings) -> str:
    """Segments, or overlapping ones."""
    if sized.width == sized.segment == 1:
        return f"reads each row or word as {sized.filters} numbers"
    if sized.width == sized.segment:
        return f"reads segments of {sized.segment} as {sized.filters} numbers"
    return f"reads {sized.width} at a time, every {sized.segment}, as {sized.filters} numbers"


def _layers(sized: NetSettings) -> str:
    widths = " + ".join(map(str, sized.widths))
    return f"{widths} units{' in both directions' if sized.bidirectional else ''}"


def _best_step(history: History) -> int:
    """The step of the lowest validation loss."""
    step, _, _ = min(history, key=lambda row: row[2])
    return step


def _filled(lessons: SequenceLessons) -> float:
    """Steps computed per real step in the first epoch."""
    return computed(lessons.steps.lengths, lessons.epoch(0, finishing=False))
