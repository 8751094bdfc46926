#include "index/geo.h"
#include <math.h>

#define DEGREE (M_PI / 180)

bool geo_point_sound(struct geo_point p)
{
    return fabs(p.lat) <= 90 && fabs(p.lon) <= 180; /* false for NaN */
}

bool geo_point_of(const json_t *object, struct geo_point *out)
{
    const json_t *lat = json_object_get(object, "lat"), *lon = json_object_get(object, "lon");
    if (!lon)
        lon = json_object_get(object, "lng");
    if (!json_is_number(lat) || !json_is_number(lon))
        return false;
    *out = (struct geo_point){json_number_value(lat) + 0.0, json_number_value(lon) + 0.0};
    return geo_point_sound(*out);
}

double geo_distance_m(struct geo_point a, struct geo_point b)
{
    double north = sin((b.lat - a.lat) * DEGREE / 2), east = sin((b.lon - a.lon) * DEGREE / 2);
    double h = north * north + cos(a.lat * DEGREE) * cos(b.lat * DEGREE) * east * east;
    return 2 * GEO_RADIUS_M * asin(sqrt(fmin(1, h)));
}

static bool in_span(const struct geo_test *t, double lon)
{
    bool after = lon >= t->a.lon, before = lon <= t->b.lon;
    return t->a.lon <= t->b.lon ? after && before : after || before;
}

static bool in_box(const struct geo_test *t, struct geo_point p)
{
    return p.lat >= t->a.lat && p.lat <= t->b.lat &&
           (in_span(t, p.lon) || (fabs(p.lon) == 180 && in_span(t, -p.lon)));
}

bool geo_test_passes(const struct geo_test *t, struct geo_point p)
{
    if (t->shape == GEO_BOX)
        return in_box(t, p);
    double d = geo_distance_m(t->a, p);
    switch (t->shape) {
    case GEO_WITHIN:
        return d <= t->metres;
    case GEO_BELOW:
        return d < t->metres;
    case GEO_BEYOND:
        return d > t->metres;
    default:
        return d >= t->metres;
    }
}

void geo_test_band(const struct geo_test *t, double *low, double *high)
{
    *low = -90;
    *high = 90;
    if (t->shape == GEO_BOX) {
        *low = t->a.lat;
        *high = t->b.lat;
    } else if (t->shape == GEO_WITHIN || t->shape == GEO_BELOW) { /* wider by the rounding */
        double degrees = t->metres / GEO_RADIUS_M / DEGREE * (1 + 1e-9) + 1e-9;
        *low = t->a.lat - degrees;
        *high = t->a.lat + degrees;
    }
}
