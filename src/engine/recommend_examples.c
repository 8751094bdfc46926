/* What a recommendation goes by: the reader's newest feedback, or the documents that the request
 * names. What lies back counts less: by time in feedback, by steps in a session. */
#include "base/clock.h"
#include "embed/embed.h"
#include "engine/recommend_impl.h"
#include "recommend/profile.h"
#include "recommend/session_model.h"
#include <stdlib.h>

#define PROFILE_ROWS 1000
#define SEEN_PAGES 20    /* of so many acts before those */
#define SESSION_DECAY .8 /* weight of each step back in a session */
#define EXAMPLES_MAX 1000
#define SESSION_US (30LL * 60 * 1000000) /* without an act, after which a session is over */

static enum err examples_of_ids(struct recommendation *m, const struct str *ids, size_t count,
                                double weight, double decay, const char *pointer,
                                struct err_info *e)
{
    uint32_t *numbers = arena_array(m->a, count + 1, sizeof *numbers);
    enum err err = numbers_of_ids(m->c, m->sight, m->a, ids, count, numbers, e);
    for (size_t i = count; i-- > 0 && !err; weight *= decay) { /* the newest is the last */
        char field[64];
        snprintf(field, sizeof field, "%s/%zu", pointer, i);
        if (numbers[i] == 0)
            return err_set(e, ERR_NOT_FOUND, field,
                           "there is no document \"%.*s\" in this collection",
                           (int)(ids[i].n < 200 ? ids[i].n : 200), ids[i].s);
        m->examples[m->example_count++] =
            (struct example){.number = numbers[i], .weight = weight, .time_us = m->now_us};
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
    x->total += more->total;
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

/* Those that count as read, or as not wanted. */
static void examples_keep(struct recommendation *m, const struct feedback_settings *f)
{
    size_t n = 0;
    for (size_t i = 0; i < m->example_count; i++)
        if (feedback_counts(f, m->examples[i].total) && m->examples[i].weight != 0)
            m->examples[n++] = m->examples[i];
    m->example_count = n;
}

/* What the reader does just now: the newest acts of one session, if they are recent; none of `gone`
 * (0: all). */
static void running_session(const struct recommendation *m, uint32_t gone, uint32_t **session,
                            size_t *count)
{
    const struct feedback_record *rows = m->acts;
    size_t first = 0, n = 0;
    *count = 0;
    while (first < m->act_count && gone && m->act_numbers[first] == gone)
        first++;
    if (first == m->act_count || rows[first].session.n == 0 ||
        m->now_us - rows[first].time_us > SESSION_US)
        return;
    /* rows: the newest first, so from the end on */
    *session =
        (uint32_t *)arena_array(m->a, SESSION_ITEMS_MAX, sizeof **session) + SESSION_ITEMS_MAX;
    for (size_t i = first; i < m->act_count && n < SESSION_ITEMS_MAX; i++) {
        if (gone && m->act_numbers[i] == gone)
            continue;
        if (!str_eq(rows[i].session, rows[first].session))
            break;
        n++;
        if (!m->act_numbers[i])
            continue;
        *--*session = m->act_numbers[i];
        ++*count;
    }
}

/* Does an act make its document seen? A type that was forgotten since does. */
static bool seen_by(const struct recommend_request *r, const struct feedback_settings *f,
                    struct str type)
{
    const struct feedback_type *t = feedback_type_find(f, type);
    bool listed = false;
    for (size_t i = 0; i < r->seen_type_count; i++)
        listed = listed || str_eq(r->seen_types[i], type);
    return r->exclude_seen && (r->seen_type_count ? listed : !t || t->seen);
}

/* What the reader did before the acts that make the profile is still seen. */
static enum err seen_earlier(struct recommendation *m, const struct feedback_settings *f,
                             uint64_t before, struct err_info *e)
{
    struct feedback_record *rows;
    struct err_info info = {0};
    size_t n = PROFILE_ROWS;
    for (int page = 0; page < SEEN_PAGES && n == PROFILE_ROWS;
         page++, before = rows[n - 1].change) {
        enum err err = store_feedback_list(m->x->store, m->a, m->c->id, m->r->user, STR(""), before,
                                           PROFILE_ROWS, &rows, &n, &info);
        if (err == ERR_GONE || (!err && n == 0))
            return 0; /* forgotten this very moment */
        if (err)
            return err_set(e, err, info.field, "%s", info.message);
        struct str *ids = arena_array(m->a, n, sizeof *ids);
        uint32_t *numbers = arena_array(m->a, n, sizeof *numbers);
        size_t kept = 0;
        for (size_t i = 0; i < n; i++)
            if (seen_by(m->r, f, rows[i].type))
                ids[kept++] = rows[i].document;
        if ((err = numbers_of_ids(m->c, m->sight, m->a, ids, kept, numbers, e)))
            return err;
        for (size_t i = 0; i < kept; i++)
            if (numbers[i])
                docset_add(&m->without, numbers[i]);
    }
    return 0;
}

static enum err feedback_page(struct collection *c, const struct sight *s, struct str user,
                              uint64_t before, size_t limit, struct arena *a,
                              struct feedback_record **rows, uint32_t **numbers, size_t *count,
                              struct err_info *e)
{
    enum err err = store_feedback_list(c->engine->store, a, c->id, user, STR(""), before, limit,
                                       rows, count, e);
    if (err)
        return err;
    struct str *ids = arena_array(a, *count + 1, sizeof *ids);
    *numbers = arena_array(a, *count + 1, sizeof **numbers);
    for (size_t i = 0; i < *count; i++)
        ids[i] = (*rows)[i].document;
    return numbers_of_ids(c, s, a, ids, *count, *numbers, e);
}

enum err feedback_newest(struct collection *c, const struct sight *s, struct str user, size_t limit,
                         struct arena *a, struct feedback_record **rows, uint32_t **numbers,
                         size_t *count, uint64_t *last, struct err_info *e)
{
    bool tenants = sight_is_tenants(s);
    uint64_t before = 0;
    *rows = arena_array(a, limit, sizeof **rows);
    *numbers = arena_array(a, limit, sizeof **numbers);
    *count = 0;
    for (int page = 0; !page || (tenants && before && *count < limit && page < FEEDBACK_PAGES);
         page++) {
        struct feedback_record *some = NULL;
        struct err_info info = {0};
        uint32_t *of = NULL;
        size_t n = 0;
        enum err err = feedback_page(c, s, user, before, limit, a, &some, &of, &n, &info);
        if (err && !(page && err == ERR_GONE)) /* else forgotten this very moment */
            return err_set(e, err, info.field, "%s", info.message);
        before = n == limit ? some[n - 1].change : 0;
        for (size_t i = 0; i < n && *count < limit && !err; i++) {
            if (tenants && !of[i])
                continue;
            (*numbers)[*count] = of[i];
            (*rows)[(*count)++] = some[i];
            before = *count == limit ? some[i].change : before;
        }
    }
    if (last)
        *last = before;
    return 0;
}

/* Those that had happened by then, in their order. */
static size_t rows_until(struct feedback_record *rows, uint32_t *numbers, size_t count, int64_t us)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (rows[i].time_us < us) {
            numbers[n] = numbers[i];
            rows[n++] = rows[i];
        }
    return n;
}

static enum err examples_of_user(struct recommendation *m, struct err_info *e)
{
    struct feedback_record *rows;
    size_t n;
    uint64_t last;
    uint32_t *numbers;
    enum err err = feedback_newest(m->c, m->sight, m->r->user, PROFILE_ROWS, m->a, &rows, &numbers,
                                   &n, &last, e);
    if (err)
        return err;
    bool all = last == 0;
    if (m->replayed)
        n = rows_until(rows, numbers, n, m->now_us);
    struct feedback_settings f;
    collection_feedback(m->c, &f);
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] == 0)
            continue; /* deleted since */
        if (seen_by(m->r, &f, rows[i].type))
            docset_add(&m->without, numbers[i]);
        int64_t age_us = m->now_us > rows[i].time_us ? m->now_us - rows[i].time_us : 0;
        m->examples[m->example_count++] =
            (struct example){.number = numbers[i],
                             .weight = feedback_weight(&f, rows[i].type, rows[i].value, age_us),
                             .total = feedback_weight(&f, rows[i].type, rows[i].value, 0),
                             .time_us = rows[i].time_us};
    }
    m->acts = rows;
    m->act_numbers = numbers;
    m->act_count = n;
    running_session(m, 0, &m->session, &m->session_count);
    examples_join(m);
    examples_keep(m, &f);
    return m->r->exclude_seen && !all ? seen_earlier(m, &f, last, e) : 0;
}

