#include "tiny.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/thread.h"
#include "embed/model.h"

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

/* --- equal texts --- */

static double computed(const char *model)
{
    return counter_value(counter_of(
        counter_family("embeddings_generated_total", "Texts embedded", "model"), &model));
}

static struct model *stub_open(void)
{
    struct model *m = NULL;
    assert_int_equal(
        model_open("stub", &(struct model_options){.precision = PRECISION_AUTO}, &m, NULL), ERR_OK);
    return m;
}

static void embed(struct embedder *x, struct model *m, enum lane lane, struct batch *b)
{
    struct err_info e = {0};
    if (embedder_embed(x, m, ROLE_NONE, lane, b->texts, b->count, 0, &e))
        fail_msg("%s: %s", e.field, e.message);
}

static void test_equal_texts_once(void **state)
{
    struct model *m = stub_open();
    struct embedder *x =
        embedder_new(&(struct embedder_options){.threads = 2, .cache_bytes = 1 << 20});
    struct batch b = batch_new(0, 40, 64), again = batch_new(0, 20, 64), far = batch_new(0, 1, 64);
    for (size_t i = 20; i < 40; i++) { /* the first twenty again */
        free((char *)b.texts[i].text.s);
        b.texts[i].text = str_dup(b.texts[i - 20].text);
    }
    double before = computed("stub");
    embed(x, m, LANE_INTERACTIVE, &b);
    assert_true(computed("stub") == before + 20);
    assert_memory_equal(b.out, b.out + 20 * 64, 20 * 64 * sizeof(float));
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(b.texts[i].cached, i >= 20);
        assert_int_equal(b.texts[i].tokens, b.texts[i % 20].tokens);
        assert_true(b.texts[i].tokens > 0);
    }
    embed(x, m, LANE_BULK, &again); /* bulk looks up */
    assert_true(computed("stub") == before + 20);
    assert_memory_equal(again.out, b.out, 20 * 64 * sizeof(float));
    assert_true(again.texts[3].cached && again.texts[3].tokens == b.texts[3].tokens);

    free((char *)far.texts[0].text.s);
    far.texts[0].text = str_dup(STR("a text of an import"));
    for (int i = 1; i <= 2; i++) { /* and keeps nothing */
        embed(x, m, LANE_BULK, &far);
        assert_true(computed("stub") == before + 20 + i);
        assert_false(far.texts[0].cached);
    }
    batch_release(&b);
    batch_release(&again);
    batch_release(&far);
    embedder_free(x);
    model_unref(m);
}

/* Callers who ask for the same texts at the same time, some with hardly any time: what one of them
 * does not get done harms no other, and nothing is computed twice that was finished. */
struct asker {
    struct embedder *x;
    struct model *m;
    int64_t deadline_ns;
    struct batch batch;
    enum err err;
};

static void ask(void *arg)
{
    struct asker *k = arg;
    k->err = embedder_embed(k->x, k->m, ROLE_QUERY, LANE_INTERACTIVE, k->batch.texts,
                            k->batch.count, k->deadline_ns, NULL);
}

static unsigned askers_run(unsigned impatient_every, unsigned *late)
{
    enum { ASKERS = 6, TEXTS = 30 };
    struct model *m = stub_open();
    struct embedder_options o = {.threads = 2, .batch_tokens = 64, .cache_bytes = 1 << 20};
    struct embedder *x = embedder_new(&o);
    struct asker askers[ASKERS];
    struct thread *threads[ASKERS];
    double before = computed("stub");
    for (unsigned i = 0; i < ASKERS; i++) {
        bool impatient = impatient_every && i % impatient_every == 0;
        askers[i] = (struct asker){.x = x, .m = m, .batch = batch_new(0, TEXTS, 64)};
        askers[i].deadline_ns = impatient ? clock_mono_ns() + 3000 + 5000 * i : 0;
        threads[i] = thread_start("asker", ask, &askers[i]);
    }
    for (unsigned i = 0; i < ASKERS; i++) {
        thread_join(threads[i]);
        *late += askers[i].err == ERR_TIMEOUT;
        assert_true(askers[i].err == ERR_OK || askers[i].deadline_ns);
        if (askers[i].err == ERR_OK)
            assert_int_equal(rows_written(&askers[i].batch), TEXTS);
    }
    unsigned texts = (unsigned)(computed("stub") - before);
    embedder_free(x);
    for (unsigned i = 0; i < ASKERS; i++)
        batch_release(&askers[i].batch);
    model_unref(m);
    assert_true(texts <= TEXTS); /* some of these texts are equal */
    return texts;
}

static void test_equal_misses_once(void **state)
{
    unsigned texts = 0, late = 0, none = 0;
    texts = askers_run(0, &none);
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        sched_start(seed);
        unsigned n = askers_run(seed % 2 ? 3 : 0, &late);
        sched_stop();
        assert_int_equal(n, texts);
    }
    assert_true(late > 0 && none == 0);
}

/* --- what a text is made into --- */

