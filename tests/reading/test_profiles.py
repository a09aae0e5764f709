"""Files laid out as their vendors' pages say are recognised, and read right with no option but the target; near misses are not taken for them."""

import re

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.data.findings import ReadingError
from forecast.reading.profiles import PROFILES
from forecast.runs.plan import make_run

DAYS = pd.date_range("2024-01-01", periods=40, freq="D")
HOURS = pd.date_range("2024-01-01", periods=72, freq="h")


def lines(*rows):
    return "\n".join(rows) + "\n"


def said(panel, code="profile"):
    return [finding.message for finding in panel.findings if finding.code == code]


def codes(path, options):
    """The codes of all findings, also where the file is refused."""
    try:
        findings = fc.read(path, **options).findings
    except ReadingError as error:
        findings = error.findings
    return [finding.code for finding in findings]


def ghcn(stations=("USW00094728",), days=DAYS, header=None, scale=10):
    """Files by station: the maximum of day i is i / 10 degrees, the minimum 5 below, the rain i / 10 mm."""
    head = header or (
        '"STATION","DATE","LATITUDE","LONGITUDE","ELEVATION","NAME","PRCP","PRCP_ATTRIBUTES","SNOW","SNOW_ATTRIBUTES",'
        '"TMAX","TMAX_ATTRIBUTES","TMIN","TMIN_ATTRIBUTES"'
    )
    rows = [head]
    for place, station in enumerate(stations):
        for day in days:
            i = (day - DAYS[0]).days + 7 * place
            low = "-9999" if i == 11 else f"{(i - 50) * scale / 10:g}"
            rows.append(
                f'"{station}","{day:%Y-%m-%d}","40.77","-73.96","42.7","NY CITY, NY US","{i * scale / 10:g}",",,W,2400","0",",,W",'
                f'"{i * scale / 10:g}",",,W","{low}",",,W"'
            )
    return lines(*rows)


def open_meteo(offset="3600,Europe/Berlin,GMT+1", header="time,temperature_2m (°C),precipitation (mm)"):
    """Hour i has i / 10 degrees. The clock of Berlin changes in it, that of the file does not."""
    hours = pd.date_range("2024-03-30", periods=72, freq="h")
    rows = [f"{hour:%Y-%m-%dT%H:%M},{i / 10:.1f},0.00" for i, hour in enumerate(hours)]
    place = "latitude,longitude,elevation,utc_offset_seconds,timezone,timezone_abbreviation"
    return lines(place, f"52.52,13.419998,38.0,{offset}", "", header, *rows)


def open_meteo_places(offset="0,GMT,GMT"):
    place = "location_id,latitude,longitude,elevation,utc_offset_seconds,timezone,timezone_abbreviation"
    rows = [f"{at},{hour:%Y-%m-%dT%H:%M},{i / 10 + at:.1f}" for at in (0, 1) for i, hour in enumerate(HOURS)]
    places = ["0,52.52,13.419998,38.0,0,GMT,GMT", f"1,48.85,2.35,38.0,{offset}"]
    return lines(place, *places, "", "location_id,time,temperature_2m (°C)", *rows)


def dwd(stamp="%Y%m%d%H", header="STATIONS_ID;MESS_DATUM;QN_9;TT_TU;RF_TU;eor", end="eor"):
    """Hour i has i / 10 degrees; the humidity of hour 1 is missing."""
    rows = []
    for i, hour in enumerate(pd.date_range("2024-01-01", periods=72, freq="D" if "H" not in stamp else "h")):
        wet = "-999" if i == 1 else " 85.0"
        rows.append(f"        433;{hour:{stamp}};    3;{i / 10:6.1f};{wet};{end}")
    return lines(header, *rows)


def knmi(source="BRON: KONINKLIJK NEDERLANDS METEOROLOGISCH INSTITUUT (KNMI)", rain="in 0.1 mm"):
    """Day i has i / 10 degrees and under 0.05 mm of rain."""
    about = [
        f"# {source}",
        "# ",
        "# STN         LON(east)   LAT(north)  ALT(m)      NAME",
        "# 260         5.180       52.100      1.90        De Bilt",
    ]
    words = [
        "# YYYYMMDD  = Datum (YYYY=jaar MM=maand DD=dag);",
        "# TG        = Etmaalgemiddelde temperatuur (in 0.1 graden Celsius);",
        f"# RH        = Etmaalsom van de neerslag ({rain}) (-1 voor <0.05 mm);",
    ]
    rows = [f"  260,{day:%Y%m%d},{i:5},   -1" for i, day in enumerate(DAYS)]
    return lines(*about, *words, "# ", "# STN,YYYYMMDD,   TG,   RH", "", *rows)


