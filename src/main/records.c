/* Three kinds of source behind one: lines (JSON), rows (CSV, by libcsv) and files (a folder, by
 * fts; HTML by libxml2). */
#include "main/records.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "main/html.h"
#include <csv.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BUFFER = 256 << 10, LINE_MAX_BYTES = 10 << 20, NAMES_MAX = 256, MAP_MAX = 32 };

struct field_map {
    struct str ours[MAP_MAX], theirs[MAP_MAX];
    unsigned count;
};

struct records {
    struct file *file;
    const char *path;
    uint64_t line, done, total;
    struct field_map map;
    enum err (*next)(struct records *r, struct strbuf *line, struct err_info *e);
    /* lines and rows: what is read but not used yet */
    char *buffer;
    size_t at, filled;
    bool ended;
    /* rows */
    struct csv_parser csv;
    bool csv_open;
    struct str names[NAMES_MAX];
    unsigned name_count, column;
    json_t *row;  /* being read */
    json_t *rows; /* complete ones, an array used as a queue */
    size_t row_at;
    /* files */
    FTS *tree;
    bool single_done;
};

static bool ends_with(const char *path, const char *ending)
{
    size_t n = strlen(path), m = strlen(ending);
    return n > m && strcasecmp(path + n - m, ending) == 0;
}

static bool is_text_file(const char *path)
{
    return ends_with(path, ".txt") || ends_with(path, ".md") || ends_with(path, ".markdown") ||
           ends_with(path, ".html") || ends_with(path, ".htm");
}

static enum err map_parse(struct field_map *m, const char *text, struct err_info *e)
{
    for (const char *p = text; p && *p;) {
        const char *equals = strchr(p, '='), *comma = strchr(p, ',');
        const char *end = comma ? comma : p + strlen(p);
        if (!equals || equals > end || equals == p || equals + 1 == end)
            return err_set(e, ERR_INVALID, "--map",
                           "--map wants pairs such as text=body,id=sku, not \"%s\"", p);
        if (m->count == MAP_MAX)
            return err_set(e, ERR_INVALID, "--map", "--map takes at most %d pairs", MAP_MAX);
        m->ours[m->count] = (struct str){p, (size_t)(equals - p)};
        m->theirs[m->count++] = (struct str){equals + 1, (size_t)(end - equals - 1)};
        p = comma ? comma + 1 : end;
    }
    return ERR_OK;
}

/* Renames the mapped fields; a field that is mapped onto drops out first. */
static void map_apply(const struct field_map *m, json_t *o)
{
    json_t *taken[MAP_MAX];
    char key[256];
    for (unsigned i = 0; i < m->count; i++) {
        snprintf(key, sizeof(key), "%.*s", STR_ARG(m->theirs[i]));
        taken[i] = json_incref(json_object_get(o, key));
        json_object_del(o, key);
    }
    for (unsigned i = 0; i < m->count; i++) {
        snprintf(key, sizeof(key), "%.*s", STR_ARG(m->ours[i]));
        if (taken[i])
            json_object_set_new(o, key, taken[i]);
    }
}

static void write_object(const json_t *o, struct strbuf *line)
{
    struct json_writer w;
    json_writer_init(&w, line);
    json_put_value(&w, o);
}

static enum err fill(struct records *r, struct err_info *e)
{
    memmove(r->buffer, r->buffer + r->at, r->filled - r->at);
    r->filled -= r->at;
    r->at = 0;
    size_t got = 0;
    enum err rc = file_read(r->file, r->buffer + r->filled, BUFFER - r->filled, &got, e);
    if (rc != ERR_OK)
        return rc;
    r->filled += got;
    r->done += got;
    r->ended = got == 0;
    return ERR_OK;
}

static bool is_blank(const struct strbuf *line)
{
    return str_trim(strbuf_str(line)).n == 0;
}

static enum err read_line(struct records *r, struct strbuf *line, struct err_info *e)
{
    strbuf_clear(line);
    for (;;) {
        char *start = r->buffer + r->at, *end = memchr(start, '\n', r->filled - r->at);
        size_t n = end ? (size_t)(end - start) : r->filled - r->at;
        if (line->n + n > LINE_MAX_BYTES)
            return err_set(e, ERR_TOO_LARGE, r->path, "%s, line %llu: longer than 10 MiB", r->path,
                           (unsigned long long)r->line + 1);
        strbuf_add(line, start, n);
        r->at += n + (end != NULL);
        if (end || (r->ended && line->n)) {
            r->line++;
            return ERR_OK;
        }
        if (r->ended)
            return ERR_NOT_FOUND;
        enum err rc = fill(r, e);
        if (rc != ERR_OK)
            return rc;
    }
}

