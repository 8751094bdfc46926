/* What is recommended, and why, with a trained model: known documents by their rows, new ones by
 * their text, the profile behind; every score is the sum of its parts. */
#include "help.h"
#include "engine/recommend_sources.h"
#include "engine/recommenders.h"
#include "math/half.h"
#include "recommend/factors.h"
#include "recommend/item_model.h"
#include "recommend/session_model.h"
#include "recommend/text_model.h"
#include "base/rng.h"
#include <math.h>

enum { DOCUMENTS = 120, KNOWN = 80, UNREAD = 5, KEPT = 12 };
static const char *const topics[] = {"football match goal player", "garden flower soil water",
                                     "guitar music song concert", "stock market bank money"};

/* d0 ... d119, of which the model knows the first 80, save five that nobody read. */
static void fill(struct fixture *f)
{
    json_t *all[DOCUMENTS];
    struct put_result results[DOCUMENTS];
    struct str position;
    create(f, "c");
    for (int i = 0; i < DOCUMENTS; i++) {
        char *id = arena_printf(f->a, "d%d", i);
        char *text = arena_printf(f->a, "%s %s number%d", topics[i % 4], topics[i / 4 % 4], i);
        all[i] = json_pack("{s:s,s:s,s:i}", "id", id, "text", text, "topic", i % 4);
    }
    OK(engine_put(f->x, C, (const json_t *const *)all, DOCUMENTS, NULL, f->a, results, &position,
                  e));
    for (int i = 0; i < DOCUMENTS; i++)
        json_decref(all[i]);
}

static struct collection *collection_of(struct fixture *f)
{
    struct collection *c;
    OK(collection_find(f->x, C, &c, e));
    return c;
}

static uint32_t number_of(struct fixture *f, struct collection *c, const char *id)
{
    struct str ids[] = {str_c(id)};
    uint32_t number;
    OK(numbers_of_ids(c, NULL, f->a, ids, 1, &number, e));
    assert_true(number > 0);
    return number;
}

static struct item_model *rows_random(struct rng *r)
{
    uint32_t counts[KNOWN], to[KNOWN * KEPT];
    float weights[KNOWN * KEPT];
    for (uint32_t i = 0; i < KNOWN; i++) {
        uint32_t j = (uint32_t)rng_below(r, 3);
        counts[i] = 0;
        for (; j < KNOWN - UNREAD && counts[i] < KEPT; j += 1 + (uint32_t)rng_below(r, 12)) {
            to[i * KEPT + counts[i]] = j;
            weights[i * KEPT + counts[i]++] = (float)(rng_unit(r) - .3);
        }
        if (i >= KNOWN - UNREAD)
            counts[i] = 0;
    }
    return item_model_new(KNOWN, KEPT, counts, to, weights);
}

/* `like`: the default blend takes some of the profile. */
static struct text_model *text_random(struct rng *r, uint32_t dims, bool like)
{
    struct text_model *t = xcalloc(1, sizeof *t);
    *t = (struct text_model){.dims = dims,
                             .near = 7,
                             .blend = .6,
                             .scale = .8,
                             .offset = .01,
                             .deviation = like ? 2 : 0};
    t->mean = xcalloc(dims, sizeof *t->mean);
    t->readers = xcalloc((size_t)dims * dims, sizeof *t->readers);
    for (uint32_t i = 0; i < dims; i++) {
        t->mean[i] = .01f * rng_normal(r);
        for (uint32_t j = 0; j <= i; j++)
            t->readers[i * dims + j] = t->readers[j * dims + i] =
                .002f * rng_normal(r) + (i == j ? .3f : 0);
    }
    return t;
}

