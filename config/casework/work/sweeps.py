"""What is looked at every minute: each sweep finds what is due by itself and does it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.utils.module_loading import import_string

type Look = Callable[[datetime], int]

LONGEST_NAME = 34  # its heartbeat is kept as "sweep:<name>"


@dataclass(frozen=True, slots=True)
class Sweep:
    """One thing to look at: `function(at)` does all that is due at that moment and says how much that was."""

    name: str
    function: Look | str
    order: int

    def run(self, at: datetime) -> int:
        look: Look = import_string(self.function) if isinstance(self.function, str) else self.function
        return look(at)


_sweeps: dict[str, Sweep] = {}


def register(name: str, function: Look | str, order: int = 100) -> None:
    """Have `function(at)` called every minute and by `tick`.

    It opens its own transactions, is safe when two run at once, and answers 0 when nothing is left to do: `tick` calls
    it until then.

    Args:
        function: the function, or its dotted name (for `AppConfig.ready`, before the models can be imported).
        order: lower ones run first; clocks 10, work that follows from them 100, seals 900.
    Raises:
        ValueError: the name is taken by another function, or too long.
    """
    if len(name) > LONGEST_NAME:
        raise ValueError(f"{name}: a sweep's name has at most {LONGEST_NAME} characters.")
    known = _sweeps.get(name)
    if known is not None and known.function != function:
        raise ValueError(f"{name} is another sweep already.")
    _sweeps[name] = Sweep(name, function, order)


def all_sweeps() -> Iterator[Sweep]:
    """All sweeps in the order they run."""
    yield from sorted(_sweeps.values(), key=lambda sweep: (sweep.order, sweep.name))
