/* One document at a time: put, get, patch, delete, and what is refused. */
#include "help.h"
#include <math.h>

static void put_is_found_by_the_next_search(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    struct put_result r =
        put(f, "{'id':'a','title':'Apples','text':'Green apples grow on trees.','tags':['fruit']}");
    assert_int_equal(r.err, 0);
    assert_string_equal(r.status, "created");
    assert_true(r.revision > 0);
    for (int mode = 0; mode < 3; mode++) {
        struct find_answer answer = search(f, "green apples", (enum search_mode)mode, "", 10);
        assert_int_equal(answer.count, 1);
        assert_true(found(&answer, "a"));
        assert_true(str_eq_c(answer.hits[0].passage.text, "Green apples grow on trees."));
    }
    struct document_out d;
    OK(engine_get(f->x, C, STR(""), STR("a"), f->a, &d, e));
    assert_true(str_eq_c(
        d.payload,
        "{\"tags\":[\"fruit\"],\"text\":\"Green apples grow on trees.\",\"title\":\"Apples\"}"));
    assert_int_equal(d.revision, r.revision);
}

static void equal_is_unchanged_and_metadata_needs_no_inference(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    struct put_result first = put(f, "{'id':'a','text':'some words here','year':2020}");
    double before = metric("akin_embeddings_generated_total{model=\"stub\"} ");
    assert_true(before >= 1);
    struct put_result r = put(f, "{'year':2020,'text':'some words here','id':'a'}");
    assert_string_equal(r.status, "unchanged");
    assert_int_equal(r.revision, first.revision);
    r = put(f, "{'id':'a','text':'some words here','year':2021,'tags':['x']}");
    assert_string_equal(r.status, "updated");
    assert_true(r.revision > first.revision);
    assert_true(metric("akin_embeddings_generated_total{model=\"stub\"} ") == before);
    struct find_answer answer = search(f, "words", SEARCH_HYBRID, "year = 2021", 10);
    assert_int_equal(answer.count, 1);
    put(f, "{'id':'a','text':'other words here','year':2021}");
    assert_true(metric("akin_embeddings_generated_total{model=\"stub\"} ") > before);
    doctor(f, NULL);
}

static void delete_leaves_no_ghost(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    put(f, "{'id':'a','text':'shining brass'}");
    put(f, "{'id':'b','text':'shining gold'}");
    delete_one(f, "a");
    for (int mode = 0; mode < 3; mode++) {
        struct find_answer answer = search(f, "shining brass", (enum search_mode)mode, "", 10);
        assert_false(found(&answer, "a"));
        assert_true(found(&answer, "b"));
    }
    struct document_out d;
    assert_int_equal(engine_get(f->x, C, STR(""), STR("a"), f->a, &d, NULL), ERR_NOT_FOUND);
    struct str id = STR("a"), position;
    struct put_result r;
    OK(engine_delete(f->x, C, &id, 1, NULL, f->a, &r, &position, e));
    assert_string_equal(r.status, "not_found");
    doctor(f, NULL);
}

