/* What every store behind store.h does. Written against that header alone: a second store gives its
 * own open function (fixture_open) and is held to the same. */
#include "fixture.h"
#include "base/pool.h"
#include <inttypes.h>
#include <math.h>

open_fn *fixture_open = store_open;

/* ---- positions ---- */

static void test_position_text(void **state)
{
    struct position p = {"0123456789ab", 42}, q;
    char text[POSITION_TEXT];
    const char *bad[] = {"",
                         "-",
                         "0123456789ab",
                         "0123456789ab-",
                         "0123456789ab-x",
                         "0123456789ab--1",
                         "0123456789ab- 1",
                         "0123456789ab-01",
                         "0123456789AB-1",
                         "0123456789a-1",
                         "0123456789ab-99999999999999999999",
                         "0123456789ab-1 ",
                         "0123456789abc1",
                         "0123456789ab-+1"};

    position_format(&p, text);
    assert_string_equal(text, "0123456789ab-42");
    ok(position_parse(str_c(text), &q));
    assert_string_equal(q.lineage, p.lineage);
    assert_int_equal(q.change, 42);
    ok(position_parse(STR("0123456789ab-0"), &q));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(position_parse(str_c(bad[i]), &q), ERR_INVALID);
}

static void test_position_lives(void **state)
{
    struct fixture *f = *state;
    struct position p, q, w;
    struct store_act act = act_collection("news");

    store_position(f->s, &p);
    assert_int_equal(strlen(p.lineage), LINEAGE_DIGITS);
    assert_int_equal(p.change, 0);
    ok(store_write(f->s, &act, 1, false, &w, NULL));
    store_position(f->s, &q);
    assert_int_equal(q.change, 1);
    assert_int_equal(w.change, 1);
    assert_string_equal(w.lineage, p.lineage);
    reopen(f);
    store_position(f->s, &q);
    assert_int_equal(q.change, 1);
    assert_string_equal(q.lineage, p.lineage);
}

/* ---- collections ---- */

static void test_collection(void **state)
{
    struct fixture *f = *state;
    struct collection_record c;
    struct store_act act = done(f, act_collection("news"));

    assert_int_equal(act.status, ACT_CREATED);
    assert_int_equal(act.revision, 1);
    refused(f, act_collection("news"), ERR_CONFLICT);
    ok(store_collection_get(f->s, f->a, STR("news"), &c, &f->e));
    assert_int_equal(c.id, act.id);
    assert_true(str_eq_c(c.settings, "{}"));
    assert_true(str_eq_c(c.model_digest, "stub"));
    assert_int_equal(c.dims, DIMS);
    assert_int_equal(c.revision, 1);
    assert_true(isnan(c.mean_cosine));
    assert_true(c.created_us > 0 && c.created_us == c.updated_us);
    assert_int_equal(store_collection_get(f->s, f->a, STR("New"), &c, &f->e), ERR_NOT_FOUND);
}

static void test_collection_update(void **state)
{
    struct fixture *f = *state;
    struct collection_record c;
    uint32_t id = collection_made(f, "news");
    struct store_act act = {.kind = ACT_COLLECTION_UPDATE};

    ok(store_collection_get(f->s, f->a, STR("news"), &c, NULL));
    act.collection = c;
    assert_int_equal(done(f, act).status, ACT_UNCHANGED);
    act.collection.settings = STR("{\"a\":1}");
    act.collection.mean_cosine = .25f;
    act.if_revision = 7;
    refused(f, act, ERR_PRECONDITION);
    act.if_revision = 1;
    act = done(f, act);
    assert_int_equal(act.status, ACT_UPDATED);
    assert_int_equal(act.revision, 2);
    ok(store_collection_get(f->s, f->a, STR("news"), &c, NULL));
    assert_true(str_eq_c(c.settings, "{\"a\":1}"));
    assert_true(c.mean_cosine == .25f);
    assert_int_equal(c.revision, 2);
    act.if_revision = REVISION_ANY;
    act.collection.id = id + 1;
    refused(f, act, ERR_NOT_FOUND);
    act.collection = c;
    act.collection.dims = 16;
    assert_int_equal(done(f, act).status, ACT_UPDATED);
    act.collection.dims = DIMS;
    done(f, act);
    done(f, act_put(f, id, STR("a"), "text"));
    act.collection.dims = 16;
    refused(f, act, ERR_CONFLICT);
    act.collection.dims = 0;
    refused(f, act, ERR_INVALID);
}

static void test_collection_list(void **state)
{
    struct fixture *f = *state;
    const char *names[] = {"b", "a", "a-b", "a_b", "zz", "a1"};
    const char *sorted[] = {"a", "a-b", "a1", "a_b", "b", "zz"};
    struct collection_record *list;
    size_t n;

    for (size_t i = 0; i < 6; i++)
        collection_made(f, names[i]);
    ok(store_collection_list(f->s, f->a, STR(""), 100, &list, &n, NULL));
    assert_int_equal(n, 6);
    for (size_t i = 0; i < 6; i++)
        assert_true(str_eq_c(list[i].name, sorted[i]));
    ok(store_collection_list(f->s, f->a, STR("a1"), 2, &list, &n, NULL));
    assert_int_equal(n, 2);
    assert_true(str_eq_c(list[0].name, "a_b") && str_eq_c(list[1].name, "b"));
}

