/* Where a document is:
 *
 *     geo = "geo" "(" field "," lat "," lon ")" ( "<=" | "<" | ">=" | ">" ) distance
 *         | "geo" "(" field ")" "(" lat "," lon ")" TO "(" lat "," lon ")"
 *
 * A distance is a number and m, km or mi (10km, 10 km); metres without one. The corners of a box
 * are its south-west and its north-east. */
#include "index/filter_parse.h"
#include <math.h>
#include <string.h>

bool filter_geo_begins(const struct tokens *t)
{
    size_t next = t->next;
    if (!tokens_word_is(t, "geo"))
        return false;
    while (next < t->text.n && memchr(" \t\r\n", t->text.s[next], 4))
        next++;
    return next < t->text.n && t->text.s[next] == '(';
}

static void expect(struct tokens *t, char c, const char *what)
{
    if (!t->err && !tokens_take_punct(t, c))
        tokens_expected(t, what);
}

static double degrees(struct tokens *t, double most, const char *what)
{
    double v = 0;
    if (t->err)
        return 0;
    if (t->token != T_WORD || str_to_f64(t->value, &v) || !(fabs(v) <= most)) {
        tokens_expected(t, what);
        return 0;
    }
    tokens_advance(t);
    return v + 0.0; /* -0 is 0 */
}

static struct geo_point point(struct tokens *t)
{
    struct geo_point p;
    p.lat = degrees(t, 90, "a latitude from -90 to 90");
    expect(t, ',', ", and a longitude after the latitude");
    p.lon = degrees(t, 180, "a longitude from -180 to 180");
    return p;
}

/* Metres of a unit, 0: none is called that. */
static double unit(struct str s)
{
    if (!s.n || filter_word_is(s, "m"))
        return 1;
    if (filter_word_is(s, "km"))
        return 1000;
    return filter_word_is(s, "mi") ? 1609.344 : 0;
}

static double metres(struct tokens *t)
{
    static const char what[] = "a distance like 500m, 10km or 6mi";
    double v = 0, scale = 0;
    struct str word = t->value;
    if (t->err)
        return 0;
    size_t n = word.n;
    while (n && ((word.s[n - 1] | 32) >= 'a' && (word.s[n - 1] | 32) <= 'z'))
        n--;
    if (t->token == T_WORD && !str_to_f64((struct str){word.s, n}, &v) && v >= 0 && isfinite(v))
        scale = unit((struct str){word.s + n, word.n - n});
    if (!(scale > 0) || !isfinite(v * scale)) {
        tokens_expected(t, what);
        return 0;
    }
    tokens_advance(t);
    if (n == word.n && t->token == T_WORD && unit(t->value) > 0) {
        scale = unit(t->value);
        tokens_advance(t);
    }
    return v * scale;
}

static void circle(struct tokens *t, struct geo_test *out)
{
    static const char *const signs[] = {
        [GEO_WITHIN] = "<=", [GEO_BELOW] = "<", [GEO_BEYOND] = ">", [GEO_FROM] = ">="};
    out->a = point(t);
    expect(t, ')', ") after the longitude");
    bool found = false;
    for (unsigned i = 0; !t->err && !found && i < sizeof signs / sizeof *signs; i++)
        if (t->token == T_OP && str_eq_c(t->value, signs[i])) {
            out->shape = (enum geo_shape)i;
            found = true;
        }
    if (t->err)
        return;
    if (!found) {
        tokens_expected(t, "<= < >= or > and a distance");
        return;
    }
    tokens_advance(t);
    out->metres = metres(t);
}

static void box(struct tokens *t, struct geo_test *out)
{
    size_t at = t->at;
    out->shape = GEO_BOX;
    expect(t, '(', "( and the south-west corner of a box");
    out->a = point(t);
    expect(t, ')', ") after the longitude");
    if (!t->err && !tokens_take_word(t, "to"))
        tokens_expected(t, "TO and the north-east corner");
    expect(t, '(', "( and the north-east corner");
    out->b = point(t);
    expect(t, ')', ") after the longitude");
    if (!t->err && out->a.lat > out->b.lat)
        tokens_fail(t, at, ERR_INVALID,
                    "the first corner of a box is its south-west, the second its north-east");
}

struct filter *filter_geo_parse(struct arena *a, struct tokens *t)
{
    struct filter *f = arena_zalloc(a, sizeof *f);
    struct geo_test *test = arena_zalloc(a, sizeof *test);
    f->op = FILTER_GEO;
    f->geo = test;
    tokens_advance(t);
    expect(t, '(', "( after geo");
    if (!t->err)
        f->field = filter_field_parse(t, "a field");
    if (t->err)
        return f;
    if (tokens_take_punct(t, ',')) {
        circle(t, test);
    } else if (tokens_take_punct(t, ')')) {
        box(t, test);
    } else {
        tokens_expected(t, ", and a point, or ) and a box");
    }
    return f;
}
