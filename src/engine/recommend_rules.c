/* The rules of a request: checked, and with numbers for ids and sets for filters. What contradicts
 * itself is refused with both places, rather than one of them silently winning. */
#include "base/rng.h"
#include "engine/recommend_impl.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define EXCLUDE_MAX 1000
#define HALF_LIFE_DAYS_MAX 36500
#define SCENARIO_BYTES_MAX 64

static int id_length(struct str id)
{
    return (int)(id.n < 200 ? id.n : 200);
}

/* ---- numbers ---- */

static enum err share_check(double x, const char *pointer, struct err_info *e)
{
    return x >= 0 && x <= 1 ? 0 : err_set(e, ERR_INVALID, pointer, "must be from 0 to 1");
}

static enum err numbers_check(const struct recommend_request *r, struct err_info *e)
{
    enum err err;
    if (r->limit < 1 || r->limit > RECOMMEND_LIMIT_MAX)
        return err_set(e, ERR_INVALID, "/limit", "must be from 1 to %d", RECOMMEND_LIMIT_MAX);
    if (r->offset > RECOMMEND_REACH_MAX)
        return err_set(e, ERR_INVALID, "/offset", "must be from 0 to %d", RECOMMEND_REACH_MAX);
    if (r->relevance_bounded && !isfinite(r->min_relevance))
        return err_set(e, ERR_INVALID, "/min_relevance", "must be a finite number");
    if (!(r->half_life_days >= 0 && r->half_life_days <= HALF_LIFE_DAYS_MAX))
        return err_set(e, ERR_INVALID, "/freshness/half_life_days",
                       "must be above 0 and at most %d", HALF_LIFE_DAYS_MAX);
    if (r->exclude_count > EXCLUDE_MAX)
        return err_set(e, ERR_TOO_LARGE, "/exclude", "at most %d", EXCLUDE_MAX);
    if ((err = share_check(r->diversity, "/diversity", e)) ||
        (err = share_check(r->fatigue, "/fatigue", e)))
        return err;
    return share_check(r->explore, "/explore", e);
}

static enum err scenario_check(struct str s, struct err_info *e)
{
    bool fits = s.n <= SCENARIO_BYTES_MAX;
    for (size_t i = 0; i < s.n; i++)
        fits = fits && ((s.s[i] >= 'a' && s.s[i] <= 'z') || (s.s[i] >= '0' && s.s[i] <= '9') ||
                        (i && strchr("_-", s.s[i])));
    return fits ? 0
                : err_set(e, ERR_INVALID, "/scenario",
                          "must be at most %d of a-z, 0-9, _ and -, and begin with a letter or a "
                          "digit",
                          SCENARIO_BYTES_MAX);
}

static enum err types_check(struct recommendation *m, struct err_info *e)
{
    const struct recommend_request *r = m->r;
    struct feedback_settings known;
    char field[48], names[400];
    if (r->seen_type_count == 0)
        return 0;
    collection_feedback(m->c, &known);
    for (size_t i = 0; i < r->seen_type_count; i++)
        if (!feedback_type_find(&known, r->seen_types[i])) {
            snprintf(field, sizeof field, "/exclude_seen/%zu", i);
            feedback_type_names(&known, names, sizeof names);
            return err_set(e, ERR_INVALID, field, "must be one of %s", names);
        }
    return 0;
}

/* ---- exclude and pins ---- */

static bool str_in(struct str s, const struct str *list, size_t count, size_t *at)
{
    for (*at = 0; *at < count; ++*at)
        if (str_eq(s, list[*at]))
            return true;
    return false;
}

static enum err examples_check(const struct recommend_request *r, struct err_info *e)
{
    char field[48];
    size_t other;
    for (size_t i = 0; i < r->negative_count; i++)
        if (str_in(r->negative[i], r->positive, r->positive_count, &other)) {
            snprintf(field, sizeof field, "/negative/%zu", i);
            return err_set(e, ERR_INVALID, field, "\"%.*s\" is liked too, at /positive/%zu",
                           id_length(r->negative[i]), r->negative[i].s, other);
        }
    return 0;
}

static enum err pin_check(const struct recommend_request *r, size_t i, struct err_info *e)
{
    const struct recommend_pin *p = &r->pins[i];
    char field[48];
    size_t other;
    snprintf(field, sizeof field, "/pins/%zu/position", i);
    if (p->position >= RECOMMEND_REACH_MAX)
        return err_set(e, ERR_INVALID, field, "must be from 0 to %d", RECOMMEND_REACH_MAX - 1);
    for (size_t k = 0; k < i; k++)
        if (r->pins[k].position == p->position)
            return err_set(e, ERR_INVALID, field, "is that of /pins/%zu too", k);
    snprintf(field, sizeof field, "/pins/%zu/id", i);
    for (size_t k = 0; k < i; k++)
        if (str_eq(r->pins[k].document, p->document))
            return err_set(e, ERR_INVALID, field, "\"%.*s\" is pinned by /pins/%zu too",
                           id_length(p->document), p->document.s, k);
    if (str_in(p->document, r->exclude, r->exclude_count, &other))
        return err_set(e, ERR_INVALID, field, "\"%.*s\" is excluded, at /exclude/%zu",
                       id_length(p->document), p->document.s, other);
    return 0;
}