/* Hidden at once; a new one of the same name has nothing of the old. */
static void test_collection_delete(void **state)
{
    struct fixture *f = *state;
    struct store_act *acts = arena_array(f->a, 1000, sizeof *acts);
    uint32_t old = collection_made(f, "news"), other = collection_made(f, "other"), fresh;
    struct document_record d, *docs;
    struct feedback_record *feedback;
    struct user_record u, *users;
    size_t n;
    uint32_t one = 1;

    for (unsigned i = 0; i < 1000; i++) {
        char *id = arena_printf(f->a, "d%u", i);
        acts[i] = i % 2 ? act_put(f, old, str_c(id), id) : act_feedback(old, id, "u", "d1", i);
    }
    ok(store_write(f->s, acts, 1000, true, NULL, NULL));
    struct store_act waits = act_pending(f, old, STR("wait"), "text");
    waits.document.expires_us = 5;
    done(f, waits);
    done(f, act_user(old, "u", "{}"));
    done(f, act_put(f, other, STR("d1"), "stays"));
    struct store_act act =
        done(f, (struct store_act){.kind = ACT_COLLECTION_DELETE, .collection = {.id = old}});
    assert_int_equal(act.status, ACT_DELETED);
    assert_int_equal(store_document_get(f->s, f->a, old, STR("d1"), 0, &d, NULL), ERR_NOT_FOUND);
    ok(store_documents_by_number(f->s, f->a, old, &one, 1, 0, &d, NULL));
    assert_int_equal(d.number, 0);
    ok(store_document_list(f->s, f->a, old, STR(""), 0, 10, 0, &docs, &n, NULL));
    assert_int_equal(n, 0);
    ok(store_pending_list(f->s, f->a, old, 9, 10, &docs, &n, NULL));
    assert_int_equal(n, 0);
    ok(store_expired_list(f->s, f->a, 10, 10, &docs, &n, NULL));
    assert_int_equal(n, 0);
    ok(store_feedback_list(f->s, f->a, old, STR("u"), STR(""), 0, 10, &feedback, &n, NULL));
    assert_int_equal(n, 0);
    assert_int_equal(store_user_get(f->s, f->a, old, STR("u"), &u, NULL), ERR_NOT_FOUND);
    ok(store_user_list(f->s, f->a, old, STR(""), 10, &users, &n, NULL));
    assert_int_equal(n, 0);
    refused(f, act_put(f, old, STR("x"), "text"), ERR_NOT_FOUND);
    refused(f, act_feedback(old, "e", "u", "d", 1), ERR_NOT_FOUND);
    refused(f, act_user(old, "u", "{}"), ERR_NOT_FOUND);
    refused(f, (struct store_act){.kind = ACT_COLLECTION_DELETE, .collection = {.id = old}},
            ERR_NOT_FOUND);
    fresh = collection_made(f, "news");
    assert_int_not_equal(fresh, old);
    ok(store_check(f->s, &f->e));
    reopen(f); /* a removal that was cut off goes on */
    ok(store_document_get(f->s, f->a, other, STR("d1"), 0, &d, NULL));
    done(f, act_put(f, fresh, STR("d1"), "new"));
    ok(store_check(f->s, &f->e));
}

/* ---- documents ---- */

static void same_document(const struct document_record *d, const struct document_record *want)
{
    assert_true(str_eq(d->id, want->id));
    assert_true(str_eq(d->payload, want->payload));
    assert_int_equal(d->state, want->state);
    assert_memory_equal(d->digest, want->digest, 32);
    assert_memory_equal(d->text_digest, want->text_digest, 32);
    assert_int_equal(d->expires_us, want->expires_us);
    assert_int_equal(d->passage_count, want->passage_count);
    for (uint32_t i = 0; i < d->passage_count; i++) {
        const struct passage_record *p = &d->passages[i], *q = &want->passages[i];
        assert_true(p->start == q->start && p->end == q->end && p->tokens == q->tokens);
        if (want->state == DOCUMENT_PENDING)
            assert_null(p->vector);
        else
            assert_memory_equal(p->vector, q->vector, DIMS * 2);
    }
}

static void test_document(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct document_record d;
    struct store_act put = act_put(f, c, STR("a"), "the text of a, in several passages"), act;

    put.document.created_us = 11;
    put.document.updated_us = 12;
    put.document.expires_us = 13;
    act = done(f, put);
    assert_int_equal(act.status, ACT_CREATED);
    assert_int_equal(act.id, 1);
    assert_int_equal(act.revision, 2);
    ok(store_document_get(f->s, f->a, c, STR("a"), DOCUMENT_PAYLOAD | DOCUMENT_VECTORS, &d, NULL));
    same_document(&d, &put.document);
    assert_int_equal(d.number, 1);
    assert_int_equal(d.collection, c);
    assert_int_equal(d.created_us, 11);
    assert_int_equal(d.updated_us, 12);
    ok(store_document_get(f->s, f->a, c, STR("a"), DOCUMENT_HEAD, &d, NULL));
    assert_true(d.payload.n == 0 && !d.passages);
    ok(store_document_get(f->s, f->a, c, STR("a"), DOCUMENT_PASSAGES, &d, NULL));
    assert_null(d.passages[0].vector);
    assert_int_equal(d.passages[1].start, 10);
    assert_int_equal(store_document_get(f->s, f->a, c, STR("b"), 0, &d, NULL), ERR_NOT_FOUND);
    assert_int_equal(store_document_get(f->s, f->a, c + 1, STR("a"), 0, &d, NULL), ERR_NOT_FOUND);

    act = done(f, put);
    assert_int_equal(act.status, ACT_UNCHANGED);
    assert_int_equal(act.revision, 2);
    assert_int_equal(act.id, 1);
    struct store_act other = act_put(f, c, STR("a"), "another, shorter");
    other.document.created_us = 99;
    act = done(f, other);
    assert_int_equal(act.status, ACT_UPDATED);
    assert_int_equal(act.revision, 3);
    assert_int_equal(act.id, 1);
    ok(store_document_get(f->s, f->a, c, STR("a"), DOCUMENT_PAYLOAD | DOCUMENT_VECTORS, &d, NULL));
    same_document(&d, &other.document);
    assert_int_equal(d.created_us, 11);
    other.document.expires_us = 50;
    assert_int_equal(done(f, other).status, ACT_UPDATED);
}

static void test_document_conditions(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct store_act act = act_put(f, c, STR("a"), "one");

    act.if_revision = 9;
    refused(f, act, ERR_PRECONDITION);
    act.if_revision = REVISION_NONE;
    assert_int_equal(done(f, act).status, ACT_CREATED);
    refused(f, act, ERR_PRECONDITION);
    act = act_put(f, c, STR("a"), "two");
    act.if_revision = 1;
    refused(f, act, ERR_PRECONDITION);
    act.if_revision = 2;
    assert_int_equal(done(f, act).revision, 3);
    refused(f, act_put(f, 77, STR("a"), "x"), ERR_NOT_FOUND);
    act = act_delete(c, STR("a"));
    act.if_revision = 2;
    refused(f, act, ERR_PRECONDITION);
    act.if_revision = 3;
    assert_int_equal(done(f, act).status, ACT_DELETED);
    refused(f, act_delete(c, STR("a")), ERR_NOT_FOUND);
    /* its number is not used again */
    assert_int_equal(done(f, act_put(f, c, STR("a"), "one")).id, 2);
    done(f, act_delete(c, STR("a")));
    reopen(f);
    assert_int_equal(done(f, act_put(f, c, STR("b"), "one")).id, 3);
}

static void test_document_refused(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    char long_id[257];
    struct store_act act;

    memset(long_id, 'x', sizeof long_id);
    refused(f, act_put(f, c, STR(""), "x"), ERR_INVALID);
    refused(f, act_put(f, c, (struct str){long_id, 256}, "x"), ERR_INVALID);
    act = act_put(f, c, STR("a"), "x");
    act.document.digest[5] ^= 1;
    refused(f, act, ERR_INVALID);
    act = act_put(f, c, STR("a"), "x");
    act.document.passages[0].vector = NULL;
    refused(f, act, ERR_INVALID);
    act = act_put(f, c, STR("a"), "x");
    act.document.passages[0].start = 10;
    refused(f, act, ERR_INVALID);
    act = act_put(f, c, STR("a"), "x");
    act.document.passage_count = UINT32_MAX;
    refused(f, act, ERR_TOO_LARGE);
    act.document.passages = NULL;
    refused(f, act, ERR_INVALID);
    act = act_collection("n");
    act.collection.dims = 5000;
    refused(f, act, ERR_INVALID);
    act = act_feedback(c, "e", "u", "d", 1);
    act.feedback.value = NAN;
    refused(f, act, ERR_INVALID);
}

