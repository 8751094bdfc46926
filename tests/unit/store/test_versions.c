/* Embedding versions: what every store behind store.h does with them. */
#include "fixture.h"
#include <math.h>

open_fn *fixture_open = store_open;

#define DIMS2 4 /* of the second model */

static struct store_act act_version(uint32_t collection)
{
    return (struct store_act){.kind = ACT_VERSION_CREATE,
                              .version = {.collection = collection,
                                          .model = STR("other"),
                                          .model_digest = STR("other-digest"),
                                          .settings = STR("{\"precision\":\"int8\"}"),
                                          .dims = DIMS2}};
}

static uint32_t version_made(struct fixture *f, uint32_t collection)
{
    return (uint32_t)done(f, act_version(collection)).id;
}

static struct version_record version_of(struct fixture *f, uint32_t id)
{
    struct version_record v;

    ok(store_version_get(f->s, f->a, id, &v, &f->e));
    return v;
}

static struct collection_record news(struct fixture *f)
{
    struct collection_record c;

    ok(store_collection_get(f->s, f->a, STR("news"), &c, &f->e));
    return c;
}

/* Passages as the second model would make them: fewer, longer, of other dims. */
static void passages_of_other(struct fixture *f, struct document_record *d)
{
    d->passage_count = (uint32_t)(d->payload.n / 20 + 1);
    d->passages = arena_array(f->a, d->passage_count, sizeof *d->passages);
    for (uint32_t i = 0; i < d->passage_count; i++) {
        uint16_t *v = arena_array(f->a, DIMS2, sizeof *v);
        for (unsigned k = 0; k < DIMS2; k++)
            v[k] = (uint16_t)(d->digest[k] * 251 + i);
        d->passages[i] = (struct passage_record){i * 20, i * 20 + 19, i + 7, v};
    }
}

static struct store_act act_version_embedded(struct fixture *f, uint32_t collection, uint32_t v,
                                             struct str id, const char *text)
{
    struct store_act act = act_put(f, collection, id, text);

    act.kind = ACT_VERSION_EMBEDDED;
    act.version.id = v;
    passages_of_other(f, &act.document);
    return act;
}

static struct store_act act_with(struct store_act act, enum act_kind kind, uint32_t v)
{
    act.kind = kind;
    act.version.id = v;
    return act;
}

static struct store_act act_on(enum act_kind kind, uint32_t v)
{
    return (struct store_act){.kind = kind, .version = {.id = v}};
}

static void ready(struct fixture *f, uint32_t v)
{
    struct store_act act = {.kind = ACT_VERSION_UPDATE, .version = version_of(f, v)};

    act.version.state = VERSION_READY;
    done(f, act);
}

static void counts_are(struct fixture *f, uint32_t v, enum version_state state, uint64_t missing,
                       uint64_t passages)
{
    struct version_record r = version_of(f, v);

    assert_int_equal(r.state, state);
    assert_int_equal(r.missing, missing);
    assert_int_equal(r.passages, passages);
    ok(store_check(f->s, &f->e));
    if (f->e.code)
        fail_msg("%s", f->e.message);
}

static struct document_record read_of(struct fixture *f, uint32_t v, uint32_t number)
{
    struct document_record d;

    ok(store_version_passages(f->s, f->a, v, &number, 1, DOCUMENT_PASSAGES | DOCUMENT_VECTORS, &d,
                              &f->e));
    return d;
}

static void same_passages(const struct document_record *d, const struct document_record *want,
                          unsigned dims)
{
    assert_int_equal(d->passage_count, want->passage_count);
    assert_int_equal(d->dims, dims);
    for (uint32_t i = 0; i < d->passage_count; i++) {
        const struct passage_record *p = &d->passages[i], *q = &want->passages[i];
        assert_true(p->start == q->start && p->end == q->end && p->tokens == q->tokens);
        assert_memory_equal(p->vector, q->vector, dims * 2);
    }
}

static size_t missing_count(struct fixture *f, uint32_t v)
{
    struct document_record *docs;
    size_t n;

    ok(store_version_missing(f->s, f->a, v, 0, 1000, &docs, &n, &f->e));
    for (size_t i = 0; i < n; i++)
        assert_int_equal(docs[i].state, DOCUMENT_PENDING);
    return n;
}

/* ---- made ---- */

