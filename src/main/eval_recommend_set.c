#include "base/arena.h"
#include "base/file.h"
#include "main/eval_recommend.h"
#include "main/input.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* training_set.h's file. */
static bool is_set_file(const char *path)
{
    struct file *f = NULL;
    char head[24] = {0};
    bool is = strcmp(path, "-") != 0 && file_regular(path, NULL) == ERR_OK &&
              file_open(path, FILE_READ_ONLY, &f, NULL) == ERR_OK &&
              file_pread(f, 0, head, sizeof head, NULL) == ERR_OK &&
              memcmp(head + 16, "AKTRAIN1", 8) == 0; /* behind the frame's head */
    file_close(f);
    return is;
}

static enum err options_read(const struct args *a, struct plain_options *o, struct err_info *e)
{
    static const char *const formats[] = {"csv", "lists", "counted"};
    const char *format = args_get(a, "--format"), *from = args_get(a, "--liked-from");
    *o = (struct plain_options){PLAIN_CSV, NAN};
    if (from && str_to_f64(str_c(from), &o->liked_from) != ERR_OK)
        return err_set(e, ERR_INVALID, "--liked-from", "is a number, as 4");
    for (int f = 0; format && f < 3; f++)
        if (strcmp(format, formats[f]) == 0) {
            o->format = (enum plain_format)f;
            return ERR_OK;
        }
    return format ? err_set(e, ERR_INVALID, "--format", "is csv, lists or counted") : ERR_OK;
}

static enum err lines_read(struct plain *p, const char *path, struct err_info *e)
{
    struct input in = {0};
    struct str line;
    const char *shown = strcmp(path, "-") == 0 ? "standard input" : path;
    enum err rc = input_open(&in, path, e);
    while (rc == ERR_OK && (rc = input_next(&in, &line, e)) == ERR_OK)
        rc = plain_line(p, line, shown, in.number, e);
    bool ended = rc == ERR_NOT_FOUND && in.file;
    input_close(&in);
    return ended ? ERR_OK : rc;
}

static enum err plain_read(const struct args *a, struct eval_recommend *v, struct err_info *e)
{
    struct plain_options o;
    struct npy h = {0};
    uint16_t *vectors = NULL;
    const char *path = args_get(a, "--vectors");
    enum err rc = options_read(a, &o, e);
    if (rc != ERR_OK)
        return rc;
    struct plain *p = plain_new(&o);
    if (path)
        rc = npy_read(path, &h, &vectors, e);
    if (rc == ERR_OK)
        rc = lines_read(p, v->path, e);
    if (rc == ERR_OK)
        rc = plain_end(p, h.rows, v->path, &v->set, e);
    plain_free(p);
    if (rc == ERR_OK && path) {
        free(v->set.set->vectors);
        v->set.set->vectors = vectors;
        v->set.set->dims = h.columns;
        vectors = NULL;
    }
    free(vectors);
    return rc;
}

enum err eval_set_read(const struct args *a, struct eval_recommend *v, struct err_info *e)
{
    v->path = a->words[1];
    if (!is_set_file(v->path))
        return plain_read(a, v, e);
    if (args_has(a, "--format") || args_has(a, "--vectors") || args_has(a, "--liked-from"))
        return err_set(e, ERR_INVALID, v->path,
                       "is a training set of akin's: --format, --vectors and --liked-from are for "
                       "other files");
    return training_set_load(v->path, &v->set.set, e);
}

void eval_set_release(struct eval_recommend *v)
{
    plain_set_free(&v->set);
}

const char *eval_set_user(const struct eval_recommend *v, uint32_t reader, char room[24])
{
    if (v->set.users)
        return v->set.users[reader];
    snprintf(room, 24, "%016llx", (unsigned long long)v->set.set->keys[reader]);
    return room;
}

const char *eval_set_item(const struct eval_recommend *v, uint32_t item, char room[24])
{
    if (v->set.items)
        return v->set.items[item];
    snprintf(room, 24, "%u", v->set.set->numbers[item]);
    return room;
}
