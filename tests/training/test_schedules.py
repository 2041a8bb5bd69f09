import pytest

from deltavae.errors import UserError
from deltavae.training.capacity_schedule import Capacity, count_epochs, epoch_length


def test_capacity_rises_linearly_and_stays():
    schedule = Capacity(0.0, 15.0, num_epochs=6)
    assert [schedule.at(e, 10) for e in range(9)] == [0, 2.5, 5, 7.5, 10, 12.5, 15, 15, 15]


def test_ramp_takes_sixty_percent_of_the_run_by_default():
    schedule = Capacity(5.0, 20.0)
    assert schedule.at(0, 10) == 5.0
    assert schedule.at(3, 10) == 12.5
    assert schedule.at(6, 10) == schedule.at(9, 10) == 20.0


def test_a_ramp_of_no_epochs_is_constant():
    assert Capacity(0.0, 15.0, num_epochs=0).at(0, 10) == 15.0


@pytest.mark.parametrize("wrong", [{"start": -1.0}, {"stop": -0.1}, {"num_epochs": -1}])
def test_impossible_schedules_are_refused(wrong):
    with pytest.raises(UserError, match="expected"):
        Capacity(**wrong)


def test_epochs():
    assert epoch_length(17_568, 64, None) == 275  # 274.5: as many draws as images
    assert epoch_length(737_280, 64, None) == 1000
    assert epoch_length(737_280, 64, 50) == 50
    assert count_epochs(300_000, 275) == 1091
