"""Customers on the map of San Francisco: the map is right, the crowd as stated. And blobs drawn out."""

import itertools
import tracemalloc

import numpy as np
import pytest

from workbench import get
from workbench.errors import ConfigError
from workbench.plugins.datasets._san_francisco import LANDMARKS, ORIGIN, STREETS, to_degrees, to_km
from workbench.plugins.datasets.outlets import BLOCK

NAMES = [
    "Alta Plaza Park", "Pine St", "Bush St", "Union Square", "Lower Pacific Heights", "Japantown", "Geary Blvd",
    "Fillmore", "Western Addition", "Golden Gate Ave", "Turk St", "McAllister St", "South of Market", "Fell St",
    "Oak St", "Lower Haight", "DNA Lounge",
]  # fmt: skip
NORTH_TO_SOUTH = [
    "California St", "Pine St", "Bush St", "Sutter St", "Post St", "Geary Blvd", "O'Farrell St", "Eddy St", "Turk St",
    "Golden Gate Ave", "McAllister St", "Hayes St", "Fell St", "Oak St", "Page St", "Haight St",
]  # fmt: skip
WEST_TO_EAST = ["Divisadero St", "Fillmore St", "Gough St", "Van Ness Ave", "Powell St", "Stockton St"]
ALONG_MARKET = ["Market St", "Mission St", "Howard St", "Folsom St", "Harrison St"]

# Bus stops at two streets' corner as SFMTA lists them, or midway between two of them across the street.
STOPS = {
    ("California St", "Divisadero St"): (37.78795, -122.44072),
    ("Pine St", "Fillmore St"): (37.78788, -122.43361),
    ("Bush St", "Gough St"): (37.78808, -122.42525),
    ("Sutter St", "Stockton St"): (37.78947, -122.40695),
    ("Sutter St", "Divisadero St"): (37.78531, -122.43973),
    ("Post St", "Gough St"): (37.78617, -122.42476),
    ("Geary Blvd", "Fillmore St"): (37.78433, -122.43291),
    ("O'Farrell St", "Powell St"): (37.78633, -122.40813),
    ("Eddy St", "Divisadero St"): (37.78059, -122.43894),
    ("Turk St", "Van Ness Ave"): (37.78195, -122.42107),
    ("Golden Gate Ave", "Van Ness Ave"): (37.78095, -122.42066),
    ("McAllister St", "Van Ness Ave"): (37.78009, -122.42071),
    ("McAllister St", "Divisadero St"): (37.77783, -122.43829),
    ("Hayes St", "Fillmore St"): (37.77585, -122.43120),
    ("Fell St", "Gough St"): (37.77597, -122.42302),
    ("Oak St", "Divisadero St"): (37.77312, -122.43742),
    ("Haight St", "Fillmore St"): (37.77210, -122.43035),
    ("Market St", "Van Ness Ave"): (37.77520, -122.41925),
    ("Market St", "5th St"): (37.78389, -122.40814),
    ("Mission St", "5th St"): (37.78272, -122.40652),
    ("Mission St", "11th St"): (37.77431, -122.41729),
    ("Howard St", "5th St"): (37.78123, -122.40474),
    ("Folsom St", "5th St"): (37.78031, -122.40357),
    ("Folsom St", "11th St"): (37.77191, -122.41396),
    ("Harrison St", "5th St"): (37.77894, -122.40183),
    ("Harrison St", "11th St"): (37.77085, -122.41263),
}


def load(name, **options):
    dataset = get("dataset", name)
    return dataset.function(**dataset.check(options))


def haversine(a, b):
    """Great-circle distance in km of two points (latitude, longitude) in degrees."""
    (lat_a, lon_a), (lat_b, lon_b) = np.radians([a, b])
    h = np.sin((lat_b - lat_a) / 2) ** 2 + np.cos(lat_a) * np.cos(lat_b) * np.sin((lon_b - lon_a) / 2) ** 2
    return 2 * 6371.0088 * np.arcsin(np.sqrt(h))


def on_plane(points):
    return np.column_stack(to_km(*np.transpose(points)))


def km_off(point, street):
    """How far a point (latitude, longitude) is from the nearest of a street."""
    (p,), line = on_plane([point]), on_plane(STREETS[street])
    start, along = line[:-1], np.diff(line, axis=0)
    t = np.clip(((p - start) * along).sum(axis=1) / (along**2).sum(axis=1), 0, 1)
    return np.hypot(*(start + t[:, None] * along - p).T).min()


def bearing(street):
    """Of its longest piece, in degrees from east to north."""
    pieces = np.diff(on_plane(STREETS[street]), axis=0)
    east, north = max(pieces, key=np.linalg.norm)
    return np.degrees(np.arctan2(north, east))


def test_the_landmarks_are_all_there_in_order():
    assert list(LANDMARKS) == NAMES