static void test_keep_passages(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct document_record d;
    struct store_act first = act_put(f, c, STR("a"), "title and text"), act;

    done(f, first);
    act = act_put(f, c, STR("a"), "other title, same text");
    memcpy(act.document.text_digest, first.document.text_digest, 32);
    act.document.passages = NULL;
    act.document.passage_count = 0;
    act.keep_passages = true;
    assert_int_equal(done(f, act).status, ACT_UPDATED);
    ok(store_document_get(f->s, f->a, c, STR("a"), DOCUMENT_PAYLOAD | DOCUMENT_VECTORS, &d, NULL));
    assert_true(str_eq(d.payload, act.document.payload));
    assert_int_equal(d.passage_count, 2);
    assert_memory_equal(d.passages[1].vector, first.document.passages[1].vector, DIMS * 2);
    act = act_put(f, c, STR("a"), "other text");
    act.keep_passages = true;
    refused(f, act, ERR_CONFLICT);
    act.document.id = STR("new");
    refused(f, act, ERR_CONFLICT);
    ok(store_check(f->s, &f->e));
}

static void test_documents_many(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct document_record out[4];
    const uint32_t numbers[] = {3, 99, 1, 0};
    const struct str ids[] = {STR("b"), STR("none"), STR("c"), STR("b")};

    done(f, act_put(f, c, STR("a"), "1"));
    done(f, act_put(f, c, STR("b"), "2"));
    done(f, act_put(f, c, STR("c"), "3"));
    ok(store_documents_by_number(f->s, f->a, c, numbers, 4, DOCUMENT_PAYLOAD, out, NULL));
    assert_true(str_eq_c(out[0].id, "c") && str_eq_c(out[0].payload, "3"));
    assert_int_equal(out[1].number, 0);
    assert_true(str_eq_c(out[2].id, "a"));
    assert_int_equal(out[3].number, 0);
    ok(store_documents_by_id(f->s, f->a, c, ids, 4, DOCUMENT_VECTORS, out, NULL));
    assert_int_equal(out[0].number, 2);
    assert_non_null(out[0].passages[0].vector);
    assert_int_equal(out[1].number, 0);
    assert_int_equal(out[2].number, 3);
    assert_int_equal(out[3].number, 2);
}

