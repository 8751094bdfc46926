/* Places: distances against unit vectors in long double, the index against looking at every
 * document, poles and the 180th meridian among them; the text of a geo test there and back. */
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "index/filter.h"
#include "index/geo.h"
#include "index/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <math.h>
#include <cmocka.h>

#define DOCUMENTS 500
#define POINTS_MAX 3

static struct rng rng;
static struct arena *arena;
static struct attributes *attributes;
static struct geo_point points[DOCUMENTS][POINTS_MAX];
static unsigned counts[DOCUMENTS];

static double uniform(double low, double high)
{
    return low + (high - low) * (double)rng_below(&rng, 1000001) / 1e6;
}

/* All over the earth; near one place; near a pole; on both sides of the 180th meridian. */
static struct geo_point point_random(void)
{
    switch (rng_below(&rng, 6)) {
    case 0:
        return (struct geo_point){52.5 + uniform(-.3, .3), 13.4 + uniform(-.3, .3)};
    case 1:
        return (struct geo_point){(rng_below(&rng, 2) ? 1 : -1) * uniform(89, 90),
                                  uniform(-180, 180)};
    case 2:
        return (struct geo_point){uniform(-20, 20),
                                  (rng_below(&rng, 2) ? 1 : -1) * uniform(179, 180)};
    case 3: /* whole degrees: the same place again and again, -0 and both names of a meridian */
        return (struct geo_point){(double)rng_below(&rng, 5) * 45 - 90,
                                  (double)rng_below(&rng, 9) * 45 - 180};
    default:
        return (struct geo_point){uniform(-90, 90), uniform(-180, 180)};
    }
}

static long double distance(struct geo_point a, struct geo_point b)
{
    long double v[2][3], along = 0, cross = 0;
    struct geo_point p[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        long double lat = p[i].lat * M_PIl / 180, lon = p[i].lon * M_PIl / 180;
        v[i][0] = cosl(lat) * cosl(lon);
        v[i][1] = cosl(lat) * sinl(lon);
        v[i][2] = sinl(lat);
    }
    for (int i = 0; i < 3; i++) {
        int j = (i + 1) % 3, k = (i + 2) % 3;
        long double c = v[0][j] * v[1][k] - v[0][k] * v[1][j];
        along += v[0][i] * v[1][i];
        cross += c * c;
    }
    return GEO_RADIUS_M * atan2l(sqrtl(cross), along);
}

static json_t *document_of(uint32_t n)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < counts[n]; i++)
        json_array_append_new(list, json_pack("{s:f,s:f,s:s}", "lat", points[n][i].lat,
                                              rng_below(&rng, 2) ? "lon" : "lng", points[n][i].lon,
                                              "name", "x"));
    if (rng_below(&rng, 4) == 0) /* no points */
        json_array_append_new(list, rng_below(&rng, 2)
                                        ? json_pack("{s:f,s:f}", "lat", 91.0, "lon", 0.0)
                                        : json_pack("{s:s,s:i}", "lat", "1", "lon", 2));
    return json_pack("{s:{s:o}}", "attributes", "place", list);
}

static void document_make(uint32_t n)
{
    counts[n] = (unsigned)rng_below(&rng, POINTS_MAX + 1);
    for (unsigned i = 0; i < counts[n]; i++)
        points[n][i] = point_random();
    json_t *d = document_of(n);
    attributes_put(attributes, n, d);
    json_decref(d);
}

static int setup(void **state)
{
    rng_init(&rng, 29);
    json_setup();
    arena = arena_new(0);
    attributes = attributes_new();
    for (uint32_t n = 0; n < DOCUMENTS; n++)
        document_make(n);
    return 0;
}

static int teardown(void **state)
{
    attributes_free(attributes);
    arena_free(arena);
    return 0;
}

static void distances_are_right(void **state)
{
    for (int i = 0; i < 20000; i++) {
        struct geo_point a = point_random(), b = point_random();
        double d = geo_distance_m(a, b);
        long double right = distance(a, b);
        /* haversine loses digits only near the antipode */
        assert_true(fabsl(d - right) <= (right > 2e7L ? 1.0L : 1e-3L));
        assert_true(d == geo_distance_m(b, a));
    }
    struct geo_point west = {10, -180}, east = {10, 180}, north = {90, 0}, pole = {90, 123};
    assert_true(geo_distance_m(west, east) < 1e-6 && geo_distance_m(north, pole) < 1e-6);
    struct geo_point berlin = {52.52, 13.405}, paris = {48.8566, 2.3522};
    assert_true(fabs(geo_distance_m(berlin, paris) - 877.46e3) < 100);
}

static const struct filter *parsed(const char *text)
{
    const struct filter *f = NULL;
    struct err_info e = {0};
    if (filter_parse(arena, str_c(text), &f, &e))
        fail_msg("%s: %s", text, e.message);
    return f;
}

