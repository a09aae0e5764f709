"""The net that names sequences: what a textbook net does wrongly, and what it must do."""

import numpy as np
import pytest
import torch

import forecast as fc
from forecast.models.base import Watch
from forecast.sequences.calibrating import log_loss
from forecast.sequences.judges import folds_of
from forecast.sequences.net.batches import chunks, computed, epoch, joined
from forecast.sequences.net.lessons import shares_of
from forecast.sequences.net.net import Layer, Net, _turned, turn
from forecast.sequences.net.recurrent import Recurrent
from forecast.sequences.table import classifier
from forecast.sequences.text import UNKNOWN_WORD
from forecast.sequences.trained import load, save, train
from sequences.made import moods, numbers, texts, waves

SMALL = {"units": 6, "filters": 5, "steps": 24, "batch": 16, "members": 1, "learning_rate": 0.02}
POOLINGS = ("last", "mean", "max", "attention")
CPU = torch.device("cpu")


def fitted(past, seed=0, **settings):
    return Recurrent(**{**SMALL, **settings}).fit(past, seed=seed, watch=Watch())


def net_of(**settings):
    """A net of three columns and three classes with drawn weights, in double precision."""
    torch.manual_seed(0)
    sized = Recurrent(**{**SMALL, "segment": 3, "width": 5, "dropout": 0.0, **settings})
    return Net(sized, 3, 0, 3, torch.ones(3)).double().eval()


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize(
    "settings", [{}, {"cell": "gru"}, {"norm": "layer", "units": (5, 4)}, {"bidirectional": False}]
)
def test_padding_does_not_touch_a_probability_and_neither_does_company(pooling, settings):
    """The textbook's last state of a padded batch has read the padding: 51 % accuracy."""
    net = net_of(pooling=pooling, **settings)
    random = np.random.default_rng(0)
    steps = joined([random.normal(size=(n, 3)).astype("float32") for n in (1, 2, 3, 4, 7, 20, 41)])
    together = shares_of(net, steps, np.arange(7), CPU)
    alone = np.concatenate([shares_of(net, steps, np.array([place]), CPU) for place in range(7)])
    assert np.abs(together - alone).max() < 1e-12
    x, lengths = steps.inputs(np.arange(7))
    for extra in (1, 2, 3, 50):
        wider = torch.nn.functional.pad(x.double(), (0, 0, 0, extra), value=torch.nan)
        with torch.inference_mode():
            padded = net(wider, lengths)[:, 0].softmax(1).numpy()
        assert np.abs(padded - together).max() < 1e-12
    assert np.ptp(together, axis=0).min() > 1e-3  # and yet they differ


@pytest.mark.parametrize("pooling", POOLINGS)
def test_both_ends_have_a_gradient_and_the_padding_has_none(pooling):
    net = net_of(pooling=pooling, units=8)
    x = torch.randn(2, 40, 3, dtype=torch.float64, requires_grad=True)
    lengths = torch.tensor([40, 25])
    masked = torch.where(torch.arange(40)[:, None] < lengths[:, None, None], x, torch.nan)
    net(masked, lengths)[:, 0, 0].sum().backward()
    slope = x.grad.abs().sum(2)
    assert slope[0, 0] > 0
    assert slope[0, 39] > 0
    assert slope[1, 0] > 0
    assert slope[1, 24] > 0
    assert slope[1, 25:].sum() == 0


def test_last_is_the_state_of_each_direction_that_has_read_all():
    """Not the last step of a bidirectional output, where the backward half has read one step."""
    net = net_of(pooling="last", segment=1, width=1)
    x = torch.randn(1, 9, 3, dtype=torch.float64)
    with torch.no_grad():
        lengths = torch.tensor([9])
        read = net.segments(net.enter(x))
        layer = net.reader.layers[0]
        forwards = layer.cell(read)[0][:, -1]
        backwards = layer.back(read.flip(1))[0][:, -1]
        pooled = net.pooled(x, lengths)
    assert torch.allclose(pooled, torch.cat([forwards, backwards], 1))


