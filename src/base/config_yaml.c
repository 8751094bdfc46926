/* akin.yaml: maps of maps of values, read with libyaml's document loader, which knows the line of
 * each node and does not expand aliases. */
#include "base/arena.h"
#include "base/config_impl.h"
#include "base/file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { YAML_BYTES_MAX = 1 << 20, DEPTH_MAX = 4, WHERE_BYTES = 256, KEY_BYTES = 160 };

struct reader {
    struct config *c;
    const char *path;
    yaml_document_t doc;
    bool *seen; /* a setting, by its index, was met in this file */
    struct err_info *e;
};

static void where_text(const struct reader *r, const yaml_node_t *n, char out[WHERE_BYTES])
{
    snprintf(out, WHERE_BYTES, "%.230s:%zu", r->path, n->start_mark.line + 1);
}

static struct str scalar(const yaml_node_t *n)
{
    return (struct str){(const char *)n->data.scalar.value, n->data.scalar.length};
}

/* `key:` with nothing behind it, `~` and `null`: as if the line were not there. */
static bool is_null(const yaml_node_t *n)
{
    if (n->type != YAML_SCALAR_NODE || n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    struct str s = scalar(n);
    return s.n == 0 || str_eq_c(s, "~") || str_eq_c(s, "null");
}

static enum err fault(const struct reader *r, const yaml_node_t *n, const char *key,
                      const char *what)
{
    char where[WHERE_BYTES];
    where_text(r, n, where);
    return err_set(r->e, ERR_INVALID, key, "%s: %s%s%s", where, key, key[0] ? " " : "", what);
}

static enum err read_list(struct reader *r, unsigned index, const yaml_node_t *n, const char *where)
{
    size_t count = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
    struct str *items = xcalloc(count, sizeof *items);
    enum err rc = ERR_OK;
    for (size_t i = 0; i < count && !rc; i++) {
        yaml_node_t *item = yaml_document_get_node(&r->doc, n->data.sequence.items.start[i]);
        if (item->type != YAML_SCALAR_NODE || memchr(scalar(item).s, 0, scalar(item).n))
            rc = fault(r, item, r->c->table[index].key, "must be a list of plain values");
        else
            items[i] = scalar(item);
    }
    if (!rc)
        rc = config_set_list(r->c, index, items, (unsigned)count, where, r->e);
    free(items);
    return rc;
}

static enum err read_setting(struct reader *r, const char *key, const yaml_node_t *n)
{
    char where[WHERE_BYTES];
    unsigned index;
    where_text(r, n, where);
    enum err rc = config_find(r->c, key, where, &index, r->e);
    if (rc)
        return rc;
    if (r->seen[index])
        return err_set(r->e, ERR_INVALID, key, "%s: %s is set twice, first at %s", where, key,
                       r->c->values[index].origin);
    r->seen[index] = true;
    if (n->type == YAML_SEQUENCE_NODE)
        return read_list(r, index, n, where);
    struct str s = scalar(n);
    if (memchr(s.s, 0, s.n))
        return fault(r, n, key, "holds a NUL character");
    return config_set(r->c, index, s.s, where, r->e); /* libyaml puts a NUL behind scalars */
}

static bool is_section(const struct config *c, const char *key)
{
    size_t n = strlen(key);
    for (unsigned i = 0; i < c->count; i++)
        if (strncmp(c->table[i].key, key, n) == 0 && c->table[i].key[n] == '.')
            return true;
    return false;
}

static enum err read_node(struct reader *r, const char *key, const yaml_node_t *n, int depth);

static enum err read_map(struct reader *r, const char *section, const yaml_node_t *n, int depth)
{
    enum err rc = ERR_OK;
    if (depth >= DEPTH_MAX)
        return fault(r, n, section, "is nested too deep");
    for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top && !rc;
         p++) {
        yaml_node_t *k = yaml_document_get_node(&r->doc, p->key);
        char key[KEY_BYTES];
        if (k->type != YAML_SCALAR_NODE)
            return fault(r, k, section, "has a key that is not a name");
        int len = snprintf(key, sizeof key, "%s%s%.*s", section, section[0] ? "." : "",
                           STR_ARG(scalar(k)));
        if (len >= (int)sizeof key)
            return fault(r, k, section, "has a name that is too long for a setting");
        rc = read_node(r, key, yaml_document_get_node(&r->doc, p->value), depth + 1);
    }
    return rc;
}

static enum err read_node(struct reader *r, const char *key, const yaml_node_t *n, int depth)
{
    if (is_null(n) && is_section(r->c, key))
        return ERR_OK;
    if (n->type != YAML_MAPPING_NODE && is_section(r->c, key))
        return fault(r, n, key, "is a section: its settings go below it, indented");
    if (n->type == YAML_MAPPING_NODE && is_section(r->c, key))
        return read_map(r, key, n, depth);
    char where[WHERE_BYTES];
    unsigned index;
    where_text(r, n, where);
    enum err rc = config_find(r->c, key, where, &index, r->e);
    if (rc || is_null(n))
        return rc;
    if (n->type == YAML_MAPPING_NODE)
        return fault(r, n, key, "takes a value, not a section");
    return read_setting(r, key, n);
}

static enum err yaml_fault(const struct reader *r, const yaml_parser_t *p)
{
    return err_set(r->e, ERR_SYNTAX, r->path, "%s:%zu: not readable as YAML: %s", r->path,
                   p->problem_mark.line + 1, p->problem ? p->problem : "out of memory");
}

static enum err read_documents(struct reader *r, yaml_parser_t *p)
{
    if (!yaml_parser_load(p, &r->doc))
        return yaml_fault(r, p);
    yaml_node_t *root = yaml_document_get_root_node(&r->doc);
    enum err rc = ERR_OK;
    if (root && root->type == YAML_MAPPING_NODE)
        rc = read_map(r, "", root, 0);
    else if (root && !is_null(root))
        rc = fault(r, root, "", "the file must hold sections with settings");
    yaml_document_delete(&r->doc);
    if (rc || !root)
        return rc;
    if (!yaml_parser_load(p, &r->doc))
        return yaml_fault(r, p);
    root = yaml_document_get_root_node(&r->doc);
    if (root)
        rc = fault(r, root, "", "a second document (---) is not read");
    yaml_document_delete(&r->doc);
    return rc;
}

enum err config_read_yaml(struct config *c, const char *path, struct err_info *e)
{
    struct reader r = {.c = c, .path = path, .e = e};
    yaml_parser_t p;
    char *text;
    size_t n;
    enum err rc = file_read_all(path, YAML_BYTES_MAX, &text, &n, e);
    if (rc)
        return rc;
    if (!yaml_parser_initialize(&p)) {
        free(text);
        return err_set(e, ERR_NO_MEMORY, path, "no memory to read %s", path);
    }
    r.seen = xcalloc(c->count, sizeof *r.seen);
    yaml_parser_set_input_string(&p, (const unsigned char *)text, n);
    rc = read_documents(&r, &p);
    yaml_parser_delete(&p);
    free(r.seen);
    free(text);
    return rc;
}