/* By index and by definition the same, and there and back as text too. -> how many */
static size_t check(const char *text, bool (*passes)(const void *ctx, struct geo_point p),
                    const void *ctx)
{
    const struct filter *f = parsed(text);
    struct docset out;
    struct strbuf b;
    docset_init(&out);
    strbuf_init(&b, 0);
    filter_print(f, &b);
    assert_int_equal(attributes_select(attributes, parsed(b.buf), &out, NULL), 0);
    for (uint32_t n = 0; n < DOCUMENTS; n++) {
        bool expected = false;
        for (unsigned i = 0; i < counts[n]; i++)
            expected |= passes(ctx, points[n][i]);
        json_t *d = document_of(n);
        if (docset_has(&out, n) != expected || filter_matches(f, d) != expected)
            fail_msg("%s, document %u: %d", text, n, expected);
        json_decref(d);
    }
    size_t count = out.count;
    strbuf_release(&b);
    docset_release(&out);
    arena_reset(arena);
    return count;
}

struct circle {
    struct geo_point at;
    double metres;
    const char *sign;
};

static bool in_circle(const void *ctx, struct geo_point p)
{
    const struct circle *c = ctx;
    double d = geo_distance_m(c->at, p); /* which is right: above */
    if (c->sign[0] == '<')
        return c->sign[1] ? d <= c->metres : d < c->metres;
    return c->sign[1] ? d >= c->metres : d > c->metres;
}

static void circles(void **state)
{
    static const char *const signs[] = {"<=", "<", ">=", ">"};
    static const double radii[] = {0, 1, 500, 2e4, 1e6, 9e6, 2.1e7};
    size_t found = 0;
    char text[200];
    for (int i = 0; i < 250; i++) {
        struct circle c = {point_random(), radii[rng_below(&rng, 7)], signs[i % 4]};
        uint32_t n = (uint32_t)rng_below(&rng, DOCUMENTS);
        if (i % 3 == 0 && counts[n]) { /* at a document's place, or just so far away from it */
            double d = geo_distance_m(c.at, points[n][0]);
            c.metres = i % 2 ? d : c.metres;
            c.at = i % 2 ? c.at : points[n][0];
        }
        snprintf(text, sizeof text, "geo(place, %.17g, %.17g) %s %.17gm", c.at.lat, c.at.lon,
                 c.sign, c.metres);
        found += check(text, in_circle, &c);
        document_make(n);
    }
    assert_true(found > 250);
}

static bool in_box(const void *ctx, struct geo_point p)
{
    const struct geo_point *c = ctx;
    double width = c[1].lon - c[0].lon, east = p.lon - c[0].lon;
    if (p.lat < c[0].lat || p.lat > c[1].lat)
        return false;
    /* as seen from the west side, eastwards; a box of no width is not all around */
    width = width < 0 ? width + 360 : width;
    for (int turn = -360; turn <= 360; turn += 360)
        if (east + turn >= -1e-12 && east + turn <= width + 1e-12)
            return true;
    return false;
}

static void boxes(void **state)
{
    size_t found = 0;
    char text[200];
    for (int i = 0; i < 200; i++) {
        struct geo_point c[2] = {point_random(), point_random()};
        if (c[0].lat > c[1].lat) {
            struct geo_point swap = c[0];
            c[0] = c[1];
            c[1] = swap;
        }
        if (c[0].lon == 180 || c[1].lon == -180) /* -180 to ... and ... to 180 are meant */
            continue;
        snprintf(text, sizeof text, "geo(attributes.place) (%.17g, %.17g) to (%.17g, %.17g)",
                 c[0].lat, c[0].lon, c[1].lat, c[1].lon);
        found += check(text, in_box, c);
    }
    assert_true(found > 1000);
}

static void in_other_units_and_trees(void **state)
{
    struct circle c = {{52.5, 13.4}, 10000, "<="};
    assert_true(check("geo(place,52.5,13.4)<=10km", in_circle, &c) > 10);
    check("geo (place, 52.5, 13.4) <= 10 km", in_circle, &c);
    check("GEO(\"place\", 52.50, 13.4) <= 1e4", in_circle, &c);
    check("geo(place, 52.5, 13.4) <= 1e1KM AND place EXISTS AND NOT geo = 3", in_circle, &c);
    c.metres = 16093.44;
    check("geo(place, 52.5, 13.4) <= 10mi", in_circle, &c);
    struct docset out;
    docset_init(&out);
    assert_int_equal(
        attributes_select(attributes, parsed("place.lat < 0 AND place.name = x"), &out, NULL), 0);
    assert_true(out.count > 100); /* its members are fields as ever */
    docset_release(&out);
}

