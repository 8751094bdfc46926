/* What a request says of its scores: checked and made complete. */
#include "base/clock.h"
#include "engine/find_impl.h"
#include <math.h>
#include <stdio.h>

/* Ages count from now, in steps of this share of a half life, a second at least: the pages of an
 * answer have the same scores. */
#define ORIGIN_STEP 1e-3

static enum err boost_check(struct find *f, size_t i, struct search_boost *b, struct err_info *e)
{
    struct err_info info = {0};
    char pointer[64];
    snprintf(pointer, sizeof pointer, "/boosts/%zu", i);
    if (!(b->weight >= 0 && b->weight <= 1) || !(b->scale > 0) || !isfinite(b->scale))
        return err_set(e, ERR_INVALID, pointer,
                       "must have a weight from 0 to 1 and a half life or pivot above 0");
    if (field_know(f->c, &f->sight, b->field, &info)) {
        snprintf(pointer, sizeof pointer, "/boosts/%zu/field", i);
        return err_set(e, ERR_INVALID, pointer, "%s", info.message);
    }
    if (b->kind == SEARCH_BOOST_RECENCY && isnan(b->origin)) {
        double step = fmax(1, b->scale * ORIGIN_STEP), now = (double)clock_wall_us() / 1e6;
        b->origin = floor(now / step) * step;
    }
    return 0;
}

static enum err weights_check(const struct find_request *r, struct err_info *e)
{
    if (!r->weighted)
        return 0;
    if (!(r->words_weight >= 0) || !(r->vectors_weight >= 0) ||
        !(r->words_weight + r->vectors_weight > 0) ||
        !isfinite(r->words_weight + r->vectors_weight))
        return err_set(e, ERR_INVALID, "/weights", "must not be below 0, and one must be above it");
    return 0;
}

/* The reader's profile is one more boost; a reader that nothing is known of has none. */
static enum err profile_add(struct find *f, struct err_info *e)
{
    float *profile = NULL;
    if (!f->r->user.n)
        return 0;
    enum err err = reader_profile(f->c, &f->sight, f->v, f->r->user, f->a, &profile, e);
    if (!err && profile)
        f->boosts[f->boost_count++] = (struct search_boost){
            .kind = SEARCH_BOOST_PROFILE,
            .field = STR(FIND_USER_FIELD),
            .weight = f->r->user_weight,
            .scale = 1,
            .origin = (double)f->view.mean_cosine,
            .vector = profile,
        };
    f->personalised = profile != NULL;
    return err;
}

enum err find_ranking(struct find *f, struct err_info *e)
{
    const struct find_request *r = f->r;
    double sum = r->user.n ? r->user_weight : 0;
    enum err err = weights_check(r, e);
    if (!err && r->fusion != SEARCH_LINEAR && r->min_score > 0)
        return err_set(e, ERR_INVALID, "/min_score",
                       "needs the linear fusion: scores of ranks and ranges depend on the other "
                       "hits and do not compare");
    if (!err && r->boost_count > SEARCH_BOOSTS_MAX - 1)
        return err_set(e, ERR_INVALID, "/boosts", "at most %d", SEARCH_BOOSTS_MAX - 1);
    if (!err && !(r->user_weight >= 0 && r->user_weight <= 1))
        return err_set(e, ERR_INVALID, "/user_weight", "must be from 0 to 1");
    f->boosts = arena_array(f->a, r->boost_count + 1, sizeof *f->boosts);
    f->boost_count = r->boost_count;
    for (size_t i = 0; i < r->boost_count && !err; i++) {
        f->boosts[i] = r->boosts[i];
        err = boost_check(f, i, &f->boosts[i], e);
        sum += f->boosts[i].weight;
    }
    if (!err && sum > 1 + 1e-9)
        return err_set(e, ERR_INVALID, "/boosts", "have weights of %g together%s, at most 1", sum,
                       r->user.n ? ", with user_weight" : "");
    return err ? err : profile_add(f, e);
}