def test_turning_round_is_its_own_inverse_and_gradient():
    ends = torch.tensor([1, 4, 6])
    turned = _turned(ends, 6)
    x = torch.randn(3, 6, 2, dtype=torch.float64, requires_grad=True)
    once = turn(x, turned)
    assert torch.equal(once[1, :4], x[1, :4].flip(0))
    assert torch.equal(once[1, 4:], x[1, 4:])
    assert torch.equal(turn(once, turned), x)
    assert torch.autograd.gradcheck(lambda x: turn(x, turned), (x,))


def test_a_layer_reads_what_torch_reads_from_packed_sequences():
    """The same answers as a bidirectional LSTM of torch with the same weights, without packing."""
    sized = Recurrent(**SMALL)
    layer = Layer(sized, 4, 6).double().eval()
    lstm = torch.nn.LSTM(4, 6, batch_first=True, bidirectional=True).double()
    with torch.no_grad():
        for theirs, ours in zip(
            lstm.parameters(), [*layer.cell.parameters(), *layer.back.parameters()], strict=True
        ):
            theirs.copy_(ours)
    x = torch.randn(3, 7, 4, dtype=torch.float64)
    ends = torch.tensor([7, 3, 5])
    packed = torch.nn.utils.rnn.pack_padded_sequence(x, ends, batch_first=True, enforce_sorted=False)
    theirs, _ = torch.nn.utils.rnn.pad_packed_sequence(lstm(packed)[0], batch_first=True)
    ours = layer(x, _turned(ends, 7))
    valid = torch.arange(7) < ends[:, None]
    assert torch.allclose(ours[valid], theirs[valid], atol=1e-12)


@pytest.mark.parametrize("size", [8, 16, 64])
def test_batches_are_of_like_length_and_an_epoch_has_each_once(size):
    random = np.random.default_rng(0)
    lengths = np.ceil(np.exp(random.normal(5, 0.7, 3000))).astype("int64")
    places = random.permutation(3000)[:2500]
    batches = epoch(lengths, places, size, np.random.default_rng(1))
    assert sorted(np.concatenate(batches)) == sorted(places)
    assert computed(lengths, batches) < 1.15
    other = epoch(lengths, places, size, np.random.default_rng(2))
    assert {tuple(sorted(one)) for one in batches} != {tuple(sorted(one)) for one in other}
    answered = chunks(lengths, places, 1)
    assert sorted(np.concatenate(answered)) == sorted(places)


def test_it_learns_waves_and_is_as_sure_as_it_is_right():
    past = waves(240)
    new = waves(120, seed=1)
    made = fitted(past, steps=150, units=12, filters=8)
    shares = made.shares(new)
    assert np.allclose(shares.sum(1), 1)
    assert (shares.argmax(1) == new.labels).mean() > 0.95
    assert log_loss(shares, new.labels) < 0.25


def test_what_tells_the_classes_apart_may_be_the_level():
    """Scaling pooled over the training rows keeps it; scaled series by series it would be gone."""
    random = np.random.default_rng(0)
    rows = [random.normal(place % 2, 0.3, random.integers(5, 15)) for place in range(80)]
    past = numbers(rows, ["low" if place % 2 == 0 else "high" for place in range(80)])
    made = fitted(past, steps=60)
    assert (made.shares(past).argmax(1) == past.labels).mean() > 0.95


def test_missing_values_are_masked_and_say_something_themselves():
    random = np.random.default_rng(0)
    rows = []
    for place in range(80):
        row = random.normal(size=12)
        row[random.random(12) < (0.1, 0.6)[place % 2]] = np.nan
        rows.append(row)
    past = numbers(rows, ["few", "many"] * 40)
    made = fitted(past, steps=80)
    shares = made.shares(past)
    assert np.isfinite(shares).all()
    assert (shares.argmax(1) == past.labels).mean() > 0.9
    empty = numbers([np.full(3, np.nan), np.empty(0), [1.0]], ["few", "many", "few"])
    assert np.isfinite(made.shares(empty)).all()