def knmi_hours():
    rows = [f"  260,{hour:%Y%m%d},{hour.hour + 1:5},{i:5},   80" for i, hour in enumerate(HOURS)]
    return lines(
        "# SOURCE: ROYAL NETHERLANDS METEOROLOGICAL INSTITUTE (KNMI)",
        "# ",
        "# STN,YYYYMMDD,   HH,    T,   U",
        "",
        *rows,
    )


def mtu(hour, form, marked=False):
    end = hour + pd.Timedelta("1h")
    texts = [
        f"{moment:{form}}" + (f" ({moment:%Z})" if marked and f"{moment:%d%H}" == "2702" else "")
        for moment in (hour, end)
    ]
    return " - ".join(texts)


AUTUMN = pd.date_range("2024-10-26", periods=80, freq="h", tz="Europe/Brussels")


def entsoe_old(
    header='"MTU (CET/CEST)","Day-ahead Price [EUR/MWh]","Currency","BZN|DE-LU"', form="%d.%m.%Y %H:%M"
):
    return lines(header, *[f'"{mtu(hour, form)}","{i / 10:.2f}","EUR",""' for i, hour in enumerate(AUTUMN)])


def entsoe(areas=("BZN|DE-LU",), marked=True):
    header = '"MTU (CET/CEST)","Area","Sequence","Day-ahead Price (EUR/MWh)","Intraday Period (CET/CEST)","Intraday Price (EUR/MWh)"'
    form = "%d/%m/%Y %H:%M:%S"
    rows = [
        f'"{mtu(hour, form, marked)}","{area}","Without Sequence","{i / 10 + 5 * j:.2f}","",""'
        for j, area in enumerate(areas)
        for i, hour in enumerate(AUTUMN)
    ]
    return lines(header, *rows)


def fred(header="observation_date,UNRATE", missing="."):
    months = pd.date_range("2020-01-01", periods=40, freq="MS")
    return lines(
        header, *[f"{month:%Y-%m-%d},{missing if i == 1 else i / 10}" for i, month in enumerate(months)]
    )


TRADED = pd.bdate_range("2024-01-02", periods=40)


def yfinance(first, second, third="Date", days=TRADED):
    """Column j of day i has 100 j + i."""
    width = first.count(",")
    rows = [
        ",".join([f"{day:%Y-%m-%d}", *[f"{100 * j + i}" for j in range(width)]]) for i, day in enumerate(days)
    ]
    return lines(first, second, third + "," * width, *rows)


def klines(unit=10**6, base=0, named=False, ignored=0):
    """Hour i opens at 100 + i and closes half above it."""
    rows = []
    for i, hour in enumerate(HOURS):
        begin = hour.value // unit
        end = (hour.value + 3600 * 10**9) // unit - 1
        rows.append(
            f"{begin},{100 + i}.0,{101 + i + base}.0,{99 + i}.0,{100.5 + i},5.1,{end},12.5,13,2.0,3.0,{ignored}"
        )
    header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"
    return lines(*[header] * named, *rows)


def isd(air="{:+05d},5", header="REPORT_TYPE"):
    """Hour i has i / 10 degrees and a wind of 1 + i / 10 m/s; hour 1 has no temperature and no pressure, hour 0 has 999.9 hPa."""
    place = '"STATION","DATE","SOURCE","LATITUDE","LONGITUDE","ELEVATION","NAME"'
    head = f'{place},"{header}","CALL_SIGN","QUALITY_CONTROL","WND","CIG","VIS","TMP","DEW","SLP","AA1"'
    rows = []
    for i, hour in enumerate(HOURS):
        degrees = "+9999,9" if i == 1 else air.format(i)
        pressure = "99999,9" if i == 1 else "09999,5"
        place = f'"72503014732","{hour:%Y-%m-%dT%H:%M:%S}","7","40.7","-73.8","3.4","LA GUARDIA","FM-15","KLGA ","V030"'
        rows.append(
            f'{place},"310,5,N,{i + 10:04},5","22000,5,9,N","009999,5,9,9","{degrees}","-0039,5","{pressure}","01,0000,9,5"'
        )
    return lines(head, *rows)


def ecad(
    header="STAID, SOUID,    DATE,   TG, Q_TG",
    source="EUROPEAN CLIMATE ASSESSMENT & DATASET (ECA&D), file created on 22-04-2024",
):
    about = [
        "",
        "FILE FORMAT (MISSING VALUE CODE IS -9999):",
        "",
        "24-28 TG   : mean temperature in 0.1 &#176;C",
        "",
        "See file sources.txt and stations.txt for more info.",
        "",
    ]
    rows = [
        f"  1860,107054,{day:%Y%m%d},{-9999 if i == 1 else i:5},    {9 if i == 1 else 0}"
        for i, day in enumerate(DAYS)
    ]
    return lines(source, *about, header, *rows)


