"""The cells of a drill: every fault of every slot at every point, and the rows beside that matrix."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tandem.core.ports import Slot
from tandem.drill.faults import Point, Trouble, why_not


class Row(StrEnum):
    """What kind of call a cell is."""

    SINGLE = "single"  # one provider fails once
    DOUBLE = "double"  # the primary, then the first fallback as well
    FLAP = "flap"  # the primary is alternately well and ill for 60 s
    BARGE_IN = "barge-in"  # the caller speaks over the reply while the provider fails
    EARLY_BARGE_IN = "early-barge-in"  # nobody fails: the caller goes on before the reply has begun
    INTERRUPTION = "interruption"  # nobody fails: the caller speaks over the reply
    COUGH = "cough"  # nobody fails: the caller coughs over the reply, which goes on
    BACKCHANNEL = "backchannel"  # nobody fails: the caller says "right" over the reply, which goes on
    TOOL_ONLY = "tool-only"  # nobody fails: the model only calls a tool
    HANG_UP = "hang-up"  # nobody fails: the caller leaves in the middle of the reply
    SLOW_LISTENER = "slow-listener"  # nobody fails: the caller's player stops for a while


HEALTHY = (
    Row.EARLY_BARGE_IN,
    Row.INTERRUPTION,
    Row.COUGH,
    Row.BACKCHANNEL,
    Row.TOOL_ONLY,
    Row.HANG_UP,
    Row.SLOW_LISTENER,
)
# In these the caller does not wait for the reply's end, or breaks it.
RESTLESS = (
    Row.BARGE_IN,
    Row.EARLY_BARGE_IN,
    Row.INTERRUPTION,
    Row.COUGH,
    Row.BACKCHANNEL,
    Row.HANG_UP,
    Row.SLOW_LISTENER,
)
_DOUBLE_POINTS = (Point.BEFORE_SEND, Point.BEFORE_FIRST, Point.HALF)
_BARGE_IN_POINTS = (Point.BEFORE_FIRST, Point.HALF)
_FLAPS = ((Trouble.REFUSED, Point.BEFORE_SEND), (Trouble.SILENT, Point.BEFORE_FIRST), (Trouble.CUT, Point.HALF))


class Voices(StrEnum):
    """Whether the voices tell when they say each word."""

    TIMED = "timed"
    UNTIMED = "untimed"


class Clock(StrEnum):
    """Whose time a call takes."""

    VIRTUAL = "virtual"  # scripted providers
    WALL = "wall"  # the vendors' SDKs against the simulator


@dataclass(frozen=True, slots=True)
class Cell:
    """One call of a drill; the rows in which nobody fails have neither slot nor fault nor point."""

    row: Row
    seed: int
    slot: Slot | None = None
    trouble: Trouble | None = None
    point: Point | None = None
    voices: Voices = Voices.TIMED
    clock: Clock = Clock.VIRTUAL
    eager: bool = False  # replies may begin before their turn is certainly over

    @property
    def healthy(self) -> "Cell":
        """The same call when nobody fails."""
        row = Row.SINGLE if self.row is Row.DOUBLE else self.row
        return Cell(row, self.seed, voices=self.voices, clock=self.clock, eager=self.eager)

    @property
    def label(self) -> str:
        parts = (self.row, self.slot, self.trouble, self.point, self.seed)
        return " ".join(str(part) for part in parts if part is not None)

    @property
    def replay(self) -> str:
        """The command that runs exactly this cell."""
        parts = ["tandem drill", f"--row {self.row}"] if self.clock is Clock.VIRTUAL else ["tandem drill --clock wall"]
        parts += [f"--slot {self.slot}"] if self.slot else []
        parts += [f"--fault {self.trouble}"] if self.trouble else []
        parts += [f"--point {self.point}"] if self.point else []
        parts += ["--voices untimed"] if self.voices is Voices.UNTIMED else []
        parts += ["--eager"] if self.eager else []
        return " ".join([*parts, f"--seed {self.seed}"])


@dataclass(frozen=True, slots=True)
class Omission:
    """A combination that is left out, and why."""

    slot: Slot
    trouble: Trouble
    point: Point
    reason: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which cells are wanted; an empty collection wants all."""

    rows: Collection[Row] = ()
    slots: Collection[Slot] = ()
    troubles: Collection[Trouble] = ()
    points: Collection[Point] = ()
    seeds: Collection[int] = (1, 2, 3)
    voices: Voices = Voices.TIMED
    eager: bool = False

    def wants(self, row: Row, slot: Slot, trouble: Trouble, point: Point) -> bool:
        """Whether this combination is wanted."""
        return (
            (not self.rows or row in self.rows)
            and (not self.slots or slot in self.slots)
            and (not self.troubles or trouble in self.troubles)
            and (not self.points or point in self.points)
        )

    @property
    def wants_healthy(self) -> bool:
        """Whether rows in which nobody fails are wanted."""
        return not (self.slots or self.troubles or self.points)


def cells(selection: Selection) -> list[Cell]:
    """Return the cells that are wanted and make sense, those of one seed together."""
    found = []
    for seed in selection.seeds:
        for row, slot, trouble, point in _combinations():
            if selection.wants(row, slot, trouble, point) and not why_not(slot, trouble, point):
                found.append(Cell(row, seed, slot, trouble, point, selection.voices, eager=selection.eager))
        if selection.wants_healthy:
            wanted = [row for row in HEALTHY if not selection.rows or row in selection.rows]
            found += [Cell(row, seed, voices=selection.voices, eager=selection.eager) for row in wanted]
    return found


def omissions(selection: Selection) -> list[Omission]:
    """Return the wanted combinations of the matrix that make no sense, each with its reason."""
    return [
        Omission(slot, trouble, point, reason)
        for row, slot, trouble, point in _combinations()
        if row is Row.SINGLE and selection.wants(row, slot, trouble, point)
        if (reason := why_not(slot, trouble, point))
    ]


def _combinations() -> Iterator[tuple[Row, Slot, Trouble, Point]]:
    for slot in Slot:
        yield from _crossed(Row.SINGLE, slot, Point)
        yield from _crossed(Row.DOUBLE, slot, _DOUBLE_POINTS)
        yield from _crossed(Row.BARGE_IN, slot, _BARGE_IN_POINTS)
        yield from ((Row.FLAP, slot, trouble, point) for trouble, point in _FLAPS)


def _crossed(row: Row, slot: Slot, points: Iterable[Point]) -> Iterator[tuple[Row, Slot, Trouble, Point]]:
    for trouble in Trouble:
        for point in points:
            yield row, slot, trouble, point
