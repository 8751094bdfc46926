#include "train/plain.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COLUMNS_MAX 64u
#define NAME_BYTES_MAX 1000u
#define ACTS_MAX ((size_t)1 << 31)

/* ---- names to places, in order of appearance ---- */

struct names {
    struct str *all;
    uint32_t *table; /* place + 1; 0: free. A power of two, at most half full */
    size_t size;
    uint32_t count, max;
};

static size_t names_slot(const struct names *n, struct str name)
{
    size_t at = checksum64(name.s, name.n, 0) & (n->size - 1);
    while (n->table[at] && !str_eq(n->all[n->table[at] - 1], name))
        at = (at + 1) & (n->size - 1);
    return at;
}

static void names_grow(struct names *n)
{
    n->size = n->size ? 2 * n->size : 1024;
    free(n->table);
    n->table = xcalloc(n->size, sizeof *n->table);
    n->all = xrealloc(n->all, n->size / 2 * sizeof *n->all);
    for (uint32_t i = 0; i < n->count; i++)
        n->table[names_slot(n, n->all[i])] = i + 1;
}

/* False: there are as many as can be. */
static bool names_place(struct names *n, struct str name, struct arena *a, uint32_t *out)
{
    if (n->count >= n->size / 2)
        names_grow(n);
    size_t at = names_slot(n, name);
    if (!n->table[at]) {
        if (n->count == n->max)
            return false;
        n->all[n->count++] = arena_str(a, name);
        n->table[at] = n->count;
    }
    *out = n->table[at] - 1;
    return true;
}

static void names_release(struct names *n)
{
    free(n->all);
    free(n->table);
}

/* ---- one reading ---- */

enum column { COLUMN_USER, COLUMN_ITEM, COLUMN_VALUE, COLUMN_TIME, COLUMN_COUNT };
struct row {
    uint32_t user, item;
    float weight;
    int64_t time_us;
};
struct plain {
    struct plain_options o;
    struct arena *arena;
    struct names users, items;
    struct row *rows;
    size_t count, cap;
    bool begun;              /* the first line was read */
    const char *mark;        /* what divides fields */
    int place[COLUMN_COUNT]; /* of each column; -1: there is none */
    struct strbuf fields;    /* room for fields in quotes */
};

struct plain *plain_new(const struct plain_options *o)
{
    struct plain *p = xcalloc(1, sizeof *p);
    p->o = *o;
    p->arena = arena_new(0);
    p->users.max = TRAINING_READERS_MAX;
    p->items.max = TRAINING_ITEMS_MAX;
    strbuf_init(&p->fields, 0);
    return p;
}

void plain_free(struct plain *p)
{
    if (!p)
        return;
    names_release(&p->users);
    names_release(&p->items);
    free(p->rows);
    strbuf_release(&p->fields);
    arena_free(p->arena);
    free(p);
}

struct place {
    const char *path;
    unsigned long long number;
};