static void a_batch_is_judged_row_by_row_in_order(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    json_t *v = parse("[{\"id\":\"a\",\"text\":\"one\"},{\"id\":\"a\",\"text\":\"one\"},{\"id\":"
                      "\"b\"},{\"id\":\"a\",\"text\":\"two\"},"
                      "{\"id\":7,\"text\":\"seven\"},{\"id\":\"a\",\"text\":\"one\"}]");
    static const char *const expected[] = {"created", "unchanged", "failed",
                                           "updated", "created",   "updated"};
    const json_t *docs[6];
    struct put_result r[6];
    struct str position;
    for (size_t i = 0; i < 6; i++)
        docs[i] = json_array_get(v, i);
    OK(engine_put(f->x, C, docs, 6, NULL, f->a, r, &position, e));
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(r[i].status, expected[i]);
    assert_int_equal(r[2].err, ERR_INVALID);
    assert_string_equal(r[2].info.field, "/text");
    assert_true(str_eq_c(r[4].id, "7"));
    struct find_answer answer = search(f, "one", SEARCH_LEXICAL, "", 10);
    assert_true(found(&answer, "a"));
    doctor(f, NULL);

    /* The last of an id wins, also if it is what the store holds when the batch comes. */
    json_t *w = parse("[{\"id\":\"a\",\"text\":\"three\"},{\"id\":\"a\",\"text\":\"one\"}]");
    docs[0] = json_array_get(w, 0);
    docs[1] = json_array_get(w, 1);
    OK(engine_put(f->x, C, docs, 2, NULL, f->a, r, &position, e));
    assert_string_equal(r[1].status, "updated");
    answer = search(f, "three", SEARCH_LEXICAL, "", 10);
    assert_int_equal(answer.count, 0);
    json_decref(w);

    struct put_options atomic = {.atomic = true};
    struct err_info info = {0};
    docs[0] = json_array_get(v, 4);
    json_object_set_new((json_t *)docs[0], "id", json_string("never"));
    docs[1] = json_array_get(v, 2);
    assert_int_equal(engine_put(f->x, C, docs, 2, &atomic, f->a, r, &position, &info), ERR_INVALID);
    assert_string_equal(info.field, "/1/text");
    struct document_out d;
    assert_int_equal(engine_get(f->x, C, STR(""), STR("never"), f->a, &d, NULL), ERR_NOT_FOUND);
    json_decref(v);
}

static void wrong_documents_name_the_field(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *document, *field;
    } cases[] = {
        {"{'id':'','text':'x'}", "/id"},
        {"{'id':'..','text':'x'}", "/id"},
        {"{'id':'a\\u0007b','text':'x'}", "/id"},
        {"{'id':1.5,'text':'x'}", "/id"},
        {"{'id':'a','text':7}", "/text"},
        {"{'id':'a','text':'  '}", "/text"},
        {"{'id':'a'}", "/text"},
        {"{'id':'a','text':'x','tags':['ok','ok','ok',4]}", "/tags/3"},
        {"{'id':'a','text':'x','tags':'t'}", "/tags"},
        {"{'id':'a','text':'x','attributes':[]}", "/attributes"},
        {"{'id':'a','text':'x','attributes':{'k':1},'k':2}", "/k"},
        {"{'id':'a','text':'x','expires':'tomorrow'}", "/expires"},
        {"{'id':'a','text':'x','lang':'e_n'}", "/lang"},
        {"{'id':'a','text':'x','lang':'e'}", "/lang"},
        {"{'id':'a','text':'x','lang':'en-'}", "/lang"},
        {"{'id':'a','text':'x','lang':'en-GB-abcdefghi'}", "/lang"},
        {"{'id':'a','text':'x','lang':'123'}", "/lang"},
        {"{'id':'a','text':'x','vector':[1,2]}", "/vector"},
        {"[]", ""},
    };
    create(f, "c");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct put_result r = put(f, cases[i].document);
        if (!r.err || strcmp(r.info.field, cases[i].field) != 0)
            fail_msg("%s: %s at \"%s\"", cases[i].document, err_name(r.err), r.info.field);
    }
    struct collection_info info;
    OK(engine_collection_get(f->x, C, f->a, &info, e));
    assert_int_equal(info.documents, 0);
}

static void fields_are_found_where_they_are_mapped(void **state)
{
    struct fixture *f = *state;
    struct collection_info info;
    json_t *settings =
        parse("{\"mapping\":{\"text\":\"abstract\",\"id\":\"sku\"},\"extra_fields\":\"error\"}");
    OK(engine_collection_create(f->x, C, settings, NULL, f->a, &info, e));
    json_decref(settings);
    assert_int_equal(put(f, "{'sku':'p1','abstract':'a pump'}").err, 0);
    assert_true(found(&(struct find_answer[]){search(f, "pump", SEARCH_LEXICAL, "", 5)}[0], "p1"));
    struct put_result r = put(f, "{'sku':'p2','abstract':'a pump','color':'red'}");
    assert_string_equal(r.info.field, "/color");
    create(f, "plain");
    put_into(f, STR("plain"), "{'id':'x','body':'from the body','n':3}");
    struct document_out d;
    OK(engine_get(f->x, STR("plain"), STR(""), STR("x"), f->a, &d, e));
    assert_true(
        str_eq_c(d.payload,
                 "{\"detected_lang\":\"en\",\"attributes\":{\"n\":3},\"text\":\"from the body\"}"));
}

