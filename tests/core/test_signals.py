"""When a signal is raised, postponed or forgiven; handlers are called directly, no signal is sent."""

from __future__ import annotations

import signal

import pytest

from docspeed_cli.core.errors import Interrupted
from docspeed_cli.core.signals import Interrupts


def test_signal_outside_shield_raises_at_once() -> None:
    interrupts = Interrupts()
    with pytest.raises(Interrupted) as caught:
        interrupts.handle(signal.SIGTERM)
    assert (caught.value.exit_code, caught.value.idle) == (143, False)


def test_signal_before_sleep_in_shield_ends_the_sleep_at_once() -> None:
    interrupts = Interrupts()
    with pytest.raises(Interrupted) as caught, interrupts.shielded():
        interrupts.pending = signal.SIGINT
        interrupts.sleep(600)
    assert (caught.value.exit_code, caught.value.idle) == (130, False)


def test_signal_forgiven_ctrl_c_does_not_count_as_the_first_of_two() -> None:
    interrupts = Interrupts()
    for _ in range(3):
        with pytest.raises(Interrupted) as caught:
            interrupts.handle(signal.SIGINT)
        assert interrupts.forgive(caught.value)


def test_signal_sigterm_is_not_forgiven() -> None:
    interrupts = Interrupts()
    assert not interrupts.forgive(Interrupted(signal.SIGTERM))
