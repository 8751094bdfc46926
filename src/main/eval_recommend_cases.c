#include "base/json.h"
#include "main/eval_recommend.h"
#include <errno.h>
#include <stdio.h>

static void put_acts(struct json_writer *w, const struct eval_recommend *v,
                     const struct training_act *acts, uint32_t count, bool liked)
{
    char room[24];
    json_array_begin(w);
    for (uint32_t i = 0; i < count; i++)
        if ((acts[i].weight > 0) == liked)
            json_put_c(w, eval_set_item(v, acts[i].item, room));
    json_array_end(w);
}

static bool turned_down_any(const struct split_case *c)
{
    for (uint32_t i = 0; i < c->given_count; i++)
        if (c->given[i].weight <= 0)
            return true;
    return false;
}

static void put_case(struct json_writer *w, const struct eval_recommend *v,
                     const struct split_case *c, uint64_t seed, const char *part)
{
    char room[24];
    json_object_begin(w);
    json_key(w, "seed"), json_put_int(w, (int64_t)seed);
    json_key(w, "part"), json_put_c(w, part);
    json_key(w, "reader"), json_put_c(w, eval_set_user(v, c->reader, room));
    json_key(w, "given"), put_acts(w, v, c->given, c->given_count, true);
    json_key(w, "wanted"), put_acts(w, v, c->wanted, c->wanted_count, true);
    if (turned_down_any(c))
        json_key(w, "turned_down"), put_acts(w, v, c->given, c->given_count, false);
    json_object_end(w);
}

static void put_new_documents(struct json_writer *w, const struct eval_recommend *v,
                              const struct split *s, uint64_t seed)
{
    char room[24];
    json_object_begin(w);
    json_key(w, "seed"), json_put_int(w, (int64_t)seed);
    json_key(w, "part"), json_put_c(w, "new documents");
    json_key(w, "documents");
    json_array_begin(w);
    for (uint32_t i = 0; i < v->set.set->items; i++)
        if (s->item_is_new[i])
            json_put_c(w, eval_set_item(v, i, room));
    json_array_end(w);
    json_object_end(w);
}

static void line_write(FILE *f, struct strbuf *line)
{
    strbuf_add_char(line, '\n');
    fwrite(line->buf, 1, line->n, f);
    strbuf_clear(line);
}

static void part_write(FILE *f, const struct eval_recommend *v, const struct split_case *cases,
                       uint32_t count, uint64_t seed, const char *part)
{
    struct strbuf line;
    struct json_writer w;
    strbuf_init(&line, 0);
    for (uint32_t i = 0; i < count; i++) {
        json_writer_init(&w, &line);
        put_case(&w, v, &cases[i], seed, part);
        line_write(f, &line);
    }
    strbuf_release(&line);
}

static void new_documents_write(FILE *f, const struct eval_recommend *v, const struct split *s,
                                uint64_t seed)
{
    struct strbuf line;
    struct json_writer w;
    strbuf_init(&line, 0);
    json_writer_init(&w, &line);
    put_new_documents(&w, v, s, seed);
    line_write(f, &line);
    strbuf_release(&line);
}

enum err eval_cases_write(const struct eval_recommend *v, const struct split *s, uint64_t seed,
                          bool more, struct err_info *e)
{
    FILE *f = fopen(v->cases, more ? "ae" : "we");
    if (!f)
        return err_errno(e, errno, "write", v->cases);
    if (s->items_new)
        new_documents_write(f, v, s, seed);
    part_write(f, v, s->validation, s->validation_count, seed, "validation");
    part_write(f, v, s->test, s->test_count, seed, "test");
    bool failed = ferror(f);
    failed |= fclose(f) != 0;
    return failed ? err_errno(e, errno, "write", v->cases) : ERR_OK;
}
