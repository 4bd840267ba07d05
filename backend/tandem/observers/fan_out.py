"""Tells several observers what happened."""

from tandem.core.ports import Notify


def fan_out(*observers: Notify) -> Notify:
    """Return a Notify that tells all of these, in order."""

    def notify(event: object) -> None:
        for observer in observers:
            observer(event)

    return notify
