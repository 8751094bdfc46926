#include "main/deed.h"

#include <stdlib.h>
#include <string.h>

enum err deed_open(struct deed *d, const struct args *a, const char *things, bool of_collection,
                   struct err_info *e)
{
    const char *name = NULL;
    *d = (struct deed){.a = a};
    enum err err = session_open(a, &d->s, e);
    if (!err && of_collection)
        err = session_collection(d->s, a, &name, e);
    if (err)
        return err;
    if (of_collection)
        d->collection = arena_printf(session_arena(d->s), "/v1/collections/%s", name);
    d->path =
        arena_printf(session_arena(d->s), "%s/%s", of_collection ? d->collection : "/v1", things);
    return ERR_OK;
}

void deed_close(struct deed *d)
{
    json_decref(d->answer);
    session_close(d->s);
}

enum err deed_call(struct deed *d, const char *method, const char *path, const json_t *body,
                   struct err_info *e)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct str payload = text ? str_c(text) : STR("");
    json_decref(d->answer);
    d->answer = NULL;
    enum err err = body && !text
                       ? err_set(e, ERR_SYNTAX, NULL, "the arguments are not UTF-8 text")
                       : session_call(d->s, method, path, body ? "application/json" : NULL,
                                      body ? &payload : NULL, &d->answer, e);
    free(text);
    return err;
}

const char *deed_all(const struct deed *d, const char *suffix)
{
    return arena_printf(session_arena(d->s), "%s%s", d->path, suffix);
}

const char *deed_one(const struct deed *d, const char *suffix)
{
    return arena_printf(session_arena(d->s), "%s/%s%s", d->path,
                        session_encode(d->s, str_c(d->a->words[1])), suffix);
}

static int verb_run(const struct args *a, const struct deed_kind *k, const struct deed_verb *v)
{
    struct err_info e = {0};
    struct deed d;
    enum err err = deed_open(&d, a, k->things, k->of_collection, &e);
    if (!err)
        err = v->run(&d, &e);
    if (!err)
        k->print(&d, v);
    deed_close(&d);
    return err ? command_fail(&e, 1) : 0;
}

/* "there is no "X": it is list, show or delete" */
static int verb_unknown(const struct deed_kind *k, const char *name)
{
    struct strbuf list;
    strbuf_init(&list, 0);
    for (size_t i = 0; i < k->verb_count; i++)
        strbuf_printf(&list, "%s%s",
                      i == 0                  ? ""
                      : i + 1 < k->verb_count ? ", "
                                              : " or ",
                      k->verbs[i].name);
    int code = command_wrong(k->command, "there is no \"%s\": it is %s", name, list.buf);
    strbuf_release(&list);
    return code;
}

int deed_run(const struct args *a, const struct deed_kind *k)
{
    const char *name = a->word_count ? a->words[0] : k->verbs[0].name;
    unsigned words = a->word_count ? a->word_count - 1 : 0;
    for (size_t i = 0; i < k->verb_count; i++) {
        const struct deed_verb *v = &k->verbs[i];
        if (strcmp(name, v->name) != 0)
            continue;
        if (words < v->words_min || words > v->words_max)
            return command_wrong(k->command, "%s wants %s", name,
                                 v->wants ? v->wants : "nothing more");
        return verb_run(a, k, v);
    }
    return verb_unknown(k, name);
}
