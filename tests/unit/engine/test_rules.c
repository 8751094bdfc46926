/* Rules through the whole engine, against lists that are worked out by hand: exclusions, filters,
 * pins, caps, boosts, the least relevance, diversity and exploration in any combination, over
 * pages. slots.h's own rules have a checker of their own (tests/unit/recommend/test_slots.c); here
 * are the documents, the filters, the attributes and the log behind them. */
#include "help.h"
#include "../sanitized.h"
#include "base/rng.h"
#include <math.h>

enum { DOCUMENTS = 48, COLOURS = 4, TAGS = 5, PAGES = 2, RULES_A_SET = 100 };
static const unsigned sets = SLOW ? 5 : 100;
static const char *const words[] = {"football", "garden", "guitar", "market", "river", "bread"};

static struct thing {
    char id[8];
    unsigned colour, tags, size; /* tags: bits */
} things[DOCUMENTS];

static void fill(struct fixture *f)
{
    json_t *all[DOCUMENTS];
    struct put_result results[DOCUMENTS];
    struct str position;
    struct rng r;
    rng_init(&r, 11);
    create(f, "c");
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        struct thing *t = &things[i];
        *t = (struct thing){.colour = (unsigned)rng_below(&r, COLOURS),
                            .tags = (unsigned)rng_below(&r, 1u << TAGS),
                            .size = (unsigned)rng_below(&r, 50)};
        snprintf(t->id, sizeof t->id, "d%u", i);
        char *text = arena_printf(f->a, "%s %s own%u", words[i % 6], words[i / 6 % 6], i);
        all[i] = json_pack("{s:s,s:s,s:s,s:i,s:[]}", "id", t->id, "text", text, "colour",
                           arena_printf(f->a, "c%u", t->colour), "size", (int)t->size, "tags");
        for (unsigned k = 0; k < TAGS; k++)
            if (t->tags >> k & 1)
                json_array_append_new(json_object_get(all[i], "tags"),
                                      json_string(arena_printf(f->a, "t%u", k)));
    }
    OK(engine_put(f->x, C, (const json_t *const *)all, DOCUMENTS, NULL, f->a, results, &position,
                  e));
    for (int i = 0; i < DOCUMENTS; i++)
        json_decref(all[i]);
}

/* ---- a random request ---- */

/* A filter, and for whom it holds. */
struct chosen {
    struct str text;
    bool in[DOCUMENTS];
};
struct asked {
    struct recommend_request r;
    struct str positive[3], negative[1], exclude[6];
    struct recommend_pin pins[4];
    struct recommend_cap caps[2];
    struct recommend_boost boosts[2];
    struct chosen filter, boosted[2];
    bool barred[DOCUMENTS]; /* examples, exclusions, the filter */
    unsigned pinned[4];
};

static bool coin(struct rng *r)
{
    return rng_below(r, 2);
}

static unsigned any(struct rng *r)
{
    return (unsigned)rng_below(r, DOCUMENTS);
}

static void chosen_make(struct rng *r, struct arena *a, struct chosen *out)
{
    unsigned how = (unsigned)rng_below(r, 4), colour = (unsigned)rng_below(r, COLOURS),
             size = (unsigned)rng_below(r, 40), tag = (unsigned)rng_below(r, TAGS);
    out->text = str_c(how == 0   ? arena_printf(a, "colour = \"c%u\"", colour)
                      : how == 1 ? arena_printf(a, "size >= %u", size)
                      : how == 2 ? arena_printf(a, "NOT tags = \"t%u\"", tag)
                                 : arena_printf(a, "size < %u OR tags = \"t%u\"", size, tag));
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        const struct thing *t = &things[i];
        bool tagged = t->tags >> tag & 1;
        out->in[i] = how == 0   ? t->colour == colour
                     : how == 1 ? t->size >= size
                     : how == 2 ? !tagged
                                : t->size < size || tagged;
    }
}

static void examples_make(struct rng *r, struct asked *q)
{
    unsigned first = any(r);
    q->r = (struct recommend_request){.positive = q->positive, .negative = q->negative};
    q->r.positive_count = 1 + rng_below(r, 3);
    q->r.negative_count = rng_below(r, 2);
    for (size_t i = 0; i < q->r.positive_count; i++)
        q->positive[i] = str_c(things[(first + 7 * i) % DOCUMENTS].id);
    q->negative[0] = str_c(things[(first + 23) % DOCUMENTS].id);
}

