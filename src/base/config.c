#include "base/config.h"
#include "base/arena.h"
#include "base/config_impl.h"
#include "base/file.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_BYTES_MAX = 128, SECRET_BYTES_MAX = 64 << 10 };

/* The key that was probably meant: at most a third of its letters differ, or it is the only one
 * with that name in another section. NULL if there is none. */
static const char *nearest(const struct config *c, const char *key)
{
    unsigned best = (unsigned)strlen(key) / 3 + 1;
    const char *found = NULL;
    const char *dot = strrchr(key, '.'), *name = dot ? dot + 1 : key;
    for (unsigned i = 0; i < c->count; i++) {
        unsigned d = str_distance(str_c(key), str_c(c->table[i].key), best);
        if (d < best || (d == best && !found)) {
            best = d;
            found = c->table[i].key;
        }
    }
    for (unsigned i = 0; i < c->count && !found; i++) {
        const char *other = strrchr(c->table[i].key, '.');
        if (strcmp(other ? other + 1 : c->table[i].key, name) == 0)
            found = c->table[i].key;
    }
    return found;
}

static bool find(const struct config *c, const char *key, unsigned *out)
{
    for (unsigned i = 0; i < c->count; i++) {
        if (strcmp(c->table[i].key, key) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

enum err config_find(const struct config *c, const char *key, const char *where, unsigned *out,
                     struct err_info *e)
{
    if (find(c, key, out))
        return ERR_OK;
    const char *meant = nearest(c, key);
    if (meant)
        return err_set(e, ERR_INVALID, key, "%s: unknown setting \"%s\"; did you mean \"%s\"?",
                       where, key, meant);
    return err_set(e, ERR_INVALID, key,
                   "%s: unknown setting \"%s\"; `akin config print` lists those there are", where,
                   key);
}

static void items_free(struct value *v)
{
    for (unsigned i = 0; i < v->item_count; i++)
        free(v->items[i]);
    free(v->items);
    v->items = NULL;
    v->item_count = 0;
}

static void item_add(struct value *v, struct str item)
{
    v->items = xrealloc(v->items, (v->item_count + 1) * sizeof *v->items);
    v->items[v->item_count++] = (char *)str_dup(item).s;
}

static void items_split(struct value *v, struct str rest)
{
    while (rest.n) {
        const char *comma = memchr(rest.s, ',', rest.n);
        size_t n = comma ? (size_t)(comma - rest.s) : rest.n;
        struct str item = str_trim((struct str){rest.s, n});
        if (item.n)
            item_add(v, item);
        rest.s += n + !!comma;
        rest.n -= n + !!comma;
    }
}

static bool in_range(const struct setting *s, double v)
{
    return (s->min == 0 && s->max == 0) || (v >= s->min && v <= s->max);
}

static bool bool_parse(struct str s, int64_t *out)
{
    static const char *const names[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (str_eq_c(s, names[i])) {
            *out = i & 1;
            return true;
        }
    }
    return false;
}

static bool is_choice(const char *choices, struct str text)
{
    for (const char *p = choices; *p;) {
        size_t n = strcspn(p, "|");
        if (str_eq((struct str){p, n}, text))
            return true;
        p += n + (p[n] == '|');
    }
    return false;
}

/* Fills in what the type wants; false if the text is not of it. */
static bool value_parse(const struct setting *s, const char *text, struct value *v)
{
    struct str t = str_c(text);
    switch (s->type) {
    case SETTING_STRING:
        return true;
    case SETTING_INT:
        return !str_to_i64(t, INT64_MIN, INT64_MAX, &v->i) && in_range(s, (double)v->i);
    case SETTING_FLOAT:
        return !str_to_f64(t, &v->f) && in_range(s, v->f);
    case SETTING_BOOL:
        return bool_parse(t, &v->i);
    case SETTING_ENUM:
        return is_choice(s->choices, t);
    case SETTING_LIST:
        items_split(v, t);
        return true;
    }
    return false;
}

static void wanted(const struct setting *s, char *out, size_t n)
{
    if (s->type == SETTING_BOOL)
        snprintf(out, n, "true or false");
    else if (s->type == SETTING_ENUM)
        snprintf(out, n, "one of %s", s->choices);
    else if (s->min == 0 && s->max == 0)
        snprintf(out, n, s->type == SETTING_INT ? "a whole number" : "a number");
    else
        snprintf(out, n, "a %s from %.15g to %.15g",
                 s->type == SETTING_INT ? "whole number" : "number", s->min, s->max);
}

static void value_take(struct value *to, struct value *from, const char *where)
{
    free(to->text);
    free(to->origin);
    items_free(to);
    *to = *from;
    to->origin = xstrdup(where);
}

enum err config_set(struct config *c, unsigned index, const char *text, const char *where,
                    struct err_info *e)
{
    const struct setting *s = &c->table[index];
    struct value v = {0};
    if (!value_parse(s, text, &v)) {
        char want[256];
        wanted(s, want, sizeof want);
        if (s->secret)
            return err_set(e, ERR_INVALID, s->key, "%s: %s must be %s", where, s->key, want);
        return err_set(e, ERR_INVALID, s->key, "%s: %s must be %s, not \"%.100s\"", where, s->key,
                       want, text);
    }
    v.text = xstrdup(text);
    value_take(&c->values[index], &v, where);
    return ERR_OK;
}

enum err config_set_list(struct config *c, unsigned index, const struct str *items, unsigned count,
                         const char *where, struct err_info *e)
{
    const struct setting *s = &c->table[index];
    struct value v = {0};
    struct strbuf text;
    if (s->type != SETTING_LIST)
        return err_set(e, ERR_INVALID, s->key, "%s: %s takes one value, not a list", where, s->key);
    strbuf_init(&text, 0);
    strbuf_add(&text, "", 0);
    for (unsigned i = 0; i < count; i++) {
        item_add(&v, items[i]);
        strbuf_printf(&text, "%s%.*s", i ? "," : "", STR_ARG(items[i]));
    }
    v.text = strbuf_detach(&text, NULL);
    value_take(&c->values[index], &v, where);
    return ERR_OK;
}

struct config *config_new(const struct setting *table, unsigned count)
{
    struct config *c = xcalloc(1, sizeof *c);
    c->table = table;
    c->count = count;
    c->values = xcalloc(count, sizeof *c->values);
    for (unsigned i = 0; i < count; i++) {
        unsigned first;
        assert(find(c, table[i].key, &first) && first == i); /* no key twice */
        enum err rc = config_set(c, i, table[i].fallback, "default", NULL);
        assert(rc == ERR_OK);
    }
    return c;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < c->count; i++) {
        free(c->values[i].text);
        free(c->values[i].origin);
        items_free(&c->values[i]);
    }
    free(c->values);
    free(c);
}

enum err config_set_flag(struct config *c, const char *key, const char *value, struct err_info *e)
{
    unsigned i;
    enum err rc = config_find(c, key, "flag", &i, e);
    return rc ? rc : config_set(c, i, value, "flag", e);
}

enum err config_set_fallback(struct config *c, const char *key, const char *value,
                             const char *where, struct err_info *e)
{
    unsigned i;
    enum err rc = config_find(c, key, where, &i, e);
    if (rc || strcmp(c->values[i].origin, "default") != 0)
        return rc;
    return config_set(c, i, value, where, e);
}

/* "SERVER__ADMIN_KEY" -> "server.admin_key" */
static void key_of_name(const char *name, char out[KEY_BYTES_MAX])
{
    size_t n = 0;
    while (*name && n < KEY_BYTES_MAX - 1) {
        bool dot = name[0] == '_' && name[1] == '_';
        out[n++] = dot ? '.' : (char)(*name >= 'A' && *name <= 'Z' ? *name + 32 : *name);
        name += dot ? 2 : 1;
    }
    out[n] = 0;
}

/* A file whose whole text, less a line end, is the value. */
static enum err set_from_file(struct config *c, unsigned index, const char *path, const char *where,
                              struct err_info *e)
{
    char *text;
    size_t n;
    enum err rc = file_read_all(path, SECRET_BYTES_MAX, &text, &n, e);
    if (rc)
        return rc;
    while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        text[--n] = 0;
    if (strlen(text) == n)
        rc = config_set(c, index, text, where, e);
    else
        rc = err_set(e, ERR_INVALID, c->table[index].key, "%s: %s holds a NUL byte", where, path);
    free(text);
    return rc;
}

static enum err env_conflict(const struct config *c, unsigned i, const char *where,
                             struct err_info *e)
{
    return err_set(e, ERR_INVALID, c->table[i].key, "%s: %s is set by %s already; keep one", where,
                   c->table[i].key, c->values[i].origin);
}

/* `name` with its "AKIN_". A secret's name may end in _FILE; two sources for one are a mistake. */
static enum err env_one(struct config *c, const char *name, const char *value, struct err_info *e)
{
    char key[KEY_BYTES_MAX], where[KEY_BYTES_MAX + 32];
    unsigned i;
    snprintf(where, sizeof where, "environment %.*s", KEY_BYTES_MAX, name);
    key_of_name(name + 5, key);
    if (find(c, key, &i)) {
        if (strncmp(c->values[i].origin, "environment AKIN_", 17) == 0)
            return env_conflict(c, i, where, e);
        return config_set(c, i, value, where, e);
    }
    size_t n = strlen(key);
    bool file = n > 5 && strcmp(key + n - 5, "_file") == 0;
    if (file)
        key[n - 5] = 0;
    if (file && find(c, key, &i) && c->table[i].secret) {
        if (strncmp(c->values[i].origin, "environment AKIN_", 17) == 0)
            return env_conflict(c, i, where, e);
        return set_from_file(c, i, value, where, e);
    }
    if (file)
        key[n - 5] = '_';
    return config_find(c, key, where, &i, e);
}

enum err config_read_env(struct config *c, char **envp, struct err_info *e)
{
    enum err rc = ERR_OK;
    unsigned port;
    for (char **p = envp; *p && !rc; p++)
        if (strncmp(*p, "PORT=", 5) == 0 && (*p)[5] && find(c, "server.port", &port))
            rc = config_set(c, port, *p + 5, "environment PORT", e);
    for (char **p = envp; *p && !rc; p++) {
        const char *equals = strchr(*p, '=');
        if (!equals || strncmp(*p, "AKIN_", 5) != 0)
            continue;
        struct str name = str_dup((struct str){*p, (size_t)(equals - *p)});
        if (strstr(name.s, "__"))
            rc = env_one(c, name.s, equals + 1, e);
        free((char *)name.s);
    }
    return rc;
}

static const struct value *value_of(const struct config *c, const char *key, enum setting_type type)
{
    unsigned i = 0;
    bool known = find(c, key, &i);
    assert(known && c->table[i].type == type);
    return &c->values[i];
}

const char *config_str(const struct config *c, const char *key)
{
    unsigned i;
    bool is_enum = find(c, key, &i) && c->table[i].type == SETTING_ENUM;
    return value_of(c, key, is_enum ? SETTING_ENUM : SETTING_STRING)->text;
}

int64_t config_int(const struct config *c, const char *key)
{
    return value_of(c, key, SETTING_INT)->i;
}

double config_float(const struct config *c, const char *key)
{
    return value_of(c, key, SETTING_FLOAT)->f;
}

bool config_bool(const struct config *c, const char *key)
{
    return value_of(c, key, SETTING_BOOL)->i != 0;
}

const char *const *config_list(const struct config *c, const char *key, unsigned *count)
{
    const struct value *v = value_of(c, key, SETTING_LIST);
    *count = v->item_count;
    return (const char *const *)v->items;
}

const char *config_origin(const struct config *c, const char *key)
{
    unsigned i = 0;
    bool known = find(c, key, &i);
    assert(known);
    return c->values[i].origin;
}

unsigned config_count(const struct config *c)
{
    return c->count;
}

const char *config_key(const struct config *c, unsigned i)
{
    assert(i < c->count);
    return c->table[i].key;
}

bool config_same(const struct config *a, const struct config *b, const char *key)
{
    unsigned i = 0;
    bool known = find(a, key, &i);
    assert(known && a->table == b->table);
    return strcmp(a->values[i].text, b->values[i].text) == 0;
}