def power(
    zone="LST",
    parts="YEAR,MO,DY,HR",
    form="{0:%Y},{0.month},{0.day},{0.hour}",
    step="h",
    source="NASA/POWER Source Native Resolution Data",
):
    about = [
        "-BEGIN HEADER-",
        source,
        f"Dates (month/day/year): 01/01/2024 through 02/09/2024 in {zone}",
        "Location: latitude  39.7392   longitude -104.9903",
        "parameter(s):",
    ]
    units = [
        "T2M             MERRA-2 Temperature at 2 Meters (C) ",
        "PRECTOTCORR     MERRA-2 Precipitation Corrected (mm/hour) ",
        "-END HEADER-",
    ]
    stamps = pd.date_range("2024-01-01", periods=80, freq=step)
    rows = [f"{form.format(stamp)},{-999.0 if i == 1 else i / 10},0.0" for i, stamp in enumerate(stamps)]
    return lines(*about, *units, f"{parts},T2M,PRECTOTCORR", *rows)


def inmet(header="Data;Hora UTC", form="%Y/%m/%d;%H%M UTC", code="CODIGO (WMO):;A701"):
    about = [
        "REGIAO:;SE",
        "UF:;SP",
        "ESTACAO:;SAO PAULO - MIRANTE",
        code,
        "LATITUDE:;-23,4962888",
        "LONGITUDE:;-46,6200666",
        "ALTITUDE:;785,64",
    ]
    rows = []
    for i, hour in enumerate(HOURS):
        degrees = "-9999" if i == 1 else f"{20 + i / 10}".replace(".", ",")
        rows.append(f"{hour:{form}};0;{degrees};")
    return lines(*about, f"{header};CHUVA (mm);TEMPERATURA (°C);", *rows)


def meteostat(header="year,month,day,hour,temp,temp_source,rhum,rhum_source,coco,coco_source"):
    """Hour i has i / 10 degrees."""
    rows = [
        f"{hour.year},{hour.month},{hour.day},{hour.hour},{i / 10:.1f},dwd_poi,80,dwd_poi,3,dwd_poi"
        for i, hour in enumerate(HOURS)
    ]
    return lines(header, *rows)


def meteostat_days():
    rows = [f"{day.year},{day.month},{day.day},{i / 10:.1f},isd_lite,{i},ghcnd" for i, day in enumerate(DAYS)]
    return lines("year,month,day,temp,temp_source,prcp,prcp_source", *rows)


def ercot(flag="DSTFlag", first="N", quarter=""):
    """Hours of two points around the end of summer time; hour i of the first costs i / 10 dollars. first: the flag of the row of
    the repeated hour that stands first.
    """
    moments = pd.date_range("2023-11-04 05:00", periods=73, freq="h", tz="UTC").tz_convert("America/Chicago")
    rows = []
    for i, moment in enumerate(moments):
        again = "Y" if moment.fold else "N"
        cells = [f"{moment:%m/%d/%Y}", f"{moment.hour + 1:02}:00", *([quarter] if quarter else [])]
        for place, point in enumerate(("HB_HOUSTON", "HB_NORTH")):
            rows.append(",".join([*cells, point, f"{i / 10 + place:.1f}", again]))
    if first == "Y":
        place = next(place for place, row in enumerate(rows) if row.endswith("Y"))
        rows[place - 2 : place + 2] = rows[place : place + 2] + rows[place - 2 : place]
    names = ["DeliveryDate", "HourEnding", *(["DeliveryInterval"] if quarter else [])]
    return lines(",".join([*names, "SettlementPoint", "SettlementPointPrice", flag]), *rows)