static void lang_is(struct fixture *f, const char *id, const char *given, const char *detected)
{
    struct document_out d;
    json_t *object = NULL;
    OK(engine_get(f->x, C, STR(""), str_c(id), f->a, &d, e));
    OK(json_parse(d.payload, &object, e));
    assert_true(str_eq_c(json_str(json_object_get(object, "lang")), given));
    assert_true(str_eq_c(json_str(json_object_get(object, "detected_lang")), detected));
    json_decref(object);
}

static void a_language_that_is_not_given_is_detected(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    assert_int_equal(put(f, "{'id':'de','text':'Der Laden an der Ecke war geschlossen'}").err, 0);
    assert_int_equal(put(f, "{'id':'x','text':'0815 4711'}").err, 0);
    assert_int_equal(put(f, "{'id':'given','lang':'en-GB','text':'Der Laden an der Ecke'}").err, 0);
    lang_is(f, "de", "", "de");
    lang_is(f, "x", "", "");
    lang_is(f, "given", "en-GB", "");
    struct find_answer answer = search(f, "laden 4711", SEARCH_LEXICAL, "lang = de", 5);
    assert_int_equal(answer.count, 1);
    assert_true(found(&answer, "de"));

    /* What was read may be written back, and what was detected is no change. */
    const char *again =
        "{'id':'de','detected_lang':'fr','text':'Der Laden an der Ecke war geschlossen'}";
    assert_string_equal(put(f, again).status, "unchanged");
    lang_is(f, "de", "", "de");
    assert_string_equal(
        put(f, "{'id':'de','text':'The shop at the corner was closed', 'detected_lang':'de'}")
            .status,
        "updated");
    lang_is(f, "de", "", "en");
    assert_string_equal(
        put(f, "{'id':'de','lang':'de','text':'The shop at the corner was closed'}").status,
        "updated");
    lang_is(f, "de", "de", "");
    struct put_result r;
    struct str position;
    json_t *p = parse("{\"lang\":null,\"text\":\"La tienda de la esquina no estaba abierta\"}");
    OK(engine_patch(f->x, C, STR("de"), p, NULL, f->a, &r, &position, e));
    json_decref(p);
    lang_is(f, "de", "", "es");
}

static void conditions_are_judged(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    json_t *v = parse("{\"id\":\"a\",\"text\":\"one\"}");
    const json_t *docs[] = {v};
    struct put_result r;
    struct str position;
    struct put_options fresh = {.if_revision = UINT64_MAX, .if_revision_set = true};
    OK(engine_put(f->x, C, docs, 1, &fresh, f->a, &r, &position, e));
    assert_string_equal(r.status, "created");
    OK(engine_put(f->x, C, docs, 1, &fresh, f->a, &r, &position, e));
    assert_int_equal(r.err, ERR_PRECONDITION);
    json_decref(v);
}