def test_texts_are_told_apart_and_new_texts_meet_the_same_tokens():
    past = moods(400)
    made = fitted(past, steps=160, units=8, filters=8, embedding=8, word_dropout=0.1)
    new = moods(100, seed=1)
    assert (made.shares(new).argmax(1) == new.labels).mean() > 0.9
    odd = texts(
        ["", "zebra", "great<br />&amp;", "\x00", "😀" * 500, "שלום", "great " * 100_000],
        ["bad", "good"] * 3 + ["bad"],
    )
    shares = made.shares(odd)
    assert np.isfinite(shares).all()
    assert np.array_equal(shares[0], shares[1])  # no word, and one that is not known
    assert shares[2, 1] > 0.5


def test_the_unknown_word_is_learned_though_no_training_text_has_one():
    past = texts(["good fine"] * 30 + ["bad poor"] * 30, ["x"] * 30 + ["y"] * 30)
    made = fitted(past, steps=30, word_dropout=0.5)
    before = made.nets[0].enter.embed.weight
    assert before[0].abs().sum() == 0  # padding
    grown = fitted(past, steps=30, word_dropout=0.0).nets[0].enter.embed.weight
    assert not torch.allclose(before[UNKNOWN_WORD], grown[UNKNOWN_WORD])


def test_a_probability_is_the_same_bits_in_any_company_and_after_saving():
    past = moods(120)
    made = fitted(past)
    new = moods(60, seed=3)
    together = made.shares(new)
    alone = np.concatenate([made.shares(new.part(np.array([place]))) for place in range(60)])
    assert np.array_equal(together, alone)
    again = Recurrent(**SMALL).restore(made.arrays(), made.values(), past.classes)
    assert np.array_equal(again.shares(new), together)


def test_a_seed_gives_the_same_bits_and_another_others():
    past = waves(60)
    one, two, other = (fitted(past, seed=seed).shares(past) for seed in (1, 1, 2))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


class Killed(Watch):
    """Keeps the last checkpoint, and stops the fit at a look."""

    def __init__(self, looks):
        self.looks = looks
        self.kept = None

    def load(self):
        return self.kept

    def store(self, arrays, values):
        self.kept = ({name: array.copy() for name, array in arrays.items()}, values)

    def report(self, step, of, value):
        self.looks -= 1
        if self.looks == 0:
            raise KeyboardInterrupt

    def inner(self, place, of):
        return self


@pytest.mark.parametrize("finish", [0.0, 0.5])
def test_a_fit_that_was_killed_goes_on_in_the_same_bits(finish):
    past = waves(90)
    spec = Recurrent(**{**SMALL, "steps": 36, "finish": finish, "word_dropout": 0.2})
    whole = spec.fit(past, seed=4, watch=Watch()).shares(past)
    watch = Killed(5)
    with pytest.raises(KeyboardInterrupt):
        spec.fit(past, seed=4, watch=watch)
    assert watch.kept is not None
    assert np.array_equal(spec.fit(past, seed=4, watch=watch).shares(past), whole)


def test_one_number_ends_the_training_and_chooses_the_weights():
    """Not early stop by one and a checkpoint by another: the history holds it, and the kept weights have the lowest."""
    past = waves(200)
    made = fitted(past, steps=48, patience=2, calibrated=False)
    step, _, lowest = min(made.log.history, key=lambda row: row[2])
    assert f"weights of step {step} of 48 kept" in made.log.notes[-1]
    held = made.held
    judged = held.folds >= 0
    assert log_loss(held.shares[judged], past.labels[judged]) == pytest.approx(lowest, abs=1e-5)


def test_those_who_judge_are_of_all_classes_also_where_a_file_is_sorted():
    """A textbook split takes the last rows: of a sorted file one class alone."""
    ordered = waves(90)
    places = np.argsort(ordered.labels, kind="stable")
    folds = folds_of(ordered.part(places), 0.15, 0)
    assert folds.max() == 6
    for fold in range(7):
        counts = np.bincount(ordered.labels[places][folds == fold], minlength=3)
        assert counts.min() >= 4
        assert counts.max() <= 5