@pytest.mark.parametrize(
    ("a", "b", "km"),
    [
        ("Union Square", "DNA Lounge", 1.94),
        ("Alta Plaza Park", "Union Square", 2.67),
        ("Alta Plaza Park", "Lower Haight", 2.20),
        ("Japantown", "Union Square", 1.99),
        ("South of Market", "Union Square", 1.07),
    ],
)
def test_landmarks_are_as_far_apart_as_in_the_city(a, b, km):
    assert haversine(LANDMARKS[a], LANDMARKS[b]) == pytest.approx(km, abs=0.06)


def test_kilometres_are_true_to_a_metre():
    plane = on_plane(list(LANDMARKS.values()))
    for (i, a), (j, b) in itertools.combinations(enumerate(LANDMARKS.values()), 2):
        assert np.hypot(*(plane[i] - plane[j])) == pytest.approx(haversine(a, b), abs=1e-3)


def test_kilometres_count_east_and_north_of_the_origin_and_back():
    latitude, longitude = ORIGIN
    assert to_km(latitude, longitude) == (0, 0)
    assert to_km(latitude + 0.01, longitude) == pytest.approx((0, 1.11195), abs=1e-5)
    assert to_km(latitude, longitude + 0.01) == pytest.approx((0.87886, 0), abs=1e-5)
    points = np.random.default_rng(0).uniform(-3, 3, (2, 4, 5))
    np.testing.assert_allclose(to_km(*to_degrees(*points)), points, rtol=0, atol=1e-11)


@pytest.mark.parametrize("corner", STOPS, ids=" & ".join)
def test_streets_meet_where_they_do_in_the_city(corner):
    """A bus stop is within 40 m of both streets; some stand a few houses before or behind the corner."""
    for street in corner:
        assert km_off(STOPS[corner], street) < 0.04


@pytest.mark.parametrize(
    "name", [*(name for name in NAMES if name in STREETS), "Fillmore", "Lower Haight", "DNA Lounge"]
)
def test_a_landmark_on_a_street_lies_on_it(name):
    street = {"Fillmore": "Fillmore St", "Lower Haight": "Haight St", "DNA Lounge": "11th St"}.get(name, name)
    assert km_off(LANDMARKS[name], street) < 0.06


def test_streets_that_are_landmarks_are_drawn():
    on_streets = {name for name in NAMES if name.endswith((" St", " Ave", " Blvd"))}
    assert len(on_streets) == 8
    assert on_streets <= set(STREETS)


def test_streets_are_in_order_from_north_to_south():
    """A block or more lies between two: 85 m at least."""
    for longitude in (-122.443, -122.4376, -122.431, -122.4225):
        latitudes = [np.interp(longitude, *np.transpose(STREETS[name])[::-1]) for name in NORTH_TO_SOUTH]
        assert (np.diff(latitudes) < -0.085 / 111.195).all()


def test_streets_are_in_order_from_west_to_east():
    for latitude in (37.7855, 37.7945):
        longitudes = [np.interp(latitude, *np.transpose(STREETS[name])) for name in WEST_TO_EAST]
        assert (np.diff(longitudes) > 0.1 / 87.88).all()


def test_streets_south_of_market_are_in_order():
    for longitude in (-122.41, -122.4):
        latitudes = [np.interp(longitude, *np.transpose(STREETS[name])[::-1]) for name in ALONG_MARKET]
        assert (np.diff(latitudes) < -0.15 / 111.195).all()


def test_both_grids_are_turned_as_in_the_city():
    """North of Market by some 9 degrees, south of it by some 45."""
    assert all(bearing(name) == pytest.approx(9.2, abs=1) for name in NORTH_TO_SOUTH)
    assert all(bearing(name) == pytest.approx(99, abs=2) for name in WEST_TO_EAST)
    assert all(bearing(name) == pytest.approx(45, abs=1.5) for name in ALONG_MARKET)
    assert all(bearing(name) == pytest.approx(-45, abs=1.5) for name in ("5th St", "11th St"))


@pytest.mark.parametrize("name", [*NORTH_TO_SOUTH, "Gough St", "Powell St", "Stockton St", "5th St", "11th St"])
def test_streets_end_at_market(name):
    assert min(km_off(end, "Market St") for end in (STREETS[name][0], STREETS[name][-1])) < 0.05


def test_the_first_customers_stand_at_the_landmarks():
    for seed in (0, 5):
        np.testing.assert_array_equal(load("outlets", seed=seed).X[:17], on_plane(list(LANDMARKS.values())))
    degrees = load("outlets", n_samples=17, coordinates="degrees")
    np.testing.assert_allclose(degrees.X, list(LANDMARKS.values()), rtol=1e-15)


def test_outlets_have_no_targets():
    km, degrees = load("outlets"), load("outlets", coordinates="degrees")
    assert get("dataset", "outlets").task == "clustering"
    assert km.y is degrees.y is None
    assert (km.X.shape, km.X.dtype) == ((500, 2), np.float64)
    assert km.feature_names == ["east_km", "north_km"]
    assert degrees.feature_names == ["latitude", "longitude"]