static struct recommend_model *model_random(struct fixture *f, struct collection *c, uint64_t seed)
{
    struct recommend_model *m = xcalloc(1, sizeof *m);
    struct version *v = version_active(c);
    struct rng r;
    char id[16];
    rng_init(&r, seed);
    m->kind = MODEL_EASE;
    m->items = KNOWN;
    m->numbers = xcalloc(KNOWN, sizeof *m->numbers);
    m->readers = xcalloc(KNOWN, sizeof *m->readers);
    for (uint32_t i = 0; i < KNOWN; i++) {
        snprintf(id, sizeof id, "d%u", i);
        m->numbers[i] = number_of(f, c, id);
        m->readers[i] = i < KNOWN - UNREAD;
    }
    m->rows = rows_random(&r);
    m->text = text_random(&r, v->dims, seed % 2 == 0);
    m->position = 1;
    m->report = xstrdup("{}");
    version_unref(v);
    return m;
}

/* As a training does it; `version`: whose vectors it learned from. */
static void serve(struct fixture *f, struct collection *c, struct recommend_model *m,
                  uint32_t version)
{
    char digest[65], beside[300];
    struct recommender_info info;
    struct store_act act = {.kind = ACT_RECOMMENDER_CREATE};
    snprintf(beside, sizeof beside, "%s/tmp/made.model", f->dir);
    OK(recommend_model_save(m, beside, e));
    OK(file_sha256(beside, digest, e));
    recommend_model_free(m);
    act.recommender = (struct recommender_record){.collection = c->id,
                                                  .kind = STR("ease"),
                                                  .digest = str_c(digest),
                                                  .version = version,
                                                  .change = 1};
    OK(recommender_act(f->x, &act, e));
    OK(file_mkdirs(recommender_path(c, 0, f->a), 0700, e));
    OK(file_rename(beside, recommender_path(c, (uint32_t)act.id, f->a), e));
    OK(engine_recommender_promote(f->x, C, (uint32_t)act.id, f->a, &info, e));
}

static void feed(struct fixture *f, const char *user, const char *document, const char *type)
{
    struct feedback_in row = {
        .user = str_c(user), .document = str_c(document), .type = str_c(type), .position = -1};
    struct put_result r;
    struct str position;
    OK(engine_feedback_add(f->x, C, &row, 1, NULL, f->a, &r, &position, e));
    assert_int_equal(r.err, 0);
}

/* ---- one recommendation, from within ---- */

struct run {
    struct recommendation m;
    struct recommend_request r;
};

static void run_begin(struct fixture *f, struct collection *c, struct run *t,
                      const struct recommend_request *r)
{
    t->r = *r;
    t->m = (struct recommendation){
        .x = f->x, .c = c, .r = &t->r, .a = f->a, .now_us = clock_wall_us()};
    t->m.v = version_active(c);
    t->m.learned = recommender_take(c, 0);
    docset_init(&t->m.within);
    docset_init(&t->m.without);
    OK(filter_select(c, NULL, f->a, r->filter, &t->m.within, e));
    OK(examples_make(&t->m, e));
    OK(candidates_make(&t->m, 60, e));
}

static void run_end(struct run *t)
{
    docset_release(&t->m.within);
    docset_release(&t->m.without);
    recommender_release(t->m.learned);
    version_unref(t->m.v);
}

static const struct candidate *candidate_of(const struct run *t, uint32_t number)
{
    for (size_t i = 0; i < t->m.candidate_count; i++)
        if (t->m.candidates[i].number == number)
            return &t->m.candidates[i];
    return NULL;
}

static size_t count_of(const struct run *t, const char *source)
{
    size_t n = 0;
    for (size_t i = 0; i < t->m.candidate_count; i++)
        n += strcmp(t->m.candidates[i].source, source) == 0;
    return n;
}

/* The parts of all candidates add up, with `rest` as it should be where scores are sums: what no
 * document has. (Without the only document that a source goes by, the next one speaks.) */