def test_those_who_judge_are_whole_groups_or_the_last_in_time():
    past = waves(90)
    grouped = numbers([np.ones(2)] * 90, ["a", "b", "c"] * 30, groups=np.repeat(np.arange(18), 5))
    folds = folds_of(grouped, 0.2, 0)
    for group in range(18):
        assert len(np.unique(folds[grouped.groups == group])) == 1
    assert np.bincount(folds).min() >= 15
    moments = np.random.default_rng(0).permutation(90)
    timed = numbers([past.rows(place) for place in range(90)], ["a", "b", "c"] * 30, moments=moments)
    folds = folds_of(timed, 0.2, 0)
    assert set(moments[folds == 0]) == set(range(72, 90))
    assert set(folds) == {0, -1}


def test_a_class_that_nothing_else_would_teach_never_judges():
    past = numbers([np.ones(2)] * 21, ["a", "b"] * 10 + ["rare"])
    folds = folds_of(past, 0.2, 0)
    assert folds[20] == -1
    made = fitted(past, steps=12)
    assert made.shares(past).shape == (21, 3)


def test_no_fold_is_empty_where_there_are_few_sequences():
    for labels in (["a", "b", "b", "b"], ["a", "a", "b", "b"], ["a"] * 5 + ["b", "c"]):
        past = numbers([np.arange(3.0) + place for place in range(len(labels))], labels)
        folds = folds_of(past, 0.15, 0)
        assert set(folds) - {-1} == set(range(folds.max() + 1))
        assert np.isfinite(fitted(past, steps=12, members=3).shares(past)).all()


def test_two_sequences_of_two_classes_teach_and_judge_and_that_is_reported():
    past = numbers([np.zeros(3), np.ones(3)], ["a", "b"])
    made = fitted(past, steps=12)
    assert made.held is None
    assert "the sequences that teach also judge" in made.log.notes[-1]
    assert np.isfinite(made.shares(past)).all()


def test_class_weights_are_taken_back_from_the_probabilities():
    random = np.random.default_rng(0)
    labels = ["rare" if random.random() < 0.15 else "usual" for _ in range(400)]
    past = numbers([random.normal(0, 1, 6) for _ in labels], labels)  # nothing to learn but the shares
    rare = np.mean([label == "rare" for label in labels])
    balanced = fitted(past, steps=48, class_weight="balanced").shares(past)[:, 0]
    assert balanced.mean() == pytest.approx(rare, abs=0.05)


def test_members_are_judged_by_other_sequences_and_all_are_held_out_in_the_end():
    past = waves(70)
    made = fitted(past, members=7, steps=12)
    assert len(made.nets) == 7
    assert sorted(np.unique(made.held.folds)) == list(range(7))
    assert not np.isnan(made.held.shares).any()
    assert np.allclose(made.held.shares.sum(1), 1)


def test_what_is_learned_does_not_know_what_comes_later():
    """Vocabulary, scaling, those who judge and the temperature are functions of the training part: nothing else is given."""
    past = moods(80)
    made = fitted(past)
    before = made.values(), {name: array.copy() for name, array in made.arrays().items()}
    made.shares(moods(40, seed=9))
    made.shares(texts(["zebra zebra zebra"] * 9, ["bad", "good", "bad"] * 3))
    assert made.values() == before[0]
    for name, array in made.arrays().items():
        assert np.array_equal(array, before[1][name])