static void test_first(void **state)
{
    struct fixture *f = *state;
    struct store_act act = act_collection("news");
    struct version_record *list, v;
    size_t n;

    act.version.model = STR("MiniLM");
    act.version.settings = STR("{\"a\":1}");
    act = done(f, act);
    struct collection_record c = news(f);
    assert_int_equal(c.version, act.version_id);
    v = version_of(f, c.version);
    assert_int_equal(v.id, c.version);
    assert_int_equal(v.collection, c.id);
    assert_int_equal(v.state, VERSION_ACTIVE);
    assert_true(str_eq_c(v.model, "MiniLM") && str_eq_c(v.model_digest, "stub"));
    assert_true(str_eq_c(v.settings, "{\"a\":1}") && str_eq_c(v.report, ""));
    assert_int_equal(v.dims, DIMS);
    assert_true(isnan(v.mean_cosine));
    assert_int_equal(v.revision, c.revision);
    assert_int_equal(v.created_us, c.created_us);
    uint32_t second = version_made(f, c.id);
    assert_int_not_equal(second, c.version);
    ok(store_version_list(f->s, f->a, c.id, &list, &n, &f->e));
    assert_int_equal(n, 2);
    assert_int_equal(list[0].id, c.version);
    assert_int_equal(list[1].id, second);
    assert_int_equal(list[1].state, VERSION_BUILDING);
    assert_int_equal(list[1].dims, DIMS2);
    assert_true(str_eq_c(list[1].model, "other"));
    assert_int_equal(store_version_get(f->s, f->a, 99, &v, NULL), ERR_NOT_FOUND);
}

/* Ids are never used again, of whichever collection. */
static void test_ids(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news"), other = collection_made(f, "other");
    uint32_t v = version_made(f, c);

    done(f, act_on(ACT_VERSION_DELETE, v));
    uint32_t w = version_made(f, other);
    assert_true(w > v);
    done(f, (struct store_act){.kind = ACT_COLLECTION_DELETE, .collection = {.id = other}});
    reopen(f);
    assert_true(version_made(f, c) > w);
    for (unsigned i = 2; i < STORE_VERSIONS_MAX; i++)
        version_made(f, c);
    refused(f, act_version(c), ERR_CONFLICT);
    refused(f, act_version(other), ERR_NOT_FOUND);
    struct store_act act = act_version(c);
    act.version.dims = 0;
    refused(f, act, ERR_INVALID);
}

/* ---- filled ---- */

static void test_build(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct document_record *docs;
    size_t n;

    done(f, act_put(f, c, STR("a"), "the first text, which has some passages"));
    done(f, act_put(f, c, STR("b"), "the second"));
    done(f, act_pending(f, c, STR("c"), "third"));
    uint32_t v = version_made(f, c), first = news(f).version;
    counts_are(f, v, VERSION_BUILDING, 3, 0);
    counts_are(f, first, VERSION_ACTIVE, 1, 4 + 2 + 1);
    ok(store_version_missing(f->s, f->a, v, 0, 2, &docs, &n, NULL));
    assert_int_equal(n, 2);
    assert_true(str_eq_c(docs[0].id, "a") && str_eq_c(docs[1].id, "b"));
    assert_true(str_eq_c(docs[1].payload, "the second"));
    assert_int_equal(docs[0].state, DOCUMENT_PENDING);
    ok(store_version_missing(f->s, f->a, v, docs[1].number, 2, &docs, &n, NULL));
    assert_int_equal(n, 1);
    assert_true(str_eq_c(docs[0].id, "c"));

    struct position before, after;
    struct store_act act = act_version_embedded(f, c, v, STR("b"), "the second"); /* in any order */
    store_position(f->s, &before);
    struct store_act told = done(f, act);
    assert_int_equal(told.status, ACT_UPDATED);
    assert_int_equal(told.id, 2);
    assert_int_equal(done(f, act).status, ACT_UNCHANGED);
    store_position(f->s, &after);
    assert_int_equal(before.change, after.change);
    counts_are(f, v, VERSION_BUILDING, 2, 1);
    struct document_record d = read_of(f, v, 2);
    assert_int_equal(d.state, DOCUMENT_READY);
    assert_int_equal(d.version, v);
    same_passages(&d, &act.document, DIMS2);
    d = read_of(f, v, 1);
    assert_int_equal(d.state, DOCUMENT_PENDING);
    assert_int_equal(d.passage_count, 0);
    /* the active one has its own still */
    struct store_act put = act_put(f, c, STR("b"), "the second");
    d = read_of(f, first, 2);
    same_passages(&d, &put.document, DIMS);
    ok(store_document_get(f->s, f->a, c, STR("b"), DOCUMENT_VECTORS, &d, NULL));
    same_passages(&d, &put.document, DIMS);
    assert_int_equal(d.version, first);
    reopen(f);
    assert_int_equal(missing_count(f, v), 2);
    assert_int_equal(missing_count(f, first), 1);
}