def omie(first="MARGINALPDBC;", hours=24):
    """Hour i costs i / 10 euros in Portugal and a euro more in Spain."""
    rows = []
    for i in range(40 * hours):
        day = DAYS[i // hours]
        rows.append(f"{day:%Y;%m;%d};{i % hours + 1};{i / 10:.1f};{i / 10 + 1:.1f};")
    return lines(first, *rows, "*")


def aemo(kind="PERIODTYPE", name="REGION"):
    rows = [
        f"NSW1,{moment:%Y/%m/%d %H:%M:%S},{7000 + i},{i / 10:.1f},TRADE"
        for i, moment in enumerate(pd.date_range("2024-01-01 00:05", periods=60, freq="5min"))
    ]
    return lines(f"{name},SETTLEMENTDATE,TOTALDEMAND,RRP,{kind}", *rows)


def aemo_rows(more=()):
    """Prices of two regions, in rows that say what they are."""
    rows = [
        f'D,DISPATCH,PRICE,4,"{moment:%Y/%m/%d %H:%M:%S}",1,{region},{i / 10 + place:.1f},0'
        for i, moment in enumerate(pd.date_range("2024-01-01 00:05", periods=60, freq="5min"))
        for place, region in enumerate(("NSW1", "VIC1"))
    ]
    comment = (
        "C,NEMP.WORLD,DISPATCHIS,AEMO,PUBLIC,2024/01/01,00:00:05,0000000407301471,DISPATCHIS,0000000407301470"
    )
    names = "I,DISPATCH,PRICE,4,SETTLEMENTDATE,RUNNO,REGIONID,RRP,INTERVENTION"
    return lines(comment, names, *rows, *more, 'C,"END OF REPORT",125')


def m5(last="d_40"):
    head = "id,item_id,dept_id,cat_id,store_id,state_id," + ",".join(
        [*(f"d_{i + 1}" for i in range(39)), last]
    )
    rows = [
        f"HOBBIES_1_00{place}_CA_1_validation,HOBBIES_1_00{place},HOBBIES_1,HOBBIES,CA_1,CA,"
        + ",".join(str(place + i) for i in range(40))
        for place in range(3)
    ]
    return lines(head, *rows)


TWO = ("Price,Close,Close,Volume,Volume", "Ticker,AAPL,MSFT,AAPL,MSFT")
NAN = np.nan
# name: files that are read as it, each with its options, the names of its series, and first values of each column
FILES = {
    "ghcn-daily": [
        (
            ghcn(),
            {"target": "TMAX"},
            ["USW00094728"],
            {"TMAX": [0, 0.1, 0.2, 0.3], "PRCP": [0, 0.1], "TMIN": [-5, -4.9]},
        ),
        (
            ghcn(("USW00094728", "UKM00003772")),
            {"target": "TMAX"},
            ["UKM00003772", "USW00094728"],
            {"TMAX": [0.7, 0.8]},
        ),
    ],
    "open-meteo": [
        (
            open_meteo(),
            {"target": "temperature_2m"},
            ["temperature_2m"],
            {"temperature_2m": [0, 0.1], "precipitation": [0]},
        ),
        (
            open_meteo(),
            {"target": "temperature_2m (°C)"},
            ["temperature_2m (°C)"],
            {"temperature_2m (°C)": [0, 0.1]},
        ),
        (open_meteo_places(), {}, ["0", "1"], {"temperature_2m": [0, 0.1]}),
    ],
    "dwd": [
        (dwd(), {"target": "TT_TU"}, ["433"], {"TT_TU": [0, 0.1], "RF_TU": [85, NAN, 85]}),
        (
            dwd("%Y%m%d", "STATIONS_ID;MESS_DATUM;QN_4; TMK; UPM;eor"),
            {"target": "TMK"},
            ["433"],
            {"TMK": [0, 0.1], "UPM": [85, NAN]},
        ),
    ],
    "knmi": [
        (knmi(), {"target": "TG"}, ["260"], {"TG": [0, 0.1, 0.2, 0.3], "RH": [-0.1]}),
        (knmi(rain="in mm"), {"target": "TG"}, ["260"], {"TG": [0, 0.1], "RH": [-1]}),
        (knmi_hours(), {"target": "T"}, ["260"], {"T": [0, 0.1], "U": [80]}),
    ],
    "entso-e": [
        (entsoe_old(), {}, ["Day-ahead Price [EUR/MWh]"], {"Day-ahead Price [EUR/MWh]": [0, 0.1]}),
        (entsoe(), {}, ["Day-ahead Price (EUR/MWh)"], {"Day-ahead Price (EUR/MWh)": [0, 0.1]}),
        (
            entsoe(("BZN|CZ", "BZN|DE-LU")),
            {},
            ["BZN|CZ", "BZN|DE-LU"],
            {"Day-ahead Price (EUR/MWh)": [0, 0.1]},
        ),
    ],
    "fred": [
        (fred(), {}, ["UNRATE"], {"UNRATE": [0, NAN, 0.2]}),
        (fred("DATE,DGS10"), {}, ["DGS10"], {"DGS10": [0, NAN, 0.2]}),
        (fred(missing=""), {}, ["UNRATE"], {"UNRATE": [0, NAN, 0.2]}),
    ],
    "yfinance": [
        (
            yfinance("Price,Close,High", "Ticker,AAPL,AAPL"),
            {},
            ["AAPL"],
            {"Close": [0, 1], "High": [100, 101]},
        ),
        (yfinance(*TWO), {}, ["AAPL", "MSFT"], {"Close": [0, 1], "Volume": [200, 201]}),
        (yfinance(*reversed(TWO)), {}, ["AAPL", "MSFT"], {"Close": [0, 1], "Volume": [200, 201]}),
        (yfinance(",Adj Close,Adj Close", ",AAPL,MSFT"), {}, ["AAPL", "MSFT"], {"Adj Close": [0, 1]}),
    ],
    "binance": [
        (
            klines(),
            {},
            ["close"],
            {"close": [100.5, 101.5], "open": [100], "count": [13], "taker_buy_volume": [2]},
        ),
        (klines(10**3), {}, ["close"], {"close": [100.5, 101.5], "high": [101]}),
        (klines(named=True), {}, ["close"], {"close": [100.5, 101.5], "high": [101]}),
    ],
    "isd": [
        (
            isd(),
            {"target": "TMP"},
            ["72503014732"],
            {
                "TMP": [0, NAN, 0.2],
                "SLP": [999.9, NAN],
                "WND_SPEED": [1, 1.1],
                "WND_DIRECTION": [310],
                "DEW": [-3.9],
                "VIS": [9999],
                "CIG": [22000],
            },
        ),
    ],
    "eca-d": [
        (ecad(), {}, ["1860"], {"TG": [0, NAN, 0.2, 0.3]}),
    ],
    "nasa-power": [
        (power(), {"target": "T2M"}, ["T2M"], {"T2M": [0, NAN, 0.2], "PRECTOTCORR": [0]}),
        (
            power(parts="YEAR,DOY", form="{0:%Y},{0.day_of_year}", step="D"),
            {"target": "T2M"},
            ["T2M"],
            {"T2M": [0, NAN, 0.2]},
        ),
    ],
    "inmet": [
        (
            inmet(),
            {"target": "TEMPERATURA (°C)"},
            ["TEMPERATURA (°C)"],
            {"TEMPERATURA (°C)": [20, NAN, 20.2]},
        ),
        (
            inmet("DATA (YYYY-MM-DD);HORA (UTC)", "%Y-%m-%d;%H:%M"),
            {"target": "TEMPERATURA (°C)"},
            ["TEMPERATURA (°C)"],
            {"TEMPERATURA (°C)": [20, NAN, 20.2]},
        ),
    ],
}
FILES |= {
    "meteostat": [
        (meteostat(), {"target": "temp"}, ["temp"], {"temp": [0, 0.1, 0.2], "rhum": [80]}),
        (meteostat_days(), {"target": "temp"}, ["temp"], {"temp": [0, 0.1], "prcp": [0, 1]}),
    ],
    "ercot": [
        (ercot(), {}, ["HB_HOUSTON", "HB_NORTH"], {"SettlementPointPrice": [i / 10 for i in range(73)]}),
        (
            ercot(first="Y"),
            {},
            ["HB_HOUSTON", "HB_NORTH"],
            {"SettlementPointPrice": [i / 10 for i in range(73)]},
        ),
        (ercot("Repeated Hour Flag"), {}, ["HB_HOUSTON", "HB_NORTH"], {"SettlementPointPrice": [0, 0.1]}),
    ],
    "omie": [(omie(), {"target": "spain"}, ["spain"], {"spain": [1, 1.1], "portugal": [0, 0.1]})],
    "aemo": [(aemo(), {"target": "RRP"}, ["NSW1"], {"RRP": [0, 0.1], "TOTALDEMAND": [7000, 7001]})],
    "aemo-nem": [(aemo_rows(), {"target": "RRP"}, ["NSW1", "VIC1"], {"RRP": [0, 0.1]})],
    "m5": [
        (
            m5(),
            {},
            [f"HOBBIES_1_00{place}_CA_1_validation" for place in range(3)],
            {"sales": [0, 1, 2, 3]},
        )
    ],
}
MISSES = {
    "ghcn-daily": [
        ghcn(scale=1),  # degrees with decimals, as other services of NOAA write them
        ghcn(("72503014732",)),  # stations of GSOD
        ghcn().replace('"ELEVATION"', '"ELEV"'),
    ],
    "open-meteo": [
        open_meteo().partition("\n\n")[2],  # without the lines of places
        open_meteo(header="time,temperature,rain"),
    ],
    "dwd": [
        dwd(header="STATIONS_ID;MESS_DATUM;QUALITY;TT_TU;RF_TU;eor"),
        dwd(end="1"),
        dwd(header="STATIONS_ID;MESS_DATUM;QN_9;TT_TU;RF_TU;end"),
    ],
    "knmi": [
        knmi(source="BRON: EIGEN STATION"),
        knmi().replace("  260,", "  26000,"),
    ],
    "entso-e": [
        entsoe_old(form="%d.%m.%Y").replace(" - ", " tot "),
        entsoe_old(header='"MTU (CET/CEST)","Price","Currency","BZN|DE-LU"'),
    ],
    "fred": [
        fred("DATE,VALUE", missing=""),  # the old name and no lone point: any table
        fred("observation_date,rate"),
        fred("day,UNRATE"),
    ],
    "yfinance": [
        yfinance("Price,Close,High", "Ticker,AAPL,AAPL").replace("Ticker,AAPL,AAPL\n", ""),
        yfinance("Price,Close,Score", "Ticker,AAPL,AAPL"),
    ],
    "binance": [
        klines(base=-2),  # a high below the close
        klines(ignored=7),
        klines(10**9),  # seconds
    ],
    "isd": [
        isd("{:+05d}"),  # without a flag
        isd(header="KIND"),
    ],
    "eca-d": [
        ecad(source="OUR OWN STATION"),
        ecad(header="STAID, SOUID,    DATE,   TG, FLAG"),
    ],
    "nasa-power": [
        power(source="OUR OWN MODEL"),
        power(parts="YEAR,MONTH,DY,HR"),
    ],
    "inmet": [
        inmet(code="CODIGO:;A701"),
        inmet("Dia;Hora UTC"),
    ],
    "meteostat": [
        meteostat("year,month,day,hour,temp,temp_flag,rhum,rhum_flag,coco,coco_flag"),
        meteostat().replace("2024,1,", "24,1,"),
    ],
    "ercot": [
        ercot("Flag"),
        ercot(quarter="1"),
    ],
    "omie": [
        omie("MARGINALPIBC;"),
        omie(hours=96),  # quarters of an hour
    ],
    "aemo": [
        aemo("KIND"),
        aemo(name="STATE"),
    ],
    "aemo-nem": [
        aemo_rows().replace("SETTLEMENTDATE", "INTERVAL_DATETIME"),
    ],
    "m5": [
        m5("d_41"),
        m5().replace("store_id", "shop_id"),
    ],
}


@pytest.fixture
def written(tmp_path):
    def write(content, name="file.csv"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return write


GOOD = [(name, *file) for name, files in FILES.items() for file in files]
BAD = [(name, file) for name, files in MISSES.items() for file in files]


@pytest.mark.parametrize(("name", "content", "options", "ids", "values"), GOOD)
def test_a_file_of_a_vendor_is_recognised_and_read_right(written, name, content, options, ids, values):
    panel = fc.read(written(content), **options)
    assert panel.reading.profile == name
    assert list(panel.ids) == ids
    names = [column.name for column in panel.columns]
    for column, first in values.items():
        found = panel.values[: len(first), names.index(column)]
        assert found.tolist() == pytest.approx(first, abs=0, rel=0, nan_ok=True)
    [words] = said(panel)
    assert words.startswith(f"recognised as {PROFILES[name].title}: sets ")
    assert "`profile=none` switches it off" in words
    assert words.endswith(f"Terms of use: {PROFILES[name].licence}")


@pytest.mark.parametrize(("name", "content", "options", "ids", "values"), GOOD)
def test_the_decided_reading_reads_it_again_and_is_all_options(written, name, content, options, ids, values):
    path = written(content)
    panel = fc.read(path, **options)
    again = fc.read(path, panel.reading)
    assert again.reading == panel.reading
    assert np.array_equal(again.values, panel.values, equal_nan=True)
    assert np.array_equal(again.times, panel.times)
    newer = fc.read(path, panel.reading, clock=panel.clock)
    assert np.array_equal(newer.values, panel.values, equal_nan=True)


def test_an_option_that_is_given_wins(written):
    path = written(ghcn())
    panel = fc.read(
        path, target="TMAX", factor="TMAX=2", leave=["*_ATTRIBUTES", "NAME", "L*", "ELEV*", "SNOW"]
    )
    assert [column.name for column in panel.columns] == ["TMAX", "PRCP", "TMIN"]
    assert panel.values[:3, 0].tolist() == [0, 2, 4]
    assert panel.values[:3, 1].tolist() == [0, 1, 2]
    assert "`factor=" not in said(panel)[0]
    assert panel.reading.missing == ("-9999",)
    raw = fc.read(path, target="TMAX", profile="none")
    assert raw.values[:3, 0].tolist() == [0, 1, 2]
    assert raw.reading.profile == "none"
    assert said(raw) == []


def test_several_targets_of_one_station_are_series_and_a_column_that_is_named_is_not_left_out(written):
    panel = fc.read(written(ghcn()), target=["TMAX", "TMIN"], past="LATITUDE")
    assert panel.ids == ("TMAX", "TMIN")
    assert panel.values[1].tolist() == [0.1, 40.77]
    assert panel.reading.id is None


def test_with_target_and_past_named_the_file_is_recognised_too(written):
    panel = fc.read(written(ghcn()), target="TMAX", past="TMIN")
    assert panel.reading.profile == "ghcn-daily"
    assert panel.values[3].tolist() == [0.3, -4.7]


def test_a_run_reads_newer_rows_by_its_profile(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    days = pd.date_range("2024-01-01", periods=120, freq="D")
    (tmp_path / "old.csv").write_text(ghcn(days=days))
    newer = ghcn(days=days[110:] + pd.Timedelta("10D"))
    without_snow = newer.replace('"SNOW","SNOW_ATTRIBUTES",', "").replace('"0",",,W",', "")
    assert len(without_snow) < len(newer)
    (tmp_path / "new.csv").write_text(without_snow)
    (tmp_path / "run.toml").write_text(
        'data = "old.csv"\ntarget = "TMAX"\npast = "TMIN"\nmodels = ["naive", "seasonal"]\n'
    )
    fc.run(make_run(config=tmp_path / "run.toml"), out=tmp_path / "run")
    rows = fc.rows(tmp_path / "run", tmp_path / "new.csv")
    assert rows.values[-1].tolist() == [12.9, 7.9]
    assert rows.columns == fc.read(tmp_path / "old.csv", target="TMAX", past="TMIN").columns
    assert '"profile": "ghcn-daily"' in (tmp_path / "run" / "run.json").read_text()


def test_stamps_of_open_meteo_have_the_one_offset_that_it_states(written):
    panel = fc.read(written(open_meteo()), target="temperature_2m")
    assert panel.clock.tz == "+01:00"
    assert str(panel.times[0]) == "2024-03-29T23:00:00.000000000"
    assert len(panel.times) == 72
    assert "zone-in-name" not in [finding.code for finding in panel.findings]
    assert "It is of 52.52 13.419998 at +01:00; that offset holds in summer and in winter" in said(panel)[0]
    assert said(panel, "unit") == ["units: temperature_2m in °C, precipitation in mm"]
    half = fc.read(written(open_meteo("-12600,America/St_Johns,GMT-3:30")), target="temperature_2m")
    assert half.clock.tz == "-03:30"
    days = open_meteo().replace("T", " ").splitlines()
    daily = lines(*days[:4], *[f"{day:%Y-%m-%d},1.0,{i}.0" for i, day in enumerate(DAYS)])
    assert fc.read(written(daily), target="precipitation").reading.tz is None
    several = fc.read(written(open_meteo_places("7200,Europe/Paris,GMT+2")))
    assert several.reading.tz is None
    assert "These have different offsets from UTC, so no `tz` is set" in said(several)[0]


def test_the_hour_that_repeats_in_autumn_is_read_as_two_hours(written):
    for content in (entsoe_old(), entsoe(), entsoe(marked=False)):
        panel = fc.read(written(content))
        assert panel.clock.tz == "Europe/Brussels"
        assert str(panel.times[0]) == "2024-10-25T22:00:00.000000000"
        assert np.diff(panel.times).max() == np.diff(panel.times).min() == np.timedelta64(1, "h")


def test_zones_and_hours_of_weather_services(written):
    assert fc.read(written(dwd()), target="TT_TU").reading.tz == "UTC"
    assert fc.read(written(dwd("%Y%m%d")), target="TT_TU").reading.tz is None
    panel = fc.read(written(knmi_hours()), target="T")
    assert panel.reading.time == ("YYYYMMDD", "HH")
    assert "HH names the end of its hour" in said(panel)[0]
    assert (
        "-1 in RH means less than 0.05, and is read as -0.1" in said(fc.read(written(knmi()), target="TG"))[0]
    )


def test_a_ticker_has_rows_from_its_first_day_on_and_names_of_columns_as_they_are_in_the_file_win(written):
    rows = [f"{day:%Y-%m-%d},{i}.5,{i if i >= 10 else ''}" for i, day in enumerate(TRADED)]
    panel = fc.read(written(lines("Price,Close,Close", "Ticker,AAPL,RDDT", "Date,,", *rows)))
    assert panel.lengths.tolist() == [40, 30]
    assert panel.values[40:42, 0].tolist() == [10, 11]
    wide = fc.read(written(yfinance(*TWO)), target="Close AAPL")
    assert wide.reading.profile == "none"
    assert wide.values[0].tolist() == [0, 100, 200, 300]
    assert len(fc.read(written(yfinance(*TWO)), target="all").ids) == 4
    assert fc.read(
        written(yfinance("Price,Close,High", "Ticker,AAPL,AAPL")), target=["Close", "High"]
    ).ids == ("Close", "High")


def test_hours_of_services_that_write_them_in_utc_or_in_local_solar_time(written):
    hourly = fc.read(written(power("UTC")), target="T2M")
    assert hourly.reading.tz == "UTC"
    assert hourly.reading.unit == ("T2M=C", "PRECTOTCORR=mm/hour")
    solar = fc.read(written(power()), target="T2M")
    assert solar.reading.tz is None
    assert "Hours are local solar time (LST)" in said(solar)[0]
    panel = fc.read(written(inmet()), target="TEMPERATURA (°C)")
    assert panel.reading.tz == "UTC"
    assert str(panel.times[1]) == "2024-01-01T01:00:00.000000000"


def test_names_of_the_user_are_those_of_a_profile_too(written):
    panel = fc.read(written(ghcn()), target="warm", names="TMAX=warm")
    assert panel.values[:3, 0].tolist() == [0, 0.1, 0.2]
    assert "warm=0.1" in panel.reading.factor
    assert fc.read(written(klines()), target="column 5").values[:2, 0].tolist() == [100.5, 101.5]


@pytest.mark.parametrize(("name", "content"), BAD)
def test_a_near_miss_is_not_taken_for_it(written, name, content):
    path = written(content)
    assert "profile" not in codes(path, FILES[name][0][1])
    with pytest.raises(
        fc.ForecastError, match=re.escape(f"is not laid out as a file of {PROFILES[name].title}: its columns")
    ):
        fc.read(path, profile=name)


def test_every_profile_has_a_file_and_a_near_miss():
    assert set(FILES) == set(PROFILES) == set(MISSES)
    assert all(profile.header for profile in PROFILES.values())


def test_hours_of_ercot_are_moments_whatever_row_of_the_repeated_hour_stands_first(written):
    for first in ("N", "Y"):
        panel = fc.read(written(ercot(first=first)))
        assert panel.clock.tz == "America/Chicago"
        assert panel.times[0] == np.datetime64("2023-11-04T06:00")  # the hour that ends then
        assert (np.diff(panel.times[panel.rows(0)]) == np.timedelta64(1, "h")).all()


def test_a_file_of_aemo_with_several_tables_is_read_by_the_row_of_its_names(written):
    more = (
        "I,DISPATCH,REGIONSUM,4,SETTLEMENTDATE,RUNNO,REGIONID,TOTALDEMAND",
        'D,DISPATCH,REGIONSUM,4,"2024/01/01 00:05:00",1,NSW1,7000',
    )
    path = written(aemo_rows(more))
    with pytest.raises(ReadingError, match=r"holds 2 tables of AEMO") as refused:
        fc.read(path, target="RRP")
    [error] = [one for one in refused.value.findings if one.severity == "error"]
    assert "DISPATCH PRICE (120 rows, `header=2`), DISPATCH REGIONSUM (1 rows, `header=123`)" in error.remedy
    panel = fc.read(path, target="RRP", header=2)
    assert panel.values[:2, 0].tolist() == [0, 0.1]
    with pytest.raises(
        ReadingError, match=r"Row 3 of file.csv names no table; there is: DISPATCH PRICE \(row 2\)"
    ):
        fc.read(path, target="RRP", header=3)


TSF = """# a comment
@relation sales
@attribute series_name string
@attribute state string
@attribute start_timestamp date
@frequency {frequency}
@horizon 8
@missing true
@equallength false
@data
T1:NSW:1996-03-18 00-00-00:1,2,?,4,5,6,7,8
T2:VIC:1996-03-19 00-00-00:10,20,30,40,50,60
"""


@pytest.mark.parametrize(
    ("frequency", "last"),
    [
        ("daily", "1996-03-25"),
        ("half_hourly", "1996-03-18T03:30"),
        ("weekly", "1996-05-06"),
        ("monthly", "1996-10-01"),
        ("yearly", "2003-03-01"),
    ],
)
def test_files_of_the_monash_archive_are_read(written, frequency, last):
    panel = fc.read(
        written(TSF.format(frequency=frequency), "x.tsf"), id="series_name", target="value", static="state"
    )
    assert panel.ids == ("T1", "T2")
    assert panel.times[panel.stops[0] - 1] == np.datetime64(last)
    assert np.array_equal(panel.values[panel.rows(0), 0], [1, 2, NAN, 4, 5, 6, 7, 8], equal_nan=True)
    assert panel.columns[1].names == ("NSW", "VIC")
    assert said(panel, "preamble") == [
        f"x.tsf says of itself: relation sales, frequency {frequency}, horizon 8"
    ]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("@frequency {frequency}", "@frequency fortnightly", "no @frequency that is known: 'fortnightly'"),
        ("1996-03-18 00-00-00", "18/03/1996", "is '18/03/1996', and is written as 1996-03-18 00-00-00"),
        (",?,", ",x,", "Row 11 of x.tsf has a value that is no number"),
        ("T1:NSW:", "T1:", "Row 11 of x.tsf has 2 attributes, and 3 are named above"),
        ("@data\n", "", "Row 10 of x.tsf is none that a .tsf file has above its series"),
        ("@relation", "@title", "Row 2 of x.tsf is none that a .tsf file has above its series"),
    ],
)
def test_a_damaged_file_of_the_monash_archive_is_refused_by_its_row(written, before, after, words):
    content = TSF.replace(before, after).replace("{frequency}", "daily")
    with pytest.raises(ReadingError, match=re.escape(words)):
        fc.read(written(content, "x.tsf"))
