/* What others read: the decayed sum of positive feedback of each document. */
#include "base/clock.h"
#include "engine/recommend_sources.h"
#include <stdlib.h>
#include <string.h>

#define POPULAR_ROWS 10000         /* newest feedback that counts */
#define POPULAR_MAX 1000           /* documents that are kept */
#define POPULAR_PAUSE_NS 500000000 /* made anew at most this often */

static int popular_compare(const void *a, const void *b)
{
    const struct popular_row *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

static int popular_number_compare(const void *a, const void *b)
{
    const struct popular_row *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

/* The decayed sum of positive feedback of each document, best first; malloc'd. */
static enum err popular_count(struct recommendation *m, struct popular_row **out, size_t *count,
                              struct err_info *e)
{
    struct feedback_record *rows;
    size_t n, kept = 0;
    int64_t now_us = clock_wall_us();
    struct arena *a = arena_new(0);
    enum err err = store_feedback_list(m->x->store, a, m->c->id, STR(""), STR(""), 0, POPULAR_ROWS,
                                       &rows, &n, e);
    struct str *ids = arena_array(a, n + 1, sizeof *ids);
    uint32_t *numbers = arena_array(a, n + 1, sizeof *numbers);
    for (size_t i = 0; i < n && !err; i++)
        ids[i] = rows[i].document;
    if (!err)
        err = numbers_of_ids(m->c, a, ids, n, numbers, e);
    struct popular_row *all = xcalloc(n + 1, sizeof *all);
    struct feedback_settings f;
    collection_feedback(m->c, &f);
    for (size_t i = 0; i < n && !err; i++) {
        int64_t age_us = now_us > rows[i].time_us ? now_us - rows[i].time_us : 0;
        double weight = feedback_weight(&f, rows[i].type, rows[i].value, age_us);
        if (numbers[i] && weight > 0)
            all[kept++] = (struct popular_row){numbers[i], weight};
    }
    arena_free(a);
    qsort(all, kept, sizeof *all, popular_number_compare);
    size_t joined = 0;
    for (size_t i = 0; i < kept; i++) {
        if (joined > 0 && all[joined - 1].number == all[i].number)
            all[joined - 1].score += all[i].score;
        else
            all[joined++] = all[i];
    }
    qsort(all, joined, sizeof *all, popular_compare);
    *out = all;
    *count = joined < POPULAR_MAX ? joined : POPULAR_MAX;
    if (err)
        free(all);
    return err;
}

/* Counts again if there was feedback since. */
static enum err popular_refresh(struct recommendation *m, struct err_info *e)
{
    struct collection *c = m->c;
    struct popular_row *rows;
    size_t count;
    int64_t now_ns = clock_mono_ns();
    lock_take(&c->lock);
    uint64_t change = c->feedback_change;
    bool fresh =
        c->popular && (c->popular_change == change || now_ns - c->popular_ns < POPULAR_PAUSE_NS);
    lock_drop(&c->lock);
    if (fresh)
        return 0;
    enum err err = popular_count(m, &rows, &count, e);
    if (err)
        return err;
    lock_take(&c->lock);
    struct popular_row *old = c->popular;
    c->popular = rows;
    c->popular_count = count;
    c->popular_change = change;
    c->popular_ns = now_ns;
    lock_drop(&c->lock);
    free(old);
    return 0;
}

enum err popular_read(struct recommendation *m, struct err_info *e)
{
    struct sources *s = m->sources;
    enum err err = popular_refresh(m, e);
    if (err)
        return err;
    s->popular = arena_array(m->a, POPULAR_MAX, sizeof *s->popular);
    lock_take(&m->c->lock);
    size_t n = s->popular_count = m->c->popular_count;
    memcpy(s->popular, m->c->popular, n * sizeof *s->popular);
    lock_drop(&m->c->lock);
    for (size_t i = n; i-- > 0;)
        s->popular[i].score /= s->popular[0].score;
    s->popular_by_number = arena_array(m->a, n + 1, sizeof *s->popular);
    memcpy(s->popular_by_number, s->popular, n * sizeof *s->popular);
    qsort(s->popular_by_number, n, sizeof *s->popular, popular_number_compare);
    return 0;
}

double popular_score(const struct recommendation *m, uint32_t number)
{
    const struct sources *s = m->sources;
    struct popular_row key = {.number = number};
    const struct popular_row *found =
        bsearch(&key, s->popular_by_number, s->popular_count, sizeof key, popular_number_compare);
    return found ? found->score : 0;
}
