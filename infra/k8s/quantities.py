"""The API's quantities: 500m, 1.5Gi, 2e3."""

import re
from fractions import Fraction
from math import ceil
from typing import Any

FORM = re.compile(
    r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))([eE][+-]?[0-9]{1,3}|[numkMGTPE]|[KMGTPE]i|)"
)
SMALL = {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 10**3)}
DECIMAL = {suffix: Fraction(1000) ** n for n, suffix in enumerate(("", *"kMGTPE"))}
BINARY = {f"{suffix}i": Fraction(1024) ** n for n, suffix in enumerate("KMGTPE", 1)}
FACTORS = {**SMALL, **DECIMAL, **BINARY}
FINEST = 10**9


def amount(quantity: Any) -> Fraction | None:
    """In the resource's unit, of what the API takes; None for anything else.

    Finer than a billionth is rounded up, as the API does.
    """
    if isinstance(quantity, bool) or not isinstance(quantity, int | float | str):
        return None
    if (found := FORM.fullmatch(str(quantity))) is None:
        return None
    number, suffix = found.groups()
    if suffix in FACTORS:
        exact = Fraction(number) * FACTORS[suffix]
    else:
        exact = Fraction(number) * Fraction(f"1{suffix}")
    return Fraction(ceil(exact * FINEST), FINEST)
