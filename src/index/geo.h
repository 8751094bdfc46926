/* Points on the earth, taken as a sphere of the mean radius (IUGG: 6371008.8 m): distances are
 * within .6 % of those on the ellipsoid. Private to index/, but for the types. */
#ifndef INDEX_GEO_H
#define INDEX_GEO_H

#include <jansson.h>
#include <stdbool.h>

#define GEO_RADIUS_M 6371008.8

/* Degrees: latitude -90 ... 90, longitude -180 ... 180. */
struct geo_point {
    double lat, lon;
};
bool geo_point_sound(struct geo_point p);
/* An object {"lat","lon"} or {"lat","lng"}, and nothing else that is a number needs to be there.
 * False: it is no point. */
bool geo_point_of(const json_t *object, struct geo_point *out);
/* Metres, along the great circle; haversine, exact to some mm even for near points (Sinnott 1984).
 */
double geo_distance_m(struct geo_point a, struct geo_point b);

/* A circle, or what is outside of it; or a box from its south-west to its north-east corner, across
 * the 180th meridian if the west is east of the east. */
enum geo_shape { GEO_WITHIN, GEO_BELOW, GEO_BEYOND, GEO_FROM, GEO_BOX }; /* <= < > >= metres */
struct geo_test {
    enum geo_shape shape;
    struct geo_point a, b; /* centre; or corners */
    double metres;
};
bool geo_test_passes(const struct geo_test *t, struct geo_point p);
/* Latitudes that no passing point is outside of. */
void geo_test_band(const struct geo_test *t, double *low, double *high);

#endif