static void patch_merges(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    put(f, "{'id':'a','title':'T','text':'words of old','attributes':{'x':1,'y':{'z':2}}}");
    double before = metric("akin_embeddings_generated_total{model=\"stub\"} ");
    json_t *p = parse("{\"attributes\":{\"x\":null,\"y\":{\"w\":3}},\"tags\":[\"new\"]}");
    struct put_result r;
    struct str position;
    struct document_out d;
    OK(engine_patch(f->x, C, STR("a"), p, NULL, f->a, &r, &position, e));
    assert_string_equal(r.status, "updated");
    OK(engine_get(f->x, C, STR(""), STR("a"), f->a, &d, e));
    assert_true(str_eq_c(d.payload, "{\"attributes\":{\"y\":{\"w\":3,\"z\":2}},\"tags\":[\"new\"],"
                                    "\"text\":\"words of old\",\"title\":\"T\"}"));
    assert_true(metric("akin_embeddings_generated_total{model=\"stub\"} ") == before);
    json_decref(p);
    p = parse("{\"body\":\"words of new\",\"title\":null}");
    OK(engine_patch(f->x, C, STR("a"), p, NULL, f->a, &r, &position, e));
    json_decref(p);
    struct find_answer answer = search(f, "new", SEARCH_LEXICAL, "", 5);
    assert_true(found(&answer, "a"));
    answer = search(f, "old", SEARCH_LEXICAL, "", 5);
    assert_false(found(&answer, "a"));
    p = parse("{\"text\":null}");
    assert_int_equal(engine_patch(f->x, C, STR("a"), p, NULL, f->a, &r, &position, NULL),
                     ERR_INVALID);
    assert_int_equal(engine_patch(f->x, C, STR("none"), p, NULL, f->a, &r, &position, NULL),
                     ERR_NOT_FOUND);
    json_decref(p);
    doctor(f, NULL);
}

static void a_client_vector_is_taken(void **state)
{
    struct fixture *f = *state;
    struct collection_info info;
    struct strbuf b;
    create(f, "c");
    OK(engine_collection_get(f->x, C, f->a, &info, e));
    strbuf_init(&b, 0);
    strbuf_add_c(&b, "{'id':'v','text':'by hand','vector':[1");
    for (unsigned i = 1; i < info.dims; i++)
        strbuf_add_c(&b, ",0");
    strbuf_add_c(&b, "]}");
    double before = metric("akin_embeddings_generated_total{model=\"stub\"} ");
    assert_string_equal(put(f, b.buf).status, "created");
    assert_string_equal(put(f, b.buf).status, "unchanged");
    assert_true(metric("akin_embeddings_generated_total{model=\"stub\"} ") == before);
    strbuf_release(&b);
    float *q = arena_array(f->a, info.dims, sizeof *q);
    q[0] = 2;
    struct find_request r = {.vector = q, .vector_dims = info.dims, .limit = 3};
    struct find_answer answer;
    OK(engine_similar(f->x, C, &r, f->a, &answer, e));
    assert_int_equal(answer.count, 1);
    assert_true(fabs(answer.hits[0].cosine - 1) < 1e-3);
    struct document_out d;
    OK(engine_get(f->x, C, STR(""), STR("v"), f->a, &d, e));
    assert_true(str_eq_c(d.payload, "{\"text\":\"by hand\"}"));
    /* Metadata may change, the vector stays; a new text is embedded. */
    json_t *p = parse("{\"tags\":[\"t\"]}");
    struct put_result pr;
    struct str position;
    OK(engine_patch(f->x, C, STR("v"), p, NULL, f->a, &pr, &position, e));
    json_decref(p);
    assert_true(metric("akin_embeddings_generated_total{model=\"stub\"} ") == before);
    p = parse("{\"text\":\"by machine\"}");
    OK(engine_patch(f->x, C, STR("v"), p, NULL, f->a, &pr, &position, e));
    json_decref(p);
    assert_true(metric("akin_embeddings_generated_total{model=\"stub\"} ") > before);
}

static void a_pending_document_is_found_by_words_then_by_meaning(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    json_t *v = parse("{\"id\":\"p\",\"text\":\"patience brings roses\"}");
    const json_t *docs[] = {v};
    struct put_options async = {.async = true};
    struct put_result r;
    struct str position;
    OK(engine_put(f->x, C, docs, 1, &async, f->a, &r, &position, e));
    assert_string_equal(r.status, "created");
    json_decref(v);
    struct find_answer answer = search(f, "roses", SEARCH_LEXICAL, "", 5);
    assert_true(found(&answer, "p"));
    struct document_out d = {.pending = true};
    for (int i = 0; i < 500 && d.pending; i++) {
        clock_sleep_ns(10000000);
        OK(engine_get(f->x, C, STR(""), STR("p"), f->a, &d, e));
    }
    assert_false(d.pending);
    struct str now;
    engine_position(f->x, f->a, &now);
    OK(engine_wait(f->x, now, 0, e));
    answer = search(f, "roses", SEARCH_SEMANTIC, "", 5);
    assert_true(found(&answer, "p"));
    doctor(f, NULL);
}