static int by_bytes(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* Ids that SQL, collations and C strings like to trip over: pages come bytewise, each once. */
static void test_list_odd_ids(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news"), other = collection_made(f, "news2");
    char longest[255];
    struct str ids[] = {STR("a"),
                        STR("A"),
                        STR("'; DROP TABLE document;--"),
                        STR("%"),
                        STR("_"),
                        STR("a%"),
                        STR("\"q\""),
                        STR("10"),
                        STR("9"),
                        STR("z"),
                        STR("\xc3\xa9"),
                        STR("e\xcc\x81"),
                        STR("a\\b"),
                        STR("\xf0\x9f\x98\x80"),
                        STR("\xef\xbc\xa1"),
                        STR("a b"),
                        STR(" a"),
                        STR("a "),
                        STR("NULL"),
                        STR("1e5"),
                        STR("0x10"),
                        STR("?1"),
                        {longest, 255},
                        {longest, 254}};
    size_t n = sizeof ids / sizeof *ids, got = 0, m;
    struct str after = STR("");
    struct document_record *page;

    memset(longest, 'm', sizeof longest);
    for (size_t i = 0; i < n; i++) {
        done(f, act_put(f, c, ids[i], "x"));
        done(f, act_put(f, other, ids[i], "y"));
    }
    qsort(ids, n, sizeof *ids, by_bytes);
    do {
        ok(store_document_list(f->s, f->a, c, after, 0, 5, DOCUMENT_PAYLOAD, &page, &m, NULL));
        for (size_t i = 0; i < m; i++) {
            assert_true(str_eq(page[i].id, ids[got++]));
            assert_true(str_eq_c(page[i].payload, "x"));
        }
        if (m)
            after = page[m - 1].id;
    } while (m == 5);
    assert_int_equal(got, n);
    ok(store_document_list(f->s, f->a, c, STR(""), 3, 2, 0, &page, &m, NULL));
    assert_int_equal(m, 2);
    assert_true(str_eq(page[0].id, ids[3]));
    assert_int_equal(store_document_list(f->s, f->a, c, STR(""), 1001, 2, 0, &page, &m, NULL),
                     ERR_INVALID);
    for (size_t i = 0; i < n; i++) {
        struct document_record d;
        ok(store_document_get(f->s, f->a, c, ids[i], 0, &d, NULL));
        done(f, act_delete(c, ids[i]));
    }
    ok(store_document_list(f->s, f->a, other, STR(""), 0, 100, 0, &page, &m, NULL));
    assert_int_equal(m, n);
}

struct scan {
    struct fixture *f;
    uint32_t last;
    size_t n, stop;
};

static enum err scan_each(void *ctx, const struct document_record *d)
{
    struct scan *scan = ctx;
    char text[16];

    assert_true(d->number > scan->last);
    scan->last = d->number;
    snprintf(text, sizeof text, "%u", d->number - 1);
    assert_true(str_eq_c(d->payload, text));
    assert_int_equal(d->passages[0].vector[0], d->digest[0] * 256);
    return ++scan->n == scan->stop ? ERR_CANCELLED : ERR_OK;
}

static void test_scan(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct store_act *acts = arena_array(f->a, 1001, sizeof *acts);
    struct position p, now;

    for (unsigned i = 0; i < 1001; i++) {
        char *text = arena_printf(f->a, "%u", i);
        acts[i] = act_put(f, c, str_c(text), text);
    }
    ok(store_write(f->s, acts, 1001, false, NULL, NULL));
    for (unsigned i = 0; i < 1001; i += 3)
        done(f, act_delete(c, acts[i].document.id));
    struct scan scan = {.f = f};
    ok(store_document_scan(f->s, c, DOCUMENT_PAYLOAD | DOCUMENT_VECTORS, scan_each, &scan, &p,
                           NULL));
    assert_int_equal(scan.n, 667);
    store_position(f->s, &now);
    assert_int_equal(p.change, now.change);
    scan = (struct scan){.f = f, .stop = 300};
    assert_int_equal(store_document_scan(f->s, c, DOCUMENT_PAYLOAD | DOCUMENT_VECTORS, scan_each,
                                         &scan, &p, NULL),
                     ERR_CANCELLED);
    assert_int_equal(scan.n, 300);
    scan = (struct scan){.f = f};
    ok(store_document_scan(f->s, c + 1, 0, scan_each, &scan, NULL, NULL));
    assert_int_equal(scan.n, 0);
    ok(store_check(f->s, &f->e));
}

/* ---- pending, expiry, counts ---- */

static void counts_are(struct fixture *f, const char *name, uint64_t documents, uint64_t passages,
                       uint64_t pending)
{
    struct collection_record c;

    ok(store_collection_get(f->s, f->a, str_c(name), &c, NULL));
    assert_int_equal(c.documents, documents);
    assert_int_equal(c.passages, passages);
    assert_int_equal(c.pending, pending);
}

static void test_pending(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct document_record *list, d;
    size_t n;
    struct store_act act;

    done(f, act_pending(f, c, STR("first"), "first text"));
    done(f, act_pending(f, c, STR("second"), "second text"));
    act = act_pending(f, c, STR("first"), "first text");
    act.document.attempts = 2;
    assert_int_equal(done(f, act).status, ACT_UNCHANGED); /* counted all the same */
    counts_are(f, "news", 2, 4, 2);
    ok(store_pending_list(f->s, f->a, c, 2, 10, &list, &n, NULL));
    assert_int_equal(n, 1);
    ok(store_pending_list(f->s, f->a, c + 1, 9, 10, &list, &n, NULL));
    assert_int_equal(n, 0);
    ok(store_pending_list(f->s, f->a, c, 9, 10, &list, &n, NULL));
    assert_int_equal(n, 2);
    assert_true(str_eq_c(list[0].id, "second") && str_eq_c(list[1].id, "first"));
    assert_int_equal(list[1].attempts, 2);
    assert_true(str_eq_c(list[0].payload, "second text"));
    assert_null(list[0].passages[0].vector);

    act = act_put(f, c, STR("first"), "first text");
    act.kind = ACT_DOCUMENT_EMBEDDED;
    act.if_revision = 99;
    refused(f, act, ERR_PRECONDITION);
    act.if_revision = 2;
    act = done(f, act);
    assert_int_equal(act.status, ACT_UPDATED);
    assert_int_equal(act.revision, 4);
    act.if_revision = REVISION_ANY;
    refused(f, act, ERR_CONFLICT);
    act.document.id = STR("none");
    refused(f, act, ERR_NOT_FOUND);
    act.document.passages[0].vector = NULL;
    refused(f, act, ERR_INVALID);
    ok(store_document_get(f->s, f->a, c, STR("first"), DOCUMENT_PAYLOAD | DOCUMENT_VECTORS, &d,
                          NULL));
    assert_int_equal(d.state, DOCUMENT_READY);
    assert_int_equal(d.attempts, 0);
    assert_non_null(d.passages[0].vector);
    assert_true(str_eq_c(d.payload, "first text"));
    counts_are(f, "news", 2, 4, 1);
    /* with vectors at hand, the same text ends the wait; without, nothing is undone */
    assert_int_equal(done(f, act_put(f, c, STR("second"), "second text")).status, ACT_UPDATED);
    assert_int_equal(done(f, act_pending(f, c, STR("second"), "second text")).status,
                     ACT_UNCHANGED);
    counts_are(f, "news", 2, 4, 0);
    done(f, act_pending(f, c, STR("second"), "text"));
    counts_are(f, "news", 2, 3, 1);
    ok(store_check(f->s, &f->e));
}

static void test_expired(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct document_record *list;
    const int64_t expires[] = {0, 300, 100, 200, 400};
    size_t n;

    for (unsigned i = 0; i < 5; i++) {
        struct store_act act = act_put(f, c, str_c(arena_printf(f->a, "d%u", i)), "text");
        act.document.expires_us = expires[i];
        done(f, act);
    }
    ok(store_expired_list(f->s, f->a, 300, 10, &list, &n, NULL));
    assert_int_equal(n, 3);
    assert_true(str_eq_c(list[0].id, "d2") && str_eq_c(list[1].id, "d3") &&
                str_eq_c(list[2].id, "d1"));
    ok(store_expired_list(f->s, f->a, 300, 1, &list, &n, NULL));
    assert_int_equal(n, 1);
    ok(store_expired_list(f->s, f->a, 99, 10, &list, &n, NULL));
    assert_int_equal(n, 0);
}

static void test_counts(void **state)
{
    struct fixture *f = *state;
    uint32_t a = collection_made(f, "a"), b = collection_made(f, "b");

    done(f, act_put(f, a, STR("x"), "0123456789"));
    done(f, act_put(f, a, STR("y"), ""));
    done(f, act_put(f, b, STR("x"), "01234567890123456789"));
    counts_are(f, "a", 2, 3, 0);
    counts_are(f, "b", 1, 3, 0);
    done(f, act_put(f, a, STR("x"), "01234567890123456789"));
    counts_are(f, "a", 2, 4, 0);
    done(f, act_delete(a, STR("x")));
    counts_are(f, "a", 1, 1, 0);
    for (unsigned i = 0; i < 40;
         i++) /* more collections than the writer keeps at hand, in one write */
        collection_made(f, arena_printf(f->a, "many%u", i));
    struct store_act *acts = arena_array(f->a, 120, sizeof *acts);
    for (unsigned i = 0; i < 120; i++)
        acts[i] = act_put(f, b + 1 + i % 40, str_c(arena_printf(f->a, "d%u", i)), "text");
    ok(store_write(f->s, acts, 120, false, NULL, NULL));
    for (unsigned i = 0; i < 40; i++)
        counts_are(f, arena_printf(f->a, "many%u", i), 3, 3, 0);
    reopen(f);
    counts_are(f, "many7", 3, 3, 0);
    ok(store_check(f->s, &f->e));
}

/* ---- writes together ---- */

/* One bad act among a hundred leaves no trace and disturbs none. */
static void test_bad_act(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct store_act acts[100];
    struct position p;

    for (unsigned i = 0; i < 100; i++)
        acts[i] = act_put(f, c, str_c(arena_printf(f->a, "d%u", i)), "text");
    acts[40].if_revision = 5;
    acts[41].document.digest[0] ^= 1;
    acts[60] = act_delete(c, STR("unknown"));
    acts[61] = act_delete(c, STR("d10"));
    acts[62] = act_delete(c, STR("d10"));
    ok(store_write(f->s, acts, 100, false, &p, NULL));
    for (unsigned i = 0, change = 1; i < 100; i++) {
        enum err want = i == 40              ? ERR_PRECONDITION
                        : i == 41            ? ERR_INVALID
                        : i == 60 || i == 62 ? ERR_NOT_FOUND
                                             : 0;
        assert_int_equal(acts[i].err, want);
        assert_int_equal(acts[i].revision, want ? 0 : ++change);
    }
    assert_int_equal(p.change, 97);
    counts_are(f, "news", 94, 94, 0);
    ok(store_check(f->s, &f->e));
}

static void test_atomic(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct store_act acts[10];
    struct position p, q;
    struct err_info e = {0};
    struct document_record *list;
    size_t n;

    store_position(f->s, &p);
    for (unsigned i = 0; i < 10; i++)
        acts[i] = act_put(f, c, str_c(arena_printf(f->a, "d%u", i)), "text");
    acts[7].if_revision = 99;
    assert_int_equal(store_write(f->s, acts, 10, true, NULL, &e), ERR_PRECONDITION);
    assert_int_equal(e.code, ERR_PRECONDITION);
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(acts[i].err, i == 7 ? ERR_PRECONDITION : ERR_CANCELLED);
        assert_int_equal(acts[i].revision, 0);
    }
    store_position(f->s, &q);
    assert_int_equal(p.change, q.change);
    ok(store_document_list(f->s, f->a, c, STR(""), 0, 10, 0, &list, &n, NULL));
    assert_int_equal(n, 0);
    counts_are(f, "news", 0, 0, 0);
    acts[7].if_revision = REVISION_NONE;
    acts[9].document.digest[0] ^= 1; /* refused before it is begun */
    assert_int_equal(store_write(f->s, acts, 10, true, NULL, NULL), ERR_INVALID);
    acts[9].document.digest[0] ^= 1;
    ok(store_write(f->s, acts, 10, true, &q, NULL));
    assert_int_equal(q.change, p.change + 10);
    assert_int_equal(acts[0].id, 1); /* numbers of what was undone are free */
    counts_are(f, "news", 10, 10, 0);
    ok(store_check(f->s, &f->e));
}

