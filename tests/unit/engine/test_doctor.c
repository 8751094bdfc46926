/* What engine_check finds when an index is not what the store holds, and that it finds nothing
 * while others write. The indexes are spoiled through their own headers. */
#include "help.h"
#include "engine/internal.h"

struct told {
    struct strbuf wrong;
    unsigned lines, left_out;
};

static void line(void *ctx, const struct check_line *l)
{
    struct told *t = ctx;
    t->lines++;
    t->left_out += l->state == CHECK_LEFT_OUT;
    assert_true(l->state == CHECK_OK || *l->text);
    if (l->state == CHECK_WRONG) {
        assert_true(*l->next);
        strbuf_printf(&t->wrong, "%s: %s\n", l->what, l->text);
    }
}

static enum err examine(struct fixture *f, bool serving, struct told *t)
{
    struct check_watch w = {.ctx = t, .serving = serving, .line = line};
    struct err_info e = {0};
    *t = (struct told){0};
    strbuf_init(&t->wrong, 0);
    return engine_check(f->x, &w, NULL, &e);
}

static void expect(struct fixture *f, const char *text)
{
    for (int serving = 0; serving < 2; serving++) {
        struct told t;
        assert_int_equal(examine(f, serving, &t), ERR_CORRUPT);
        if (!t.wrong.n || !strstr(t.wrong.buf, text))
            fail_msg("wanted \"%s\", got \"%s\"", text, t.wrong.n ? t.wrong.buf : "");
        strbuf_release(&t.wrong);
    }
}

static struct collection *with_documents(struct fixture *f)
{
    struct collection *c;
    create(f, "c");
    for (int i = 0; i < 20; i++)
        put(f, arena_printf(f->a, "{'id':'d%d','text':'text number %d','attributes':{'n':%d}}", i,
                            i, i));
    OK(collection_find(f->x, C, &c, e));
    return c;
}

static void nothing_is_wrong(void **state)
{
    struct fixture *f = *state;
    struct told t;
    collection_unref(with_documents(f));
    assert_int_equal(examine(f, false, &t), 0);
    assert_int_equal(t.left_out, 0);
    assert_int_equal(t.lines, 5); /* store, documents, graph, words, near-duplicates */
    assert_int_equal(examine(f, true, &t), 0);
    assert_int_equal(t.left_out, 3);
}

static void vectors_that_differ(void **state)
{
    struct fixture *f = *state;
    struct collection *c = with_documents(f);
    struct version *v = version_active(c);
    uint32_t count;
    uint64_t revision;
    uint16_t *rows = vectors_rows(v->vectors, 3, &count, &revision);
    vectors_delete(v->vectors, 3);
    expect(f, "\"d2\": its vectors are missing");
    OK(vectors_put(v->vectors, 3, revision + 1, rows, count, e));
    expect(f, "\"d2\": the vectors are of another revision");
    rows[0] ^= 1;
    OK(vectors_put(v->vectors, 3, revision, rows, count, e));
    expect(f, "\"d2\": a vector differs");
    rows[0] ^= 1;
    OK(vectors_put(v->vectors, 3, revision, rows, count, e));
    OK(vectors_put(v->vectors, 90, revision, rows, count, e)); /* beyond all that there ever was */
    expect(f, "vectors: 21 documents are there, the store has 20");
    free(rows);
    version_unref(v);
    collection_unref(c);
}

static void ghosts(void **state)
{
    struct fixture *f = *state;
    struct collection *c = with_documents(f);
    struct version *v = version_active(c);
    uint32_t count;
    uint64_t revision;
    uint16_t *rows = vectors_rows(v->vectors, 3, &count, &revision);
    delete_one(f, "d2");
    OK(vectors_put(v->vectors, 3, revision, rows, count, e));
    expect(f, "document 3 \"\": the vectors of a deleted document are there");
    vectors_delete(v->vectors, 3);
    live_set(c, 3, (struct live_row){revision});
    expect(f, "the live state has a deleted document");
    live_set(c, 3, (struct live_row){0});
    json_t *object = parse("{\"id\":\"d2\"}");
    attributes_put(c->attributes, 3, object);
    json_decref(object);
    expect(f, "the attributes of a deleted document are there");
    free(rows);
    version_unref(v);
    collection_unref(c);
}

static void attributes_that_differ(void **state)
{
    struct fixture *f = *state;
    struct collection *c = with_documents(f);
    json_t *object = parse("{\"id\":\"d4\",\"text\":\"text number 4\",\"attributes\":{\"n\":5}}");
    attributes_put(c->attributes, 5, object);
    json_decref(object);
    expect(f, "\"d4\": the attributes that filters see are not its own");
    collection_unref(c);
}

static void words_that_differ(void **state)
{
    struct fixture *f = *state;
    struct collection *c = with_documents(f);
    words_delete(c->words, 5);
    expect(f, "words: 19 documents are there, the store has 20");
    collection_unref(c);
}

/* ---- while others write ---- */

struct writer {
    struct fixture *f;
    unsigned number;
    atomic_bool stop;
    atomic_uint rounds;
    struct thread *thread;
};

static void write_all_the_time(void *arg)
{
    struct writer *w = arg;
    struct arena *a = arena_new(0);
    for (unsigned i = 0; !atomic_load(&w->stop); i++) {
        struct err_info e = {0};
        struct put_result r;
        struct str id = str_c(arena_printf(a, "w%u-%u", w->number, i % 7));
        json_t *v = json_pack("{s:s,s:s#}", "id", id.s, "text", "some text of many words",
                              (int)(6 + i % 17));
        const json_t *docs[] = {v};
        if (i % 3 == 2)
            (void)!engine_delete(w->f->x, C, &id, 1, NULL, a, &r, NULL, &e);
        else
            (void)!engine_put(w->f->x, C, docs, 1, NULL, a, &r, NULL, &e);
        json_decref(v);
        arena_reset(a);
        atomic_fetch_add(&w->rounds, 1);
    }
    arena_free(a);
}

static void nothing_is_wrong_while_others_write(void **state)
{
    struct fixture *f = *state;
    struct writer w[2] = {{.f = f, .number = 0}, {.f = f, .number = 1}};
    collection_unref(with_documents(f));
    for (int i = 0; i < 2; i++)
        w[i].thread = thread_start("test", write_all_the_time, &w[i]);
    for (int i = 0; i < 10; i++) {
        struct told t;
        enum err err = examine(f, true, &t);
        if (err)
            fail_msg("%s: %s", err_name(err), t.wrong.n ? t.wrong.buf : "");
    }
    for (int i = 0; i < 2; i++) {
        atomic_store(&w[i].stop, true);
        thread_join(w[i].thread);
        assert_true(atomic_load(&w[i].rounds) > 0);
    }
    struct told t;
    assert_int_equal(examine(f, true, &t), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_wrong),
        TEST(vectors_that_differ),
        TEST(ghosts),
        TEST(attributes_that_differ),
        TEST(words_that_differ),
        TEST(nothing_is_wrong_while_others_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
