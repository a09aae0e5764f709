"""What each model of the table is, in a line, and what the settings mean of those whose fields do not say so themselves."""

from typing import NamedTuple


class About(NamedTuple):
    """The group of a model, and in a line what it is."""

    group: str
    line: str


NETS, CLASSIC, REGRESSIONS = "recurrent nets", "classic models", "regressions"
MARKET, SIMPLE, NAMES = "market", "simple baselines", "names and events"

ABOUT: dict[str, About] = {
    "lstm": About(NETS, "LSTM that reads segments of rows from the last value on"),
    "gru": About(NETS, "the same with a GRU, which is smaller and faster"),
    "lstm-plain": About(NETS, "LSTM as in most tutorials: row by row, no last value, no skip"),
    "gru-plain": About(NETS, "the same with a GRU"),
    "arima": About(CLASSIC, "ARIMA with orders and seasons found for each series"),
    "ets": About(CLASSIC, "exponential smoothing: level, trend, season by AICc"),
    "theta": About(CLASSIC, "the theta method, hard to beat on short monthly series"),
    "ridge": About(REGRESSIONS, "linear regression on the window, with a penalty"),
    "boosting": About(REGRESSIONS, "gradient boosted trees on lags and the calendar"),
    "logistic": About(NAMES, "logistic regression on lags, columns and the calendar"),
    "garch": About(MARKET, "GARCH(1,1): the last value, with intervals that follow volatility"),
    "har": About(MARKET, "HAR of a realised volatility: its means of a day, week, month"),
    "climatology": About(SIMPLE, "the usual value of the hour, weekday and season"),
    "median": About(SIMPLE, "the median of the past"),
    "mean": About(SIMPLE, "the mean of the past"),
    "seasonal": About(SIMPLE, "the value of a season ago"),
    "naive": About(SIMPLE, "the last value"),
    "zero": About(SIMPLE, "0 at every step: of returns, that the price stays"),
    "drift": About(SIMPLE, "the last value, and the mean step of the past"),
    "rate": About(NAMES, "how often each name occurred in the past"),
    "markov": About(NAMES, "a Markov chain that knows the hour and the season"),
    "persistence": About(NAMES, "the last name goes on"),
}

ORDER = "largest number of"
PAIRS = "pairs of sine and cosine of the"
MEANINGS: dict[str, dict[str, str]] = {  # class -> setting -> meaning
    "Arima": {
        "max_p": f"{ORDER} autoregressive terms",
        "max_q": f"{ORDER} moving average terms",
        "max_d": f"{ORDER} differences",
        "max_seasonal_p": f"{ORDER} seasonal autoregressive terms",
        "max_seasonal_q": f"{ORDER} seasonal moving average terms",
        "max_seasonal_d": f"{ORDER} seasonal differences",
        "stretch": "last rows of a series on which orders are chosen",
    },
    "Ets": {"stretch": "last rows of a series on which the form is chosen"},
    "Theta": {"alpha": "of the smoothing; by least squares where none is given"},
    "Ridge": {
        "context": "rows of the target that it reads; chosen from clock and horizon",
        "past_rows": "rows of the other columns that it reads; chosen from clock and horizon",
        "penalty": "of the weights; chosen on the validation rows",
        "validation": "share of the past on which the penalty is chosen",
        "hurdle": "the chance of an amount and its size apart; where the past is mostly 0",
    },
    "Boosting": {
        "trees": "most trees; the validation rows choose how many",
        "leaves": "most leaves of a tree",
        "learning_rate": "share of each tree that is added",
        "validation": "share of the past on which the number of trees is chosen",
        "hurdle": "the chance of an amount and its size apart; where the past is mostly 0",
    },
    "Logistic": {
        "penalty": "of the weights; chosen on the validation rows",
        "validation": "share of the past on which the penalty is chosen",
    },
    "Garch": {
        "drift": "whether the mean step is added to the last value",
        "stretch": "last rows of a series on which it is estimated",
    },
    "Har": {
        "spans": "rows of each mean: a trading day, week and month",
        "unbiased": "of a target in logs: the mean in place of the median",
    },
    "Climatology": {
        "day": f"{PAIRS} day",
        "week": f"{PAIRS} week",
        "year": f"{PAIRS} year",
        "smeared": "of a target in logs: the mean in place of the median (Duan 1983)",
    },
    "Naive": {"kind": "what is repeated: the last value, that of a season ago, or the mean step"},
    "Shares": {"kind": "rate: the shares of the past; last: the last name"},
    "Markov": {
        "order": "how many of the last names count; chosen by AICc",
        "day": f"{PAIRS} day; chosen by AICc",
        "year": f"{PAIRS} year; chosen by AICc",
        "depends": "whether these depend on the last name; chosen by AICc",
    },
}
