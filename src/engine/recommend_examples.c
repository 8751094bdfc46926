/* What a recommendation goes by: the reader's newest feedback, or the documents that the request
 * names. What lies back counts less: by time in feedback, by steps in a session. */
#include "base/clock.h"
#include "engine/recommend_impl.h"
#include <stdlib.h>

#define PROFILE_ROWS 1000
#define SESSION_DECAY .8 /* weight of each step back in a session */
#define EXAMPLES_MAX 1000

static enum err examples_of_ids(struct recommendation *m, const struct str *ids, size_t count,
                                double weight, double decay, const char *pointer,
                                struct err_info *e)
{
    uint32_t *numbers = arena_array(m->a, count + 1, sizeof *numbers);
    enum err err = numbers_of_ids(m->c, m->a, ids, count, numbers, e);
    for (size_t i = count; i-- > 0 && !err; weight *= decay) { /* the newest is the last */
        char field[64];
        snprintf(field, sizeof field, "%s/%zu", pointer, i);
        if (numbers[i] == 0)
            return err_set(e, ERR_NOT_FOUND, field,
                           "there is no document \"%.*s\" in this collection",
                           (int)(ids[i].n < 200 ? ids[i].n : 200), ids[i].s);
        m->examples[m->example_count++] = (struct example){numbers[i], weight, m->now_us};
        docset_add(&m->without, numbers[i]);
    }
    return err;
}

static int example_compare(const void *a, const void *b)
{
    const struct example *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static void example_add(struct example *x, const struct example *more)
{
    x->weight += more->weight;
    x->time_us = more->time_us > x->time_us ? more->time_us : x->time_us;
}

/* What was done to one document counts together. */
static void examples_join(struct recommendation *m)
{
    size_t n = 0;
    qsort(m->examples, m->example_count, sizeof *m->examples, example_compare);
    for (size_t i = 0; i < m->example_count; i++) {
        if (n > 0 && m->examples[n - 1].number == m->examples[i].number)
            example_add(&m->examples[n - 1], &m->examples[i]);
        else
            m->examples[n++] = m->examples[i];
    }
    m->example_count = n;
}

static enum err examples_of_user(struct recommendation *m, struct err_info *e)
{
    struct feedback_record *rows;
    size_t n;
    enum err err = store_feedback_list(m->x->store, m->a, m->c->id, m->r->user, STR(""), 0,
                                       PROFILE_ROWS, &rows, &n, e);
    if (err)
        return err;
    struct str *ids = arena_array(m->a, n + 1, sizeof *ids);
    uint32_t *numbers = arena_array(m->a, n + 1, sizeof *numbers);
    for (size_t i = 0; i < n; i++)
        ids[i] = rows[i].document;
    if ((err = numbers_of_ids(m->c, m->a, ids, n, numbers, e)))
        return err;
    struct feedback_settings f;
    collection_feedback(m->c, &f);
    m->examples = arena_array(m->a, n + 1, sizeof *m->examples);
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] == 0)
            continue; /* deleted since */
        if (m->r->exclude_seen)
            docset_add(&m->without, numbers[i]);
        int64_t age_us = m->now_us > rows[i].time_us ? m->now_us - rows[i].time_us : 0;
        m->examples[m->example_count++] = (struct example){
            numbers[i], feedback_weight(&f, rows[i].type, rows[i].value, age_us),
            rows[i].time_us};
    }
    examples_join(m);
    return 0;
}

struct recommend_example *examples_weighted(const struct recommendation *m)
{
    struct recommend_example *out = arena_array(m->a, m->example_count + 1, sizeof *out);
    for (size_t i = 0; i < m->example_count; i++)
        out[i] = (struct recommend_example){m->examples[i].number, m->examples[i].weight};
    return out;
}

enum err reader_profile(struct collection *c, struct version *v, struct str user, struct arena *a,
                        float **out, struct err_info *e)
{
    struct recommend_request r = {.user = user};
    struct recommendation m = {
        .x = c->engine, .c = c, .v = v, .r = &r, .a = a, .now_us = clock_wall_us()};
    enum err err = examples_of_user(&m, e);
    if (err)
        return err;
    *out = arena_array(a, v->dims, sizeof **out);
    if (!recommend_profile(v->vectors, examples_weighted(&m), m.example_count, a, *out))
        *out = NULL;
    return 0;
}

enum err examples_make(struct recommendation *m, struct err_info *e)
{
    const struct recommend_request *r = m->r;
    if (r->user.n)
        return examples_of_user(m, e);
    size_t all = r->positive_count + r->negative_count + r->session_count;
    if (all == 0)
        return err_set(e, ERR_INVALID, "",
                       "needs a user, examples (positive, negative) or a session");
    if (all > EXAMPLES_MAX)
        return err_set(e, ERR_TOO_LARGE, "", "at most %d examples", EXAMPLES_MAX);
    m->examples = arena_array(m->a, all, sizeof *m->examples);
    enum err err = examples_of_ids(m, r->positive, r->positive_count, 1, 1, "/positive", e);
    if (!err)
        err = examples_of_ids(m, r->negative, r->negative_count, -1, 1, "/negative", e);
    if (!err)
        err = examples_of_ids(m, r->session, r->session_count, 1, SESSION_DECAY, "/session", e);
    examples_join(m);
    return err;
}