/* Of another text, revision, collection or version: refused, nothing stored. */
static void test_embedded_refused(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news"), other = collection_made(f, "other");
    uint64_t revision = done(f, act_put(f, c, STR("a"), "text")).revision;
    uint32_t v = version_made(f, c);
    struct store_act act = act_version_embedded(f, c, v, STR("a"), "text"), bad;

    refused(f, act_version_embedded(f, c, v, STR("a"), "another text"), ERR_CONFLICT);
    refused(f, act_version_embedded(f, c, v, STR("b"), "text"), ERR_NOT_FOUND);
    refused(f, act_version_embedded(f, c, 99, STR("a"), "text"), ERR_NOT_FOUND);
    refused(f, act_version_embedded(f, other, v, STR("a"), "text"), ERR_INVALID);
    bad = act;
    bad.if_revision = revision + 1;
    refused(f, bad, ERR_CONFLICT);
    bad = act;
    bad.document.passages[0].vector = NULL;
    refused(f, bad, ERR_INVALID);
    counts_are(f, v, VERSION_BUILDING, 1, 0);
    act = act_version_embedded(f, c, v, STR("a"), "text");
    act.if_revision = revision;
    assert_int_equal(done(f, act).status, ACT_UPDATED);
    counts_are(f, v, VERSION_BUILDING, 0, 1);
}

/* A document without any passage is embedded as well as another. */
static void test_no_passages(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    struct store_act act = act_put(f, c, STR("a"), "");
    struct document_record d;

    act.document.passage_count = 0;
    done(f, act);
    ok(store_document_get(f->s, f->a, c, STR("a"), DOCUMENT_VECTORS, &d, NULL));
    assert_true(d.state == DOCUMENT_READY && d.passage_count == 0);
    uint32_t v = version_made(f, c);
    act = act_with(act, ACT_VERSION_EMBEDDED, v);
    assert_int_equal(done(f, act).status, ACT_UPDATED);
    assert_int_equal(done(f, act).status, ACT_UNCHANGED);
    counts_are(f, v, VERSION_BUILDING, 0, 0);
    assert_int_equal(read_of(f, v, 1).state, DOCUMENT_READY);
    ready(f, v);
    done(f, act_on(ACT_VERSION_ACTIVATE, v));
    counts_are(f, v, VERSION_ACTIVE, 0, 0);
    done(f, act_delete(c, STR("a")));
    ok(store_check(f->s, &f->e));
}

/* ---- documents that change under several versions ---- */

static void test_puts(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news");
    uint32_t first = news(f).version, v = version_made(f, c);
    struct store_act put = act_put(f, c, STR("a"), "text of a"), act;

    refused(f, put, ERR_CONFLICT); /* made with which? */
    put.version.id = v;
    refused(f, put, ERR_CONFLICT); /* not the active one */
    put.version.id = first;
    done(f, put);
    counts_are(f, v, VERSION_BUILDING, 1, 0);
    done(f, act_version_embedded(f, c, v, STR("a"), "text of a"));
    counts_are(f, v, VERSION_BUILDING, 0, 1);

    /* other payload, same text: all versions keep what they have */
    act = act_put(f, c, STR("a"), "another title");
    memcpy(act.document.text_digest, put.document.text_digest, 32);
    act.document.passages = NULL;
    act.document.passage_count = 0;
    act.keep_passages = true;
    assert_int_equal(done(f, act).status, ACT_UPDATED);
    counts_are(f, v, VERSION_BUILDING, 0, 1);
    counts_are(f, first, VERSION_ACTIVE, 0, 1);
    act = act_put(f, c, STR("a"), "yet another title");
    memcpy(act.document.text_digest, put.document.text_digest, 32);
    act.version.id = first;
    done(f, act);
    counts_are(f, v, VERSION_BUILDING, 0, 1);

    /* another text: missing there, and what was of the old one is gone */
    act = act_with(act_put(f, c, STR("a"), "other text of a"), ACT_DOCUMENT_PUT, first);
    done(f, act);
    counts_are(f, v, VERSION_BUILDING, 1, 0);
    assert_int_equal(read_of(f, v, 1).state, DOCUMENT_PENDING);
    act = act_with(act_put(f, c, STR("a"), "a third text of a"), ACT_DOCUMENT_PUT, first);
    done(f, act);
    counts_are(f, v, VERSION_BUILDING, 1, 0);
    refused(f, act_version_embedded(f, c, v, STR("a"), "other text of a"), ERR_CONFLICT);
    done(f, act_version_embedded(f, c, v, STR("a"), "a third text of a"));
    counts_are(f, v, VERSION_BUILDING, 0, 1);

    /* pending in the active one alone */
    act = act_with(act_pending(f, c, STR("b"), "text of b"), ACT_DOCUMENT_PUT, first);
    done(f, act);
    done(f, act_version_embedded(f, c, v, STR("b"), "text of b"));
    counts_are(f, v, VERSION_BUILDING, 0, 2);
    counts_are(f, first, VERSION_ACTIVE, 1, 3);
    act = act_put(f, c, STR("b"), "text of b");
    refused(f, act_with(act, ACT_DOCUMENT_EMBEDDED, v), ERR_CONFLICT);
    done(f, act_with(act, ACT_DOCUMENT_EMBEDDED, first));
    counts_are(f, v, VERSION_BUILDING, 0, 2);
    counts_are(f, first, VERSION_ACTIVE, 0, 3);

    /* gone from all */
    act = act_with(act_put(f, c, STR("c"), "text of c"), ACT_DOCUMENT_PUT, first);
    done(f, act);
    done(f, act_delete(c, STR("a")));
    counts_are(f, v, VERSION_BUILDING, 1, 1);
    done(f, act_delete(c, STR("c")));
    counts_are(f, v, VERSION_BUILDING, 0, 1);
    counts_are(f, first, VERSION_ACTIVE, 0, 1);
}