static enum err next_line(struct records *r, struct strbuf *line, struct err_info *e)
{
    enum err rc;
    do
        rc = read_line(r, line, e);
    while (rc == ERR_OK && is_blank(line));
    if (rc != ERR_OK || !r->map.count)
        return rc;
    json_t *o = NULL;
    if (json_parse(strbuf_str(line), &o, NULL) == ERR_OK && json_is_object(o)) {
        map_apply(&r->map, o);
        strbuf_clear(line);
        write_object(o, line);
    }
    json_decref(o);
    return ERR_OK;
}

static void csv_field(void *data, size_t n, void *ctx)
{
    struct records *r = ctx;
    struct str s = {data ? data : "", n};
    if (!r->row && r->name_count < NAMES_MAX && r->line == 0) {
        r->names[r->name_count++] = str_dup(str_trim(s));
        return;
    }
    if (!r->row)
        r->row = json_object();
    if (r->column < r->name_count && n) {
        json_t *v = json_stringn(s.s, s.n);
        if (v) /* else bad UTF-8: the server would refuse the whole line, so the cell is left out
                  and text missing */
            json_object_set_new(r->row, r->names[r->column].s, v);
    }
    r->column++;
}

static void csv_row_end(int c, void *ctx)
{
    struct records *r = ctx;
    if (r->line++ > 0 && r->row)
        json_array_append_new(r->rows, r->row);
    r->row = NULL;
    r->column = 0;
}

static enum err next_row(struct records *r, struct strbuf *line, struct err_info *e)
{
    while (r->row_at == json_array_size(r->rows)) {
        json_array_clear(r->rows);
        r->row_at = 0;
        if (r->ended)
            return ERR_NOT_FOUND;
        enum err rc = fill(r, e);
        if (rc != ERR_OK)
            return rc;
        bool bad = csv_parse(&r->csv, r->buffer, r->filled, csv_field, csv_row_end, r) != r->filled;
        r->at = r->filled;
        if (bad || (r->ended && csv_fini(&r->csv, csv_field, csv_row_end, r) != 0))
            return err_set(e, ERR_SYNTAX, r->path, "%s, near row %llu: %s", r->path,
                           (unsigned long long)r->line, csv_strerror(csv_error(&r->csv)));
    }
    json_t *o = json_array_get(r->rows, r->row_at++);
    map_apply(&r->map, o);
    strbuf_clear(line);
    write_object(o, line);
    return ERR_OK;
}

/* The first heading of a Markdown text, or the first line if it is short. */
static struct str markdown_title(struct str text)
{
    struct str first = str_trim(text);
    const char *end = memchr(first.s, '\n', first.n);
    if (end)
        first.n = (size_t)(end - first.s);
    if (first.n && first.s[0] != '#')
        return (struct str){"", 0};
    while (first.n && (first.s[0] == '#' || first.s[0] == ' ')) {
        first.s++;
        first.n--;
    }
    return first;
}

/* A file as a document: id = its path as given, title from the text or the name. */
static enum err file_document(const char *path, const char *id, struct strbuf *line,
                              struct err_info *e)
{
    char *bytes = NULL;
    size_t n;
    struct strbuf text, title;
    struct json_writer w;
    strbuf_init(&text, 0);
    strbuf_init(&title, 0);
    enum err rc = file_read_all(path, LINE_MAX_BYTES, &bytes, &n, e);
    if (rc != ERR_OK)
        return rc;
    struct str raw = {bytes, n};
    if (ends_with(path, ".html") || ends_with(path, ".htm"))
        html_text(raw, &title, &text);
    else
        strbuf_add_str(&text, raw);
    if (ends_with(path, ".md") || ends_with(path, ".markdown"))
        strbuf_add_str(&title, markdown_title(raw));
    strbuf_clear(line);
    json_writer_init(&w, line);
    json_object_begin(&w);
    json_key_c(&w, "id", id);
    json_key(&w, "title");
    const char *base = strrchr(path, '/');
    json_put_str(&w, title.n ? strbuf_str(&title) : str_c(base ? base + 1 : path));
    json_key_str(&w, "text", strbuf_str(&text));
    json_object_end(&w);
    strbuf_release(&text);
    strbuf_release(&title);
    free(bytes);
    return ERR_OK;
}

