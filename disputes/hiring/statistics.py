"""Whether two shares differ by more than chance explains."""

from math import sqrt

Z = 1.959963984540054  # two-sided 95 %


def wilson(hits: int, total: int) -> tuple[float, float]:
    """The 95 % bounds of a share by Wilson's score interval; of nothing, everything is possible."""
    if total == 0:
        return 0.0, 1.0
    share, square = hits / total, Z * Z / total
    middle = (share + square / 2) / (1 + square)
    half = Z * sqrt(share * (1 - share) / total + square / (4 * total)) / (1 + square)
    return max(0.0, middle - half), min(1.0, middle + half)
