"""San Francisco between Divisadero Street and the Bay: landmarks, main streets, kilometres for degrees.

Latitude and longitude in degrees (WGS 84), to four decimals, some 10 m. The streets follow the positions of the bus
stops along them that the city's transport agency (SFMTA) publishes, and run straight from point to point.
"""

import numpy as np

EARTH_RADIUS = 6371.0088  # km, mean
ORIGIN = 37.7793, -122.4193  # City Hall: latitude, longitude
KM_NORTH = EARTH_RADIUS * np.pi / 180  # to a degree of latitude
KM_EAST = KM_NORTH * np.cos(np.radians(ORIGIN[0]))  # to a degree of longitude

LANDMARKS = {
    "Alta Plaza Park": (37.7912, -122.4376),
    "Pine St": (37.7891, -122.4245),
    "Bush St": (37.7891, -122.4165),
    "Union Square": (37.7880, -122.4075),
    "Lower Pacific Heights": (37.7862, -122.4375),
    "Japantown": (37.7852, -122.4299),
    "Geary Blvd": (37.7854, -122.4240),
    "Fillmore": (37.7825, -122.4325),
    "Western Addition": (37.7797, -122.4343),
    "Golden Gate Ave": (37.7801, -122.4275),
    "Turk St": (37.7826, -122.4165),
    "McAllister St": (37.7801, -122.4205),
    "South of Market": (37.7785, -122.4057),
    "Fell St": (37.7755, -122.4265),
    "Oak St": (37.7735, -122.4345),
    "Lower Haight": (37.7719, -122.4322),
    "DNA Lounge": (37.7710, -122.4127),
}

# From west to east, or from south to north.
STREETS = {
    "California St": [(37.7878, -122.4430), (37.7937, -122.3957)],
    "Pine St": [(37.7868, -122.4430), (37.7926, -122.3971)],
    "Bush St": [(37.7859, -122.4430), (37.7913, -122.3988)],
    "Sutter St": [(37.7849, -122.4430), (37.7904, -122.3999)],
    "Post St": [(37.7838, -122.4430), (37.7891, -122.4016)],
    "Geary Blvd": [(37.7829, -122.4430), (37.7842, -122.4329), (37.7857, -122.4214), (37.7880, -122.4032)],
    "O'Farrell St": [(37.7818, -122.4430), (37.7867, -122.4047)],
    "Eddy St": [(37.7801, -122.4430), (37.7846, -122.4079)],
    "Turk St": [(37.7791, -122.4430), (37.7836, -122.4087)],
    "Golden Gate Ave": [(37.7781, -122.4430), (37.7823, -122.4103)],
    "McAllister St": [(37.7772, -122.4430), (37.7812, -122.4116)],
    "Hayes St": [(37.7743, -122.4430), (37.7778, -122.4159)],
    "Fell St": [(37.7734, -122.4430), (37.7767, -122.4173)],
    "Oak St": [(37.7724, -122.4430), (37.7754, -122.4190)],
    "Page St": [(37.7715, -122.4430), (37.7744, -122.4203)],
    "Haight St": [(37.7705, -122.4430), (37.7733, -122.4217)],
    "Divisadero St": [(37.7695, -122.4367), (37.7945, -122.4417)],
    "Fillmore St": [(37.7702, -122.4300), (37.7945, -122.4349)],
    "Gough St": [(37.7728, -122.4223), (37.7945, -122.4265)],
    "Van Ness Ave": [(37.7730, -122.4189), (37.7945, -122.4231)],
    "Powell St": [(37.7842, -122.4078), (37.7945, -122.4096)],
    "Stockton St": [(37.7854, -122.4063), (37.7945, -122.4080)],
    "Market St": [(37.7690, -122.4271), (37.7943, -122.3949)],
    "Mission St": [(37.7690, -122.4199), (37.7704, -122.4198), (37.7730, -122.4187), (37.7932, -122.3933)],
    "Howard St": [(37.7718, -122.4172), (37.7911, -122.3925)],
    "Folsom St": [(37.7690, -122.4157), (37.7706, -122.4157), (37.7887, -122.3925)],
    "Harrison St": [(37.7700, -122.4136), (37.7857, -122.3933)],
    "11th St": [(37.7756, -122.4189), (37.7699, -122.4114)],
    "5th St": [(37.7840, -122.4082), (37.7764, -122.3987)],
}


def to_km(latitude, longitude):
    """Kilometres (east, north) of ``ORIGIN`` for degrees, numbers or arrays of any shape.

    On the plane that touches the earth there (equirectangular): within 1 m so near by.
    """
    return (longitude - ORIGIN[1]) * KM_EAST, (latitude - ORIGIN[0]) * KM_NORTH


def to_degrees(east, north):
    """Degrees (latitude, longitude) for kilometres of ``ORIGIN``: the inverse of ``to_km``."""
    return ORIGIN[0] + north / KM_NORTH, ORIGIN[1] + east / KM_EAST
