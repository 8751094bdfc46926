/* What a caller sees who is bound by a filter: two tenants in one collection, `a` asks. */
#include "help.h"
#include "../sanitized.h"
#include "base/rng.h"
#include <math.h>

#define OURS STR("tenant = a")
#define EACH 12 /* documents of each tenant */
#define COPIED                                                                                     \
    "the harbour master wrote down every ship that came in that winter and what it carried and "   \
    "who had paid for it and when it left again for the north"

static void fill(struct fixture *f)
{
    static const char *const topics[] = {"football match goal", "garden flower soil",
                                         "guitar music song", "stock market bank"};
    char text[400];
    create(f, "c");
    put(f, "{'id':'b-original','text':'" COPIED "','tenant':'b','only_b':1}");
    put(f, "{'id':'a-copy','text':'" COPIED " again','tenant':'a'}");
    put(f, "{'id':'a-copy2','text':'" COPIED " once','tenant':'a'}");
    for (int i = 0; i < 2 * EACH; i++) {
        snprintf(text, sizeof text, "{'id':'%c%d','text':'%s number%d','topic':%d,'tenant':'%c'}",
                 i % 2 ? 'b' : 'a', i, topics[i / 2 % 4], i, i / 2 % 4, i % 2 ? 'b' : 'a');
        put(f, text);
    }
}

static bool ours(struct str id)
{
    return id.n && id.s[0] == 'a';
}