/* For the active version it is ACT_DOCUMENT_EMBEDDED. */
static void test_embedded_active(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news"), first = news(f).version;
    struct store_act act = act_put(f, c, STR("a"), "text");
    uint64_t revision = done(f, act_pending(f, c, STR("a"), "text")).revision;
    struct change_record *changes;
    size_t n;

    act = act_with(act, ACT_VERSION_EMBEDDED, first);
    act.if_revision = revision;
    assert_int_equal(done(f, act).revision, revision + 1);
    act.if_revision = REVISION_ANY;
    assert_int_equal(done(f, act).status, ACT_UNCHANGED);
    ok(store_changes(f->s, f->a, revision, 10, &changes, &n, NULL));
    assert_int_equal(n, 1);
    assert_int_equal(changes[0].kind, CHANGE_DOCUMENT_EMBEDDED);
    counts_are(f, first, VERSION_ACTIVE, 0, 1);
}

/* ---- activated ---- */

/* a: in both; b: only in the first; c: pending in the first, ready in the second; d: in neither. */
static uint32_t two_versions(struct fixture *f, uint32_t c, uint32_t *first)
{
    struct store_act act;

    *first = news(f).version;
    act = act_put(f, c, STR("a"), "a text of a, and rather long");
    done(f, act);
    uint32_t v = version_made(f, c);
    done(f, act_version_embedded(f, c, v, STR("a"), "a text of a, and rather long"));
    done(f, act_with(act_put(f, c, STR("b"), "text of b"), ACT_DOCUMENT_PUT, *first));
    done(f, act_with(act_pending(f, c, STR("c"), "text of c"), ACT_DOCUMENT_PUT, *first));
    done(f, act_version_embedded(f, c, v, STR("c"), "text of c"));
    done(f, act_with(act_pending(f, c, STR("d"), "text of d"), ACT_DOCUMENT_PUT, *first));
    counts_are(f, *first, VERSION_ACTIVE, 2, 3 + 1 + 1 + 1);
    counts_are(f, v, VERSION_BUILDING, 2, 2 + 1);
    return v;
}

static enum document_state state_of(struct fixture *f, uint32_t c, const char *id)
{
    struct document_record d;

    ok(store_document_get(f->s, f->a, c, str_c(id), DOCUMENT_VECTORS, &d, &f->e));
    assert_int_equal(d.version, news(f).version);
    assert_true(d.state == DOCUMENT_READY || d.passage_count == 0 || !d.passages[0].vector);
    return d.state;
}

static void states_are(struct fixture *f, uint32_t c, const char *want)
{
    static const char *const ids[] = {"a", "b", "c", "d"};

    for (int i = 0; want[i]; i++)
        if (state_of(f, c, ids[i]) != (want[i] == 'r' ? DOCUMENT_READY : DOCUMENT_PENDING))
            fail_msg("%s is not '%c' in %s", ids[i], want[i], want);
}

