"""Distances on the earth."""

from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

EARTH_METERS = 6_371_008.8
"""The mean radius."""


class Point(NamedTuple):
    """A place in degrees, north and east positive. Two points are compared in the same system: WGS-84 and the one of
    Chinese maps (GCJ-02) lie up to 700 m apart."""

    latitude: float
    longitude: float

    @property
    def is_on_earth(self) -> bool:
        return -90 <= self.latitude <= 90 and -180 <= self.longitude <= 180


def meters_between(one: Point, other: Point) -> float:
    """The way along the surface, by haversine; half a per cent off at most, since the earth is no sphere."""
    north = sin(radians(other.latitude - one.latitude) / 2) ** 2
    east = sin(radians(other.longitude - one.longitude) / 2) ** 2
    across = north + cos(radians(one.latitude)) * cos(radians(other.latitude)) * east
    return 2 * EARTH_METERS * asin(min(1.0, sqrt(across)))