static void parts_check(struct run *t, double offset)
{
    for (size_t i = 0; i < t->m.candidate_count; i++) {
        const struct candidate *k = &t->m.candidates[i];
        struct explanation_part *parts;
        size_t n;
        double rest, sum = 0;
        explanation_make(&t->m, k, SIZE_MAX, &parts, &n, &rest);
        for (size_t p = 0; p < n; p++) {
            sum += parts[p].part;
            assert_true(p == 0 || parts[p].part <= parts[p - 1].part);
        }
        assert_true(fabs(sum + rest - k->relevance) < 1e-9);
        bool sums = (k->by_learned != 0 || k->by_profile != 0) && n > 1 && !t->m.blend &&
                    t->m.session_count == 0 && t->m.examples[0].number > 0 &&
                    !t->m.learned->model->factors;
        double want = k->by_learned != 0 && !k->known ? k->by_learned * offset : 0;
        if (sums && fabs(rest - want) > 1e-6)
            fail_msg("%u by %s: rest %g", k->number, k->source, rest);
    }
}

static size_t ids_random(struct fixture *f, struct rng *r, struct str *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = str_c(arena_printf(
            f->a, "d%d", (int)(i * DOCUMENTS / count) + (int)rng_below(r, DOCUMENTS / count)));
    return count;
}

static size_t ids_without(struct fixture *f, struct collection *c, uint32_t gone,
                          const struct str *ids, size_t count, const struct str **out)
{
    struct str *left = arena_array(f->a, count + 1, sizeof *left);
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (number_of(f, c, ids[i].s) != gone)
            left[n++] = ids[i];
    *out = left;
    return n;
}

static bool voices_equal(struct voices a, struct voices b)
{
    return a.session == b.session && a.learned == b.learned && a.profile == b.profile;
}

/* Without an example that is named the score is less by its part, and by nothing else, as long as
 * the same sources have something to go by: asked again, without it. Returns how many were
 * compared.
 */
static unsigned leave_one_out(struct fixture *f, struct collection *c, struct run *t,
                              struct recommend_request r)
{
    struct recommender *fixed = t->m.learned;
    unsigned compared = 0;
    for (size_t i = 0; i < t->m.candidate_count; i += 3) {
        const struct candidate *k = &t->m.candidates[i];
        struct explanation_part *parts;
        size_t n;
        double others;
        explanation_make(&t->m, k, 4, &parts, &n, &others);
        for (size_t p = 0; p < n; p++) {
            struct recommend_request less = r;
            uint32_t gone = parts[p].number;
            less.positive_count =
                ids_without(f, c, gone, r.positive, r.positive_count, &less.positive);
            less.negative_count =
                ids_without(f, c, gone, r.negative, r.negative_count, &less.negative);
            less.session_count = ids_without(f, c, gone, r.session, r.session_count, &less.session);
            if (less.positive_count + less.negative_count + less.session_count == 0)
                continue;
            struct run u;
            struct candidate after;
            size_t found;
            run_begin(f, c, &u, &less);
            assert_ptr_equal(u.m.learned, fixed);
            candidates_score(&u.m, &k->number, 1, &after, &found);
            assert_int_equal(found, 1);
            if (t->m.blend || voices_equal(voices_of(&t->m), voices_of(&u.m))) {
                compared++;
                if (fabs(k->relevance - after.relevance - parts[p].part) > 1e-6)
                    fail_msg("%u by %s, then by %s: %.8f less %.8f (%zu) is not %.8f", k->number,
                             k->source, after.source, k->relevance, parts[p].part, p,
                             after.relevance);
            }
            run_end(&u);
        }
    }
    return compared;
}