static void test_activate(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news"), first, v = two_versions(f, c, &first);
    struct document_record d, *docs;
    struct change_record *changes;
    struct store_act act;
    size_t n;

    refused(f, act_on(ACT_VERSION_ACTIVATE, v), ERR_CONFLICT); /* not ready */
    refused(f, act_on(ACT_VERSION_ACTIVATE, first), ERR_CONFLICT);
    refused(f, act_on(ACT_VERSION_ACTIVATE, 99), ERR_NOT_FOUND);
    ready(f, v);
    states_are(f, c, "rrpp");
    ok(store_document_get(f->s, f->a, c, STR("c"), 0, &d, NULL));
    uint64_t c_revision = d.revision;
    act = act_on(ACT_VERSION_ACTIVATE, v);
    act.if_revision = 1;
    refused(f, act, ERR_PRECONDITION);
    act.if_revision = version_of(f, v).revision;
    act = done(f, act);
    assert_int_equal(act.status, ACT_UPDATED);
    assert_int_equal(act.version_id, v);
    states_are(f, c, "rprp");
    counts_are(f, v, VERSION_ACTIVE, 2, 3);
    counts_are(f, first, VERSION_RETIRED, 2, 3 + 1);
    struct collection_record r = news(f);
    assert_int_equal(r.version, v);
    assert_int_equal(r.dims, DIMS2);
    assert_true(str_eq_c(r.model_digest, "other-digest"));
    assert_int_equal(r.documents, 4);
    assert_int_equal(r.pending, 2);
    assert_int_equal(r.passages, 3);
    assert_int_equal(r.revision, act.revision);
    struct store_act same = {
        .kind = ACT_COLLECTION_UPDATE, .collection = r, .if_revision = act.revision};
    assert_int_equal(done(f, same).status, ACT_UNCHANGED);
    same.if_revision = act.revision - 1;
    refused(f, same, ERR_PRECONDITION);
    ok(store_changes(f->s, f->a, act.revision - 1, 10, &changes, &n, NULL));
    assert_int_equal(n, 1);
    assert_int_equal(changes[0].kind, CHANGE_VERSION_ACTIVATED);
    assert_true(str_eq_c(changes[0].subject, arena_printf(f->a, "%u", v)));
    assert_int_equal(changes[0].collection, c);
    ok(store_document_get(f->s, f->a, c, STR("c"), DOCUMENT_VECTORS, &d, NULL));
    assert_int_equal(d.revision, c_revision);
    assert_int_equal(d.dims, DIMS2);
    ok(store_pending_list(f->s, f->a, c, 9, 10, &docs, &n, NULL));
    assert_int_equal(n, 2);
    assert_int_equal(docs[0].passage_count, 0);
    assert_int_equal(missing_count(f, v), 2);
    assert_int_equal(missing_count(f, first), 2);

    /* A put that was embedded before is refused, not stored as the other's. */
    act = act_with(act_put(f, c, STR("b"), "new text of b"), ACT_DOCUMENT_PUT, first);
    refused(f, act, ERR_CONFLICT);
    act.version.id = v;
    passages_of_other(f, &act.document);
    done(f, act);
    states_are(f, c, "rrrp");
    counts_are(f, first, VERSION_RETIRED, 3, 3);

    /* Back, with one more that waits there; the text of b has changed since. */
    done(f, act_on(ACT_VERSION_ACTIVATE, first));
    states_are(f, c, "rppp");
    counts_are(f, first, VERSION_ACTIVE, 3, 3);
    counts_are(f, v, VERSION_RETIRED, 1, 4);
    assert_int_equal(news(f).dims, DIMS);
    act = act_put(f, c, STR("a"), "a text of a, and rather long");
    ok(store_document_get(f->s, f->a, c, STR("a"), DOCUMENT_VECTORS, &d, NULL));
    same_passages(&d, &act.document, DIMS);
    act = act_with(act_put(f, c, STR("b"), "new text of b"), ACT_DOCUMENT_EMBEDDED, first);
    done(f, act);
    states_are(f, c, "rrpp");
    reopen(f);
    done(f, act_on(ACT_VERSION_ACTIVATE, v));
    states_are(f, c, "rrrp");
    counts_are(f, v, VERSION_ACTIVE, 1, 4);
    assert_int_equal(missing_count(f, v), 1);
}

