"""Several observers, told by one."""

from fakes import Recorder
from tandem.core.events import CallStarted
from tandem.observers.fan_out import fan_out


def test_everybody_is_told_in_order() -> None:
    first, second = Recorder(), Recorder()
    notify = fan_out(first, second)
    notify(CallStarted("a"))
    notify(CallStarted("b"))
    assert first.events == second.events == [CallStarted("a"), CallStarted("b")]
