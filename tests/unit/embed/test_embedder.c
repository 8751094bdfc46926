#include "tiny.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/thread.h"

/* Text number i: a few words that depend on it. */
static void text_make(unsigned i, char *out, size_t cap)
{
    size_t n = 0;
    for (unsigned w = 0; w <= i % 12; w++)
        n += (size_t)snprintf(out + n, cap - n, "w%c ", 'a' + (i * 7 + w * 3) % 20);
}

struct batch {
    size_t count;
    unsigned dims;
    struct embed_text *texts;
    float *out;
};

static struct batch batch_new(unsigned first, size_t count, unsigned dims)
{
    struct batch b = {count, dims, xcalloc(count, sizeof *b.texts),
                      xcalloc(count * dims, sizeof(float))};
    for (size_t i = 0; i < count; i++) {
        char text[100];
        text_make(first + (unsigned)i, text, sizeof text);
        b.texts[i] = (struct embed_text){.text = str_dup(str_c(text)), .out = b.out + i * dims};
    }
    return b;
}

static void batch_release(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++)
        free((char *)b->texts[i].text.s);
    free(b->texts);
    free(b->out);
}

static size_t rows_written(const struct batch *b)
{
    size_t n = 0;
    for (size_t i = 0; i < b->count; i++)
        n += b->out[i * b->dims] != 0 || b->out[i * b->dims + 1] != 0;
    return n;
}

/* --- many threads --- */

enum { THREADS = 6, ROUNDS = 30, PER_ROUND = 9 };

struct caller {
    struct embedder *x;
    struct model *m;
    const float *want; /* of texts 0 .. THREADS * ROUNDS */
    unsigned number;
    size_t wrong, refused;
};

static void call(void *arg)
{
    struct caller *c = arg;
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned first = (c->number * 31 + round * 5) % 100;
        struct batch b = batch_new(first, 1 + round % PER_ROUND, HIDDEN);
        enum lane lane = (c->number + round) % 2 ? LANE_BULK : LANE_INTERACTIVE;
        if (embedder_embed(c->x, c->m, ROLE_NONE, lane, b.texts, b.count, 0, NULL))
            c->refused++;
        for (size_t i = 0; i < b.count * HIDDEN; i++)
            c->wrong += fabsf(b.out[i] - c->want[first * HIDDEN + i]) > 1e-5f;
        batch_release(&b);
    }
}

static void test_many_callers(void **state)
{
    struct tiny t;
    struct model *m = NULL;
    tiny_make(&t);
    assert_int_equal(
        model_open(t.dir, &(struct model_options){.precision = PRECISION_FP32}, &m, NULL), ERR_OK);
    struct embedder_options o = {.threads = 3, .batch_tokens = 64};
    struct embedder *x = embedder_new(&o);
    struct batch all = batch_new(0, 120, HIDDEN);
    for (size_t i = 0; i < all.count; i++) /* one by one: what each text gives alone */
        assert_int_equal(embedder_embed(x, m, ROLE_NONE, LANE_BULK, &all.texts[i], 1, 0, NULL),
                         ERR_OK);
    assert_int_equal(all.texts[0].tokens, 3);
    struct thread *threads[THREADS];
    struct caller callers[THREADS] = {0};
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){.x = x, .m = m, .want = all.out, .number = i};
        threads[i] = thread_start("caller", call, &callers[i]);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        thread_join(threads[i]);
        assert_int_equal(callers[i].wrong, 0);
        assert_int_equal(callers[i].refused, 0);
    }
    struct embed_load load;
    embedder_load(x, &load);
    assert_int_equal(load.queued_tokens[LANE_BULK] + load.queued_tokens[LANE_INTERACTIVE], 0);
    assert_true(load.tokens_per_s > 0);
    embedder_free(x);
    batch_release(&all);
    model_unref(m);
    tiny_release(&t);
}

/* --- refusals --- */

static void test_refusals(void **state)
{
    struct model *m = NULL;
    struct err_info e = {0};
    assert_int_equal(
        model_open("stub", &(struct model_options){.precision = PRECISION_AUTO}, &m, NULL), ERR_OK);
    struct embedder_options o = {.threads = 1};
    struct embedder *x = embedder_new(&o);
    struct batch b = batch_new(0, 3, 64);

    assert_int_equal(embedder_embed(x, m, ROLE_NONE, LANE_BULK, b.texts, 3, 1, &e),
                     ERR_TIMEOUT); /* long ago */
    err_clear(&e);
    assert_int_equal(embedder_embed(x, m, ROLE_NONE, LANE_BULK, b.texts, 0, 0, &e), ERR_OK);

    char *long_text = xmalloc(4000);
    for (size_t i = 0; i < 4000; i += 2)
        memcpy(long_text + i, "x ", 2);
    struct str kept = b.texts[2].text;
    b.texts[2].text = (struct str){long_text, 4000};
    assert_int_equal(embedder_embed(x, m, ROLE_NONE, LANE_BULK, b.texts, 3, 0, &e), ERR_TOO_LARGE);
    assert_string_equal(e.field, "/2");
    assert_non_null(strstr(e.message, "at most 512"));
    err_clear(&e);
    b.texts[2].text = (struct str){"", 0}; /* nothing to say is no fault */
    assert_int_equal(embedder_embed(x, m, ROLE_NONE, LANE_BULK, b.texts, 3, 0, &e), ERR_OK);
    assert_int_equal(rows_written(&b), 3);
    b.texts[2].text = kept;
    free(long_text);
    batch_release(&b);
    embedder_free(x);
    model_unref(m);
}

