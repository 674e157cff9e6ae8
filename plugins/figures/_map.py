"""The map of San Francisco under a figure, in kilometres east and north of City Hall, with its streets' names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.plugins.datasets import _san_francisco

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes

EAST, NORTH = (-2.95, 3.15), (-1.55, 2.65)  # km; the streets, and room for their names around them
AXES = "km east of City Hall", "km north of City Hall"
STREET, NAME = "0.83", "0.35"
ALONG = {"Market St", "Mission St", "Howard St", "Folsom St", "Harrison St"}  # neither west-east nor south-north
FEW = {"California St", "Bush St", "Geary Blvd", "Turk St", "McAllister St", "Fell St", "Haight St"} | {
    *("Divisadero St", "Fillmore St", "Van Ness Ave", "Powell St", "Market St", "Mission St", "Folsom St", "5th St"),
}


def draw(ax: Axes, fontsize: float, few: bool = False) -> None:
    """Streets with their names around them; ``few`` names the main ones only."""
    for name, corners in _san_francisco.STREETS.items():
        east, north = zip(*(_san_francisco.to_km(*corner) for corner in corners), strict=True)
        ax.plot(east, north, "-", color=STREET, linewidth=1.1 if name in FEW else 0.6, zorder=0)
        if name not in FEW and few:
            continue
        (west, south), (far_east, far_north) = (east[0], north[0]), (east[-1], north[-1])
        if name in ALONG:
            place = {"x": far_east + 0.06, "y": far_north, "ha": "left", "va": "center"}
        elif far_north < south:
            place = {"x": far_east + 0.03, "y": far_north, "ha": "left", "va": "top"}
        elif far_east - west > far_north - south:
            place = {"x": west - 0.06, "y": south, "ha": "right", "va": "center"}
        else:
            place = {"x": far_east - 0.05, "y": far_north + 0.22, "ha": "left", "va": "bottom", "rotation": 45}
        ax.text(s=name, fontsize=fontsize, color=NAME, rotation_mode="anchor", zorder=3.5, **place)
    ax.set_aspect("equal")
    ax.set_xlim(EAST)
    ax.set_ylim(NORTH)


def nearest_landmark(place: np.ndarray) -> tuple[str, float]:
    """The landmark nearest to a place (km east, km north), and how far it is in km."""
    import numpy as np

    at = np.column_stack(_san_francisco.to_km(*np.transpose(list(_san_francisco.LANDMARKS.values()))))
    away = np.hypot(*(at - place).T)
    return list(_san_francisco.LANDMARKS)[away.argmin()], float(away.min())
