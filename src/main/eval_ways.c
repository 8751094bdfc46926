#include "main/eval.h"
#include <stdlib.h>
#include <string.h>

static enum err way_add(struct eval_ways *w, const char *name, json_t *request, struct err_info *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < w->count; i++)
        if (strcmp(w->items[i].name, name) == 0)
            rc = err_set(e, ERR_INVALID, "--run-with", "two ways are named \"%s\"", name);
    if (rc == ERR_OK && w->count == EVAL_WAYS_MAX)
        rc = err_set(e, ERR_INVALID, "--mode", "at most %d ways at once", EVAL_WAYS_MAX);
    if (rc == ERR_OK && (!name[0] || strpbrk(name, " \t\n/")))
        rc = err_set(e, ERR_INVALID, "--run-with", "\"%s\" is no name for a run", name);
    if (rc == ERR_OK)
        w->items[w->count++] = (struct eval_way){.name = name, .request = request};
    else
        json_decref(request);
    return rc;
}

static enum err add_modes(struct eval_ways *w, char *modes, struct err_info *e)
{
    enum err rc = ERR_OK;
    char *rest = NULL;
    for (char *m = strtok_r(modes, ",", &rest); m && rc == ERR_OK; m = strtok_r(NULL, ",", &rest)) {
        if (strcmp(m, "hybrid") != 0 && strcmp(m, "semantic") != 0 && strcmp(m, "lexical") != 0)
            return err_set(e, ERR_INVALID, "--mode",
                           "--mode takes hybrid, semantic, lexical, or several with commas, not "
                           "\"%s\"",
                           m);
        rc = way_add(w, m, json_pack("{s:s}", "mode", m), e);
    }
    return rc;
}

/* A value is JSON if it can be read as such, else a string. */
static enum err add_member(json_t *request, const char *member, struct err_info *e)
{
    const char *equals = strchr(member, '=');
    if (!equals || equals == member)
        return err_set(e, ERR_INVALID, "--run-with",
                       "\"%s\" is not member=value of a search request", member);
    json_t *value = json_loads(equals + 1, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    json_object_setn_new(request, member, (size_t)(equals - member),
                         value ? value : json_string(equals + 1));
    return ERR_OK;
}

/* NAME=member=value,... or NAME={...} */
static enum err add_given(struct eval_ways *w, char *given, struct err_info *e)
{
    char *equals = strchr(given, '='), *rest = NULL;
    json_t *request = NULL;
    enum err rc = ERR_OK;
    if (!equals)
        return err_set(e, ERR_INVALID, "--run-with",
                       "--run-with takes NAME=member=value,... or NAME={...}, not \"%s\"", given);
    *equals++ = 0;
    if (*equals == '{') {
        rc = json_parse(str_c(equals), &request, e);
        return rc == ERR_OK ? way_add(w, given, request, e) : rc;
    }
    request = json_object();
    for (char *m = strtok_r(equals, ",", &rest); m && rc == ERR_OK; m = strtok_r(NULL, ",", &rest))
        rc = add_member(request, m, e);
    if (rc == ERR_OK)
        return way_add(w, given, request, e);
    json_decref(request);
    return rc;
}

/* With several ways each has its own file: its name before the last dot. */
static enum err open_run(struct eval_way *w, const char *path, bool several, struct arena *arena,
                         struct err_info *e)
{
    const char *base = strrchr(path, '/'), *dot = strrchr(base ? base : path, '.');
    size_t stem = dot ? (size_t)(dot - path) : strlen(path);
    w->run_path =
        several ? arena_printf(arena, "%.*s.%s%s", (int)stem, path, w->name, path + stem) : path;
    w->run = fopen(w->run_path, "we");
    return w->run ? ERR_OK : err_set(e, ERR_IO, "--run", "cannot write %s", w->run_path);
}

enum err eval_ways_open(const struct args *a, struct arena *arena, struct eval_ways *out,
                        struct err_info *e)
{
    const char *const *given, *const *modes;
    enum err rc = ERR_OK;
    unsigned mode_count = args_all(a, "--mode", &modes);
    for (unsigned i = 0; i < mode_count && rc == ERR_OK; i++)
        rc = add_modes(out, arena_strdup(arena, modes[i]), e);
    unsigned count = args_all(a, "--run-with", &given);
    for (unsigned i = 0; i < count && rc == ERR_OK; i++)
        rc = add_given(out, arena_strdup(arena, given[i]), e);
    if (rc == ERR_OK && out->count == 0)
        rc = add_modes(out, arena_strdup(arena, "hybrid"), e);
    for (size_t i = 0; args_get(a, "--run") && i < out->count && rc == ERR_OK; i++)
        rc = open_run(&out->items[i], args_get(a, "--run"), out->count > 1, arena, e);
    return rc;
}

enum err eval_ways_close(struct eval_ways *w, struct err_info *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < w->count; i++) {
        struct eval_way *way = &w->items[i];
        if (way->run && fclose(way->run) != 0)
            rc = err_set(e, ERR_IO, "--run", "could not write all of %s", way->run_path);
        json_decref(way->request);
        for (int m = 0; m < EVAL_MEASURES; m++)
            free(way->values[m]);
        free(way->own);
        free(way->foreign);
    }
    return rc;
}

static void write_id(FILE *f, const char *id)
{
    for (; *id; id++)
        *id == ' ' ? fputs("%20", f) : fputc(*id, f);
}

void eval_way_write(struct eval_way *w, const char *query, const json_t *hits)
{
    size_t i;
    json_t *hit;
    json_array_foreach(hits, i, hit)
    {
        write_id(w->run, query);
        fputs(" Q0 ", w->run);
        write_id(w->run, json_string_value(json_object_get(hit, "id")));
        fprintf(w->run, " %zu %.9f akin-%s\n", i + 1,
                json_number_value(json_object_get(hit, "score")), w->name);
    }
}