/* --- under the seeded scheduler: who goes first, and what a full queue does --- */

struct bulk {
    struct embedder *x;
    struct model *m;
    struct batch batch;
    int64_t deadline_ns;
    enum err err;
    bool done;
};

static void bulk_run(void *arg)
{
    struct bulk *b = arg;
    b->err = embedder_embed(b->x, b->m, ROLE_NONE, LANE_BULK, b->batch.texts, b->batch.count,
                            b->deadline_ns, NULL);
    b->done = true;
}

static size_t wait_for_bulk(struct embedder *x, const struct bulk *b)
{
    struct embed_load load;
    for (;;) {
        embedder_load(x, &load);
        if (load.queued_tokens[LANE_BULK] > 0 || b->done)
            return load.queued_tokens[LANE_BULK];
        clock_sleep_ns(1000);
    }
}

enum { SEEDS = 40, BULK_TEXTS = 400 };

static void test_interactive_goes_first(void **state)
{
    unsigned ahead = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct model *m = NULL;
        assert_int_equal(
            model_open("stub", &(struct model_options){.precision = PRECISION_AUTO}, &m, NULL),
            ERR_OK);
        sched_start(seed);
        struct embedder_options o = {.threads = 1, .batch_tokens = 64};
        struct embedder *x = embedder_new(&o);
        struct bulk b = {.x = x, .m = m, .batch = batch_new(0, BULK_TEXTS, 64)};
        struct thread *t = thread_start("bulk", bulk_run, &b);
        wait_for_bulk(x, &b);
        struct batch query = batch_new(5, 1, 64);
        assert_int_equal(embedder_embed(x, m, ROLE_NONE, LANE_INTERACTIVE, query.texts, 1, 0, NULL),
                         ERR_OK);
        ahead += !b.done;
        assert_int_equal(rows_written(&query), 1);
        thread_join(t);
        assert_int_equal(b.err, ERR_OK);
        assert_int_equal(rows_written(&b.batch), BULK_TEXTS);
        embedder_free(x);
        sched_stop();
        batch_release(&query);
        batch_release(&b.batch);
        model_unref(m);
    }
    assert_true(ahead > SEEDS / 2); /* one lane would give 0: the query behind all of the bulk */
}

static void test_full_queue_and_deadline(void **state)
{
    unsigned busy = 0, late = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct model *m = NULL;
        assert_int_equal(
            model_open("stub", &(struct model_options){.precision = PRECISION_AUTO}, &m, NULL),
            ERR_OK);
        sched_start(seed);
        struct embedder_options o = {.threads = 1, .batch_tokens = 64, .queue_tokens_max = 400};
        struct embedder *x = embedder_new(&o);
        struct bulk b = {.x = x,
                         .m = m,
                         .batch = batch_new(0, BULK_TEXTS, 64),
                         .deadline_ns = clock_mono_ns() + 20000};
        struct thread *t = thread_start("bulk", bulk_run, &b);
        size_t queued = wait_for_bulk(x, &b);
        struct batch more = batch_new(5, 20, 64);
        struct err_info e = {0};
        enum err err = embedder_embed(x, m, ROLE_NONE, LANE_BULK, more.texts, 20, 0, &e);
        assert_true(err == ERR_OK || err == ERR_BUSY);
        if (err == ERR_BUSY) {
            struct embed_load load;
            embedder_load(x, &load);
            assert_true(queued > 0 && load.retry_after_s >= 1 && load.retry_after_s <= 60);
            assert_non_null(strstr(e.message, "full"));
            assert_int_equal(rows_written(&more), 0);
            busy++;
        }
        thread_join(t);
        assert_true(b.err == ERR_OK || b.err == ERR_TIMEOUT);
        assert_true(b.err == ERR_TIMEOUT || rows_written(&b.batch) == BULK_TEXTS);
        late += b.err == ERR_TIMEOUT;
        struct embed_load load;
        embedder_load(x, &load); /* what timed out is no longer queued */
        assert_int_equal(load.queued_tokens[LANE_BULK], 0);
        embedder_free(x);
        sched_stop();
        batch_release(&more);
        batch_release(&b.batch);
        model_unref(m);
    }
    assert_true(busy > 0);
    assert_true(late > 0);
}

static void test_metrics_exist(void **state)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    metrics_render(&b);
    static const char *const lines[] = {
        "akin_embeddings_generated_total{model=\"stub\"}", "akin_embed_tokens_total ",
        "akin_embed_duration_seconds_count{stage=\"compute\"}",
        "akin_embed_queue_depth{lane=\"bulk\"} 0", "akin_embed_truncated_total 0"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (!strstr(b.buf, lines[i]))
            fail_msg("%s is missing", lines[i]);
    strbuf_release(&b);
}

static int setup(void **state)
{
    json_setup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_callers),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_interactive_goes_first),
        cmocka_unit_test(test_full_queue_and_deadline),
        cmocka_unit_test(test_metrics_exist),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