static void pins_make(struct rng *r, struct asked *q)
{
    unsigned document = any(r);
    size_t position = 0;
    q->r.pins = q->pins;
    q->r.pin_count = rng_below(r, 5);
    for (size_t i = 0; i < q->r.pin_count; i++) {
        q->pinned[i] = document = (document + 1 + (unsigned)rng_below(r, 9)) % DOCUMENTS;
        q->pins[i] = (struct recommend_pin){str_c(things[document].id),
                                            position += rng_below(r, 6) + (i > 0)};
    }
}

/* What is excluded by name may not be pinned: that is refused. */
static void exclusions_make(struct rng *r, struct asked *q)
{
    q->r.exclude = q->exclude;
    for (size_t n = rng_below(r, 7); n > 0; n--) {
        unsigned document = any(r);
        bool pinned = false;
        for (size_t i = 0; i < q->r.pin_count; i++)
            pinned |= q->pinned[i] == document;
        if (!pinned)
            q->exclude[q->r.exclude_count++] = str_c(things[document].id);
    }
}

static void rules_make(struct rng *r, struct arena *a, struct asked *q)
{
    static const char *const fields[] = {"colour", "tags"};
    q->r.limit = 1 + rng_below(r, 15);
    pins_make(r, q);
    exclusions_make(r, q);
    chosen_make(r, a, &q->filter);
    q->r.filter = coin(r) ? q->filter.text : STR("");
    q->r.caps = q->caps;
    q->r.cap_count = rng_below(r, 3);
    q->r.boosts = q->boosts;
    q->r.boost_count = rng_below(r, 3);
    for (unsigned i = 0; i < 2; i++) {
        q->caps[i] = (struct recommend_cap){str_c(fields[i]), 1 + rng_below(r, 5)};
        chosen_make(r, a, &q->boosted[i]);
        q->boosts[i] = (struct recommend_boost){q->boosted[i].text, .1 + 3 * rng_unit(r)};
    }
    q->r.relevance_bounded = rng_below(r, 3) == 0;
    q->r.min_relevance = .4 * rng_unit(r);
    q->r.diversity = rng_below(r, 3) ? 0 : rng_unit(r);
    q->r.explore = rng_below(r, 3) ? 0 : rng_unit(r);
    for (unsigned i = 0; i < DOCUMENTS; i++)
        q->barred[i] = q->r.filter.n > 0 && !q->filter.in[i];
}

static void bar(struct asked *q, const struct str *ids, size_t count)
{
    for (size_t k = 0; k < count; k++)
        for (unsigned i = 0; i < DOCUMENTS; i++)
            q->barred[i] |= str_eq_c(ids[k], things[i].id);
}

/* ---- the list that it must be ---- */

/* What stands in the list, and what has been promised a place in it. */
struct list {
    unsigned at[DOCUMENTS];
    bool shown[DOCUMENTS], counted[DOCUMENTS];
    size_t count;
};

static bool pin_holds(const struct asked *q, size_t i)
{
    return !q->barred[q->pinned[i]];
}

static bool caps_hold(const struct asked *q, const struct list *l, unsigned document)
{
    size_t colour = 1, tags[TAGS] = {0};
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        colour += l->counted[i] && things[i].colour == things[document].colour;
        for (unsigned k = 0; k < TAGS; k++)
            tags[k] += l->counted[i] && things[i].tags >> k & 1;
    }
    if (q->r.cap_count > 0 && colour > q->caps[0].limit)
        return false;
    for (unsigned k = 0; k < TAGS && q->r.cap_count > 1; k++)
        if (things[document].tags >> k & 1 && tags[k] + 1 > q->caps[1].limit)
            return false;
    return true;
}

static double score_of(const struct asked *q, const double *relevance, unsigned document)
{
    double factor = 1;
    for (size_t i = 0; i < q->r.boost_count; i++)
        factor *= q->boosted[i].in[document] ? q->boosts[i].factor : 1;
    return relevance[document] >= 0 ? relevance[document] * factor : relevance[document] / factor;
}

static bool may_stand(const struct asked *q, const double *relevance, const struct list *l,
                      unsigned i)
{
    return !q->barred[i] && !l->counted[i] && !isnan(relevance[i]) &&
           !(q->r.relevance_bounded && relevance[i] < q->r.min_relevance) && caps_hold(q, l, i);
}

/* The pin of this position, or one that is late; -1: none. `all`: any, since nothing else fits. */
static int pin_due(const struct asked *q, const struct list *l, bool all)
{
    int best = -1;
    for (size_t i = 0; i < q->r.pin_count; i++)
        if (pin_holds(q, i) && !l->shown[q->pinned[i]] &&
            (all || q->pins[i].position <= l->count) &&
            (best < 0 || q->pins[i].position < q->pins[best].position))
            best = (int)i;
    return best;
}