static void test_parts(void **state)
{
    struct fixture *f = *state;
    struct rng r;
    fill(f);
    struct collection *c = collection_of(f);
    rng_init(&r, 3);
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct str liked[9], unwanted[2];
        struct run t;
        serve(f, c, model_random(f, c, seed), 1);
        struct recommend_request q = {.positive = liked, .negative = unwanted, .explain = seed < 3};
        q.positive_count = ids_random(f, &r, liked, 9);
        q.negative_count = ids_random(f, &r, unwanted, 2);
        run_begin(f, c, &t, &q);
        assert_true(count_of(&t, "model") > 5 && count_of(&t, "text") > 5);
        assert_true((t.m.sources->learned.like > 0) == (seed % 2 == 0));
        parts_check(&t, .01);
        assert_true(leave_one_out(f, c, &t, q) > 30);
        run_end(&t);
    }
    collection_unref(c);
}

static struct factors *factors_random(struct rng *r)
{
    enum { DIMS = 9 };
    struct factors *x = xcalloc(1, sizeof *x);
    *x = (struct factors){.items = KNOWN,
                          .known = KNOWN - UNREAD,
                          .dims = DIMS,
                          .alpha = .02,
                          .lambda = .01,
                          .nu = 1};
    x->gram = xcalloc(DIMS, sizeof *x->gram);
    x->vectors = xcalloc((size_t)KNOWN * DIMS, sizeof *x->vectors);
    for (size_t i = 0; i < (size_t)(KNOWN - UNREAD) * DIMS; i++) {
        x->vectors[i] = half_of_float(.5f * rng_normal(r));
        x->gram[i % DIMS] += .02 * pow((double)half_to_float(x->vectors[i]), 2);
    }
    return x;
}

static struct session_model *sessions_random(struct rng *r)
{
    enum { SESSIONS = 400 };
    static size_t start[SESSIONS + 1];
    static uint32_t at[SESSIONS * 4];
    for (size_t s = 0; s < SESSIONS; s++) {
        uint32_t item = (uint32_t)rng_below(r, 20);
        start[s + 1] = start[s];
        for (; item < KNOWN - UNREAD && start[s + 1] < start[s] + 4;
             item += 1 + (uint32_t)rng_below(r, 18))
            at[start[s + 1]++] = item;
    }
    return session_model_new(KNOWN, SESSIONS, start, at);
}

/* The same of what is no sum over what was read: iALS and sessions, with and without dislikes that
 * outweigh the likes, alone and together, by the default blend and by others. Of fewer documents
 * than factors, and of more. */
static void test_parts_of_what_is_no_sum(void **state)
{
    static const char *const blends[] = {"", "model + .3 * profile + session - .1 * popular",
                                         "max(model, session) * exp(profile)"};
    struct fixture *f = *state;
    struct rng r;
    fill(f);
    struct collection *c = collection_of(f);
    rng_init(&r, 5);
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct str liked[12], unwanted[6], session[5];
        struct run t;
        bool asked = seed % 3 > 0;
        struct recommend_model *m = model_random(f, c, seed);
        if (seed % 4 > 0) {
            item_model_free(m->rows);
            m->rows = NULL;
            m->kind = MODEL_IALS;
            m->factors = factors_random(&r);
        }
        m->sessions = sessions_random(&r);
        serve(f, c, m, 1);
        struct recommend_request q = {.positive = liked,
                                      .negative = unwanted,
                                      .session = session,
                                      .blend = str_c(blends[seed / 2 % 3]),
                                      .explain = true};
        q.positive_count = ids_random(f, &r, liked, seed % 2 ? 3 : 12);
        q.negative_count = ids_random(f, &r, unwanted, seed % 5);
        q.session_count = asked ? ids_random(f, &r, session, 5) : 0;
        if (asked) /* one twice, and one that is liked too */
            session[1] = session[4], session[2] = liked[1];
        run_begin(f, c, &t, &q);
        assert_true(t.m.blend || !asked || count_of(&t, "session") > 5);
        assert_true(t.m.blend || asked || (count_of(&t, "model") > 5 && count_of(&t, "text") > 5));
        parts_check(&t, .01);
        assert_true(leave_one_out(f, c, &t, q) > 30);
        run_end(&t);
    }
    collection_unref(c);
}