def test_vectors_from_a_file_frozen_or_learned_on(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("3 4\ngreat 1 0 0 .5\nawful -1 0 0 .5\nnobody 9 9 9 9\n", encoding="utf-8")
    past = moods(100)
    frozen = fitted(past, vectors=str(path), tuned=False)
    assert "has a vector for 2 of 46 words (4.3%)" in " ".join(frozen.log.notes)
    place = frozen.read.vocabulary.places["great"]
    assert frozen.nets[0].enter.frozen[place].tolist() == [1, 0, 0, 0.5]
    tuned = fitted(past, vectors=str(path))
    row = tuned.nets[0].enter.embed.weight[place].detach().numpy()
    assert 0 < np.abs(row - [1, 0, 0, 0.5]).max() < 0.5
    path.unlink()  # a saved model does not need it
    for made, settings in ((frozen, {"tuned": False}), (tuned, {})):
        spec = Recurrent(**{**SMALL, "vectors": str(path), **settings})
        again = spec.restore(made.arrays(), made.values(), past.classes)
        assert np.array_equal(again.shares(past), made.shares(past))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("great 1 2\nawful 1\n", "line 2: 1 numbers after the word, but 2 in the first line"),
        ("great 1 x\n", "line 1: what follows the word is not 2 finite numbers"),
        ("zebra 1 2\n", "has a vector for none of the 46 words"),
        (None, "cannot be read or written: No such file"),
    ],
)
def test_a_file_of_vectors_that_is_none_is_named(tmp_path, content, message):
    path = tmp_path / "vectors.txt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(fc.ForecastError, match=message) as caught:
        fitted(moods(100), vectors=str(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"units": ()}, "names no layer"),
        ({"cell": "gru", "forget_bias": 1.0}, "a GRU has no forget gate"),
        ({"segment": 4, "width": 3}, "rows between would never be read"),
        ({"tuned": False}, "tuned is of word vectors from a file"),
        ({"momentum": 0.9}, "momentum is of sgd"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings, message):
    with pytest.raises(fc.ForecastError, match=message):
        Recurrent(**settings)


def test_what_it_has_not_learned_from_is_refused():
    of_numbers = fitted(waves(30), steps=2)
    of_texts = fitted(moods(30), steps=2)
    with pytest.raises(fc.ForecastError, match="learned from the columns x0; these are texts"):
        of_numbers.shares(moods(2))
    with pytest.raises(fc.ForecastError, match="learned from texts; these have x0"):
        of_texts.shares(waves(2))
    with pytest.raises(fc.ForecastError, match="The saved lstm does not fit its settings"):
        Recurrent(**{**SMALL, "cell": "gru"}).restore(of_texts.arrays(), of_texts.values(), ("bad", "good"))


def test_the_textbook_net_by_settings_alone():
    """Words embedded one by one, LSTM 128 + 64 to its last states, dropout and recurrent dropout, a dense layer of 64."""
    textbook = Recurrent(
        words=10_000,
        context=200,
        segment=1,
        width=1,
        units=(128, 64),
        bidirectional=False,
        pooling="last",
        dropout=0.2,
        recurrent_dropout=0.2,
        word_dropout=0.0,
        dense=(64,),
        steps=2,
        batch=8,
    )
    made = textbook.fit(moods(30), seed=0, watch=Watch())
    net = made.nets[0]
    assert [layer.cell.hidden_size for layer in net.reader.layers] == [128, 64]
    assert [part.out_features for part in net.head if isinstance(part, torch.nn.Linear)] == [64, 2]
    assert "128 + 64 units, pooling last" in made.log.notes[-1]


@pytest.mark.parametrize(
    "setting", ["noise", "scaling", "input_dropout", "recurrent_dropout", "word_dropout", "dense"]
)
def test_every_technique_changes_the_fit_and_nothing_where_it_is_off(setting):
    past = moods(60) if setting == "word_dropout" else waves(60)
    plain = fitted(past, steps=6, word_dropout=0.0).shares(past)
    value = (4,) if setting == "dense" else 0.3
    assert not np.array_equal(
        fitted(past, steps=6, **{"word_dropout": 0.0, setting: value}).shares(past), plain
    )


def test_a_net_in_a_file_gives_the_same_bits(tmp_path):
    for past, settings in ((waves(30), {}), (moods(30), {"units": [5, 4], "dense": [4]})):
        trained = train(classifier("lstm", **{**SMALL, **settings}), past)
        save(trained, tmp_path / "model.safetensors")
        again = load(tmp_path / "model.safetensors")
        assert np.array_equal(again.shares(past), trained.shares(past))