#define WRITERS 8
#define WRITES 60
struct many {
    struct fixture *f;
    uint32_t collection;
    unsigned number;
    uint64_t revisions[WRITES];
    struct thread *thread;
};

static void many_write(void *arg)
{
    struct many *m = arg;
    struct fixture own = {.a = arena_new(0), .s = m->f->s};

    for (unsigned i = 0; i < WRITES; i++) {
        struct store_act acts[3];
        char *id = arena_printf(own.a, "t%u-%u", m->number, i);
        acts[0] = act_put(&own, m->collection, str_c(id), "text");
        acts[1] = act_delete(m->collection, STR("nobody"));
        acts[2] = act_put(&own, m->collection, str_c(id), "changed");
        enum err err = store_write(own.s, acts, 3, i % 5 == 4, NULL, NULL);
        if (i % 5 == 4) { /* atomic: its second act fails */
            assert_int_equal(err, ERR_NOT_FOUND);
            continue;
        }
        assert_int_equal(err, ERR_OK);
        assert_int_equal(acts[1].err, ERR_NOT_FOUND);
        assert_true(acts[2].revision == acts[0].revision + 1); /* an array stays together */
        m->revisions[i] = acts[2].revision;
        struct document_record d; /* what was acknowledged is seen */
        ok(store_document_get(own.s, own.a, m->collection, str_c(id), 0, &d, NULL));
        assert_int_equal(d.revision, acts[2].revision);
    }
    arena_free(own.a);
}

struct follower {
    struct fixture *f;
    uint64_t last;
    uint64_t until;
};

/* Sees every change number once, in order, without a gap: whatever is visible is all there is below
 * it. */
static void follow(void *arg)
{
    struct follower *w = arg;
    struct arena *a = arena_new(0);

    while (w->last < w->until) {
        struct change_record *list;
        size_t n;
        ok(store_changes(w->f->s, a, w->last, 100, &list, &n, NULL));
        for (size_t i = 0; i < n; i++)
            assert_int_equal(list[i].change, ++w->last);
        if (!n)
            store_changes_wait(w->f->s, w->last, clock_mono_ns() + 50000000);
        arena_reset(a);
    }
    arena_free(a);
}

static void test_many_writers(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct many *many = arena_array(f->a, WRITERS, sizeof *many);
    const uint64_t total = 1 + WRITERS * WRITES / 5 * 4 * 2;
    struct follower follower = {.f = f, .until = total};
    struct thread *t = thread_start("follower", follow, &follower);
    struct position p;

    for (unsigned i = 0; i < WRITERS; i++) {
        many[i] = (struct many){.f = f, .collection = c, .number = i};
        many[i].thread = thread_start("many", many_write, &many[i]);
    }
    for (unsigned i = 0; i < WRITERS; i++)
        thread_join(many[i].thread);
    thread_join(t);
    store_position(f->s, &p);
    assert_int_equal(p.change, total);
    for (unsigned i = 0; i < WRITERS; i++) /* a thread's later write is a later change */
        for (unsigned k = 0, before = 0; k < WRITES; k++)
            if (k % 5 != 4) {
                assert_true(many[i].revisions[k] > before);
                before = (unsigned)many[i].revisions[k];
            }
    counts_are(f, "news", WRITERS * WRITES / 5 * 4, WRITERS * WRITES / 5 * 4, 0);
    ok(store_check(f->s, &f->e));
}

/* ---- feedback, users, tasks, consumers ---- */

static void test_feedback(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news"), other = collection_made(f, "other");
    struct feedback_record *list;
    size_t n;
    struct store_act act;

    act = done(f, act_feedback(c, "e1", "u1", "d1", 100));
    assert_int_equal(act.status, ACT_CREATED);
    act = done(f, act_feedback(c, "e1", "u1", "d1", 999));
    assert_int_equal(act.status, ACT_UNCHANGED);
    assert_int_equal(act.revision, 3);
    done(f, act_feedback(other, "e1", "u1", "d1", 100));
    done(f, act_feedback(c, "e2", "u1", "d2", 300)); /* 5 */
    done(f, act_feedback(c, "e3", "u2", "d1", 200)); /* 6 */
    done(f, act_feedback(c, "e4", "u1", "d1", 300)); /* 7 */
    ok(store_feedback_list(f->s, f->a, c, STR(""), STR(""), 0, 10, &list, &n, NULL));
    assert_int_equal(n, 4);
    const uint64_t order[] = {7, 5, 6, 3};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(list[i].change, order[i]);
    assert_true(str_eq_c(list[3].event_id, "e1") && str_eq_c(list[3].user, "u1") &&
                list[3].time_us == 100 && list[3].value == 1.5 && list[3].position == -1 &&
                str_eq_c(list[3].type, "click"));
    uint64_t before = 0;
    for (size_t i = 0; i < 4; i++) { /* pages of one */
        ok(store_feedback_list(f->s, f->a, c, STR(""), STR(""), before, 1, &list, &n, NULL));
        assert_int_equal(n, 1);
        assert_int_equal(list[0].change, order[i]);
        before = list[0].change;
    }
    ok(store_feedback_list(f->s, f->a, c, STR(""), STR(""), before, 1, &list, &n, NULL));
    assert_int_equal(n, 0);
    ok(store_feedback_list(f->s, f->a, c, STR("u1"), STR(""), 0, 10, &list, &n, NULL));
    assert_int_equal(n, 3);
    ok(store_feedback_list(f->s, f->a, c, STR(""), STR("d1"), 0, 10, &list, &n, NULL));
    assert_int_equal(n, 3);
    ok(store_feedback_list(f->s, f->a, c, STR("u1"), STR("d1"), 7, 10, &list, &n, NULL));
    assert_int_equal(n, 1);
    assert_int_equal(store_feedback_list(f->s, f->a, c, STR(""), STR(""), 4, 1, &list, &n, NULL),
                     ERR_GONE);
}