static void expired_documents_go(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    assert_int_equal(put(f, "{'id':'old','text':'long ago','expires':'2001-01-01T00:00:00Z'}").err,
                     0);
    put(f, "{'id':'new','text':'long ago too','expires':'2999-01-01T00:00:00Z'}");
    struct find_answer answer = search(f, "long ago", SEARCH_HYBRID, "", 5);
    assert_false(found(&answer, "old"));
    assert_true(found(&answer, "new"));
    struct collection_info info = {.documents = 2};
    for (int i = 0; i < 500 && info.documents == 2; i++) {
        clock_sleep_ns(10000000);
        OK(engine_collection_get(f->x, C, f->a, &info, e));
    }
    assert_int_equal(info.documents, 1);
}

static void lists_go_by_id_and_filter(void **state)
{
    struct fixture *f = *state;
    char text[100];
    create(f, "c");
    for (int i = 0; i < 25; i++) {
        snprintf(text, sizeof text, "{'id':'d%02d','text':'text %d','even':%s}", i, i,
                 i % 2 ? "false" : "true");
        put(f, text);
    }
    struct document_out *out;
    size_t count;
    bool more;
    OK(engine_list(f->x, C, STR(""), STR(""), STR("d09"), 0, 10, f->a, &out, &count, &more, e));
    assert_int_equal(count, 10);
    assert_true(more);
    assert_true(str_eq_c(out[0].id, "d10"));
    OK(engine_list(f->x, C, STR(""), STR("even = true"), STR("d09"), 1, 10, f->a, &out, &count,
                   &more, e));
    assert_int_equal(count, 7);
    assert_false(more);
    assert_true(str_eq_c(out[0].id, "d12"));
    struct err_info info = {0};
    assert_int_equal(engine_list(f->x, C, STR(""), STR("even ="), STR(""), 0, 1, f->a, &out, &count,
                                 &more, &info),
                     ERR_INVALID);
    assert_string_equal(info.field, "/filter");
}

static void long_texts_become_passages(void **state)
{
    struct fixture *f = *state;
    struct strbuf b;
    create(f, "c");
    strbuf_init(&b, 0);
    strbuf_add_c(&b, "{'id':'long','title':'A long one','text':'");
    for (int i = 0; i < 3000; i++)
        strbuf_printf(&b, "Sentence number%d stands here. ", i);
    strbuf_add_c(&b, "'}");
    assert_int_equal(put(f, b.buf).err, 0);
    strbuf_release(&b);
    struct collection_info info;
    OK(engine_collection_get(f->x, C, f->a, &info, e));
    assert_true(info.passages > 10);
    struct find_answer answer = search(f, "number2900", SEARCH_LEXICAL, "", 5);
    assert_int_equal(answer.count, 1);
    assert_non_null(strstr(answer.hits[0].passage.text.s, "number2900"));
    assert_true(answer.hits[0].passage.highlight_count >= 1);
    doctor(f, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(put_is_found_by_the_next_search),
        TEST(equal_is_unchanged_and_metadata_needs_no_inference),
        TEST(delete_leaves_no_ghost),
        TEST(a_batch_is_judged_row_by_row_in_order),
        TEST(wrong_documents_name_the_field),
        TEST(a_language_that_is_not_given_is_detected),
        TEST(fields_are_found_where_they_are_mapped),
        TEST(conditions_are_judged),
        TEST(patch_merges),
        TEST(a_client_vector_is_taken),
        TEST(a_pending_document_is_found_by_words_then_by_meaning),
        TEST(expired_documents_go),
        TEST(lists_go_by_id_and_filter),
        TEST(long_texts_become_passages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