/* The other collection's pending documents stay as they are. */
static void test_activate_alone(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news"), other = collection_made(f, "other");
    uint32_t v = version_made(f, c);

    done(f, act_pending(f, other, STR("x"), "text"));
    ready(f, v);
    done(f, act_on(ACT_VERSION_ACTIVATE, v));
    struct document_record d;
    ok(store_document_get(f->s, f->a, other, STR("x"), 0, &d, NULL));
    assert_int_equal(d.state, DOCUMENT_PENDING);
    ok(store_check(f->s, &f->e));
}

/* ---- updated, deleted ---- */

static void test_update(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news"), first = news(f).version, v = version_made(f, c);
    struct store_act act = {.kind = ACT_VERSION_UPDATE, .version = version_of(f, v)};

    assert_int_equal(done(f, act).status, ACT_UNCHANGED);
    act.version.report = STR("{\"overlap\":.9}");
    act.version.mean_cosine = .5f;
    act.version.settings = STR("{}");
    act.version.state = VERSION_READY;
    act.if_revision = 1;
    refused(f, act, ERR_PRECONDITION);
    act.if_revision = act.version.revision;
    uint64_t revision = done(f, act).revision;
    struct version_record r = version_of(f, v);
    assert_true(str_eq_c(r.report, "{\"overlap\":.9}") && str_eq_c(r.settings, "{}"));
    assert_true(r.mean_cosine == .5f);
    assert_int_equal(r.state, VERSION_READY);
    assert_int_equal(r.revision, revision);
    act.if_revision = REVISION_ANY;
    act.version.state = VERSION_ACTIVE;
    refused(f, act, ERR_CONFLICT);
    act.version.state = VERSION_RETIRED;
    refused(f, act, ERR_CONFLICT);
    act.version.state = VERSION_BUILDING;
    done(f, act);
    assert_int_equal(version_of(f, v).state, VERSION_BUILDING);
    act.version = version_of(f, first);
    act.version.state = VERSION_READY;
    refused(f, act, ERR_CONFLICT);
    act.version.state = VERSION_ACTIVE;
    act.version.mean_cosine = .25f;
    done(f, act);
    assert_true(news(f).mean_cosine == .25f);
    ok(store_check(f->s, &f->e));
}

static void test_delete(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news"), first, v = two_versions(f, c, &first);
    struct version_record r, *list;
    struct document_record *docs, d;
    uint32_t one = 1;
    size_t n;

    refused(f, act_on(ACT_VERSION_DELETE, first), ERR_CONFLICT);
    assert_int_equal(done(f, act_on(ACT_VERSION_DELETE, v)).status, ACT_DELETED);
    assert_int_equal(store_version_get(f->s, f->a, v, &r, NULL), ERR_NOT_FOUND);
    assert_int_equal(store_version_missing(f->s, f->a, v, 0, 10, &docs, &n, NULL), ERR_NOT_FOUND);
    assert_int_equal(store_version_passages(f->s, f->a, v, &one, 1, 0, &d, NULL), ERR_NOT_FOUND);
    ok(store_version_list(f->s, f->a, c, &list, &n, NULL));
    assert_int_equal(n, 1);
    refused(f, act_version_embedded(f, c, v, STR("b"), "text of b"), ERR_NOT_FOUND);
    refused(f, act_on(ACT_VERSION_DELETE, v), ERR_NOT_FOUND);
    counts_are(f, first, VERSION_ACTIVE, 2, 6);
    done(f, act_put(f, c, STR("e"), "one version: it need not be named"));
    reopen(f);
    counts_are(f, first, VERSION_ACTIVE, 2, 6 + 4);
}

/* ---- scanned, and gone on with ---- */

struct seen {
    unsigned count, embedded;
    uint32_t last;
};

static enum err see(void *ctx, const struct document_record *d)
{
    struct seen *s = ctx;

    assert_true(d->number > s->last);
    s->last = d->number;
    s->count++;
    if (d->state == DOCUMENT_READY) {
        assert_int_equal(d->dims, DIMS2);
        assert_non_null(d->passages[0].vector);
        s->embedded++;
    }
    return ERR_OK;
}