static void test_users(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct feedback_record *feedback;
    struct user_record u, *list;
    size_t n;
    struct store_act act = done(f, act_user(c, "u1", "{\"a\":1}"));

    assert_int_equal(act.status, ACT_CREATED);
    assert_int_equal(done(f, act_user(c, "u1", "{\"a\":1}")).status, ACT_UNCHANGED);
    assert_int_equal(done(f, act_user(c, "u1", "{\"a\":2}")).status, ACT_UPDATED);
    act = act_user(c, "u1", "{}");
    act.if_revision = 2;
    refused(f, act, ERR_PRECONDITION);
    done(f, act_user(c, "U0", ""));
    ok(store_user_get(f->s, f->a, c, STR("u1"), &u, NULL));
    assert_true(str_eq_c(u.payload, "{\"a\":2}"));
    assert_int_equal(u.revision, 3);
    ok(store_user_list(f->s, f->a, c, STR(""), 10, &list, &n, NULL));
    assert_int_equal(n, 2);
    assert_true(str_eq_c(list[0].id, "U0"));
    ok(store_user_list(f->s, f->a, c, STR("U0"), 10, &list, &n, NULL));
    assert_int_equal(n, 1);

    done(f, act_feedback(c, "e1", "u1", "d", 1));
    done(f, act_feedback(c, "e2", "u2", "d", 1));
    done(f, act_feedback(c, "e3", "u3", "d", 1));
    act = (struct store_act){
        .kind = ACT_USER_DELETE, .user_collection = c, .user = {.id = STR("u1")}};
    assert_int_equal(done(f, act).status, ACT_DELETED);
    assert_int_equal(store_user_get(f->s, f->a, c, STR("u1"), &u, NULL), ERR_NOT_FOUND);
    refused(f, act, ERR_NOT_FOUND);
    act.user.id = STR("u2"); /* no user record, feedback all the same */
    done(f, act);
    ok(store_feedback_list(f->s, f->a, c, STR(""), STR(""), 0, 10, &feedback, &n, NULL));
    assert_int_equal(n, 1);
    assert_true(str_eq_c(feedback[0].user, "u3"));
}

/* A reader of many rows goes in steps, and only the last is a change; the others lose nothing. */
static void test_large_users(void **state)
{
    enum { ROWS = 9000 };
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct store_act *acts = arena_array(f->a, ROWS, sizeof *acts);
    struct feedback_record *list;
    struct position before, after;
    bool erased;
    size_t n;
    unsigned steps = 1;

    for (unsigned i = 0; i < ROWS; i++)
        acts[i] = act_feedback(c, arena_printf(f->a, "e%u", i), "u", "d", i + 1);
    acts[77].feedback.user = STR("v");
    ok(store_write(f->s, acts, ROWS, true, NULL, NULL));
    done(f, act_user(c, "u", "{}"));
    store_position(f->s, &before);
    ok(store_erased_since(f->s, c, 0, &erased, NULL));
    assert_false(erased);
    struct store_act act = {
        .kind = ACT_USER_DELETE, .user_collection = c, .user = {.id = STR("u")}};
    for (; done(f, act).id; steps++) {
        store_position(f->s, &after);
        assert_int_equal(before.change, after.change);
        act.user_rest = true;
    }
    assert_int_equal(steps, 3);
    store_position(f->s, &after);
    assert_int_equal(before.change + 1, after.change);
    ok(store_feedback_list(f->s, f->a, c, STR(""), STR(""), 0, 10, &list, &n, NULL));
    assert_true(n == 1 && str_eq_c(list[0].user, "v"));
    ok(store_erased_since(f->s, c, before.change, &erased, NULL));
    assert_true(erased);
    ok(store_erased_since(f->s, c, after.change, &erased, NULL));
    assert_false(erased);
    act.user_rest = false;
    refused(f, act, ERR_NOT_FOUND);
    ok(store_check(f->s, &f->e));
}

static struct served_record answer(uint32_t c, uint8_t token, const char *user, int64_t at_us)
{
    return (struct served_record){.collection = c,
                                  .token = {token},
                                  .user = str_c(user),
                                  .scenario = STR("home"),
                                  .recommender = 3,
                                  .at_us = at_us,
                                  .payload = STR("slots")};
}

static void test_served(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news"), other = collection_made(f, "other");
    struct served_record rows[] = {answer(c, 1, "u", 100), answer(c, 2, "v", 100),
                                   answer(c, 3, "u", 50),  answer(other, 1, "u", 70),
                                   answer(99, 9, "u", 70), answer(c, 1, "w", 999)};
    struct store_act act = {.kind = ACT_SERVED_ADD, .served = rows, .served_count = 6};
    const uint8_t tokens[][SERVED_TOKEN] = {{1}, {9}, {3}};
    struct served_record got[3], *list;
    struct served_range range = {0};
    struct position before, after;
    size_t n;

    store_position(f->s, &before);
    done(f, act); /* one of a collection that is not there, and one token twice: passed over */
    store_position(f->s, &after);
    assert_int_equal(before.change, after.change);
    ok(store_served_get(f->s, f->a, c, tokens, 3, got, NULL));
    assert_true(got[0].id && got[0].at_us == 100 && str_eq_c(got[0].user, "u") &&
                str_eq_c(got[0].scenario, "home") && str_eq_c(got[0].experiment, "") &&
                got[0].recommender == 3 && str_eq_c(got[0].payload, "slots"));
    assert_true(got[1].id == 0 && got[2].at_us == 50 && got[2].token[0] == 3);

    const uint8_t order[] = {3, 1, 2};
    for (size_t i = 0; i < 3; i++) { /* pages of one */
        ok(store_served_list(f->s, f->a, c, &range, 1, &list, &n, NULL));
        assert_int_equal(n, 1);
        assert_int_equal(list[0].token[0], order[i]);
        range = (struct served_range){list[0].at_us, list[0].id, 0};
    }
    range = (struct served_range){51, 0, 100};
    ok(store_served_list(f->s, f->a, c, &range, 9, &list, &n, NULL));
    assert_int_equal(n, 0);
    ok(store_served_of_user(f->s, f->a, c, STR("u"), 0, 0, 1, &list, &n, NULL));
    assert_true(n == 1 && list[0].token[0] == 1);
    ok(store_served_of_user(f->s, f->a, c, STR("u"), 100, list[0].id, 9, &list, &n, NULL));
    assert_true(n == 1 && list[0].token[0] == 3);

    act = (struct store_act){
        .kind = ACT_SERVED_FORGET, .served_collection = c, .served_before_us = 100};
    assert_int_equal(done(f, act).id, 1);
    assert_int_equal(done(f, act).id, 0);
    act =
        (struct store_act){.kind = ACT_USER_DELETE, .user_collection = c, .user = {.id = STR("u")}};
    done(f, act);
    ok(store_served_list(f->s, f->a, c, &(struct served_range){0}, 9, &list, &n, NULL));
    assert_true(n == 1 && str_eq_c(list[0].user, "v"));
    ok(store_served_get(f->s, f->a, other, tokens, 1, got, NULL));
    assert_int_not_equal(got[0].id, 0);
    rows[0].user.n = 256;
    act = (struct store_act){.kind = ACT_SERVED_ADD, .served = rows, .served_count = 1};
    refused(f, act, ERR_INVALID);
}

