/* Events: everything once at least, the events of one document in order, failures that stop nobody
 * else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/hash.h"
#include "base/thread.h"
#include "events/events.h"
#include "math/half.h"
#include "store/store.h"

#define DIMS 4
#define SEEN_MAX 4096

struct fixture {
    char dir[256];
    struct store *store;
    struct events *events;
    uint32_t collection;
};

/* What a handler saw. */
struct seen {
    struct lock lock;
    size_t count, failures;
    uint64_t changes[SEEN_MAX];
    char subjects[SEEN_MAX][16];
    char last_data[2000], last_type[64];
    const char *fail_for; /* subject that fails ... */
    unsigned fail_times;  /* ... so often */
};

#define OK(call)                                                                                   \
    do {                                                                                           \
        struct err_info e_ = {0}, *e = &e_;                                                        \
        enum err err_ = (call);                                                                    \
        if (err_)                                                                                  \
            fail_msg("%s: %s %s", #call, err_name(err_), e->message);                              \
    } while (0)

static void open_all(struct fixture *f)
{
    struct events_options o = {.backoff_ms = 20, .tries_max = 3};
    OK(store_open(f->dir, NULL, &f->store, e));
    f->events = events_open(f->store, &o);
}

static void close_all(struct fixture *f)
{
    events_close(f->events, clock_mono_ns() + 5000000000);
    store_close(f->store);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const char *tmp = getenv("TMPDIR");
    json_setup();
    log_set_level(LOG_ERROR);
    snprintf(f->dir, sizeof f->dir, "%s/akin-events-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    open_all(f);
    struct store_act act = {.kind = ACT_COLLECTION_CREATE};
    act.collection.name = STR("c");
    act.collection.settings = STR("{}");
    act.collection.model_digest = STR("m");
    act.collection.dims = DIMS;
    OK(store_write(f->store, &act, 1, false, NULL, e));
    assert_int_equal(act.err, 0);
    f->collection = (uint32_t)act.id;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close_all(f);
    (void)!file_remove_tree(f->dir, NULL);
    free(f);
    return 0;
}

static uint64_t document_put(struct fixture *f, const char *id, int version, bool pending)
{
    static const float rows[2][DIMS] = {{1, 0, 0, 0}, {0, 1, 0, 0}};
    uint16_t half[2][DIMS];
    char payload[64];
    struct passage_record p[2] = {{0, 1, 1, half[0]}, {1, 2, 1, half[1]}};
    struct store_act act = {.kind = ACT_DOCUMENT_PUT};
    struct sha256 h;
    half_from_f32(rows[0], half[0], DIMS);
    half_from_f32(rows[1], half[1], DIMS);
    snprintf(payload, sizeof payload, "{\"n\":%d}", version);
    act.document.collection = f->collection;
    act.document.id = str_c(id);
    act.document.payload = str_c(payload);
    act.document.state = pending ? DOCUMENT_PENDING : DOCUMENT_READY;
    act.document.passages = pending ? NULL : p;
    act.document.passage_count = pending ? 0 : 2;
    sha256_init(&h);
    sha256_add(&h, payload, strlen(payload));
    sha256_end(&h, act.document.digest);
    act.document.text_digest[0] = (uint8_t)version;
    OK(store_write(f->store, &act, 1, false, NULL, e));
    assert_int_equal(act.err, 0);
    return act.revision;
}

static enum err remember(void *ctx, const struct event *e, struct err_info *info)
{
    struct seen *s = ctx;
    enum err err = 0;
    lock_take(&s->lock);
    if (s->fail_for && str_eq_c(e->document_id, s->fail_for) && s->fail_times > 0) {
        s->fail_times--;
        s->failures++;
        err = err_set(info, ERR_IO, NULL, "not today");
    } else if (s->count < SEEN_MAX) {
        s->changes[s->count] = e->change;
        snprintf(s->subjects[s->count], 16, "%.*s", STR_ARG(e->document_id));
        snprintf(s->last_data, sizeof s->last_data, "%.*s", STR_ARG(e->data));
        snprintf(s->last_type, sizeof s->last_type, "%.*s", STR_ARG(e->type));
        s->count++;
    }
    lock_drop(&s->lock);
    return err;
}

static struct seen *seen_new(void)
{
    struct seen *s = calloc(1, sizeof *s);
    lock_init(&s->lock, LOCK_LEAF);
    return s;
}

static void seen_free(struct seen *s)
{
    lock_release(&s->lock);
    free(s);
}

static size_t wait_count(struct seen *s, size_t count)
{
    size_t n = 0;
    for (int i = 0; i < 1000; i++) {
        lock_take(&s->lock);
        n = s->count;
        lock_drop(&s->lock);
        if (n >= count)
            break;
        clock_sleep_ns(5000000);
    }
    return n;
}

static void fail_set(struct seen *s, unsigned times)
{
    lock_take(&s->lock);
    s->fail_times = times;
    lock_drop(&s->lock);
}

static unsigned fails_left(struct seen *s)
{
    lock_take(&s->lock);
    unsigned n = s->fail_times;
    lock_drop(&s->lock);
    return n;
}

static struct subscription *subscribe(struct fixture *f, const char *type, const char *consumer,
                                      bool embedding, struct seen *s)
{
    struct subscription_options o = {type, consumer, embedding};
    struct subscription *out;
    OK(event_subscribe(f->events, &o, remember, s, &out, e));
    return out;
}

static void events_arrive_in_order_per_document(void **state)
{
    struct fixture *f = *state;
    struct seen *s = seen_new();
    subscribe(f, "document.processed", NULL, false, s);
    for (int i = 0; i < 300; i++) {
        char id[8];
        snprintf(id, sizeof id, "d%d", i % 10);
        document_put(f, id, i, false);
    }
    assert_int_equal(wait_count(s, 300), 300);
    lock_take(&s->lock);
    for (int d = 0; d < 10; d++) {
        uint64_t last = 0;
        for (size_t i = 0; i < s->count; i++)
            if (s->subjects[i][1] == '0' + d) {
                assert_true(s->changes[i] > last);
                last = s->changes[i];
            }
    }
    lock_drop(&s->lock);
    close_all(f);
    seen_free(s);
    open_all(f);
}

static void a_failure_is_tried_again_and_blocks_only_its_document(void **state)
{
    struct fixture *f = *state;
    struct seen *s = seen_new(), *other = seen_new();
    s->fail_for = "bad";
    s->fail_times = 2;
    subscribe(f, "document.processed", NULL, false, s);
    subscribe(f, "*", NULL, false, other);
    uint64_t first = document_put(f, "bad", 1, false), second = document_put(f, "bad", 2, false);
    for (int i = 0; i < 20; i++)
        document_put(f, "good", i + 1, false);
    assert_int_equal(wait_count(s, 22), 22);
    assert_int_equal(wait_count(other, 22), 22);
    assert_int_equal(s->failures, 2);
    size_t at_first = 0, at_second = 0;
    for (size_t i = 0; i < 22; i++) {
        at_first = s->changes[i] == first ? i : at_first;
        at_second = s->changes[i] == second ? i : at_second;
    }
    assert_true(at_first < at_second);
    fail_set(s, 100);
    document_put(f, "bad", 3, false); /* three tries, then given up */
    document_put(f, "good", 77, false);
    assert_int_equal(wait_count(s, 23), 23);
    for (int i = 0; i < 400 && fails_left(s) > 97; i++)
        clock_sleep_ns(5000000);
    clock_sleep_ns(100000000);
    assert_int_equal(fails_left(s), 97);
    close_all(f);
    seen_free(s);
    seen_free(other);
    open_all(f);
}

static void a_consumer_goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;
    struct seen *s = seen_new();
    struct subscription *sub = subscribe(f, "document.processed", "mail", false, s);
    document_put(f, "a", 1, false);
    assert_int_equal(wait_count(s, 1), 1);
    event_unsubscribe(sub);
    document_put(f, "b", 1, false);
    close_all(f);
    open_all(f);
    document_put(f, "c", 1, false);
    subscribe(f, "document.processed", "mail", false, s);
    assert_int_equal(wait_count(s, 3), 3);
    close_all(f);
    assert_string_equal(s->subjects[1][0] == 'b' ? s->subjects[2] : s->subjects[1], "c");
    assert_int_equal(s->count, 3);
    seen_free(s);
    open_all(f);
}

/* What was not finished when akin ended comes again. */
static void an_unfinished_event_comes_again(void **state)
{
    struct fixture *f = *state;
    struct seen *s = seen_new();
    s->fail_for = "x";
    s->fail_times = 1;
    struct events_options slow = {.backoff_ms = 3600000};
    events_close(f->events, clock_mono_ns() + 1000000000);
    f->events = events_open(f->store, &slow);
    subscribe(f, "*", "mail", false, s);
    document_put(f, "w", 1, false);
    document_put(f, "x", 1, false);
    document_put(f, "y", 1, false);
    assert_int_equal(wait_count(s, 3), 3); /* the collection, w and y */
    close_all(f);
    size_t before = s->count;
    open_all(f);
    subscribe(f, "*", "mail", false, s);
    wait_count(s, before + 2);
    close_all(f);
    bool x = false;
    for (size_t i = before; i < s->count; i++)
        x |= strcmp(s->subjects[i], "x") == 0;
    assert_true(x);
    seen_free(s);
    open_all(f);
}

static void the_embedding_is_the_mean_of_the_passages(void **state)
{
    struct fixture *f = *state;
    struct seen *s = seen_new();
    subscribe(f, "document.processed", NULL, true, s);
    document_put(f, "a", 1, false);
    assert_int_equal(wait_count(s, 1), 1);
    assert_non_null(strstr(s->last_data, "\"document_id\":\"a\""));
    assert_non_null(strstr(s->last_data, "\"embedding\":[0.5,0.5,0"));
    json_t *v;
    OK(json_parse(str_c(s->last_data), &v, e));
    assert_int_equal(json_array_size(json_object_get(v, "embedding")), DIMS);
    json_decref(v);
    close_all(f);
    seen_free(s);
    open_all(f);
}

static void a_pending_document_is_processed_when_it_is_embedded(void **state)
{
    struct fixture *f = *state;
    struct seen *s = seen_new();
    subscribe(f, "document.processed", NULL, false, s);
    document_put(f, "p", 1, true);
    document_put(f, "q", 1, false);
    assert_int_equal(wait_count(s, 1), 1);
    clock_sleep_ns(100000000);
    lock_take(&s->lock);
    assert_int_equal(s->count, 1);
    assert_string_equal(s->subjects[0], "q");
    lock_drop(&s->lock);
    document_put(f, "p", 2, false);
    assert_int_equal(wait_count(s, 2), 2);
    close_all(f);
    seen_free(s);
    open_all(f);
}

static enum err block(void *ctx, const struct event *e, struct err_info *info)
{
    bool *go = ctx;
    while (!__atomic_load_n(go, __ATOMIC_ACQUIRE))
        clock_sleep_ns(1000000);
    return 0;
}

static void published_events_are_bounded(void **state)
{
    struct fixture *f = *state;
    bool go = false;
    struct subscription_options o = {.type = "custom.thing"};
    struct subscription *sub;
    struct seen *s = seen_new();
    OK(event_subscribe(f->events, &o, block, &go, &sub, e));
    subscribe(f, "custom.thing", NULL, false, s);
    size_t accepted = 0;
    enum err err = 0;
    while (!err && accepted < 10000) {
        err = event_publish(f->events, "custom.thing", STR("c"), STR("s"), STR("{\"k\":1}"), NULL);
        accepted += !err;
    }
    assert_int_equal(err, ERR_BUSY);
    assert_int_equal(accepted, 1024);
    assert_int_equal(wait_count(s, accepted), accepted);
    __atomic_store_n(&go, true, __ATOMIC_RELEASE);
    event_unsubscribe(sub);
    close_all(f);
    assert_string_equal(s->last_data, "{\"k\":1}");
    assert_string_equal(s->last_type, "custom.thing");
    seen_free(s);
    open_all(f);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(events_arrive_in_order_per_document),
        T(a_failure_is_tried_again_and_blocks_only_its_document),
        T(a_consumer_goes_on_where_it_was),
        T(an_unfinished_event_comes_again),
        T(the_embedding_is_the_mean_of_the_passages),
        T(a_pending_document_is_processed_when_it_is_embedded),
        T(published_events_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