static void test_prefix_and_ids(void **state)
{
    struct tiny t;
    struct model *m = NULL;
    tiny_make(&t);
    assert_int_equal(
        model_open(t.dir, &(struct model_options){.precision = PRECISION_FP32}, &m, NULL), ERR_OK);
    struct embedder *x = embedder_new(&(struct embedder_options){.threads = 1});
    snprintf(m->info.prefix[ROLE_QUERY], MODEL_PREFIX_MAX, "wa wb ");
    float out[4][HIDDEN];
    struct tokens ids;
    tokens_init(&ids);
    tokenizer_encode(model_tokenizer(m), STR("wc wd"), false, &ids);
    struct embed_text plain[2] = {{.text = STR("wc wd"), .out = out[0]},
                                  {.text = STR("wa wb wc wd"), .out = out[1]}};
    struct embed_text query[2] = {
        {.text = STR("wc wd"), .out = out[2]},
        {.ids = ids.ids, .id_count = ids.n, .out = out[3]}}; /* no prefix before ids */
    assert_int_equal(embedder_embed(x, m, ROLE_NONE, LANE_BULK, plain, 2, 0, NULL), ERR_OK);
    assert_int_equal(embedder_embed(x, m, ROLE_QUERY, LANE_BULK, query, 2, 0, NULL), ERR_OK);
    assert_int_equal(plain[0].tokens, 4); /* with [CLS] and [SEP] */
    assert_int_equal(query[0].tokens, 6);
    assert_int_equal(query[1].tokens, 4);
    for (int d = 0; d < HIDDEN; d++) {
        assert_true(fabsf(out[2][d] - out[1][d]) < 1e-5f);
        assert_true(fabsf(out[3][d] - out[0][d]) < 1e-5f);
    }

    uint32_t many[POSITIONS] = {0}, foreign = tokenizer_vocab_size(model_tokenizer(m));
    struct err_info e = {0};
    query[1].ids = &foreign;
    query[1].id_count = 1;
    assert_int_equal(embedder_embed(x, m, ROLE_QUERY, LANE_BULK, query, 2, 0, &e), ERR_INVALID);
    assert_string_equal(e.field, "/1");
    assert_non_null(strstr(e.message, "vocabulary"));
    err_clear(&e);
    query[1].ids = many; /* as many as there are positions, and two more */
    query[1].id_count = POSITIONS;
    assert_int_equal(embedder_embed(x, m, ROLE_QUERY, LANE_BULK, query, 2, 0, &e), ERR_TOO_LARGE);
    assert_string_equal(e.field, "/1");
    query[1].id_count = POSITIONS - 2;
    assert_int_equal(embedder_embed(x, m, ROLE_QUERY, LANE_BULK, query, 2, 0, NULL), ERR_OK);
    query[1].id_count = 0; /* nothing to say is no fault here either */
    assert_int_equal(embedder_embed(x, m, ROLE_QUERY, LANE_BULK, query, 2, 0, NULL), ERR_OK);
    assert_int_equal(query[1].tokens, 2);
    tokens_release(&ids);
    embedder_free(x);
    model_unref(m);
    tiny_release(&t);
}

static void test_keys(void **state)
{
    struct tiny t;
    struct model *m = NULL, *stub = stub_open();
    uint8_t keys[9][EMBED_KEY];
    uint32_t ids[] = {7, 8};
    tiny_make(&t);
    assert_int_equal(
        model_open(t.dir, &(struct model_options){.precision = PRECISION_FP32}, &m, NULL), ERR_OK);
    struct embed_text text = {.text = STR("caf\xc3\xa9")};
    embed_key(m, ROLE_NONE, &text, keys[0]);
    embed_key(stub, ROLE_NONE, &text, keys[1]);
    snprintf(m->info.prefix[ROLE_QUERY], MODEL_PREFIX_MAX, "query: ");
    embed_key(m, ROLE_QUERY, &text, keys[2]);
    embed_key(m, ROLE_NONE, &(struct embed_text){.text = STR("query: caf\xc3\xa9")}, keys[3]);
    embed_key(m, ROLE_NONE, &(struct embed_text){.ids = ids, .id_count = 2}, keys[4]);
    embed_key(m, ROLE_NONE, &(struct embed_text){.ids = ids, .id_count = 1}, keys[5]);
    embed_key(m, ROLE_NONE, &(struct embed_text){.text = {(const char *)ids, 8}}, keys[6]);
    embed_key(m, ROLE_NONE, &(struct embed_text){.text = STR("")}, keys[7]);
    embed_key(m, ROLE_NONE, &(struct embed_text){.text = STR("\xff\xfe")}, keys[8]);
    for (int i = 0; i < 9; i++)
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(keys[i], keys[j], EMBED_KEY);
    /* The same text in another form of Unicode, and in a role that changes nothing. */
    embed_key(m, ROLE_PASSAGE, &(struct embed_text){.text = STR("cafe\xcc\x81")}, keys[1]);
    assert_memory_equal(keys[0], keys[1], EMBED_KEY);
    model_unref(stub);
    model_unref(m);
    tiny_release(&t);
}