static unsigned document_of(struct str id)
{
    for (unsigned i = 0; i < DOCUMENTS; i++)
        if (str_eq_c(id, things[i].id))
            return i;
    fail_msg("an unknown document");
    return 0;
}

static void row_check(const struct asked *q, const double *relevance, struct list *l,
                      const struct recommend_row *row)
{
    unsigned document = document_of(row->document.id);
    bool fits = false;
    double best = -INFINITY;
    for (unsigned i = 0; i < DOCUMENTS; i++)
        if (may_stand(q, relevance, l, i)) {
            fits = true;
            best = fmax(best, score_of(q, relevance, i));
        }
    int due = pin_due(q, l, !fits);
    assert_int_equal(row->position, l->count);
    assert_false(l->shown[document]);
    assert_false(q->barred[document]);
    if (due >= 0) {
        assert_int_equal(document, q->pinned[due]);
        assert_string_equal(row->source, "pin");
        assert_true(row->propensity == 1);
    } else {
        assert_true(may_stand(q, relevance, l, document));
        double score = score_of(q, relevance, document);
        assert_true(fabs(row->relevance - relevance[document]) < 1e-6);
        assert_true(fabs(row->score - score) < 1e-5 * fmax(1, fabs(score)));
        assert_true(row->propensity > 0 && row->propensity <= 1);
        if (!(q->r.diversity > 0) && !(q->r.explore > 0))
            assert_true(score > best - 1e-5 * fmax(1, fabs(best)));
    }
    l->counted[document] = l->shown[document] = true;
    l->at[l->count++] = document;
}

static void pages_check(struct fixture *f, struct asked *q, const double *relevance,
                        struct arena *a)
{
    struct list l = {.count = 0};
    struct recommend_answer answer;
    for (size_t i = 0; i < q->r.pin_count; i++)
        l.counted[q->pinned[i]] |= pin_holds(q, i);
    for (int page = 0; page < PAGES; page++) {
        OK(engine_recommend(f->x, C, &q->r, a, &answer, e));
        assert_true(answer.count <= q->r.limit);
        for (size_t i = 0; i < answer.count; i++)
            row_check(q, relevance, &l, &answer.rows[i]);
        bool more = pin_due(q, &l, true) >= 0;
        for (unsigned i = 0; i < DOCUMENTS; i++)
            more |= may_stand(q, relevance, &l, i);
        assert_true(!more || answer.count == q->r.limit);
        assert_int_equal(answer.next.n > 0, more);
        assert_int_equal(answer.emptied_by != NULL, answer.count == 0);
        if (!more)
            return;
        q->r.after = answer.next;
    }
}

/* What every document scores for these examples. */
static void relevance_of(struct fixture *f, const struct asked *q, struct arena *a, double *out)
{
    struct recommend_request r = q->r;
    struct recommend_answer answer;
    for (unsigned i = 0; i < DOCUMENTS; i++)
        out[i] = NAN;
    r.limit = RECOMMEND_LIMIT_MAX;
    OK(engine_recommend(f->x, C, &r, a, &answer, e));
    for (size_t i = 0; i < answer.count; i++)
        out[document_of(answer.rows[i].document.id)] = answer.rows[i].relevance;
    assert_int_equal(answer.count, DOCUMENTS - r.positive_count - r.negative_count);
}

static void test_random_rules(void **state)
{
    struct fixture *f = *state;
    struct arena *a = arena_new(0);
    struct rng r;
    fill(f);
    rng_init(&r, 5);
    for (unsigned s = 0; s < sets; s++) {
        struct asked examples;
        double relevance[DOCUMENTS];
        memset(&examples, 0, sizeof examples);
        examples_make(&r, &examples);
        relevance_of(f, &examples, a, relevance);
        for (unsigned n = 0; n < RULES_A_SET; n++) {
            struct asked q = examples;
            q.r.positive = q.positive;
            q.r.negative = q.negative;
            rules_make(&r, a, &q);
            bar(&q, q.positive, q.r.positive_count);
            bar(&q, q.negative, q.r.negative_count);
            bar(&q, q.exclude, q.r.exclude_count);
            pages_check(f, &q, relevance, a);
            arena_reset(a);
        }
    }
    print_message("%u rule sets, 0 violations\n", sets * RULES_A_SET);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_random_rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
