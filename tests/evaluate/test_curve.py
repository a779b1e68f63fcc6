import math
import re

from hypothesis import given
from hypothesis import strategies as st

from screensmith.evaluate._curve import HEIGHT, MOST_POINTS, WIDTH, loss_curve, loss_points

losses = st.lists(st.floats(-1e6, 1e6) | st.floats(0, 1e-3), min_size=1, max_size=40)


def path_of(svg, kind):
    (found,) = re.findall(rf'<path class="{kind}" d="M([^"]*)"', svg)
    return [tuple(map(float, pair.split())) for pair in found.split("L")]


@given(losses)
def test_every_curve_is_drawn_inside_the_picture(values):
    points = [(float(step), value) for step, value in enumerate(values, start=1)]
    svg = loss_curve(points)
    for kind in ("raw", "smooth"):
        drawn = path_of(svg, kind)
        assert len(drawn) == len(points)
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in drawn)


def test_a_falling_loss_falls_on_the_picture_and_steps_go_right():
    drawn = path_of(loss_curve([(1, 3.0), (2, 2.0), (5, 1.0)]), "raw")
    assert [x for x, _ in drawn] == sorted(x for x, _ in drawn)
    assert [y for _, y in drawn] == sorted(y for _, y in drawn)
    assert (drawn[1][0] - drawn[0][0]) * 3 == drawn[2][0] - drawn[1][0]


def test_a_loss_that_falls_by_orders_of_magnitude_gets_a_logarithmic_axis():
    assert "log scale" in loss_curve([(1, 8.0), (100, 0.01)])
    assert loss_curve([(1, 1e6), (100, 1e-8)]).count('class="tick"') < 16
    assert "log scale" not in loss_curve([(1, 8.0), (100, 1.0)])
    drawn = path_of(loss_curve([(1, 10.0), (2, 1.0), (3, 0.1)]), "raw")
    assert math.isclose(drawn[1][1] - drawn[0][1], drawn[2][1] - drawn[1][1], abs_tol=0.02)


def test_a_long_run_is_thinned_out_without_losing_its_peaks():
    points = [(float(step), 1.0) for step in range(1, 20_001)]
    points[7_777] = (7_778.0, 9.0)
    drawn = path_of(loss_curve(points), "raw")
    assert len(drawn) <= MOST_POINTS + 2
    # The axis reaches 10 at the top; a single peak of 9 among 20,000 steps is still there.
    assert min(y for _, y in drawn) < HEIGHT * 0.2


def test_the_thick_line_is_a_mean_to_the_very_end():
    points = [(float(step), 2.0 + (-1) ** step) for step in range(200)]
    end = path_of(loss_curve(points), "smooth")[-1][1]
    flat = [*((float(step), 2.0) for step in range(199)), (199.0, 3.0)]
    top = path_of(loss_curve(flat), "raw")[-1][1]
    level = path_of(loss_curve(flat), "raw")[0][1]
    assert abs(end - level) < abs(end - top)


def test_records_come_back_in_order_of_steps():
    records = [{"step": 2, "loss": 1.0}, {"step": 1, "loss": 2.0}, {"step": 3, "accuracy": 1.0}]
    assert loss_points(records) == ([(1.0, 2.0), (2.0, 1.0)], 0)