size_t example_find(const struct recommendation *m, uint32_t number)
{
    size_t low = 0, high = m->example_count; /* by number */
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (m->examples[mid].number < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low < m->example_count && m->examples[low].number == number ? low : m->example_count;
}

/* The documents of the request's session before the one that is gone are a step nearer to now. */
static void session_closes_up(const struct recommendation *m, uint32_t gone, double *weights)
{
    double was = 1, is = 1;
    for (size_t i = m->session_count; i-- > 0; was *= SESSION_DECAY) {
        if (m->session[i] == gone)
            continue;
        if (is != was)
            weights[example_find(m, m->session[i])] += is - was;
        is *= SESSION_DECAY;
    }
}

void examples_without(const struct recommendation *m, size_t gone, double *weights,
                      uint32_t **session, size_t *session_count)
{
    uint32_t number = m->examples[gone].number;
    bool asked = m->r->session_count > 0;
    *session = arena_array(m->a, m->session_count + 1, sizeof **session);
    *session_count = 0;
    for (size_t i = 0; i < m->example_count; i++)
        weights[i] = m->examples[i].weight;
    for (size_t i = 0; i < m->session_count && asked; i++)
        if (m->session[i] != number)
            (*session)[(*session_count)++] = m->session[i];
    if (asked)
        session_closes_up(m, number, weights);
    if (*session_count == 0 && (m->blend || !asked))
        running_session(m, number, session, session_count);
    weights[gone] = 0;
}

struct recommend_example *examples_weighted(const struct recommendation *m)
{
    struct recommend_example *out = arena_array(m->a, m->example_count + 1, sizeof *out);
    for (size_t i = 0; i < m->example_count; i++)
        out[i] = (struct recommend_example){m->examples[i].number, m->examples[i].weight,
                                            m->examples[i].vector};
    return out;
}

enum err reader_profile(struct collection *c, const struct sight *s, struct version *v,
                        struct str user, struct arena *a, float **out, struct err_info *e)
{
    struct recommend_request r = {.user = user};
    struct recommendation m = {
        .x = c->engine, .c = c, .v = v, .r = &r, .sight = s, .a = a, .now_us = clock_wall_us()};
    m.examples = arena_array(a, PROFILE_ROWS + 1, sizeof *m.examples);
    enum err err = examples_of_user(&m, e);
    if (err)
        return err;
    struct profile p;
    bool any = profile_make(v->vectors, NULL, (double)version_mean_cosine(v), examples_weighted(&m),
                            m.example_count, a, &p);
    *out = any ? p.direction : NULL;
    return 0;
}

/* The texts that the request gives in place of documents, as the version's model reads them. */
static enum err example_of_text(struct recommendation *m, struct err_info *e)
{
    struct embed_text text = {.text = m->r->text};
    float *vector = text.out = arena_array(m->a, m->v->dims, sizeof *vector);
    enum err err = version_check_model(m->v, e);
    if (!err)
        err = embedder_embed(m->x->embedder, m->v->model, ROLE_QUERY, LANE_INTERACTIVE, &text, 1,
                             m->r->deadline_ns, e);
    if (err == ERR_INVALID || err == ERR_TOO_LARGE)
        return err_set(e, err, "/text", "%s", e ? e->message : "");
    if (!err)
        m->examples[m->example_count++] =
            (struct example){.weight = 1, .total = 1, .time_us = m->now_us, .vector = vector};
    return err;
}

static void session_of_request(struct recommendation *m)
{
    const struct recommend_request *r = m->r;
    m->session = arena_array(m->a, r->session_count, sizeof *m->session);
    m->session_count = r->session_count;
    for (size_t i = 0; i < r->session_count; i++) /* examples: the newest first, at the end */
        m->session[i] = m->examples[m->example_count - 1 - i].number;
}

static enum err examples_of_request(struct recommendation *m, struct err_info *e)
{
    const struct recommend_request *r = m->r;
    enum err err = r->text.n ? example_of_text(m, e) : 0;
    if (!err)
        err = examples_of_ids(m, r->positive, r->positive_count, 1, 1, "/positive", e);
    if (!err)
        err = examples_of_ids(m, r->negative, r->negative_count, -1, 1, "/negative", e);
    if (!err)
        err = examples_of_ids(m, r->session, r->session_count, 1, SESSION_DECAY, "/session", e);
    if (!err && r->session_count > 0)
        session_of_request(m);
    return err;
}

enum err examples_make(struct recommendation *m, struct err_info *e)
{
    const struct recommend_request *r = m->r;
    size_t all = r->positive_count + r->negative_count + r->session_count + (r->text.n > 0);
    if (all == 0 && r->user.n == 0)
        return err_set(
            e, ERR_INVALID, "",
            "needs a user, documents (positive, negative), a text or a session to go by");
    if (all > EXAMPLES_MAX)
        return err_set(e, ERR_TOO_LARGE, "", "at most %d examples", EXAMPLES_MAX);
    m->examples = arena_array(m->a, all + PROFILE_ROWS + 1, sizeof *m->examples);
    enum err err = r->user.n ? examples_of_user(m, e) : 0;
    if (!err)
        err = examples_of_request(m, e);
    examples_join(m);
    return err;
}
