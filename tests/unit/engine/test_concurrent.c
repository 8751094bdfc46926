/* Many at once: writers of the same documents, readers, an import, collections that come and go.
 * Afterwards the indexes hold what the store holds, and every thread saw its own acknowledged
 * writes. Meant for the thread sanitizer too. */
#include "help.h"
#include "base/rng.h"
#include "base/thread.h"

#define ROUNDS 60

struct worker {
    struct fixture *f;
    struct arena *a;
    uint64_t seed;
    int number;
    bool ok;
    char why[800];
    struct thread *thread;
};

#define MUST(w, cond, ...)                                                                         \
    do {                                                                                           \
        if (!(cond) && (w)->ok) {                                                                  \
            (w)->ok = false;                                                                       \
            snprintf((w)->why, sizeof(w)->why, __VA_ARGS__);                                       \
        }                                                                                          \
    } while (0)

static enum err put_text(struct worker *w, const char *text, struct put_result *r)
{
    json_t *v;
    if (json_parse(str_c(text), &v, NULL))
        return ERR_SYNTAX;
    const json_t *docs[] = {v};
    struct err_info info = {0};
    enum err err = engine_put(w->f->x, C, docs, 1, NULL, w->a, r, NULL, &info);
    MUST(w, !err, "put: %s", info.message);
    if (!err)
        MUST(w, !r->err, "put: %s", r->info.message);
    json_decref(v);
    return err ? err : r->err;
}

static bool search_finds(struct worker *w, const char *q, const char *id)
{
    struct find_request r = {.q = str_c(q), .limit = 500};
    struct find_answer answer;
    struct err_info info = {0};
    enum err err = engine_search(w->f->x, C, &r, w->a, &answer, &info);
    MUST(w, !err, "search: %s", info.message);
    return !err && found(&answer, id);
}

/* Documents of its own, which it must find at once, and shared ones that others write too. */
static void writer(void *arg)
{
    struct worker *w = arg;
    struct rng r;
    rng_init(&r, w->seed);
    for (int i = 0; i < ROUNDS && w->ok; i++) {
        char text[160], id[32], q[40];
        struct put_result result;
        snprintf(id, sizeof id, "own%d-%d", w->number, i % 7);
        snprintf(q, sizeof q, "mark%dx%d", w->number, i);
        snprintf(text, sizeof text, "{\"id\":\"%s\",\"text\":\"%s some words\",\"n\":%d}", id, q,
                 i);
        put_text(w, text, &result);
        MUST(w, search_finds(w, q, id), "%s was acknowledged and not found by %s", id, q);
        snprintf(text, sizeof text, "{\"id\":\"shared%d\",\"text\":\"shared text %d\",\"n\":%d}",
                 (int)rng_below(&r, 5), (int)rng_below(&r, 3), i);
        put_text(w, text, &result);
        if (rng_below(&r, 4) == 0) {
            struct str s = str_c(id);
            enum err err = engine_delete(w->f->x, C, &s, 1, NULL, w->a, &result, NULL, NULL);
            MUST(w, !err, "delete");
            MUST(w, !search_finds(w, q, id), "%s was deleted and is found", id);
        }
        arena_reset(w->a);
    }
}

static void reader(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < ROUNDS * 2 && w->ok; i++) {
        search_finds(w, "some shared words", "none");
        struct str id = STR("shared1");
        struct find_request similar = {.ids = &id, .id_count = 1, .limit = 5};
        struct find_answer answer;
        (void)!engine_similar(w->f->x, C, &similar, w->a, &answer, NULL);
        struct recommend_request r = {.user = STR("u"), .limit = 5, .exclude_seen = true};
        struct recommend_answer ra;
        struct err_info info = {0};
        enum err err = engine_recommend(w->f->x, C, &r, w->a, &ra, &info);
        MUST(w, !err, "recommend: %s", info.message);
        struct document_out *rows;
        size_t count;
        bool more;
        err = engine_list(w->f->x, C, STR(""), STR("n >= 5"), STR(""), 0, 20, w->a, &rows, &count,
                          &more, &info);
        MUST(w, !err, "list: %s", info.message);
        struct strbuf b;
        strbuf_init(&b, 0);
        metrics_render(&b);
        strbuf_release(&b);
        arena_reset(w->a);
    }
}

static void collector(void *arg)
{
    struct worker *w = arg;
    for (int i = 0; i < ROUNDS / 6 && w->ok; i++) {
        struct collection_info info;
        struct err_info e = {0};
        enum err err = engine_collection_create(w->f->x, STR("brief"), NULL, NULL, w->a, &info, &e);
        MUST(w, !err, "create: %s", e.message);
        json_t *v = json_pack("{ssss}", "id", "x", "text", "short lived");
        const json_t *docs[] = {v};
        struct put_result r;
        err = engine_put(w->f->x, STR("brief"), docs, 1, NULL, w->a, &r, NULL, &e);
        MUST(w, !err, "put: %s", e.message);
        json_decref(v);
        err = engine_collection_delete(w->f->x, STR("brief"), &e);
        MUST(w, !err, "delete: %s", e.message);
        arena_reset(w->a);
    }
}

static void many_at_once(void **state)
{
    struct fixture *f = *state;
    static void (*const runs[])(void *) = {writer, writer, writer, reader, reader, collector};
    struct worker w[6] = {0};
    create(f, "c");
    for (int i = 0; i < 6; i++) {
        w[i] = (struct worker){
            .f = f, .a = arena_new(0), .seed = 11 + (uint64_t)i, .number = i, .ok = true};
        w[i].thread = thread_start("test", runs[i], &w[i]);
    }
    for (int i = 0; i < 6; i++) {
        thread_join(w[i].thread);
        arena_free(w[i].a);
    }
    for (int i = 0; i < 6; i++)
        if (!w[i].ok)
            fail_msg("worker %d: %s", i, w[i].why);
    doctor(f, NULL);
    char before[65], after[65];
    doctor(f, before);
    fixture_close(f);
    fixture_open(f);
    doctor(f, after);
    assert_string_equal(before, after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