/* What the texts near to a new document say of a known one. */
static double by_what_is_near(struct run *t, const char *id, uint32_t number)
{
    struct str ids[] = {str_c(id)};
    uint32_t from;
    const struct newcomer *n;
    const struct recommend_model *model = t->m.learned->model;
    double sum = 0, weights = 0;
    OK(numbers_of_ids(t->m.c, NULL, t->m.a, ids, 1, &from, e));
    uint64_t revision = live_get(t->m.c, from).revision;
    newcomers_find(t->m.learned->newcomers, &from, &revision, 1, &n);
    for (uint32_t j = 0; j < n->near_count; j++) {
        double weight = pow(fmax(0, (double)n->cosines[j]), 3);
        weights += weight;
        sum += weight * (double)item_model_weight(model->rows, n->near[j],
                                                  recommend_model_item(model, number));
    }
    return sum / weights;
}

/* By hand: a known document by its rows, of a document that was read and is not known the texts
 * near to it. */
static void test_what_the_model_says(void **state)
{
    struct fixture *f = *state;
    struct run t;
    fill(f);
    struct collection *c = collection_of(f);
    serve(f, c, model_random(f, c, 7), 1);
    struct str liked[] = {STR("d3"), STR("d10")};
    run_begin(f, c, &t, &(struct recommend_request){.positive = liked, .positive_count = 2});
    const struct recommend_model *model = t.m.learned->model;
    for (uint32_t j = 0; j < KNOWN - UNREAD; j++) {
        double want = (double)item_model_weight(model->rows, 3, j) +
                      (double)item_model_weight(model->rows, 10, j);
        const struct candidate *k = candidate_of(&t, model->numbers[j]);
        if (want > 0 && j != 3 && j != 10) {
            assert_non_null(k);
            assert_string_equal(k->source, "model");
            assert_true(fabs(k->relevance - want) < 1e-6);
        }
    }
    run_end(&t);
    struct str new[] = {STR("d100")}; /* the model does not know it */
    run_begin(f, c, &t, &(struct recommend_request){.positive = new, .positive_count = 1});
    assert_true(count_of(&t, "model") > 3);
    for (size_t i = 0; i < t.m.candidate_count; i++)
        if (strcmp(t.m.candidates[i].source, "model") == 0)
            assert_true(fabs(t.m.candidates[i].relevance -
                             by_what_is_near(&t, "d100", t.m.candidates[i].number)) < 1e-6);
    run_end(&t);
    collection_unref(c);
}

/* A document is recommended from the moment it is indexed, by what is near to it too. */
static void test_a_new_document(void **state)
{
    struct fixture *f = *state;
    struct run t;
    fill(f);
    struct collection *c = collection_of(f);
    serve(f, c, model_random(f, c, 7), 1);
    put(f, "{'id':'fresh','text':'guitar music song concert guitar music song concert number2'}");
    struct str liked[] = {STR("d2"), STR("d34")};
    run_begin(f, c, &t, &(struct recommend_request){.positive = liked, .positive_count = 2});
    const struct candidate *k = candidate_of(&t, number_of(f, c, "fresh"));
    assert_non_null(k);
    assert_string_equal(k->source, "text");
    const struct newcomer *n;
    newcomers_find(t.m.learned->newcomers, &k->number, &k->revision, 1, &n);
    assert_true(n && n->near_count == 7);
    for (uint32_t i = 0; i < n->near_count; i++) {
        assert_true(n->near[i] < KNOWN - UNREAD);
        assert_true(i == 0 || n->cosines[i] <= n->cosines[i - 1]);
    }
    run_end(&t);
    collection_unref(c);
}

static double relevance_of(struct fixture *f, struct collection *c, const char *user,
                           const char *id)
{
    struct run t;
    uint32_t number = number_of(f, c, id);
    struct candidate k;
    size_t found;
    run_begin(f, c, &t, &(struct recommend_request){.user = str_c(user)});
    candidates_score(&t.m, &number, 1, &k, &found);
    run_end(&t);
    assert_int_equal(found, 1);
    return k.relevance;
}

