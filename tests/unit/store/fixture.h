/* A folder of its own for each test, and acts in a few words. Through store.h alone. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/thread.h"
#include "store/store.h"

#define DIMS 8

struct fixture {
    char dir[64];
    struct arena *a;
    struct store *s;
    struct err_info e;
};

/* What a second store gives to be held to the same tests. */
typedef enum err open_fn(const char *dir, const struct store_options *o, struct store **out,
                         struct err_info *e);
extern open_fn *fixture_open;

#define ok(call) assert_int_equal(call, ERR_OK)

static inline int setup_dir(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    /* In memory where that is possible: faults are made, not waited for, and an fsync costs
     * nothing. */
    snprintf(f->dir, sizeof f->dir, "%s/akin-store-XXXXXX",
             file_is_dir("/dev/shm") ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->dir));
    f->a = arena_new(0);
    log_set_level(LOG_ERROR);
    *state = f;
    return 0;
}

static inline int setup(void **state)
{
    setup_dir(state);
    struct fixture *f = *state;
    ok(fixture_open(f->dir, NULL, &f->s, &f->e));
    return 0;
}

static inline int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->s)
        store_close(f->s);
    ok(file_remove_tree(f->dir, NULL));
    arena_free(f->a);
    free(f);
    return 0;
}

static inline void reopen(struct fixture *f)
{
    store_close(f->s);
    f->s = NULL;
    ok(fixture_open(f->dir, NULL, &f->s, &f->e));
}

static inline void digest_of(struct str s, uint8_t out[32])
{
    struct sha256 h;
    sha256_init(&h);
    sha256_add(&h, s.s, s.n);
    sha256_end(&h, out);
}

static inline struct store_act act_collection(const char *name)
{
    return (struct store_act){
        .kind = ACT_COLLECTION_CREATE,
        .collection = {
            .name = str_c(name), .settings = STR("{}"), .model_digest = STR("stub"), .dims = DIMS}};
}

/* The passages of a text: one for every 10 bytes begun, with vectors that follow from it. */
static inline void passages_of(struct fixture *f, struct document_record *d, bool vectors)
{
    d->passage_count = (uint32_t)(d->payload.n / 10 + 1);
    d->passages = arena_array(f->a, d->passage_count, sizeof *d->passages);
    for (uint32_t i = 0; i < d->passage_count; i++) {
        uint16_t *v = arena_array(f->a, DIMS, sizeof *v);
        for (unsigned k = 0; k < DIMS; k++)
            v[k] = (uint16_t)(d->digest[k] * 256 + i);
        d->passages[i] = (struct passage_record){i * 10, i * 10 + 9, i + 1, vectors ? v : NULL};
    }
}

static inline struct store_act act_put(struct fixture *f, uint32_t collection, struct str id,
                                       const char *text)
{
    struct store_act act = {.kind = ACT_DOCUMENT_PUT};
    struct document_record *d = &act.document;
    d->collection = collection;
    d->id = id;
    d->payload = arena_str(f->a, str_c(text));
    digest_of(d->payload, d->digest);
    memcpy(d->text_digest, d->digest, 32);
    passages_of(f, d, true);
    return act;
}

static inline struct store_act act_pending(struct fixture *f, uint32_t collection, struct str id,
                                           const char *text)
{
    struct store_act act = act_put(f, collection, id, text);
    act.document.state = DOCUMENT_PENDING;
    for (uint32_t i = 0; i < act.document.passage_count; i++)
        act.document.passages[i].vector = NULL;
    return act;
}

static inline struct store_act act_delete(uint32_t collection, struct str id)
{
    return (struct store_act){.kind = ACT_DOCUMENT_DELETE,
                              .document = {.collection = collection, .id = id}};
}

static inline struct store_act act_feedback(uint32_t collection, const char *event,
                                            const char *user, const char *document, int64_t time_us)
{
    return (struct store_act){.kind = ACT_FEEDBACK_ADD,
                              .feedback = {.collection = collection,
                                           .event_id = str_c(event),
                                           .user = str_c(user),
                                           .document = str_c(document),
                                           .type = STR("click"),
                                           .value = 1.5,
                                           .position = -1,
                                           .time_us = time_us}};
}

static inline struct store_act act_user(uint32_t collection, const char *id, const char *payload)
{
    return (struct store_act){.kind = ACT_USER_PUT,
                              .user_collection = collection,
                              .user = {.id = str_c(id), .payload = str_c(payload)}};
}

/* One act, which must succeed. */
static inline struct store_act done(struct fixture *f, struct store_act act)
{
    enum err err = store_write(f->s, &act, 1, false, NULL, &f->e);
    if (err || act.err)
        print_error("act %d: %s %s\n", (int)act.kind, act.info.message, f->e.message);
    assert_int_equal(err, ERR_OK);
    assert_int_equal(act.err, ERR_OK);
    return act;
}

/* One act, which must be refused in this way. */
static inline void refused(struct fixture *f, struct store_act act, enum err err)
{
    struct position before, after;
    store_position(f->s, &before);
    ok(store_write(f->s, &act, 1, false, NULL, NULL));
    assert_int_equal(act.err, err);
    assert_int_equal(act.info.code, err);
    assert_true(act.info.message[0] != 0);
    store_position(f->s, &after);
    assert_int_equal(before.change, after.change);
}

static inline uint32_t collection_made(struct fixture *f, const char *name)
{
    return (uint32_t)done(f, act_collection(name)).id;
}

#endif