__attribute__((format(printf, 4, 5))) static enum err
wrong(const struct place *at, enum err code, struct err_info *e, const char *fmt, ...)
{
    char message[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    return err_set(e, code, at->path, "line %llu: %s", at->number, message);
}

static enum err row_add(struct plain *p, struct str user, struct str item, float weight,
                        int64_t time_us, const struct place *at, struct err_info *e)
{
    struct row r = {.weight = weight, .time_us = time_us};
    if (!user.n || !item.n || user.n > NAME_BYTES_MAX || item.n > NAME_BYTES_MAX)
        return wrong(at, ERR_INVALID, e, "a user or item is empty, or longer than %u bytes",
                     NAME_BYTES_MAX);
    if (!names_place(&p->users, user, p->arena, &r.user) ||
        !names_place(&p->items, item, p->arena, &r.item) || p->count == ACTS_MAX)
        return wrong(at, ERR_TOO_LARGE, e, "more than %u users, %u items or %zu rows",
                     TRAINING_READERS_MAX, TRAINING_ITEMS_MAX, ACTS_MAX);
    if (p->count == p->cap)
        p->rows = xrealloc(p->rows, (p->cap = p->cap ? 2 * p->cap : 1024) * sizeof *p->rows);
    p->rows[p->count++] = r;
    return ERR_OK;
}

/* ---- CSV ---- */

/* The first field of *line, which it is taken from; false: there is none. `done`: it was the last.
 */
static bool field_next(struct plain *p, struct str *line, bool *done, struct str *out)
{
    size_t n = strlen(p->mark);
    bool blanks = *p->mark == ' ';
    if (blanks)
        *line = str_trim(*line);
    if (*done || (blanks && !line->n))
        return false;
    if (!blanks && line->n && *line->s == '"') {
        size_t from = p->fields.n, i = 1;
        for (; i < line->n; i++) {
            if (line->s[i] == '"' && (i + 1 == line->n || line->s[i + 1] != '"'))
                break;
            i += line->s[i] == '"';
            strbuf_add_char(&p->fields, line->s[i]);
        }
        *out = (struct str){p->fields.buf ? p->fields.buf + from : "", p->fields.n - from};
        i = i < line->n ? i + 1 : i;
        *line = (struct str){line->s + i, line->n - i};
        *done = !(line->n >= n && memcmp(line->s, p->mark, n) == 0);
    } else {
        size_t i = 0;
        while (i < line->n && (blanks ? line->s[i] != ' ' && line->s[i] != '\t'
                                      : i + n > line->n || memcmp(line->s + i, p->mark, n) != 0))
            i++;
        *out = str_trim((struct str){line->s, i});
        *line = (struct str){line->s + i, line->n - i};
        *done = !line->n;
    }
    if (!*done)
        *line = (struct str){line->s + n, line->n - n};
    return true;
}

static unsigned fields_of(struct plain *p, struct str line, struct str *out)
{
    unsigned count = 0;
    bool done = false;
    if (memchr(line.s, '"', line.n)) /* room for all of it: views into it must not move */
        strbuf_add(&p->fields, line.s, line.n);
    strbuf_clear(&p->fields);
    while (count < COLUMNS_MAX && field_next(p, &line, &done, &out[count]))
        count++;
    return count;
}

static const char *mark_of(struct str line)
{
    static const char *const marks[] = {"::", "\t", ",", ";"};
    for (size_t m = 0; m < sizeof marks / sizeof *marks; m++)
        if (memmem(line.s, line.n, marks[m], strlen(marks[m])))
            return marks[m];
    return " ";
}

static int column_named(struct str field)
{
    static const char *const names[COLUMN_COUNT][12] = {
        {"user", "user_id", "userid", "uid", "reader", "reader_id", "visitorid", "visitor_id",
         "customer_id", "customer", "user-id"},
        {"item", "item_id", "itemid", "iid", "movie", "movieid", "movie_id", "article_id",
         "book_id", "document", "isbn", "product_id"},
        {"value", "rating", "score", "weight", "count", "play_count", "overall", "book-rating"},
        {"time", "timestamp", "ts", "date", "datetime", "time_us", "unixtime", "created_at"},
    };
    for (int c = 0; c < COLUMN_COUNT; c++)
        for (size_t i = 0; i < 12 && names[c][i]; i++)
            if (field.n == strlen(names[c][i]) && strncasecmp(field.s, names[c][i], field.n) == 0)
                return c;
    return -1;
}

static bool is_number(struct str s)
{
    double x;
    return str_to_f64(s, &x) == ERR_OK;
}

/* Which column is which: by the names of the first line, else by place. *header: it was names. */
static enum err columns_find(struct plain *p, const struct str *field, unsigned count, bool *header,
                             const struct place *at, struct err_info *e)
{
    for (int c = 0; c < COLUMN_COUNT; c++)
        p->place[c] = -1;
    *header = false;
    for (unsigned i = 0; i < count; i++) {
        int c = column_named(field[i]);
        *header = *header || c >= 0;
        if (c >= 0 && p->place[c] < 0)
            p->place[c] = (int)i;
    }
    if (*header && (p->place[COLUMN_USER] < 0 || p->place[COLUMN_ITEM] < 0))
        return wrong(at, ERR_INVALID, e, "the header names no column for the %s: call it \"%s\"",
                     p->place[COLUMN_USER] < 0 ? "user" : "item",
                     p->place[COLUMN_USER] < 0 ? "user" : "item");
    if (*header)
        return ERR_OK;
    if (count > COLUMN_COUNT)
        return wrong(at, ERR_INVALID, e,
                     "%u columns and no header that names user and item; lines of items are read "
                     "with --format lists, or counted if their number stands ahead",
                     count);
    for (unsigned c = 0; c < count; c++)
        p->place[c] = (int)c;
    return ERR_OK;
}

#define SECOND_US 1000000
#define FAR_SECONDS 1e11 /* a larger number is milliseconds, a thousand times that microseconds */

static bool time_read(struct str s, int64_t *out)
{
    char text[40];
    double x;
    if (str_to_f64(s, &x) == ERR_OK) {
        double unit = fabs(x) < FAR_SECONDS ? 1e6 : fabs(x) < 1e3 * FAR_SECONDS ? 1e3 : 1;
        *out = (int64_t)(x * unit);
        return fabs(x) < 1e6 * FAR_SECONDS;
    }
    if (s.n == 10) { /* a day */
        memcpy(text, s.s, 10);
        memcpy(text + 10, "T00:00:00Z", 10);
        return clock_parse((struct str){text, 20}, out) == ERR_OK;
    }
    return clock_parse(s, out) == ERR_OK;
}

static enum err csv_row(struct plain *p, const struct str *field, unsigned count,
                        const struct place *at, struct err_info *e)
{
    struct str of[COLUMN_COUNT] = {{0}};
    double value = 1;
    int64_t time_us = 0;
    for (int c = 0; c < COLUMN_COUNT; c++)
        if (p->place[c] >= 0 && p->place[c] < (int)count)
            of[c] = field[p->place[c]];
        else if (p->place[c] >= 0)
            return wrong(at, ERR_INVALID, e, "%u columns, but the first line has %d or more", count,
                         p->place[c] + 1);
    if (of[COLUMN_VALUE].n && str_to_f64(of[COLUMN_VALUE], &value) != ERR_OK)
        return wrong(at, ERR_INVALID, e, "the value \"%.*s\" is not a number",
                     (int)(of[COLUMN_VALUE].n < 40 ? of[COLUMN_VALUE].n : 40), of[COLUMN_VALUE].s);
    if (of[COLUMN_TIME].n && !time_read(of[COLUMN_TIME], &time_us))
        return wrong(
            at, ERR_INVALID, e,
            "the time \"%.*s\" is neither seconds since 1970, nor YYYY-MM-DD, nor RFC 3339",
            (int)(of[COLUMN_TIME].n < 40 ? of[COLUMN_TIME].n : 40), of[COLUMN_TIME].s);
    if (!isnan(p->o.liked_from))
        value = value >= p->o.liked_from ? 1 : 0;
    if (value == 0)
        return ERR_OK;
    return row_add(p, of[COLUMN_USER], of[COLUMN_ITEM], value > 0 ? 1 : -1, time_us, at, e);
}

static enum err csv_line(struct plain *p, struct str line, const struct place *at,
                         struct err_info *e)
{
    struct str field[COLUMNS_MAX];
    bool header = false;
    enum err err = ERR_OK;
    if (!p->begun) {
        if (line.n >= 3 && memcmp(line.s, "\xef\xbb\xbf", 3) == 0)
            line = (struct str){line.s + 3, line.n - 3};
        p->mark = mark_of(line);
    }
    unsigned count = fields_of(p, line, field);
    if (!p->begun)
        err = columns_find(p, field, count, &header, at, e);
    if (err || header)
        return err;
    if (count < 2)
        return wrong(at, ERR_INVALID, e, "a line is user, item and, if there are, value and time");
    if (!p->begun && count > 2 && p->place[COLUMN_VALUE] == 2 && !is_number(field[2]))
        return wrong(at, ERR_INVALID, e,
                     "the third column \"%.*s\" is not a number, and no column is called \"user\": "
                     "is it a header? Its names are user, item, value, time",
                     (int)(field[2].n < 40 ? field[2].n : 40), field[2].s);
    return csv_row(p, field, count, at, e);
}

/* ---- lists ---- */

static bool token_next(struct str *line, struct str *out)
{
    size_t from = 0, end;
    while (from < line->n && strchr(" \t,\r", line->s[from]) && line->s[from])
        from++;
    for (end = from; end < line->n && !(strchr(" \t,\r", line->s[end]) && line->s[end]);)
        end++;
    *out = (struct str){line->s + from, end - from};
    *line = (struct str){line->s + end, line->n - end};
    return out->n > 0;
}

static enum err list_line(struct plain *p, struct str line, const struct place *at,
                          struct err_info *e)
{
    char user[24];
    struct str item;
    int64_t count = 0, number, found = 0;
    enum err err = ERR_OK;
    if (p->o.format == PLAIN_COUNTED &&
        (!token_next(&line, &item) || str_to_i64(item, 0, UINT32_MAX, &count) != ERR_OK))
        return wrong(at, ERR_INVALID, e, "does not begin with the number of its items");
    size_t n = (size_t)snprintf(user, sizeof user, "%llu", at->number);
    while (!err && token_next(&line, &item)) {
        if (str_to_i64(item, 0, UINT32_MAX, &number) != ERR_OK)
            return wrong(at, ERR_INVALID, e, "\"%.*s\" is not an item's number",
                         (int)(item.n < 40 ? item.n : 40), item.s);
        char text[24];
        size_t m = (size_t)snprintf(text, sizeof text, "%lld", (long long)number);
        err = row_add(p, (struct str){user, n}, (struct str){text, m}, 1, 0, at, e);
        found++;
    }
    if (!err && p->o.format == PLAIN_COUNTED && found != count)
        return wrong(at, ERR_INVALID, e, "%lld items, but the first number says %lld",
                     (long long)found, (long long)count);
    return err;
}

enum err plain_line(struct plain *p, struct str line, const char *path, unsigned long long number,
                    struct err_info *e)
{
    struct place at = {path, number};
    if (memchr(line.s, 0, line.n))
        return wrong(&at, ERR_SYNTAX, e, "holds a NUL character: it is not a text file");
    if (!str_trim(line).n)
        return ERR_OK;
    enum err err =
        p->o.format == PLAIN_CSV ? csv_line(p, line, &at, e) : list_line(p, line, &at, e);
    p->begun = true;
    return err;
}

/* ---- the set ---- */

struct named {
    struct str name;
    uint32_t number; /* if all are numbers */
    uint32_t place;  /* in order of appearance */
};

static int by_name(const void *a, const void *b)
{
    return str_cmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static int by_number(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return by_name(a, b);
}

struct keyed {
    uint64_t key;
    uint32_t place;
};

static int by_key(const void *a, const void *b)
{
    const struct keyed *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

static int by_act(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    if (x->user != y->user)
        return x->user < y->user ? -1 : 1;
    if (x->item != y->item)
        return x->item < y->item ? -1 : 1;
    return x->time_us < y->time_us ? -1 : x->time_us > y->time_us;
}

static int by_time(const void *a, const void *b)
{
    const struct training_act *x = a, *y = b;
    if (x->time_us != y->time_us)
        return x->time_us < y->time_us ? -1 : 1;
    return x->item < y->item ? -1 : x->item > y->item;
}

/* Sorted; true: all are whole numbers in their shortest form, by which they are sorted. */
static bool items_sort(const struct plain *p, struct named *all)
{
    bool numbers = true;
    for (uint32_t i = 0; i < p->items.count; i++) {
        int64_t number = 0;
        all[i] = (struct named){p->items.all[i], 0, i};
        char first = all[i].name.s[0]; /* "-0" and "007" are other names than 0 and 7 */
        numbers = numbers && first >= '0' && first <= '9' && (first != '0' || all[i].name.n == 1) &&
                  str_to_i64(all[i].name, 0, UINT32_MAX - 1, &number) == ERR_OK;
        all[i].number = (uint32_t)number;
    }
    qsort(all, p->items.count, sizeof *all, numbers ? by_number : by_name);
    return numbers;
}

static enum err items_make(struct plain *p, uint32_t rows, const char *path, uint32_t *to,
                           struct plain_set *out, struct err_info *e)
{
    struct training_set *s = out->set;
    struct named *all = xmalloc(((size_t)p->items.count + 1) * sizeof *all);
    bool numbers = items_sort(p, all);
    uint32_t last = p->items.count ? all[p->items.count - 1].number : 0;
    enum err err = ERR_OK;
    if (rows && (!numbers || last >= rows))
        err = err_set(e, ERR_INVALID, path,
                      "item %s has no row among the %u vectors: an item's id is its row, from 0",
                      numbers ? all[p->items.count - 1].name.s : all[0].name.s, rows);
    s->items = rows ? rows : p->items.count;
    s->numbers = xcalloc((size_t)s->items + 1, sizeof *s->numbers);
    s->created_us = xcalloc((size_t)s->items + 1, sizeof *s->created_us);
    out->items = xcalloc((size_t)s->items + 1, sizeof *out->items);
    for (uint32_t i = 0; i < rows && !err; i++) {
        s->numbers[i] = i;
        out->items[i] = arena_printf(p->arena, "%u", i);
    }
    for (uint32_t i = 0; i < p->items.count && !err; i++) {
        uint32_t at = rows ? all[i].number : i;
        to[all[i].place] = at;
        s->numbers[at] = numbers ? all[i].number : i;
        out->items[at] = all[i].name.s;
    }
    free(all);
    return err;
}

/* Rising keys; equal ones, of which there are none in practice, are one reader. */
static void users_make(struct plain *p, uint32_t *to, struct plain_set *out)
{
    struct training_set *s = out->set;
    struct keyed *all = xmalloc(((size_t)p->users.count + 1) * sizeof *all);
    for (uint32_t i = 0; i < p->users.count; i++)
        all[i] = (struct keyed){checksum64(p->users.all[i].s, p->users.all[i].n, 0), i};
    qsort(all, p->users.count, sizeof *all, by_key);
    s->keys = xcalloc((size_t)p->users.count + 1, sizeof *s->keys);
    out->users = xcalloc((size_t)p->users.count + 1, sizeof *out->users);
    for (uint32_t i = 0; i < p->users.count; i++) {
        if (s->readers == 0 || s->keys[s->readers - 1] != all[i].key) {
            out->users[s->readers] = p->users.all[all[i].place].s;
            s->keys[s->readers++] = all[i].key;
        }
        to[all[i].place] = s->readers - 1;
    }
    free(all);
}

static size_t acts_make(struct plain *p, struct training_set *s)
{
    size_t n = 0, liked = 0;
    if (p->count)
        qsort(p->rows, p->count, sizeof *p->rows, by_act);
    s->start = xcalloc((size_t)s->readers + 1, sizeof *s->start);
    s->acts = xmalloc((p->count + 1) * sizeof *s->acts);
    for (size_t i = 0; i < p->count; i++) {
        const struct row *r = &p->rows[i];
        if (i + 1 < p->count && r[1].user == r->user && r[1].item == r->item)
            continue; /* the last of the same */
        s->acts[n++] =
            (struct training_act){.item = r->item, .weight = r->weight, .time_us = r->time_us};
        s->start[r->user + 1] = n;
        liked += r->weight > 0;
    }
    for (uint32_t r = 0; r < s->readers; r++) {
        s->start[r + 1] = s->start[r + 1] > s->start[r] ? s->start[r + 1] : s->start[r];
        qsort(s->acts + s->start[r], s->start[r + 1] - s->start[r], sizeof *s->acts, by_time);
    }
    return liked;
}

enum err plain_end(struct plain *p, uint32_t rows, const char *path, struct plain_set *out,
                   struct err_info *e)
{
    struct plain_set made = {.set = xcalloc(1, sizeof *made.set)};
    uint32_t *item_to = xmalloc(((size_t)p->items.count + 1) * sizeof *item_to);
    uint32_t *user_to = xmalloc(((size_t)p->users.count + 1) * sizeof *user_to);
    enum err err = items_make(p, rows, path, item_to, &made, e);
    if (!err) {
        users_make(p, user_to, &made);
        for (size_t i = 0; i < p->count; i++) {
            p->rows[i].user = user_to[p->rows[i].user];
            p->rows[i].item = item_to[p->rows[i].item];
        }
        if (!acts_make(p, made.set))
            err = err_set(e, ERR_INVALID, path, "there is nothing in it that somebody liked");
    }
    made.set->vectors = xcalloc(1, sizeof *made.set->vectors);
    made.arena = p->arena;
    p->arena = NULL;
    free(item_to);
    free(user_to);
    if (err)
        plain_set_free(&made);
    else
        *out = made;
    return err;
}

void plain_set_free(struct plain_set *s)
{
    training_set_free(s->set);
    free((void *)s->users);
    free((void *)s->items);
    arena_free(s->arena);
    *s = (struct plain_set){0};
}