/* --- order --- */

struct feeder {
    struct embedder *x;
    struct model *m;
    enum lane lane;
    struct batch batch;
    bool done;
};

static void feed(void *arg)
{
    struct feeder *f = arg;
    embed(f->x, f->m, f->lane, &f->batch);
    __atomic_store_n(&f->done, true, __ATOMIC_RELAXED);
}

/* A request of many texts came before; a lone query does not wait for all of it. */
static void test_small_goes_before_large(void **state)
{
    unsigned ahead = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct model *m = stub_open();
        sched_start(seed);
        struct embedder *x =
            embedder_new(&(struct embedder_options){.threads = 1, .batch_tokens = 64});
        struct feeder large = {x, m, LANE_INTERACTIVE, batch_new(0, 300, 64), false};
        struct feeder other = {x, m, LANE_INTERACTIVE, batch_new(0, 300, 64), false};
        struct thread *one = thread_start("large", feed, &large);
        struct thread *two = thread_start("other", feed, &other);
        struct embed_load load = {0};
        while (load.queued_tokens[LANE_INTERACTIVE] < 1000 && !large.done && !other.done) {
            clock_sleep_ns(1000);
            embedder_load(x, &load);
        }
        struct batch query = batch_new(5, 1, 64);
        embed(x, m, LANE_INTERACTIVE, &query);
        ahead += !large.done && !other.done;
        thread_join(one);
        thread_join(two);
        embedder_free(x);
        sched_stop();
        batch_release(&query);
        batch_release(&large.batch);
        batch_release(&other.batch);
        model_unref(m);
    }
    assert_true(ahead > SEEDS / 2);
}

/* Bulk work of two models at once: neither waits for all of the other's. */
static void test_models_take_turns(void **state)
{
    unsigned fair = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct model *a = stub_open(), *b = stub_open();
        sched_start(seed);
        struct embedder *x =
            embedder_new(&(struct embedder_options){.threads = 1, .batch_tokens = 64});
        struct feeder first = {x, a, LANE_BULK, batch_new(0, 400, 64), false};
        struct feeder second = {x, a, LANE_BULK, batch_new(0, 400, 64), false};
        struct feeder third = {x, b, LANE_BULK, batch_new(0, 40, 64), false};
        struct thread *one = thread_start("first", feed, &first);
        struct thread *two = thread_start("second", feed, &second);
        struct embed_load load = {0};
        while (load.queued_tokens[LANE_BULK] < 1000 && !first.done) {
            clock_sleep_ns(1000);
            embedder_load(x, &load);
        }
        feed(&third);
        fair += !second.done || !first.done;
        thread_join(one);
        thread_join(two);
        embedder_free(x);
        sched_stop();
        batch_release(&first.batch);
        batch_release(&second.batch);
        batch_release(&third.batch);
        model_unref(a);
        model_unref(b);
    }
    assert_true(fair > SEEDS * 3 / 4);
}

/* Working memory is kept for the last few models only, and no model is held by more. */
static void test_many_models(void **state)
{
    enum { MODELS = 20, KEPT_MOST = 6 }; /* two lanes of one thread, and four more */
    struct model *models[MODELS];
    struct embedder *x = embedder_new(&(struct embedder_options){.threads = 1});
    struct batch b = batch_new(0, 1, 64);
    unsigned held = MODELS;
    for (unsigned i = 0; i < MODELS; i++)
        models[i] = stub_open();
    for (unsigned i = 0; i < 3 * MODELS; i++)
        embed(x, models[i % MODELS], i % 2 ? LANE_BULK : LANE_INTERACTIVE, &b);
    /* what is too much is freed after the text is done */
    for (int wait = 0; wait < 1000 && held > KEPT_MOST; wait++) {
        clock_sleep_ns(wait ? 10000000 : 0);
        held = 0;
        for (unsigned i = 0; i < MODELS; i++)
            held += __atomic_load_n(&models[i]->refs, __ATOMIC_RELAXED) > 1;
    }
    assert_true(held >= 2 && held <= KEPT_MOST);
    embedder_free(x);
    for (unsigned i = 0; i < MODELS; i++) {
        assert_int_equal(models[i]->refs, 1);
        model_unref(models[i]);
    }
    batch_release(&b);
}

static void test_metrics_exist(void **state)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    metrics_render(&b);
    static const char *const lines[] = {"akin_embeddings_generated_total{model=\"stub\"}",
                                        "akin_embed_tokens_total ",
                                        "akin_embed_duration_seconds_count{stage=\"compute\"}",
                                        "akin_embed_queue_depth{lane=\"bulk\"} 0"};
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
        cmocka_unit_test(test_equal_texts_once),
        cmocka_unit_test(test_equal_misses_once),
        cmocka_unit_test(test_prefix_and_ids),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_small_goes_before_large),
        cmocka_unit_test(test_models_take_turns),
        cmocka_unit_test(test_many_models),
        cmocka_unit_test(test_metrics_exist),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
