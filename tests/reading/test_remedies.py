"""Every remedy that offers a setting with a value is applied to the file that it was offered for: the file is then read, or
refused for another reason, and never for a column that is not there.
"""

import re
import shlex

import pytest
from test_cases import BAD, SAID, made

from forecast.data.findings import ReadingError
from forecast.data.options import OPTIONS, Reading
from forecast.reading.door import read

OFFERED = re.compile(r"(?P<out>[Ll]eave )?`(?P<name>\w+)(=(?P<value>[^`]+))?`")
KINDS = {"header": int, "dayfirst": lambda text: text == "True"}


def offers(remedy):
    """The changes of options that a remedy offers, one after the other: name -> value, None where an option is to be left
    out. Settings next to each other belong together; one that is named without a value, which the user must know, is none.
    """
    found = []
    end = None
    for match in OFFERED.finditer(remedy):
        name = match["name"]
        if name not in OPTIONS or not (match["out"] or match["value"]):
            continue
        value = None if match["out"] else value_of(name, match["value"])
        between = "" if end is None else remedy[end : match.start()].strip()
        if found and between == "":
            found[-1][name] = value
        else:
            found.append({name: value})
        end = match.end()
    return found


def value_of(name, text):
    """The value of an option as Python gives it; quotes are those of a shell."""
    words = shlex.split(text)
    whole = words[0] if len(words) == 1 else text
    return KINDS.get(name, str)(whole)


def found_in(content, flags):
    """What was found in a file, whether it is read or refused."""
    try:
        return read(content, **flags).findings
    except ReadingError as error:
        return error.findings


def codes_after(content, flags, change):
    """The codes of errors of a file once an offer is applied, none where it is read."""
    default = Reading()
    given = {
        **flags,
        **{name: getattr(default, name) if value is None else value for name, value in change.items()},
    }
    try:
        read(content, **given)
    except ReadingError as error:
        return [one.code for one in error.findings if one.severity == "error"]
    return []


def offered():
    """(table, name) of every case."""
    return [("BAD", name) for name in BAD] + [("SAID", name) for name in SAID]


COUNTED = {"offers": 0, "read": 0, "another": 0}


@pytest.mark.parametrize(("table", "name"), offered())
def test_what_a_message_offers_works(table, name, tmp_path):
    cells, flags, *_ = (BAD if table == "BAD" else SAID)[name]
    content = made(cells, tmp_path)
    for finding in found_in(content, flags):
        if finding.severity == "info":
            continue
        for change in offers(finding.remedy):
            codes = codes_after(content, flags, change)
            assert finding.code not in codes or finding.severity != "error", (finding.remedy, change)
            assert "no-such-column" not in codes, (finding.remedy, change)
            COUNTED["offers"] += 1
            COUNTED["another" if codes else "read"] += 1


def test_most_messages_that_offer_a_setting_are_walked():
    """Runs after the others of this file: a table whose offers are no longer found would prove nothing."""
    if not COUNTED["offers"]:
        pytest.skip("the cases were not run")
    assert COUNTED["offers"] >= 60
    assert COUNTED["read"] >= 0.8 * COUNTED["offers"], COUNTED


def test_offers_are_taken_apart():
    assert offers("Give `missing='no idea'`, or `every=1h` `how=mean`; else leave `tz` out.") == [
        {"missing": "no idea"},
        {"every": "1h", "how": "mean"},
        {"tz": None},
    ]
    assert offers("Name it with `time`, not `gru.units=3`.") == []