static void mistakes(void **state)
{
    static const struct {
        const char *text, *says;
    } wrong[] = {
        {"geo(place, 91, 0) <= 1km", "character 12: expected a latitude from -90 to 90"},
        {"geo(place, 1, 180.5) <= 1km", "a longitude from -180 to 180"},
        {"geo(place, 1) <= 1km", ", and a longitude"},
        {"geo(place, 1, 2, 3) <= 1km", ") after the longitude"},
        {"geo(place, 1, 2) = 1km", "<= < >= or >"},
        {"geo(place, 1, 2)", "and a distance, found the end"},
        {"geo(place, 1, 2) <= 1lm", "10km"},
        {"geo(place, 1, 2) <= -1km", "10km"},
        {"geo(place, 1, 2) <= 1e999km", "10km"},
        {"geo(place, nan, 2) <= 1km", "latitude"},
        {"geo(place, 1, 2) <= km", "10km"},
        {"geo(place) (2, 1) TO (1, 2)", "south-west"},
        {"geo(place) (1, 1)", "TO and the north-east"},
        {"geo(place) <= 3", "( and the south-west"},
        {"geo()", "a field"},
        {"geo(and, 1, 2) < 3", "a field"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const struct filter *f = NULL;
        struct err_info e = {0};
        assert_int_equal(filter_parse(arena, str_c(wrong[i].text), &f, &e), ERR_INVALID);
        if (!strstr(e.message, wrong[i].says))
            fail_msg("%s: %s", wrong[i].text, e.message);
    }
    struct strbuf b;
    const struct filter *f = NULL;
    strbuf_init(&b, 0);
    for (int i = 0; i < 21; i++)
        strbuf_printf(&b, "%sgeo(place, 1, 2) < 3", i ? " OR " : "");
    assert_int_equal(filter_parse(arena, strbuf_str(&b), &f, NULL), ERR_TOO_LARGE);
    strbuf_release(&b);
    struct err_info e = {0};
    const char *unknown = "geo(palce, 1, 2) < 3";
    assert_int_equal(attributes_know(attributes, parsed(unknown), str_c(unknown), &e), ERR_INVALID);
    assert_non_null(strstr(e.message, "place"));
}

static double best(uint32_t n, struct geo_point from, bool far)
{
    double d = NAN;
    for (unsigned i = 0; i < counts[n]; i++) {
        double x = geo_distance_m(from, points[n][i]);
        d = far ? fmax(d, x) : fmin(d, x);
    }
    return d;
}

static void sorted_by_distance(void **state)
{
    for (int round = 0; round < 40; round++) {
        struct order_key k = {.field = STR("place"),
                              .by_distance = true,
                              .from = point_random(),
                              .descending = round & 1,
                              .missing_first = round & 2};
        uint32_t numbers[DOCUMENTS], from = (uint32_t)rng_below(&rng, DOCUMENTS);
        uint64_t out[DOCUMENTS], after;
        size_t count = 0;
        for (uint32_t n = 0; n < DOCUMENTS; n += round % 3 ? 1 : 40)
            numbers[count++] = n;
        json_t *d = document_of(from), *mark = order_value(&k, d);
        attributes_places(attributes, &k, numbers, count, mark, out, 1, &after);
        double b = best(from, k.from, k.descending);
        for (size_t i = 0; i < count; i++) {
            double a = best(numbers[i], k.from, k.descending);
            int expected = isnan(a) != isnan(b) ? (isnan(a) == k.missing_first ? -1 : 1)
                           : isnan(a)           ? 0
                           : k.descending       ? (a < b) - (a > b)
                                                : (a > b) - (a < b);
            assert_int_equal((out[i] > after) - (out[i] < after), expected);
        }
        json_decref(mark);
        json_decref(d);
    }
    struct order_key k;
    assert_true(order_key_of_filter(parsed("a = 1 AND geo(place, 3, 4) < 5km"), &k));
    assert_true(k.by_distance && k.from.lat == 3 && k.from.lon == 4 && str_eq_c(k.field, "place"));
    assert_false(order_key_of_filter(parsed("a = 1 OR NOT geo(place, 3, 4) < 5km"), &k));
}

static void saved_and_loaded(void **state)
{
    char path[] = "/tmp/akin-geo-XXXXXX";
    struct file *f = NULL;
    struct attributes *y = NULL;
    uint64_t offset = 0;
    close(mkstemp(path));
    assert_int_equal(file_open(path, FILE_CREATE, &f, NULL), 0);
    assert_int_equal(attributes_save(attributes, f, NULL), 0);
    assert_int_equal(attributes_load(f, &offset, &y, NULL), 0);
    assert_true(attributes_equal(attributes, y) && attributes_equal(y, attributes));
    attributes_free(attributes);
    attributes = y;
    file_close(f);
    unlink(path);
    struct circle c = {{52.5, 13.4}, 20000, "<"};
    assert_true(check("geo(place, 52.5, 13.4) < 20km", in_circle, &c) > 10);
    for (uint32_t n = 0; n < DOCUMENTS; n++)
        attributes_delete(attributes, n);
    memset(counts, 0, sizeof counts);
    check("geo(place, 52.5, 13.4) >= 0m", in_circle, &(struct circle){{52.5, 13.4}, 0, ">="});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distances_are_right),
        cmocka_unit_test(circles),
        cmocka_unit_test(boxes),
        cmocka_unit_test(in_other_units_and_trees),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(sorted_by_distance),
        cmocka_unit_test(saved_and_loaded),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