/* Many documents, in steps, closed in between: none comes twice, none is left out. */
static void test_resumed(void **state)
{
    struct fixture *f = *state;
    enum { N = 700 };
    uint32_t c = collection_made(f, "news");
    struct store_act *acts = arena_array(f->a, N, sizeof *acts);
    bool met[N + 1] = {false};
    size_t n = 1, all = 0;
    struct seen seen = {0};
    struct position p, at;

    for (unsigned i = 0; i < N; i++) {
        char *id = arena_printf(f->a, "d%u", i);
        acts[i] = act_put(f, c, str_c(id), id);
    }
    ok(store_write(f->s, acts, N, true, NULL, NULL));
    uint32_t v = version_made(f, c);
    while (n > 0) {
        struct document_record *docs;
        ok(store_version_missing(f->s, f->a, v, 0, 90, &docs, &n, NULL));
        for (size_t i = 0; i < n; i++) {
            assert_false(met[docs[i].number]);
            met[docs[i].number] = true;
            acts[i] = act_version_embedded(f, c, v, docs[i].id, docs[i].payload.s);
        }
        all += n;
        if (n)
            ok(store_write(f->s, acts, n, false, NULL, NULL));
        if (all == 270) {
            ok(store_version_scan(f->s, v, DOCUMENT_VECTORS, see, &seen, NULL, NULL));
            assert_int_equal(seen.count, N);
            assert_int_equal(seen.embedded, 270);
            reopen(f);
        }
    }
    assert_int_equal(all, N);
    counts_are(f, v, VERSION_BUILDING, 0, N);
    seen = (struct seen){0};
    store_position(f->s, &p);
    ok(store_version_scan(f->s, v, DOCUMENT_VECTORS, see, &seen, &at, NULL));
    assert_int_equal(seen.embedded, N);
    assert_int_equal(at.change, p.change);
    assert_int_equal(store_version_scan(f->s, 77, 0, see, &seen, NULL, NULL), ERR_NOT_FOUND);
}

/* An atomic write that fails leaves counts and versions as they were. */
static void test_atomic(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news"), first, v = two_versions(f, c, &first);
    struct store_act acts[4];

    ready(f, v);
    acts[0] = act_version(c);
    acts[1] = act_on(ACT_VERSION_ACTIVATE, v);
    acts[2] = act_with(act_put(f, c, STR("e"), "text of e"), ACT_DOCUMENT_PUT, first);
    acts[3] = act_on(ACT_VERSION_DELETE, 99);
    assert_int_equal(store_write(f->s, acts, 4, true, NULL, NULL), ERR_CONFLICT);
    assert_int_equal(acts[2].err, ERR_CONFLICT);
    assert_int_equal(acts[1].err, ERR_CANCELLED);
    assert_int_equal(acts[0].id, 0);
    counts_are(f, first, VERSION_ACTIVE, 2, 6);
    counts_are(f, v, VERSION_READY, 2, 3);
    states_are(f, c, "rrpp");
    /* in one write that goes well, each act sees the one before */
    acts[0] = act_on(ACT_VERSION_ACTIVATE, v);
    acts[1] = act_with(act_put(f, c, STR("e"), "text of e"), ACT_DOCUMENT_PUT, v);
    passages_of_other(f, &acts[1].document);
    acts[2] = act_on(ACT_VERSION_DELETE, first);
    ok(store_write(f->s, acts, 3, true, NULL, NULL));
    counts_are(f, v, VERSION_ACTIVE, 2, 4);
}

static void test_backup(void **state)
{
    struct fixture *f = *state;
    uint32_t c = collection_made(f, "news"), first, v = two_versions(f, c, &first);
    char path[128], dir[128];

    ready(f, v);
    done(f, act_on(ACT_VERSION_ACTIVATE, v));
    snprintf(path, sizeof path, "%s/backup.db", f->dir);
    snprintf(dir, sizeof dir, "%s/again", f->dir);
    ok(store_backup(f->s, path, NULL, NULL, &f->e));
    store_close(f->s);
    f->s = NULL;
    ok(store_restore(dir, path, &f->e));
    ok(fixture_open(dir, NULL, &f->s, &f->e));
    states_are(f, c, "rprp");
    counts_are(f, first, VERSION_RETIRED, 2, 4);
    done(f, act_on(ACT_VERSION_ACTIVATE, first));
    states_are(f, c, "rrpp");
}

/* ---- marked in steps ---- */

#define MANY 10000 /* more than are marked with the version */
#define MANY_BATCH 500

static struct str many_id(struct fixture *f, unsigned i)
{
    return str_c(arena_printf(f->a, "d%05u", i));
}

static uint32_t many_made(struct fixture *f)
{
    uint32_t collection = collection_made(f, "news");

    for (unsigned i = 0; i < MANY; i += MANY_BATCH) {
        struct store_act acts[MANY_BATCH];
        for (unsigned k = 0; k < MANY_BATCH; k++)
            acts[k] = act_put(f, collection, many_id(f, i + k), "text");
        ok(store_write(f->s, acts, MANY_BATCH, true, NULL, &f->e));
    }
    return collection;
}