static enum err put_within(struct fixture *f, const char *text, bool atomic, uint64_t if_revision,
                           struct put_result *r, struct err_info *e)
{
    char *quoted = arena_strdup(f->a, text);
    for (char *p = quoted; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    json_t *v = parse(quoted);
    const json_t *docs[] = {v};
    struct put_options o = {.within = OURS,
                            .atomic = atomic,
                            .if_revision = if_revision,
                            .if_revision_set = if_revision != 0};
    struct str position;
    enum err err = engine_put(f->x, C, docs, 1, &o, f->a, r, &position, e);
    json_decref(v);
    return err;
}

static struct str payload_of(struct fixture *f, const char *id)
{
    struct document_out d;
    OK(engine_get(f->x, C, STR(""), str_c(id), f->a, &d, e));
    return d.payload;
}

static void foreign_documents_are_not_there(void **state)
{
    struct fixture *f = *state;
    struct document_out d, *list;
    struct err_info foreign = {0}, absent = {0};
    size_t count;
    bool more;
    fill(f);
    OK(engine_get(f->x, C, OURS, STR("a0"), f->a, &d, e));
    assert_int_equal(engine_get(f->x, C, OURS, STR("b1"), f->a, &d, &foreign), ERR_NOT_FOUND);
    assert_int_equal(engine_get(f->x, C, OURS, STR("b0"), f->a, &d, &absent), ERR_NOT_FOUND);
    assert_string_equal(foreign.field, absent.field);
    foreign.message[strcspn(foreign.message, "\"") + 2] = '0'; /* but for the id: the same */
    assert_string_equal(foreign.message, absent.message);
    OK(engine_list(f->x, C, OURS, STR(""), STR(""), 0, 100, f->a, &list, &count, &more, e));
    assert_int_equal(count, EACH + 2);
    for (size_t i = 0; i < count; i++)
        assert_true(ours(list[i].id));
    OK(engine_list(f->x, C, OURS, STR("tenant = b OR topic = 1"), STR(""), 0, 100, f->a, &list,
                   &count, &more, e));
    assert_int_equal(count, EACH / 4);
    OK(engine_count(f->x, C, OURS, &count, e));
    assert_int_equal(count, EACH + 2);
}

static void writes_over_foreign_documents_are_refused(void **state)
{
    struct fixture *f = *state;
    struct put_result r;
    struct err_info e = {0}, other = {0};
    fill(f);
    struct str before = payload_of(f, "b1");
    /* over a foreign one */
    assert_int_equal(put_within(f, "{'id':'b1','text':'mine','tenant':'a'}", false, 0, &r, &e), 0);
    assert_int_equal(r.err, ERR_DENIED);
    assert_string_equal(r.info.message, "this id is not available");
    /* whatever its revision is said to be */
    put_within(f, "{'id':'b1','text':'mine','tenant':'a'}", false, UINT64_MAX, &r, &e);
    assert_int_equal(r.err, ERR_DENIED);
    put_within(f, "{'id':'b1','text':'mine','tenant':'a'}", false, 12345, &r, &e);
    assert_int_equal(r.err, ERR_DENIED);
    assert_int_equal(put_within(f, "{'id':'b1','text':'mine','tenant':'a'}", true, 0, &r, &e),
                     ERR_DENIED);
    /* one that would be outside */
    put_within(f, "{'id':'new','text':'mine','tenant':'b'}", false, 0, &r, &e);
    assert_int_equal(r.err, ERR_DENIED);
    assert_non_null(strstr(r.info.message, "tenant"));
    put_within(f, "{'id':'new','text':'mine'}", false, 0, &r, &e);
    assert_int_equal(r.err, ERR_DENIED);
    put_within(f, "{'id':'a0','text':'mine','tenant':'b'}", false, 0, &r, &e);
    assert_int_equal(r.err, ERR_DENIED);
    put_within(f, "{'id':'new','text':'mine','tenant':'a'}", false, 0, &r, &e);
    assert_string_equal(r.status, "created");
    /* patches */
    struct put_options o = {.within = OURS};
    struct str position;
    json_t *patch = parse("{\"attributes\":{\"tenant\":\"a\"}}"),
           *away = parse("{\"attributes\":{\"tenant\":\"b\"}}");
    err_clear(&e);
    assert_int_equal(engine_patch(f->x, C, STR("b1"), patch, &o, f->a, &r, &position, &e),
                     ERR_NOT_FOUND);
    assert_int_equal(engine_patch(f->x, C, STR("b0"), patch, &o, f->a, &r, &position, &other),
                     ERR_NOT_FOUND);
    assert_string_equal(e.message, other.message);
    assert_int_equal(engine_patch(f->x, C, STR("a0"), away, &o, f->a, &r, &position, NULL),
                     ERR_DENIED);
    json_decref(patch);
    json_decref(away);
    assert_true(str_eq(before, payload_of(f, "b1")));
}

static void foreign_documents_are_not_deleted(void **state)
{
    struct fixture *f = *state;
    struct put_options o = {.within = OURS};
    struct put_result r[3];
    struct str ids[] = {STR("b1"), STR("nothing"), STR("a2")}, position;
    struct deleted d;
    struct err_info foreign = {0}, absent = {0};
    fill(f);
    OK(engine_delete(f->x, C, ids, 3, &o, f->a, r, &position, e));
    assert_string_equal(r[0].status, "not_found");
    assert_string_equal(r[1].status, "not_found");
    assert_string_equal(r[2].status, "deleted");
    o.atomic = true;
    enum err x = engine_delete(f->x, C, ids, 1, &o, f->a, r, &position, &foreign);
    assert_int_equal(x, engine_delete(f->x, C, ids + 1, 1, &o, f->a, r, &position, &absent));
    assert_string_equal(foreign.message, absent.message);
    o.atomic = false;
    o.if_revision_set = true;
    o.if_revision = 1;
    OK(engine_delete(f->x, C, ids, 1, &o, f->a, r, &position, e));
    assert_string_equal(r[0].status, "not_found");
    o.if_revision_set = false;
    OK(engine_delete_matching(f->x, C, STR("tenant = b OR topic >= 0"), &o, f->a, &d, &position,
                              e));
    assert_int_equal(d.deleted, EACH - 1);
    assert_int_equal(d.remaining, 0);
    size_t left;
    OK(engine_count(f->x, C, STR("tenant = b"), &left, e));
    assert_int_equal(left, EACH + 1);
}

struct lines {
    const char *const *at;
    struct put_result results[8];
    size_t count;
};

static enum err line_next(void *ctx, struct strbuf *line, struct err_info *e)
{
    struct lines *l = ctx;
    (void)e;
    if (!*l->at)
        return ERR_NOT_FOUND;
    strbuf_add_str(line, str_c(*l->at++));
    return 0;
}

static enum err line_result(void *ctx, uint64_t line, const struct put_result *r)
{
    struct lines *l = ctx;
    assert_int_equal(line, l->count + 1);
    l->results[l->count++] = *r;
    return 0;
}

static void an_import_is_judged_row_by_row(void **state)
{
    struct fixture *f = *state;
    static const char *const lines[] = {"{\"id\":\"b1\",\"text\":\"x\",\"tenant\":\"a\"}",
                                        "{\"id\":\"n\",\"text\":\"x\"}",
                                        "{\"id\":\"n\",\"text\":\"x\",\"tenant\":\"a\"}",
                                        "{\"id\":\"n\",\"text\":\"y\",\"tenant\":\"a\"}", NULL};
    struct lines l = {.at = lines};
    struct put_options o = {.within = OURS, .lane = LANE_BULK};
    struct str position;
    fill(f);
    OK(engine_ingest(f->x, C, &(struct ingest_source){line_next, &l},
                     &(struct ingest_sink){line_result, &l}, &o, NULL, &position, f->a, e));
    assert_int_equal(l.count, 4);
    assert_int_equal(l.results[0].err, ERR_DENIED);
    assert_int_equal(l.results[1].err, ERR_DENIED);
    assert_string_equal(l.results[2].status, "created");
    assert_string_equal(l.results[3].status, "updated");
}

static void searches_find_no_foreign_document(void **state)
{
    struct fixture *f = *state;
    struct facet_request facets[] = {{.field = STR("tenant")}, {.field = STR("topic")}};
    fill(f);
    for (int mode = SEARCH_HYBRID; mode <= SEARCH_LEXICAL; mode++)
        for (int exact = 0; exact < 2; exact++) {
            struct find_request r = {.within = OURS,
                                     .mode = (enum search_mode)mode,
                                     .q = STR("garden football harbour"),
                                     .typos = true,
                                     .limit = 100,
                                     .exact = exact,
                                     .facets = facets,
                                     .facet_count = 2};
            struct find_answer answer;
            OK(engine_search(f->x, C, &r, f->a, &answer, e));
            assert_true(answer.count > 0);
            assert_true(answer.total <= EACH + 2);
            for (size_t i = 0; i < answer.count; i++)
                assert_true(ours(answer.hits[i].document.id));
            assert_int_equal(answer.facets[0].count, 1);
            assert_true(str_eq_c(answer.facets[0].values[0].value, "\"a\""));
        }
    struct find_request r = {.within = OURS, .filter = STR("tenant = b"), .limit = 10};
    struct find_answer answer;
    struct err_info info = {0};
    OK(engine_search(f->x, C, &r, f->a, &answer, e));
    assert_int_equal(answer.total, 0);
    r.filter = STR("tenant = a OR tenant = b OR NOT tenant = a");
    r.sort = &(struct order_key){.field = STR("topic")};
    r.sort_count = 1;
    OK(engine_search(f->x, C, &r, f->a, &answer, e));
    assert_int_equal(answer.total, EACH + 2);
    r.filter = STR("only_b = 1"); /* a field that others have */
    r.sort_count = 0;
    assert_int_equal(engine_search(f->x, C, &r, f->a, &answer, &info), ERR_INVALID);
    assert_null(strstr(info.message, "nearest"));
    r = (struct find_request){
        .within = OURS, .q = STR("-football harbour \"harbour master\""), .limit = 10};
    OK(engine_search(f->x, C, &r, f->a, &answer, e));
    assert_int_equal(answer.total, 2);
}

static void originals_that_are_foreign_are_none(void **state)
{
    struct fixture *f = *state;
    struct document_out d;
    struct find_answer answer;
    fill(f);
    OK(engine_get(f->x, C, STR(""), STR("a-copy"), f->a, &d, e));
    assert_true(str_eq_c(d.duplicate_of, "b-original"));
    OK(engine_get(f->x, C, OURS, STR("a-copy"), f->a, &d, e));
    assert_int_equal(d.duplicate_of.n, 0);
    struct find_request r = {.within = OURS,
                             .mode = SEARCH_LEXICAL,
                             .q = STR("harbour"),
                             .hide_copies = true,
                             .limit = 10};
    OK(engine_search(f->x, C, &r, f->a, &answer, e));
    assert_int_equal(answer.count, 2);
    for (size_t i = 0; i < answer.count; i++)
        assert_int_equal(answer.hits[i].document.duplicate_of.n, 0);
    static const char *const probes[] = {"duplicate_of = \"b-original\"", "duplicate_of EXISTS"};
    for (size_t i = 0; i < 2; i++) {
        r.filter = str_c(probes[i]);
        OK(engine_search(f->x, C, &r, f->a, &answer, e));
        assert_int_equal(answer.count, 0);
    }
}

static void foreign_seeds_and_examples_are_unknown(void **state)
{
    struct fixture *f = *state;
    struct find_answer answer;
    struct str foreign = STR("b1"), own = STR("a0");
    fill(f);
    struct find_request r = {
        .within = OURS, .mode = SEARCH_SEMANTIC, .ids = &foreign, .id_count = 1, .limit = 50};
    assert_int_equal(engine_similar(f->x, C, &r, f->a, &answer, NULL), ERR_NOT_FOUND);
    r.ids = &own;
    OK(engine_similar(f->x, C, &r, f->a, &answer, e));
    assert_int_equal(answer.count, EACH + 1);
    for (size_t i = 0; i < answer.count; i++)
        assert_true(ours(answer.hits[i].document.id));
    struct recommend_answer list;
    struct recommend_request q = {
        .within = OURS, .positive = &foreign, .positive_count = 1, .limit = 10};
    assert_int_equal(engine_recommend(f->x, C, &q, f->a, &list, NULL), ERR_NOT_FOUND);
    q = (struct recommend_request){
        .within = OURS, .session = &foreign, .session_count = 1, .limit = 10};
    assert_int_equal(engine_recommend(f->x, C, &q, f->a, &list, NULL), ERR_NOT_FOUND);
    q = (struct recommend_request){.within = OURS,
                                   .user = STR("u"),
                                   .pins = &(struct recommend_pin){foreign, 0},
                                   .pin_count = 1,
                                   .limit = 10};
    assert_int_equal(engine_recommend(f->x, C, &q, f->a, &list, NULL), ERR_INVALID);
}

static void feed(struct fixture *f, const char *user, const char *document)
{
    struct feedback_in row = {
        .user = str_c(user), .document = str_c(document), .type = STR("like"), .position = -1};
    struct put_result r;
    struct str position;
    OK(engine_feedback_add(f->x, C, &row, 1, NULL, f->a, &r, &position, e));
    assert_int_equal(r.err, 0);
}

static void readers_show_what_they_did_with_ours_alone(void **state)
{
    struct fixture *f = *state;
    fill(f);
    static const char *const read[] = {"b1", "a2", "b3", "b5", "b7", "a4"};
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        feed(f, "u", read[i]);
    feed(f, "stranger", "b9");
    struct feedback_out *rows;
    size_t count;
    uint64_t next;
    OK(engine_feedback_list(f->x, C, OURS, STR("u"), STR(""), 0, 1, f->a, &rows, &count, &next, e));
    assert_int_equal(count, 1);
    assert_true(str_eq_c(rows[0].document, "a4"));
    OK(engine_feedback_list(f->x, C, OURS, STR("u"), STR(""), next, 1, f->a, &rows, &count, &next,
                            e));
    assert_int_equal(count, 1);
    assert_true(str_eq_c(rows[0].document, "a2"));
    if (next)
        OK(engine_feedback_list(f->x, C, OURS, STR("u"), STR(""), next, 1, f->a, &rows, &count,
                                &next, e));
    assert_true(next == 0);
    OK(engine_feedback_list(f->x, C, OURS, STR(""), STR("b1"), 0, 9, f->a, &rows, &count, &next,
                            e));
    assert_int_equal(count, 0);
    struct user_export x;
    OK(engine_user_export(f->x, C, OURS, STR("u"), NULL, 10, f->a, &x, e));
    assert_int_equal(x.feedback_count, 2);
    assert_int_equal(engine_user_export(f->x, C, OURS, STR("stranger"), NULL, 10, f->a, &x, NULL),
                     ERR_NOT_FOUND);
    /* recommendations: of ours, explained by ours */
    for (int whom = 0; whom < 3; whom++) {
        static const char *const users[] = {"u", "stranger", "nobody"};
        struct recommend_request q = {
            .within = OURS, .user = str_c(users[whom]), .limit = 50, .explain = true};
        struct recommend_answer list;
        OK(engine_recommend(f->x, C, &q, f->a, &list, e));
        assert_true(list.count > 0);
        for (size_t i = 0; i < list.count; i++) {
            assert_true(ours(list.rows[i].document.id));
            assert_false(!ours(list.rows[i].document.duplicate_of) &&
                         list.rows[i].document.duplicate_of.n);
            for (size_t k = 0; k < list.rows[i].explanation_count; k++)
                assert_true(ours(list.rows[i].explanation[k].document));
        }
    }
    OK(engine_user_export(f->x, C, STR(""), STR("u"), NULL, 10, f->a, &x, e));
    struct document_reader *readers;
    size_t considered;
    struct document_readers_request r = {
        .within = OURS, .document = STR("b1"), .limit = 10, .active_days = 10};
    assert_int_equal(
        engine_document_readers(f->x, C, &r, f->a, &readers, &count, &considered, NULL),
        ERR_NOT_FOUND);
    r.document = STR("a6");
    OK(engine_document_readers(f->x, C, &r, f->a, &readers, &count, &considered, e));
    assert_int_equal(considered, 1); /* who read something of ours */
    /* and feedback about foreign documents is about unknown ones */
    struct feedback_in row = {
        .user = STR("u"), .document = STR("b11"), .type = STR("like"), .position = -1};
    struct put_result result;
    struct str position;
    OK(engine_feedback_add(f->x, C, &row, 1,
                           &(struct feedback_options){.within = OURS, .create = true}, f->a,
                           &result, &position, e));
    assert_int_equal(result.err, ERR_NOT_FOUND);
}

static void changes_are_of_ours(void **state)
{
    struct fixture *f = *state;
    struct change_out *rows;
    size_t count, all = 0;
    struct str next = STR("");
    struct change_sight s = {.within = OURS};
    fill(f);
    delete_one(f, "b1");
    feed(f, "u", "a0");
    for (int i = 0; i < 20; i++) {
        OK(engine_changes(f->x, &s, next, 3, f->a, &rows, &count, &next, e));
        for (size_t k = 0; k < count; k++) {
            assert_non_null(strstr(arena_str(f->a, rows[k].data).s, "\"a"));
            assert_null(strstr(arena_str(f->a, rows[k].data).s, "\"b"));
        }
        all += count;
    }
    assert_int_equal(all, EACH + 2);
    struct str other = STR("another");
    s = (struct change_sight){.collections = &other, .collection_count = 1};
    OK(engine_changes(f->x, &s, STR(""), 100, f->a, &rows, &count, &next, e));
    assert_int_equal(count, 0);
}

/* ---- any question at all ---- */

#define FUZZ_EACH 60
#define FUZZ_QUERIES (SLOW ? 300 : 3000)

struct fuzz {
    struct fixture *f;
    struct arena *a;
    struct rng random;
    uint64_t answered, refused;
};

static uint32_t below(struct fuzz *z, uint32_t n)
{
    return (uint32_t)rng_below(&z->random, n);
}

static const char *pick(struct fuzz *z, const char *const *list, size_t count)
{
    return list[below(z, (uint32_t)count)];
}
#define PICK(z, list) str_c(pick(z, list, sizeof list / sizeof *list))

/* Ours more often than theirs: most questions shall get an answer. */
static struct str some_id(struct fuzz *z)
{
    uint32_t n = 2 * below(z, FUZZ_EACH);
    return str_c(below(z, 6) ? arena_printf(z->a, "a%u", n) : arena_printf(z->a, "b%u", n + 1));
}

static struct str *some_ids(struct fuzz *z, size_t *count)
{
    *count = below(z, 4);
    struct str *ids = arena_array(z->a, *count + 1, sizeof *ids);
    for (size_t i = 0; i < *count; i++)
        ids[i] = some_id(z);
    return ids;
}

static struct str some_user(struct fuzz *z)
{
    return str_c(arena_printf(z->a, "u%u", below(z, 12)));
}

static struct str some_filter(struct fuzz *z)
{
    static const char *const filters[] = {"",
                                          "",
                                          "",
                                          "tenant = b",
                                          "tenant = a OR tenant = b",
                                          "NOT tenant = a",
                                          "tenant != a",
                                          "topic >= 1",
                                          "topic = 2 OR NOT topic EXISTS",
                                          "id IN [a0, b1, b3]",
                                          "duplicate_of EXISTS",
                                          "NOT duplicate_of EXISTS",
                                          "duplicate_of = b1",
                                          "of_b EXISTS",
                                          "of_b > 3 OR topic = 0",
                                          "tenant IN [a, b]) OR (tenant = b",
                                          "created > 2000-01-01",
                                          "NOT (tenant = a AND topic = 1)"};
    return PICK(z, filters);
}

static void asked(struct fuzz *z, enum err err)
{
    if (err && err != ERR_INVALID && err != ERR_NOT_FOUND && err != ERR_UNAVAILABLE &&
        err != ERR_CONFLICT)
        fail_msg("%s", err_name(err));
    z->answered += !err;
    z->refused += err != 0;
}

static void only_ours(struct str id)
{
    if (id.n && id.s[0] != 'a')
        fail_msg("foreign: %.*s", STR_ARG(id));
}

static void document_ours(const struct document_out *d)
{
    assert_true(d->id.n > 0);
    only_ours(d->id);
    only_ours(d->duplicate_of);
}

static void find_ours(const struct find_answer *answer)
{
    assert_true(answer->total <= FUZZ_EACH);
    for (size_t i = 0; i < answer->count; i++)
        document_ours(&answer->hits[i].document);
    for (size_t i = 0; i < answer->facet_count; i++)
        for (size_t k = 0; k < answer->facets[i].count; k++)
            assert_false(str_eq_c(answer->facets[i].values[k].value, "\"b\""));
}

static void ask_find(struct fuzz *z)
{
    static const char *const words[] = {"garden",
                                        "footbal goal",
                                        "bword3",
                                        "guitar -music",
                                        "\"match goal\"",
                                        "b1",
                                        "number",
                                        "bwrd5 aword2",
                                        "",
                                        "*",
                                        "stock m",
                                        "harbour"};
    static const char *const fields[] = {"topic", "topic", "tenant", "tenant",
                                         "topic", "of_b",  "nothing"};
    struct facet_request facets[] = {{.field = STR("tenant")}, {.field = PICK(z, fields)}};
    struct order_key key = {.field = PICK(z, fields)};
    struct search_boost boost = {.kind = SEARCH_BOOST_NUMBER,
                                 .field = PICK(z, fields),
                                 .weight = .5,
                                 .scale = 1,
                                 .origin = NAN};
    struct find_answer answer = {0};
    struct find_request r = {.within = OURS,
                             .mode = (enum search_mode)below(z, 3),
                             .q = PICK(z, words),
                             .match_all = !below(z, 4),
                             .prefix = below(z, 2),
                             .typos = below(z, 2),
                             .filter = some_filter(z),
                             .limit = below(z, 80),
                             .offset = below(z, 3) ? 0 : below(z, 20),
                             .boosts = &boost,
                             .boost_count = !below(z, 4),
                             .facets = facets,
                             .facet_count = !below(z, 4) ? 1 + below(z, 2) : 0,
                             .explain = below(z, 2),
                             .user = below(z, 3) ? STR("") : some_user(z),
                             .user_weight = .3,
                             .sort = &key,
                             .sort_count = !below(z, 4),
                             .group_by = below(z, 5) ? STR("") : key.field,
                             .group_limit = 2,
                             .hide_copies = !below(z, 4),
                             .exact = below(z, 2),
                             .snippet_chars = below(z, 2) ? 40 : 0,
                             .exclude = some_ids(z, &(size_t){0})};
    if (str_eq(facets[0].field, facets[1].field))
        r.facet_count = 0;
    if (below(z, 2)) {
        asked(z, engine_search(z->f->x, C, &r, z->a, &answer, NULL));
    } else {
        r.ids = some_ids(z, &r.id_count);
        r.text = r.id_count ? STR("") : STR("garden bword4");
        r.mode = SEARCH_SEMANTIC;
        r.q = STR("");
        r.diversity = below(z, 2) ? .3 : 0;
        asked(z, engine_similar(z->f->x, C, &r, z->a, &answer, NULL));
    }
    find_ours(&answer);
}

static void ask_recommend(struct fuzz *z)
{
    static const char *const blends[] = {"", "", "popular", "profile + trending", "0 - age"};
    struct recommend_answer list = {0};
    struct recommend_pin pin = {some_id(z), 0};
    struct recommend_boost boost = {some_filter(z), 3};
    struct recommend_cap cap = {STR("topic"), 2};
    struct recommend_request r = {.within = OURS,
                                  .user = below(z, 2) ? some_user(z) : STR(""),
                                  .blend = PICK(z, blends),
                                  .filter = some_filter(z),
                                  .limit = 1 + below(z, 40),
                                  .exclude_seen = below(z, 2),
                                  .pins = &pin,
                                  .pin_count = !below(z, 4),
                                  .boosts = &boost,
                                  .boost_count = !below(z, 4),
                                  .caps = &cap,
                                  .cap_count = !below(z, 4),
                                  .diversity = below(z, 2) ? .3 : 0,
                                  .explore = below(z, 2) ? .2 : 0,
                                  .explain = below(z, 2)};
    r.positive = some_ids(z, &r.positive_count);
    r.negative = some_ids(z, &r.negative_count);
    r.session = some_ids(z, &r.session_count);
    r.exclude = some_ids(z, &r.exclude_count);
    asked(z, engine_recommend(z->f->x, C, &r, z->a, &list, NULL));
    for (size_t i = 0; i < list.count; i++) {
        document_ours(&list.rows[i].document);
        for (size_t k = 0; k < list.rows[i].explanation_count; k++)
            only_ours(list.rows[i].explanation[k].document);
    }
}

static void ask_documents(struct fuzz *z)
{
    struct document_out d, *list;
    size_t count;
    bool more;
    struct str id = some_id(z);
    enum err err = engine_get(z->f->x, C, OURS, id, z->a, &d, NULL);
    asked(z, err);
    if (!err)
        document_ours(&d);
    assert_true(err || ours(id));
    err = engine_list(z->f->x, C, OURS, some_filter(z), below(z, 2) ? id : STR(""), below(z, 3),
                      1 + below(z, 50), z->a, &list, &count, &more, NULL);
    asked(z, err);
    for (size_t i = 0; !err && i < count; i++)
        document_ours(&list[i]);
}

static void ask_many(struct fuzz *z)
{
    struct document_out list[4];
    struct str ids[4], position;
    struct export *x;
    const struct document_out *some;
    size_t count;
    const struct field_choice fields = {.given = below(z, 2)};
    for (size_t i = 0; i < 4; i++)
        ids[i] = some_id(z);
    enum err err = engine_get_many(z->f->x, C, OURS, ids, 4, &fields, 1u << 20, z->a, list, NULL);
    asked(z, err);
    for (size_t i = 0; !err && i < 4; i++)
        assert_true(!list[i].number || (ours(list[i].id) && str_eq(list[i].id, ids[i])));
    const struct export_request r = {
        .within = OURS, .filter = some_filter(z), .after = ids[0], .fields = fields};
    err = engine_export_open(z->f->x, C, &r, z->a, &position, &x, NULL);
    asked(z, err);
    if (err)
        return;
    do {
        assert_int_equal(engine_export_next(x, &some, &count, NULL), ERR_OK);
        for (size_t i = 0; i < count; i++)
            document_ours(&some[i]);
    } while (count);
    engine_export_close(x);
}

static void ask_readers(struct fuzz *z)
{
    struct feedback_out *rows;
    struct user_export x;
    struct document_reader *readers;
    size_t count, considered;
    uint64_t next;
    struct document_readers_request r = {.within = OURS,
                                         .document = some_id(z),
                                         .limit = 10,
                                         .include_seen = below(z, 2),
                                         .active_days = 10};
    enum err err = engine_feedback_list(z->f->x, C, OURS, below(z, 2) ? some_user(z) : STR(""),
                                        below(z, 2) ? some_id(z) : STR(""), 0, 1 + below(z, 20),
                                        z->a, &rows, &count, &next, NULL);
    asked(z, err);
    for (size_t i = 0; !err && i < count; i++)
        only_ours(rows[i].document);
    err =
        engine_user_export(z->f->x, C, OURS, some_user(z), NULL, 1 + below(z, 20), z->a, &x, NULL);
    asked(z, err);
    for (size_t i = 0; !err && i < x.feedback_count; i++)
        only_ours(x.feedback[i].document);
    for (size_t i = 0; !err && i < x.answer_count; i++)
        for (size_t k = 0; k < x.answers[i].count; k++)
            only_ours(x.answers[i].slots[k].document);
    asked(z, engine_document_readers(z->f->x, C, &r, z->a, &readers, &count, &considered, NULL));
}

static void fuzz_fill(struct fixture *f)
{
    static const char *const topics[] = {"football match goal", "garden flower soil",
                                         "guitar music song", "stock market bank"};
    char text[400], user[8], document[8];
    create(f, "c");
    for (int i = 0; i < 2 * FUZZ_EACH; i++) {
        char t = i % 2 ? 'b' : 'a';
        snprintf(text, sizeof text,
                 "{'id':'%c%d','text':'%s %cword%d number%d','topic':%d,'tenant':'%c'%s}", t, i,
                 i % 8 < 2 ? COPIED : topics[i / 2 % 4], t, i, i, i / 2 % 4, t,
                 i % 2 ? ",'of_b':7" : "");
        put(f, text);
    }
    for (int i = 0; i < 80; i++) {
        snprintf(user, sizeof user, "u%d", i % 10);
        snprintf(document, sizeof document, "%c%d", i * 7 % (2 * FUZZ_EACH) % 2 ? 'b' : 'a',
                 i * 7 % (2 * FUZZ_EACH));
        feed(f, user, document);
    }
    for (int i = 0; i < 10; i++) { /* answers of before, of both */
        struct recommend_answer list;
        snprintf(user, sizeof user, "u%d", i);
        struct recommend_request q = {.user = str_c(user), .limit = 20};
        OK(engine_recommend(f->x, C, &q, f->a, &list, e));
    }
}

/* AKIN_SIGHT_QUERIES=200000 for the long run. */
static void no_question_gets_a_foreign_document(void **state)
{
    struct fuzz z = {.f = *state, .a = arena_new(0)};
    const char *wanted = getenv("AKIN_SIGHT_QUERIES");
    long queries = wanted ? atol(wanted) : FUZZ_QUERIES;
    rng_init(&z.random, 8);
    fuzz_fill(z.f);
    while ((long)(z.answered + z.refused) < queries) {
        uint32_t kind = below(&z, 9);
        if (kind < 4)
            ask_find(&z);
        else if (kind < 6)
            ask_recommend(&z);
        else if (kind == 6)
            ask_documents(&z);
        else if (kind == 7)
            ask_many(&z);
        else
            ask_readers(&z);
        arena_reset(z.a);
    }
    print_message("%llu answered, %llu refused\n", (unsigned long long)z.answered,
                  (unsigned long long)z.refused);
    assert_true(z.answered > z.refused);
    arena_free(z.a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(foreign_documents_are_not_there),
        TEST(writes_over_foreign_documents_are_refused),
        TEST(foreign_documents_are_not_deleted),
        TEST(an_import_is_judged_row_by_row),
        TEST(searches_find_no_foreign_document),
        TEST(originals_that_are_foreign_are_none),
        TEST(foreign_seeds_and_examples_are_unknown),
        TEST(readers_show_what_they_did_with_ours_alone),
        TEST(changes_are_of_ours),
        TEST(no_question_gets_a_foreign_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