static void test_tasks(void **state)
{
    struct fixture *f = *state;
    struct store_act act = {.kind = ACT_TASK_PUT,
                            .task = {.kind = STR("import"), .payload = STR("{}")}};
    struct task_record t, *list;
    struct position p;
    size_t n;

    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(done(f, act).id, i);
    store_position(f->s, &p);
    assert_int_equal(p.change, 0);
    act.task.id = 2;
    act.task.state = TASK_RUNNING;
    done(f, act);
    act.task.state = TASK_DONE;
    act.task.payload = STR("{\"done\":5}");
    assert_int_equal(done(f, act).revision, 1);
    done(f, act); /* finished once is finished */
    store_position(f->s, &p);
    assert_int_equal(p.change, 1);
    ok(store_task_get(f->s, f->a, 2, &t, NULL));
    assert_int_equal(t.state, TASK_DONE);
    assert_true(str_eq_c(t.kind, "import") && str_eq_c(t.payload, "{\"done\":5}"));
    ok(store_task_list(f->s, f->a, 0, 2, &list, &n, NULL));
    assert_int_equal(n, 2);
    assert_int_equal(list[0].id, 3);
    ok(store_task_list(f->s, f->a, 2, 9, &list, &n, NULL));
    assert_int_equal(n, 1);
    act.task.id = 9;
    refused(f, act, ERR_NOT_FOUND);
    assert_int_equal(store_task_get(f->s, f->a, 9, &t, NULL), ERR_NOT_FOUND);
    reopen(f);
    act.task.id = 0;
    act.task.state = TASK_QUEUED;
    assert_int_equal(done(f, act).id, 4);
}

static void test_consumers(void **state)
{
    struct fixture *f = *state;
    uint64_t change;
    struct store_act act = {
        .kind = ACT_CONSUMER_SET, .consumer = STR("events"), .consumer_change = 17};

    ok(store_consumer_get(f->s, STR("events"), &change, NULL));
    assert_int_equal(change, 0);
    assert_int_equal(done(f, act).revision, 0);
    ok(store_consumer_get(f->s, STR("events"), &change, NULL));
    assert_int_equal(change, 17);
    ok(store_consumer_get(f->s, STR("event"), &change, NULL));
    assert_int_equal(change, 0);
}

/* ---- the change log ---- */

static void test_changes(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct change_record *list;
    size_t n;
    struct store_act act;

    done(f, act_pending(f, c, STR("a"), "text"));
    act = act_put(f, c, STR("a"), "text");
    act.kind = ACT_DOCUMENT_EMBEDDED;
    done(f, act);
    done(f, act_put(f, c, STR("a"), "text")); /* unchanged: no row */
    done(f, act_delete(c, STR("a")));
    done(f, act_feedback(c, "e1", "u", "d", 1));
    done(f, act_user(c, "u", "{}"));
    done(f, act_feedback(c, "e2", "other", "d", 1));
    ok(store_changes(f->s, f->a, 4, 1, &list, &n, NULL));
    assert_true(n == 1 && list[0].kind == CHANGE_FEEDBACK && str_eq_c(list[0].subject, "e1"));
    done(f, (struct store_act){
                .kind = ACT_USER_DELETE, .user_collection = c, .user = {.id = STR("u")}});
    done(f, (struct store_act){.kind = ACT_TASK_PUT,
                               .task = {.kind = STR("k"), .state = TASK_FAILED}});
    done(f, (struct store_act){.kind = ACT_COLLECTION_DELETE, .collection = {.id = c}});
    const struct {
        enum change_kind kind;
        const char *subject;
        uint32_t number;
    } want[] = {{CHANGE_COLLECTION_CREATED, "", 0}, {CHANGE_DOCUMENT_PENDING, "a", 1},
                {CHANGE_DOCUMENT_EMBEDDED, "a", 1}, {CHANGE_DOCUMENT_DELETED, "a", 1},
                {CHANGE_FEEDBACK, "", 0},           {CHANGE_USER_PUT, "", 0},
                {CHANGE_FEEDBACK, "e2", 0},         {CHANGE_USER_DELETED, "", 0},
                {CHANGE_TASK_FINISHED, "1", 0},     {CHANGE_COLLECTION_DELETED, "", 0}};
    ok(store_changes(f->s, f->a, 0, 100, &list, &n, NULL));
    assert_int_equal(n, 10);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(list[i].change, i + 1);
        assert_int_equal(list[i].kind, want[i].kind);
        assert_int_equal(list[i].number, want[i].number);
        assert_true(list[i].at_us > 0);
        if (list[i].change == 7) /* its collection goes, and the event id with it */
            continue;
        assert_true(str_eq_c(list[i].subject, want[i].subject));
        if (want[i].kind == CHANGE_TASK_FINISHED)
            continue;
        assert_int_equal(list[i].collection, c);
        assert_true(str_eq_c(list[i].collection_name, "news"));
    }
    ok(store_changes(f->s, f->a, 5, 2, &list, &n, NULL));
    assert_int_equal(n, 2);
    assert_int_equal(list[0].change, 6);
}

