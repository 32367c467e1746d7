"""Read numbers and dates as documents print them, in the usual European, Indian and US forms.

A text that could mean two things is read only where the document's other numbers settle it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from docspeed_cli.results.values import cell_text, is_number

_MAX_TEXT = 60
"""Characters of the longest text that is read as a number or a date."""

_NAMES = (
    "RS RS. RUPEES KR KR. FR FR. SFR SFR. EURO EUROS ZŁ KČ FT LEI CFA FCFA A$ AU$ C$ CA$ HK$ NZ$ R$ S$ US$"
)
_CURRENCIES = (
    # ISO 4217: the codes in use.
    "DES ISO AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP "
    "BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS "
    "GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD "
    "KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO "
    "NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS "
    "SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST "
    "XAF XCD XOF XPF YER ZAR ZMW ZWG"
    # How currencies are printed besides by code and by symbol.
    f" {_NAMES}"
)
_CODES = frozenset(_CURRENCIES.split())

_NUMBER = re.compile(
    r"(?P<open>\()?(?P<sign>[-+])?(?P<before>[^\d\s().,+-][^\d\s(),+-]{0,5}(?=[\s\d+-]))?\s?(?P<inner>[-+])?"
    r"(?P<digits>\d[\d.,' ]*|[.,]\d+)"
    r"(?:(?<!\s)\s?(?P<after>%|[^\d\s()+-]{1,6}))?(?P<end>-)?(?P<close>\))?"
)
_OUTSIDE = re.compile(r"^([^\d\s()]{1,4})\s?\(")
"""The currency of `$(12.50)`, which is `($12.50)`."""
_NO_CENTS = re.compile(r"(?<=\d[.,])(?:-{1,2}|—)(?=\D*$)")
"""The dash of `1'000.-`, which stands for no cents, not for a minus."""
_END_OF_AMOUNT = re.compile(r"(?<=\d)\s?[/:][-=](?=\D*$)")
"""The mark at the end of `Rs. 1,24,000/-` and of `240:-`."""
_PLAIN = re.compile(r"-?(?:0|[1-9]\d*|[1-9]\d{0,2}(?:,\d{3})+(?=\.))(?:\.\d\d?)?", re.ASCII)
"""1240, 12.50 and 1,240.00, which can mean one number only."""
_SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
_GROUPS = re.compile(r"\d{1,3}(?:([,.' ])\d{3})(?:\1\d{3})*|\d{1,2}(?:,\d\d)+,\d{3}")
"""1,240,000 and, with the same mark throughout, 1 240 000 or 1.240.000; and 12,40,000."""

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar jänner janvier janv enero ene gennaio gen januari janeiro styczeń stycznia",
            "february feb februar février févr fév febrero febbraio febr februari fevereiro luty lutego",
            "march mar märz mrz mars marzo maart mrt março marzec marca marts",
            "april apr avril avr abril abr aprile kwiecień kwietnia",
            "may mai mayo maggio mag mei maio maj maja",
            "june jun juni juin junio giugno giu junho czerwiec czerwca",
            "july jul juli juillet juil julio luglio lug julho lipiec lipca",
            "august aug août aout agosto ago augustus sierpień sierpnia augusti",
            "september sep sept septembre septiembre settembre set setembro wrzesień września",
            "october oct oktober okt octobre octubre ottobre ott outubro październik października",
            "november nov novembre noviembre novembro listopad listopada",
            "december dec dezember dez décembre déc diciembre dic dicembre dezembro desember grudzień "
            "grudnia",
        ),
        1,
    )
    for name in names.split()
}
_WEEKDAYS = (
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri sat sun "
    "montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag mo di mi do fr sa so "
    "lundi mardi mercredi jeudi vendredi samedi dimanche lun mer jeu ven sam dim "
    "lunes martes miércoles jueves viernes sábado domingo lunedì martedì mercoledì giovedì venerdì sabato "
    "domenica maandag dinsdag woensdag donderdag vrijdag zaterdag zondag segunda-feira terça-feira "
    "quarta-feira quinta-feira sexta-feira poniedziałek wtorek środa czwartek piątek sobota niedziela "
    "måndag tisdag onsdag torsdag fredag lördag söndag mandag tirsdag lørdag søndag "
    "mié jue vie sáb gio sab ma wo vr za zo seg ter qua qui sex pon wt śr czw pt sob niedz "
    "mån tis ons tor tors fre lör sön man tir lør søn"
)
_BEFORE_DATE = frozenset((*_WEEKDAYS.split(), "le", "den", "the"))
"""Words that are ignored before a date, as in `lundi, le 2 mars 2026`. A place is not ignored."""
_DAY = r"(\d{1,2})(?:st|nd|rd|th|er|\.|º|ª)?"
_OF = r"(?:[\s./-]+|\s+(?:de|of)\s+)"
_YEAR = r"(\d{4}|\d{2})"
_TIME = r"(?:[\s,]+\d\d?:\d\d.*)?"
_CLOCK = re.compile(r"(\d\d?):(\d\d)(?::(\d\d))?")
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ]\d\d:\d\d.*)?")
_YEAR_LAST = re.compile(rf"(\d{{1,2}})\s?([-/.])\s?(\d{{1,2}})\s?\2\s?{_YEAR}{_TIME}")
_DAY_MONTH = re.compile(rf"{_DAY}{_OF}([^\W\d_]{{3,}})\.?,?{_OF}{_YEAR}")
_MONTH_DAY = re.compile(rf"([^\W\d_]{{3,}})\.?\s?{_DAY}(?:\s?,\s?|\s){_YEAR}")


def _no_mark() -> str | None:
    return None


def read_number(text: str, mark: Callable[[], str | None] = _no_mark) -> Decimal | None:
    """Return the number that a text prints; None if it prints none, or it is not certain which.

    Currencies and a percent sign are left out; `(12.50)` and `12.50-` are negative. `mark` finds the decimal
    mark of the document: it tells whether `1.240` is 1240.
    """
    if len(text) > _MAX_TEXT:
        return None
    if _PLAIN.fullmatch(text):  # most numbers; the rest takes ten times as long
        return Decimal(text.replace(",", ""))
    found = _parts(text)
    if found is None:
        return None
    plain = _plain_digits(found["digits"], mark)
    if plain is None:
        return None
    minus = [found["sign"], found["inner"]].count("-") + bool(found["open"]) + bool(found["end"])
    return Decimal(plain) if minus == 0 else Decimal(f"-{plain}") if minus == 1 else None


def number_of(value: Any, mark: Callable[[], str | None] = _no_mark) -> Decimal | None:
    """Return the number that a value of a payload is or prints; None for any other value."""
    if isinstance(value, str):
        return read_number(value, mark)
    if not is_number(value):
        return None
    number = Decimal(cell_text(value))
    return number if number.is_finite() else None


def have_other_units(text: str, other: str) -> bool:
    """Whether two printed numbers name units that are certainly not the same, such as `5 EUR` and `5 USD`."""
    one, another = _unit(text), _unit(other)
    # A symbol and a code may mean one currency.
    alike = len(one) == len(another) or "%" in (one, another)
    return bool(one and another) and one != another and alike


def _unit(text: str) -> str:
    """The code or symbol beside a printed number; empty for a name such as `Rs.` or `sFr`, and for none."""
    found = _parts(text)
    part = (found["before"] or found["after"] or "").upper() if found else ""
    name = part in _NAMES.split() or not (len(part) == 1 or (len(part) == 3 and part.isalpha()))
    return "" if name else unicodedata.normalize("NFKC", part)


def decimal_mark(texts: Iterable[str]) -> str | None:
    """Return the decimal mark that a document's numbers use; None if they don't tell, or disagree."""
    marks: set[str] = set()
    for text in texts:
        found = _parts(text) if "," in text or "." in text else None
        mark = _certain_mark(found["digits"]) if found else None
        if mark:
            marks.add(mark)
    return marks.pop() if len(marks) == 1 else None


def _parts(text: str) -> re.Match[str] | None:
    """Return the sign, currency and digits of a number; None for any other text."""
    text = text.strip()
    if len(text) > _MAX_TEXT or not any(map(str.isdigit, text)):
        return None
    text = _SPACES.sub(" ", "".join(map(_ascii, text)) if not text.isascii() else text).strip()
    text = _END_OF_AMOUNT.sub("", _NO_CENTS.sub("00", _OUTSIDE.sub(r"(\1", text)))
    found = _NUMBER.fullmatch(text)
    if found is None or bool(found["open"]) != bool(found["close"]):
        return None
    around = [part for part in (found["before"], found["after"]) if part]
    return found if len(around) < 2 and all(map(_is_currency, around)) else None


def _ascii(char: str) -> str:
    """Return a digit, minus or apostrophe of any script as the ASCII one, and no mark of direction."""
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    if unicodedata.category(char) == "Cf":
        return ""
    return {"−": "-", "–": "-", "’": "'", "´": "'", "٫": ".", "٬": ","}.get(char, char)


def _is_currency(part: str) -> bool:
    word = part.upper()
    symbol = len(part) == 1 and unicodedata.category(part) == "Sc"
    return symbol or word == "%" or word in _CODES


def _plain_digits(digits: str, mark: Callable[[], str | None]) -> str | None:
    """Return digits with their marks as Python writes them; None if the marks make no sense."""
    certain = _certain_mark(digits)
    if certain is None and len(_separators(digits)) == 1:
        # One mark before three digits: a thousand, or a fraction. Without a word from the document, a comma
        # groups and a point does not.
        used = _separators(digits)
        certain = used if used == (mark() or ".") else None
    whole, _, fraction = digits.rpartition(certain) if certain else (digits, "", "")
    if any(char in fraction for char in " ',.") or (certain and certain in whole):
        return None
    if _separators(whole) or " " in whole or "'" in whole:
        if not _GROUPS.fullmatch(whole):
            return None
        whole = re.sub(r"[,.' ]", "", whole)
    if len(whole) > 1 and whole.startswith("0"):
        return None  # a number with leading zeros is the name of something
    return f"{whole or '0'}.{fraction}" if fraction else whole


def _certain_mark(digits: str) -> str | None:
    """Return the decimal mark of one number; None if it has none, or one that may as well group digits."""
    marks = _separators(digits)
    if len(set(marks)) == 2:
        return marks[-1]
    if len(marks) != 1:
        return None
    whole, _, fraction = digits.rpartition(marks)
    grouped = " " in whole or "'" in whole
    thousand = len(fraction) == 3 and 1 <= len(whole) <= 3 and not whole.startswith("0")
    return None if thousand and not grouped else marks


def _separators(digits: str) -> str:
    return "".join(char for char in digits if char in ",.")


@lru_cache(10_000)
def read_date(text: str) -> date | None:
    """Return the date that a text prints; None if it prints none, or could mean two days."""
    text = _SPACES.sub(" ", text.strip())
    if len(text) > _MAX_TEXT:
        return None
    while (word := text.partition(" ")[0]).rstrip(".,").casefold() in _BEFORE_DATE:
        text = text[len(word) :].lstrip()
    if found := _YEAR_FIRST.fullmatch(text):
        return _day(found[1], int(found[3]), found[4])
    if found := _YEAR_LAST.fullmatch(text):
        return _numeric_date(found[1], found[2], found[3], found[4])
    if found := _DAY_MONTH.fullmatch(text):
        return _day(found[3], _MONTHS.get(found[2].lower(), 0), found[1])
    if found := _MONTH_DAY.fullmatch(text):
        return _day(found[3], _MONTHS.get(found[1].lower(), 0), found[2])
    return None


def have_other_times(text: str, other: str) -> bool:
    """Whether two printed dates have different times of day."""
    clocks = [_CLOCK.search(each) for each in (text, other)]
    times = [tuple(int(part or 0) for part in clock.groups()) for clock in clocks if clock]
    return len(times) == 2 and times[0] != times[1]


def _numeric_date(first: str, mark: str, second: str, year: str) -> date | None:
    if mark == "-" and len(year) == 2:
        return None  # 26-03-02 may begin with the year
    if mark == ".":  # only day and month are written so
        return _day(year, int(second), first)
    days = {_day(year, int(second), first), _day(year, int(first), second)} - {None}
    return days.pop() if len(days) == 1 else None


def _day(year: str, month: int, day: str) -> date | None:
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), month, int(day))
    except ValueError:
        return None