/* Each act counts in the next answer, one way and the other. */
static void test_feedback_is_folded_in(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct collection *c = collection_of(f);
    struct recommend_model *m = model_random(f, c, 9);
    uint32_t from = 0;
    size_t at = m->rows->rows.start[from];
    while (m->rows->rows.weight[at] < .1f || m->rows->rows.at[at] == from)
        at++;
    char *target = arena_printf(f->a, "d%u", m->rows->rows.at[at]);
    double weight = (double)m->rows->rows.weight[at];
    serve(f, c, m, 1);
    feed(f, "u", "d0", "like");
    assert_true(fabs(relevance_of(f, c, "u", target) - weight) < 1e-4);
    feed(f, "u", "d0", "view");
    assert_true(fabs(relevance_of(f, c, "u", target) - 1.2 * weight) < 1e-4);
    feed(f, "w", "d0", "dislike");
    feed(f, "w", "d1", "like");
    assert_true(relevance_of(f, c, "w", target) < relevance_of(f, c, "u", target));
    collection_unref(c);
}

/* Another embedding version's model: its rows serve, its text part does not; a model that knows
 * nothing of what was read: the profile. */
static void test_what_the_model_cannot_say(void **state)
{
    struct fixture *f = *state;
    struct run t;
    fill(f);
    struct collection *c = collection_of(f);
    serve(f, c, model_random(f, c, 7), 99);
    struct str known[] = {STR("d2")}, new[] = {STR("d110")};
    run_begin(f, c, &t, &(struct recommend_request){.positive = known, .positive_count = 1});
    assert_int_equal(count_of(&t, "text"), 0);
    assert_true(count_of(&t, "model") > 0);
    assert_true(count_of(&t, "profile") > 20);
    parts_check(&t, 0);
    run_end(&t);
    run_begin(f, c, &t, &(struct recommend_request){.positive = new, .positive_count = 1});
    assert_string_equal(t.m.model, "profile");
    assert_int_equal(t.m.candidate_count, count_of(&t, "profile"));
    parts_check(&t, 0);
    run_end(&t);
    run_begin(f, c, &t, &(struct recommend_request){.user = STR("nobody")});
    assert_string_equal(t.m.model, "newest");
    assert_int_equal(t.m.candidate_count, 60);
    run_end(&t);
    collection_unref(c);
}

/* Deleted ones are neither shown nor in the way. */
static void test_deleted_documents(void **state)
{
    struct fixture *f = *state;
    struct run t;
    fill(f);
    struct collection *c = collection_of(f);
    serve(f, c, model_random(f, c, 11), 1);
    uint32_t gone[] = {number_of(f, c, "d6"), number_of(f, c, "d90")};
    feed(f, "u", "d6", "like");
    feed(f, "u", "d7", "like");
    feed(f, "u", "d90", "like");
    struct str ids[] = {STR("d6"), STR("d90")};
    struct put_result deleted[2];
    struct str position;
    OK(engine_delete(f->x, C, ids, 2, NULL, f->a, deleted, &position, e));
    run_begin(f, c, &t, &(struct recommend_request){.user = STR("u")});
    assert_int_equal(t.m.example_count, 1);
    assert_null(candidate_of(&t, gone[0]));
    assert_null(candidate_of(&t, gone[1]));
    assert_true(t.m.candidate_count >= 60);
    parts_check(&t, .01);
    run_end(&t);
    collection_unref(c);
}