static void test_changes_prune(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct change_record *list;
    size_t n;

    for (unsigned i = 0; i < 20; i++)
        done(f, act_put(f, c, str_c(arena_printf(f->a, "d%u", i)), "x"));
    ok(store_changes_prune(f->s, 10, NULL));
    assert_int_equal(store_changes(f->s, f->a, 9, 5, &list, &n, NULL), ERR_GONE);
    assert_int_equal(store_changes(f->s, f->a, 0, 5, &list, &n, NULL), ERR_GONE);
    ok(store_changes(f->s, f->a, 10, 50, &list, &n, NULL));
    assert_int_equal(n, 11);
    assert_int_equal(list[0].change, 11);
    ok(store_changes_prune(f->s, 5, NULL)); /* never comes back */
    assert_int_equal(store_changes(f->s, f->a, 7, 5, &list, &n, NULL), ERR_GONE);
    assert_int_equal(store_changes(f->s, f->a, 22, 5, &list, &n, NULL),
                     ERR_GONE);                /* ahead of the store */
    ok(store_changes_prune(f->s, 1000, NULL)); /* all there is */
    ok(store_changes(f->s, f->a, 21, 5, &list, &n, NULL));
    assert_int_equal(n, 0);
    reopen(f);
    assert_int_equal(store_changes(f->s, f->a, 20, 5, &list, &n, NULL), ERR_GONE);
    assert_int_equal(done(f, act_put(f, c, STR("new"), "x")).revision, 22);
    ok(store_changes(f->s, f->a, 21, 5, &list, &n, NULL));
    assert_int_equal(n, 1);
    ok(store_check(f->s, &f->e));
}

static void wait_run(void *arg)
{
    struct follower *w = arg;

    if (store_changes_wait(w->f->s, w->last, clock_mono_ns() + INT64_C(1000000000000)))
        w->last++;
}

static void test_changes_wait(void **state)
{
    struct fixture *f = *state;
    struct follower w = {.f = f}; /* a missed wake-up would hang: the deadline is far */

    assert_false(store_changes_wait(f->s, 0, clock_mono_ns() + 1000000));
    struct thread *t = thread_start("wait", wait_run, &w);
    clock_sleep_ns(20000000);
    collection_made(f, "news");
    thread_join(t);
    assert_int_equal(w.last, 1);
    assert_true(store_changes_wait(f->s, 0, 0));
}

/* ---- care ---- */

static void keep_writing(void *arg)
{
    struct many *m = arg;
    struct fixture own = {.a = arena_new(0), .s = m->f->s};

    for (unsigned i = 0; i < WRITES; i++)
        m->revisions[i] =
            done(&own, act_put(&own, m->collection, str_c(arena_printf(own.a, "w%u", i)), "later"))
                .revision;
    arena_free(own.a);
}

struct progress {
    struct fixture *f;
    uint32_t collection;
    unsigned calls;
    uint64_t done_pages;
};

/* Writes between any two steps, which must not make the copy start again. */
static void progress_and_write(void *ctx, uint64_t done_pages, uint64_t total)
{
    struct progress *p = ctx;

    assert_true(done_pages > p->done_pages && done_pages <= total);
    p->done_pages = done_pages;
    done(p->f,
         act_put(p->f, p->collection, STR("between"), arena_printf(p->f->a, "%u", p->calls++)));
}

static void test_backup_restore(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    char path[128], dir[128];
    struct store_act *acts = arena_array(f->a, 1000, sizeof *acts);
    struct many many = {.f = f, .collection = c};
    struct position before, p;
    struct collection_record r;
    struct document_record d;
    struct change_record *changes;
    struct progress progress = {.f = f, .collection = c};
    char *text = arena_zalloc(f->a, 4001);
    size_t n;

    memset(text, 't', 4000);
    for (unsigned i = 0; i < 1000; i++)
        acts[i] = act_put(f, c, str_c(arena_printf(f->a, "d%u", i)), text);
    ok(store_write(f->s, acts, 1000, false, &before, NULL));
    snprintf(path, sizeof path, "%s/backup.db", f->dir);
    snprintf(dir, sizeof dir, "%s/again", f->dir);
    struct thread *t = thread_start("writing", keep_writing, &many);
    ok(store_backup(f->s, path, progress_and_write, &progress, &f->e));
    thread_join(t);
    assert_true(progress.calls > 1);
    ok(store_restore(dir, path, &f->e));
    ok(store_restore(dir, path, &f->e)); /* over one that is there */
    store_close(f->s);
    f->s = NULL;
    ok(fixture_open(dir, NULL, &f->s, &f->e));
    store_position(f->s, &p);
    assert_string_not_equal(p.lineage, before.lineage);
    assert_true(p.change >= before.change);
    ok(store_collection_get(f->s, f->a, STR("news"), &r, NULL));
    assert_int_equal(r.documents, 1000 + p.change - before.change);
    ok(store_document_get(f->s, f->a, c, STR("d999"), DOCUMENT_PAYLOAD | DOCUMENT_VECTORS, &d,
                          NULL));
    same_document(&d, &acts[999].document);
    ok(store_changes(f->s, f->a, 0, 5000, &changes, &n, NULL));
    assert_int_equal(n, p.change);
    done(f, act_put(f, c, STR("new"), "in the new lineage"));
    ok(store_check(f->s, &f->e));

    char **names, *kept = NULL;
    ok(file_list(dir, &names, &n, NULL));
    for (size_t i = 0; i < n; i++) {
        if (strncmp(names[i], "akin.db.before-", 15) == 0)
            kept = arena_strdup(f->a, names[i]);
        assert_null(strstr(names[i], "restoring"));
        free(names[i]);
    }
    free(names);
    assert_non_null(kept);
}

static void test_restore_refused(void **state)
{
    struct fixture *f = *state;
    char path[160], dir[128];
    struct err_info e = {0};

    snprintf(path, sizeof path, "%s/notes.txt", f->dir);
    snprintf(dir, sizeof dir, "%s/again", f->dir);
    assert_int_equal(store_restore(dir, path, &e), ERR_NOT_FOUND);
    ok(file_write_atomic(
        path,
        "just a text, no backup at all, but longer than any header ....................."
        "..................................................................",
        140, 0600, NULL));
    err_clear(&e);
    assert_int_equal(store_restore(dir, path, &e), ERR_CORRUPT);
    assert_non_null(strstr(e.message, "notes.txt"));
    snprintf(path, sizeof path, "%s/akin.db", dir);
    assert_false(file_exists(path));
}

static void test_closing(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");

    for (unsigned i = 0; i < 5; i++) {
        done(f, act_put(f, c, str_c(arena_printf(f->a, "%u", i)), "x"));
        reopen(f);
        counts_are(f, "news", i + 1, i + 1, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_position_text),
        T(test_position_lives),
        T(test_collection),
        T(test_collection_update),
        T(test_collection_list),
        T(test_collection_delete),
        T(test_document),
        T(test_document_conditions),
        T(test_document_refused),
        T(test_keep_passages),
        T(test_documents_many),
        T(test_list_odd_ids),
        T(test_scan),
        T(test_pending),
        T(test_expired),
        T(test_counts),
        T(test_bad_act),
        T(test_atomic),
        T(test_many_writers),
        T(test_feedback),
        T(test_large_users),
        T(test_served),
        T(test_users),
        T(test_tasks),
        T(test_consumers),
        T(test_changes),
        T(test_changes_prune),
        T(test_changes_wait),
        T(test_backup_restore),
        T(test_restore_refused),
        T(test_closing),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