/* Until every missing document is listed. */
static void marked_wait(struct fixture *f, uint32_t v, size_t want)
{
    struct document_record *docs;
    size_t n = 0;

    for (int i = 0; i < 1000 && n != want; i++) {
        clock_sleep_ns(i ? 10000000 : 0);
        ok(store_version_missing(f->s, f->a, v, 0, MANY, &docs, &n, &f->e));
    }
    assert_int_equal(n, want);
}

/* In the transaction that makes the version, only the first documents are marked: what happens to
 * the others there finds them as missing as those. */
static void test_unmarked(void **state)
{
    struct fixture *f = *state;
    uint32_t collection = many_made(f), v = version_made(f, collection_made(f, "other")) + 1;
    struct str at[] = {many_id(f, 6000), many_id(f, 7000), many_id(f, 8000), many_id(f, 9000),
                       many_id(f, 9500)};
    struct store_act acts[] = {
        act_version(collection),
        {.kind = ACT_VERSION_UPDATE,
         .version = {.id = v, .state = VERSION_READY, .mean_cosine = NAN}},
        act_delete(collection, at[0]),
        act_with(act_put(f, collection, at[1], "another text"), ACT_DOCUMENT_PUT, collection),
        act_version_embedded(f, collection, v, at[2], "text"),
        act_version_embedded(f, collection, v, at[2], "text"),
        act_version_embedded(f, collection, v, at[3], "text"),
        act_with(act_put(f, collection, at[3], "another text"), ACT_DOCUMENT_PUT, collection),
        act_version_embedded(f, collection, v, at[4], "text"),
        act_delete(collection, at[4]),
    };
    uint32_t active = news(f).version;

    acts[3].version.id = acts[7].version.id = active;
    ok(store_write(f->s, acts, sizeof acts / sizeof *acts, false, NULL, &f->e));
    assert_int_equal(acts[0].id, v);
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        assert_int_equal(acts[i].err, i == 1 ? ERR_CONFLICT : ERR_OK);
    assert_int_equal(acts[4].status, ACT_UPDATED);
    assert_int_equal(acts[5].status, ACT_UNCHANGED);
    counts_are(f, v, VERSION_BUILDING, MANY - 3, 1);
    assert_int_equal(read_of(f, v, 8001).state, DOCUMENT_READY);
    assert_int_equal(read_of(f, v, 9001).state, DOCUMENT_PENDING);
    assert_true(missing_count(f, v) > 0); /* the first at once */
    marked_wait(f, v, MANY - 3);
    counts_are(f, v, VERSION_BUILDING, MANY - 3, 1);
    ready(f, v);
}

/* Closed before all are marked: the rest is marked by who opens it next. */
static void test_marking_resumed(void **state)
{
    struct fixture *f = *state;
    uint32_t v = version_made(f, many_made(f));

    reopen(f);
    counts_are(f, v, VERSION_BUILDING, MANY, 0);
    marked_wait(f, v, MANY);
    counts_are(f, v, VERSION_BUILDING, MANY, 0);
    ready(f, v);
    done(f, act_on(ACT_VERSION_ACTIVATE, v));
    counts_are(f, v, VERSION_ACTIVE, MANY, 0);
}

/* It goes while its documents are being marked. */
static void test_unmarked_deleted(void **state)
{
    struct fixture *f = *state;
    uint32_t collection = many_made(f), v = version_made(f, collection);

    done(f, act_on(ACT_VERSION_DELETE, v));
    v = version_made(f, collection);
    done(f, (struct store_act){.kind = ACT_COLLECTION_DELETE, .collection = {.id = collection}});
    collection = collection_made(f, "next");
    done(f, act_put(f, collection, STR("a"), "text"));
    v = version_made(f, collection);
    counts_are(f, v, VERSION_BUILDING, 1, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(test_first),
        T(test_ids),
        T(test_build),
        T(test_embedded_refused),
        T(test_no_passages),
        T(test_puts),
        T(test_embedded_active),
        T(test_activate),
        T(test_update),
        T(test_delete),
        T(test_activate_alone),
        T(test_resumed),
        T(test_atomic),
        T(test_backup),
        T(test_unmarked),
        T(test_marking_resumed),
        T(test_unmarked_deleted),
    };

    return cmocka_run_group_tests_name("versions", tests, NULL, NULL);
}