static void test_text_and_blend(void **state)
{
    struct fixture *f = *state;
    struct run t;
    fill(f);
    struct collection *c = collection_of(f);
    serve(f, c, model_random(f, c, 13), 1);
    struct str liked[] = {STR("d1"), STR("d8")};
    struct recommend_request q = {.text = STR("garden flower soil water"),
                                  .deadline_ns = clock_mono_ns() + 10000000000,
                                  .positive = liked,
                                  .positive_count = 2};
    run_begin(f, c, &t, &q);
    assert_int_equal(t.m.example_count, 3);
    assert_true(count_of(&t, "text") > 5);
    parts_check(&t, .01);
    run_end(&t);
    q.blend = STR("model + .3 * profile + .1 * trending");
    feed(f, "somebody", "d55", "like");
    run_begin(f, c, &t, &q);
    assert_string_equal(t.m.model, "blend");
    for (size_t i = 0; i < t.m.candidate_count; i++) {
        const struct candidate *k = &t.m.candidates[i];
        double model = isnan(k->features[FEATURE_MODEL]) ? 0 : (double)k->features[FEATURE_MODEL];
        double want = model + .3 * (double)k->features[FEATURE_PROFILE] +
                      .1 * (double)k->features[FEATURE_TRENDING];
        assert_true(fabs(want - k->relevance) < 1e-6);
    }
    const struct candidate *k = candidate_of(&t, number_of(f, c, "d55"));
    assert_true(k && k->features[FEATURE_TRENDING] == 1);
    run_end(&t);
    q.blend = STR("model +");
    struct recommend_answer answer;
    struct err_info info = {0};
    q.limit = 5;
    assert_int_equal(engine_recommend(f->x, C, &q, f->a, &answer, &info), ERR_INVALID);
    assert_string_equal(info.field, "/blend");
    collection_unref(c);
}

/* By the sessions of others; what they do not say by the model. */
static void test_a_session(void **state)
{
    static const uint32_t past[] = {1, 2, 3, 4, 2, 3, 5, 9, 10, 11};
    static const size_t start[] = {0, 4, 7, 10};
    struct fixture *f = *state;
    struct run t;
    fill(f);
    struct collection *c = collection_of(f);
    struct recommend_model *m = model_random(f, c, 17);
    m->sessions = session_model_new(KNOWN, 3, start, past);
    serve(f, c, m, 1);
    struct str ids[] = {STR("d1"), STR("d2"), STR("d3")};
    struct recommend_request q = {.session = ids, .session_count = 3};
    run_begin(f, c, &t, &q);
    assert_int_equal(t.m.session_count, 3);
    assert_int_equal(t.m.session[0], number_of(f, c, "d1"));
    assert_int_equal(count_of(&t, "session"), 2);
    assert_int_equal(t.m.candidates[0].number, number_of(f, c, "d4"));
    assert_int_equal(t.m.candidates[1].number, number_of(f, c, "d5"));
    assert_string_equal(t.m.model, "session");
    assert_true(count_of(&t, "model") > 3);
    parts_check(&t, .01);
    run_end(&t);
    /* The same of what the reader does just now. */
    struct feedback_in rows[2];
    struct put_result results[2];
    struct str position;
    for (int i = 0; i < 2; i++)
        rows[i] = (struct feedback_in){.user = STR("u"),
                                       .document = ids[1 + i],
                                       .type = STR("view"),
                                       .session = STR("s"),
                                       .position = -1};
    OK(engine_feedback_add(f->x, C, rows, 2, NULL, f->a, results, &position, e));
    run_begin(f, c, &t, &(struct recommend_request){.user = STR("u")});
    assert_int_equal(t.m.session_count, 2);
    const struct candidate *k = candidate_of(&t, number_of(f, c, "d5"));
    assert_true(k && k->features[FEATURE_SESSION] > 0);
    run_end(&t);
    collection_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_parts),
        TEST(test_parts_of_what_is_no_sum),
        TEST(test_what_the_model_says),
        TEST(test_a_new_document),
        TEST(test_feedback_is_folded_in),
        TEST(test_what_the_model_cannot_say),
        TEST(test_deleted_documents),
        TEST(test_text_and_blend),
        TEST(test_a_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