static enum err pins_make(struct recommendation *m, struct err_info *e)
{
    const struct recommend_request *r = m->r;
    char field[48];
    if (r->pin_count > RECOMMEND_PINS_MAX)
        return err_set(e, ERR_TOO_LARGE, "/pins", "at most %d", RECOMMEND_PINS_MAX);
    struct str *ids = arena_array(m->a, r->pin_count + 1, sizeof *ids);
    uint32_t *numbers = arena_array(m->a, r->pin_count + 1, sizeof *numbers);
    enum err err = 0;
    for (size_t i = 0; i < r->pin_count && !err; i++) {
        ids[i] = r->pins[i].document;
        err = pin_check(r, i, e);
    }
    if (!err)
        err = numbers_of_ids(m->c, m->sight, m->a, ids, r->pin_count, numbers, e);
    m->rules.pins = arena_array(m->a, r->pin_count + 1, sizeof *m->rules.pins);
    for (size_t i = 0; i < r->pin_count && !err; i++) {
        snprintf(field, sizeof field, "/pins/%zu/id", i);
        if (numbers[i] == 0)
            return err_set(e, ERR_INVALID, field,
                           "there is no document \"%.*s\" in this collection", id_length(ids[i]),
                           ids[i].s);
        m->rules.pins[i] = (struct slot_pin){numbers[i], r->pins[i].position};
    }
    return err;
}

static enum err excluded_make(struct recommendation *m, struct err_info *e)
{
    size_t n = m->r->exclude_count;
    uint32_t *numbers = arena_array(m->a, n + 1, sizeof *numbers);
    enum err err = numbers_of_ids(m->c, m->sight, m->a, m->r->exclude, n, numbers, e);
    for (size_t i = 0; i < n && !err; i++)
        if (numbers[i]) /* what is not there is not shown either */
            docset_add(&m->rules.excluded, numbers[i]);
    docset_or(&m->without, &m->rules.excluded);
    return err;
}

/* ---- caps and boosts ---- */

static enum err caps_make(struct recommendation *m, struct err_info *e)
{
    const struct recommend_request *r = m->r;
    char field[48];
    if (r->cap_count > RECOMMEND_CAPS_MAX)
        return err_set(e, ERR_TOO_LARGE, "/caps", "at most %d", RECOMMEND_CAPS_MAX);
    m->rules.caps = arena_array(m->a, r->cap_count + 1, sizeof *m->rules.caps);
    for (size_t i = 0; i < r->cap_count; i++) {
        struct err_info info = {0};
        if (r->caps[i].limit == 0) {
            snprintf(field, sizeof field, "/caps/%zu/limit", i);
            return err_set(e, ERR_INVALID, field, "must be 1 or more");
        }
        snprintf(field, sizeof field, "/caps/%zu/field", i);
        for (size_t k = 0; k < i; k++)
            if (str_eq(r->caps[k].field, r->caps[i].field))
                return err_set(e, ERR_INVALID, field, "is that of /caps/%zu too", k);
        enum err err = field_know(m->c, m->sight, r->caps[i].field, &info);
        if (err)
            return err_set(e, err, field, "%s", info.message);
        m->rules.caps[i] = r->caps[i].limit;
    }
    return 0;
}

static enum err boost_make(struct recommendation *m, size_t i, struct err_info *e)
{
    const struct recommend_boost *b = &m->r->boosts[i];
    struct err_info info = {0};
    char field[48];
    snprintf(field, sizeof field, "/boosts/%zu/factor", i);
    if (!(b->factor >= RECOMMEND_FACTOR_MIN && b->factor <= RECOMMEND_FACTOR_MAX))
        return err_set(e, ERR_INVALID, field, "must be from %g to %g", RECOMMEND_FACTOR_MIN,
                       (double)RECOMMEND_FACTOR_MAX);
    snprintf(field, sizeof field, "/boosts/%zu/filter", i);
    if (str_trim(b->filter).n == 0)
        return err_set(e, ERR_INVALID, field, "must not be empty");
    enum err err = filter_select(m->c, m->sight, m->a, b->filter, &m->rules.boosted[i], &info);
    m->rules.boosts[i] = (struct slot_boost){&m->rules.boosted[i], b->factor};
    return err ? err_set(e, err, field, "%s", info.message) : 0;
}

static enum err boosts_make(struct recommendation *m, struct err_info *e)
{
    size_t n = m->r->boost_count;
    enum err err = 0;
    if (n > RECOMMEND_BOOSTS_MAX)
        return err_set(e, ERR_TOO_LARGE, "/boosts", "at most %d", RECOMMEND_BOOSTS_MAX);
    m->rules.boosted = arena_array(m->a, n + 1, sizeof *m->rules.boosted);
    m->rules.boosts = arena_array(m->a, n + 1, sizeof *m->rules.boosts);
    for (size_t i = 0; i < n && !err; i++) {
        docset_init(&m->rules.boosted[i]);
        m->rules.boost_count = i + 1;
        err = boost_make(m, i, e);
    }
    return err;
}

enum err rules_make(struct recommendation *m, struct err_info *e)
{
    enum err err;
    docset_init(&m->rules.excluded);
    rng_bytes(&m->rules.seed, sizeof m->rules.seed);
    if ((err = numbers_check(m->r, e)) || (err = scenario_check(m->r->scenario, e)) ||
        (err = types_check(m, e)) || (err = examples_check(m->r, e)) ||
        (err = excluded_make(m, e)) || (err = pins_make(m, e)) || (err = caps_make(m, e)) ||
        (err = boosts_make(m, e)))
        return err;
    return pages_read(m, e);
}

void rules_release(struct rules *r)
{
    docset_release(&r->excluded);
    for (size_t i = 0; i < r->boost_count; i++)
        docset_release(&r->boosted[i]);
}