static enum err next_file(struct records *r, struct strbuf *line, struct err_info *e)
{
    for (FTSENT *f; (f = fts_read(r->tree));) {
        if (f->fts_info == FTS_D && f->fts_level > 0 && f->fts_name[0] == '.')
            fts_set(r->tree, f, FTS_SKIP); /* .git and its kind */
        if (f->fts_info != FTS_F || !is_text_file(f->fts_path))
            continue;
        const char *id = f->fts_path + strlen(r->path);
        while (*id == '/')
            id++;
        r->done++;
        r->line++;
        return file_document(f->fts_path, id, line, e);
    }
    return ERR_NOT_FOUND;
}

static enum err next_single(struct records *r, struct strbuf *line, struct err_info *e)
{
    if (r->single_done)
        return ERR_NOT_FOUND;
    r->single_done = true;
    r->done = r->total;
    return file_document(r->path, r->path, line, e);
}

/* A whole .json file: an array of documents, or one. */
static enum err next_element(struct records *r, struct strbuf *line, struct err_info *e)
{
    if (!r->rows) {
        char *bytes = NULL;
        size_t n;
        json_t *v = NULL;
        enum err rc = file_read_all(r->path, 64u << 20, &bytes, &n, e);
        if (rc == ERR_OK)
            rc = json_parse((struct str){bytes, n}, &v, e);
        free(bytes);
        if (rc != ERR_OK)
            return rc;
        r->rows = json_is_array(v) ? v : json_pack("[o]", v);
        r->done = r->total;
    }
    if (r->row_at == json_array_size(r->rows))
        return ERR_NOT_FOUND;
    json_t *o = json_array_get(r->rows, r->row_at++);
    r->line++;
    if (json_is_object(o))
        map_apply(&r->map, o);
    strbuf_clear(line);
    write_object(o, line);
    return ERR_OK;
}

static enum err open_rows(struct records *r, char delimiter)
{
    csv_init(&r->csv, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL);
    csv_set_delim(&r->csv, (unsigned char)delimiter);
    r->csv_open = true;
    r->rows = json_array();
    r->next = next_row;
    return ERR_OK;
}

static enum err open_tree(struct records *r, struct err_info *e)
{
    char *paths[] = {(char *)r->path, NULL};
    r->tree = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    r->next = next_file;
    return r->tree ? ERR_OK : err_set(e, ERR_IO, r->path, "cannot read the folder %s", r->path);
}

static enum err open_file(struct records *r, const char *format, struct err_info *e)
{
    const char *path = strcmp(r->path, "-") == 0 ? "/dev/stdin" : r->path;
    enum err rc = file_open(path, FILE_READ_ONLY, &r->file, e);
    if (rc != ERR_OK)
        return rc;
    if (file_size(r->file, &r->total, NULL) != ERR_OK)
        r->total = 0;
    r->buffer = xmalloc(BUFFER);
    if (format ? strcmp(format, "csv") == 0 : ends_with(path, ".csv"))
        return open_rows(r, ',');
    if (format ? strcmp(format, "tsv") == 0 : ends_with(path, ".tsv"))
        return open_rows(r, '\t');
    if (!format && ends_with(path, ".json"))
        r->next = next_element;
    else if (!format && is_text_file(path))
        r->next = next_single;
    else
        r->next = next_line;
    return ERR_OK;
}

enum err records_open(const char *path, const char *format, const char *map, struct records **out,
                      struct err_info *e)
{
    struct records *r = xcalloc(1, sizeof(*r));
    r->path = path;
    enum err rc = map_parse(&r->map, map, e);
    if (rc == ERR_OK && format && strcmp(format, "jsonl") && strcmp(format, "csv") &&
        strcmp(format, "tsv"))
        rc = err_set(e, ERR_INVALID, "--format", "--format is jsonl, csv or tsv, not \"%s\"",
                     format);
    if (rc == ERR_OK)
        rc = file_is_dir(path) ? open_tree(r, e) : open_file(r, format, e);
    if (rc != ERR_OK) {
        records_close(r);
        return rc;
    }
    *out = r;
    return ERR_OK;
}

void records_close(struct records *r)
{
    if (!r)
        return;
    if (r->csv_open)
        csv_free(&r->csv);
    for (unsigned i = 0; i < r->name_count; i++)
        free((char *)r->names[i].s);
    json_decref(r->row);
    json_decref(r->rows);
    if (r->tree)
        fts_close(r->tree);
    file_close(r->file);
    free(r->buffer);
    free(r);
}

enum err records_next(struct records *r, struct strbuf *line, struct err_info *e)
{
    return r->next(r, line, e);
}

void records_progress(const struct records *r, uint64_t *done, uint64_t *total)
{
    *done = r->done;
    *total = r->total;
}