@pytest.mark.parametrize("n_samples", [500, BLOCK + 1000])
def test_a_seed_gives_the_same_customers_in_either_coordinates(n_samples):
    km, degrees = (load("outlets", n_samples=n_samples, coordinates=each, seed=3).X for each in ("km", "degrees"))
    np.testing.assert_allclose(np.column_stack(to_km(*degrees.T)), km, rtol=0, atol=1e-11)
    np.testing.assert_array_equal(load("outlets", n_samples=n_samples, seed=3).X, km)
    assert (load("outlets", n_samples=n_samples, seed=4).X[17:] != km[17:]).all()


@pytest.mark.parametrize("coordinates", ["km", "degrees"])
def test_few_customers_are_the_first_among_more(coordinates):
    many = load("outlets", n_samples=2 * BLOCK + 30, coordinates=coordinates).X
    for n_samples in (17, 18, 100, 500, BLOCK + 16, BLOCK + 17, BLOCK + 18):
        np.testing.assert_array_equal(load("outlets", n_samples=n_samples, coordinates=coordinates).X, many[:n_samples])


def test_the_crowd_stands_around_landmarks_of_unequal_popularity():
    places = load("outlets", n_samples=20_000, spread=0.0).X[17:]
    landmarks, popularity = np.unique(places, axis=0, return_counts=True)
    np.testing.assert_array_equal(landmarks, np.unique(on_plane(list(LANDMARKS.values())), axis=0))
    assert popularity.max() > 2 * popularity.min()
    assert popularity.max() < len(places) / 3
    others = np.unique(load("outlets", n_samples=20_000, spread=0.0, seed=1).X[17:], axis=0, return_counts=True)[1]
    assert (abs(others - popularity) > 4 * np.sqrt(others + popularity)).any()


@pytest.mark.parametrize(("options", "spread"), [({}, 0.25), ({"spread": 0.1}, 0.1)])
def test_the_crowd_is_off_its_landmarks_by_gaussian_noise(options, spread):
    """20 000 draws: four standard errors are 0.028 of a std for a mean or a correlation, 2 % for a std."""
    places = load("outlets", n_samples=20_000, spread=0.0).X[17:]
    steps = load("outlets", n_samples=20_000, **options).X[17:] - places
    assert (abs(steps.mean(axis=0)) < 0.028 * spread).all()
    np.testing.assert_allclose(steps.std(axis=0), spread, rtol=0.02)
    assert abs(np.corrcoef(steps.T)[0, 1]) < 0.028
    assert np.mean(abs(steps) < spread) == pytest.approx(0.6827, abs=0.01)


@pytest.mark.parametrize("coordinates", ["km", "degrees"])
def test_many_customers_take_little_memory(coordinates):
    """Themselves, and a block in the making."""
    tracemalloc.start()
    X = load("outlets", n_samples=1_000_000, coordinates=coordinates).X
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.3 * X.nbytes


@pytest.mark.parametrize(
    ("option", "bad", "message"),
    [
        ("n_samples", 16, "n_samples = 16 should be greater than or equal to 17"),
        ("coordinates", "miles", "coordinates = 'miles' should be 'km' or 'degrees'"),
        ("spread", -0.1, "spread = -0.1 should be greater than or equal to 0"),
        ("seed", -1, "seed = -1 should be greater than or equal to 0"),
        ("radius", 1.0, "has no option 'radius'"),
    ],
)
def test_outlets_refuse_what_they_cannot_be(option, bad, message):
    with pytest.raises(ConfigError, match=f"dataset 'outlets'.*{message}"):
        get("dataset", "outlets").check({option: bad})


def test_anisotropic_blobs_are_those_of_the_example():
    """https://scikit-learn.org/stable/auto_examples/cluster/plot_cluster_comparison.html"""
    from sklearn.datasets import make_blobs

    X, y = make_blobs(n_samples=500, random_state=170)
    data = load("anisotropic", n_samples=500)
    np.testing.assert_allclose(data.X, np.dot(X, [[0.6, -0.6], [-0.4, 0.8]]))
    np.testing.assert_array_equal(data.y, y)


def test_anisotropic_blobs_are_long_and_slanted_alike():
    """By hand: the covariance is [[0.52, -0.68], [-0.68, 1]], its axes are 1.2170 and 0.1972 long.

    4000 draws a class: four standard errors of a standard deviation are 4.5 %.
    """
    data = load("anisotropic", n_samples=20_000, centers=5, seed=2)
    assert data.target_names == ["0", "1", "2", "3", "4"]
    assert get("dataset", "anisotropic").task == "classification"
    for k in range(5):
        variances, axes = np.linalg.eigh(np.cov(data.X[data.y == k].T))
        np.testing.assert_allclose(np.sqrt(variances), [0.1972, 1.2170], rtol=0.045)
        assert np.degrees(np.arctan(axes[1, 1] / axes[0, 1])) == pytest.approx(-54.7, abs=1)
