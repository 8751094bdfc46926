/* The head of a .npy file: "\x93NUMPY", version, length of the text, the text: a Python dict
 * {'descr': '<f4', 'fortran_order': False, 'shape': (rows, columns), }. */
#include "train/plain.h"

#include "base/arena.h"
#include "base/file.h"
#include "math/dot.h"
#include "math/half.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "\x93NUMPY"
#define ROWS_AT_A_TIME 1024u

static struct str after(struct str text, const char *key)
{
    const char *at = memmem(text.s, text.n, key, strlen(key));
    if (!at)
        return (struct str){0};
    at += strlen(key);
    while (at < text.s + text.n && (*at == ' ' || *at == ':'))
        at++;
    return (struct str){at, (size_t)(text.s + text.n - at)};
}

static bool number_next(struct str *s, uint64_t *out)
{
    uint64_t x = 0;
    size_t i = 0;
    while (i < s->n && (s->s[i] == ' ' || s->s[i] == ','))
        i++;
    size_t from = i;
    for (; i < s->n && s->s[i] >= '0' && s->s[i] <= '9' && i - from < 18; i++)
        x = 10 * x + (uint64_t)(s->s[i] - '0');
    *s = (struct str){s->s + i, s->n - i};
    *out = x;
    return i > from;
}

/* "(rows, columns)" and nothing more. */
static bool shape_read(struct str s, uint64_t *rows, uint64_t *columns)
{
    uint64_t more;
    if (!s.n || *s.s != '(')
        return false;
    s = (struct str){s.s + 1, s.n - 1};
    if (!number_next(&s, rows) || !number_next(&s, columns) || number_next(&s, &more))
        return false;
    s = str_trim(s);
    return s.n && *s.s == ')';
}

static enum err text_read(struct str text, const char *path, struct npy *out, struct err_info *e)
{
    struct str type = after(text, "'descr'"), order = after(text, "'fortran_order'");
    uint64_t rows, columns;
    if (!shape_read(after(text, "'shape'"), &rows, &columns))
        return err_set(e, ERR_UNSUPPORTED, path, "is not a matrix of rows and columns");
    if (!str_starts(type, STR("'<f4'")) && !str_starts(type, STR("'<f2'")))
        return err_set(e, ERR_UNSUPPORTED, path,
                       "holds %.*s, and only '<f4' (float32) and '<f2' (float16) are read",
                       (int)(type.n < 8 ? type.n : 8), type.s ? type.s : "");
    if (!str_starts(order, STR("False")))
        return err_set(e, ERR_UNSUPPORTED, path, "lies column by column (fortran_order)");
    if (!rows || !columns || rows > TRAINING_ITEMS_MAX || columns > 8192)
        return err_set(e, ERR_TOO_LARGE, path,
                       "has %llu rows of %llu numbers; 1 to %u rows of 1 to 8192 are read",
                       (unsigned long long)rows, (unsigned long long)columns, TRAINING_ITEMS_MAX);
    out->rows = (uint32_t)rows;
    out->columns = (uint32_t)columns;
    out->half = type.s[3] == '2';
    return ERR_OK;
}

enum err npy_head(struct str bytes, const char *path, struct npy *out, struct err_info *e)
{
    const unsigned char *b = (const unsigned char *)bytes.s;
    struct npy made = {0};
    if (bytes.n < 12 || memcmp(b, MAGIC, 6) != 0 || b[6] < 1 || b[6] > 3)
        return err_set(e, ERR_SYNTAX, path, "is not a .npy file");
    size_t head = b[6] == 1 ? 10 : 12, n = b[8] | (size_t)b[9] << 8;
    if (b[6] > 1)
        n |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (n > bytes.n - head)
        return err_set(e, ERR_SYNTAX, path, "is not a .npy file: its head is cut short");
    made.offset = head + n;
    enum err err = text_read((struct str){bytes.s + head, n}, path, &made, e);
    if (!err)
        *out = made;
    return err;
}

static enum err rows_turn(const struct npy *h, uint32_t from, uint32_t count, const void *raw,
                          float *row, uint16_t *out, const char *path, struct err_info *e)
{
    for (uint32_t r = 0; r < count; r++) {
        size_t at = (size_t)r * h->columns;
        if (h->half)
            half_to_f32((const uint16_t *)raw + at, row, h->columns);
        else
            memcpy(row, (const float *)raw + at, h->columns * sizeof *row);
        for (uint32_t d = 0; d < h->columns; d++)
            if (!isfinite(row[d]))
                return err_set(e, ERR_INVALID, path, "row %u holds a number that is not finite",
                               from + r);
        normalise_f32(row, h->columns);
        half_from_f32(row, out + at, h->columns);
    }
    return ERR_OK;
}

static enum err rows_read(struct file *f, const struct npy *h, uint16_t *out, struct err_info *e)
{
    size_t each = h->columns * (h->half ? sizeof(uint16_t) : sizeof(float));
    void *raw = xmalloc(ROWS_AT_A_TIME * each);
    float *row = xmalloc(h->columns * sizeof *row);
    enum err err = ERR_OK;
    for (uint32_t at = 0; at < h->rows && !err; at += ROWS_AT_A_TIME) {
        uint32_t n = h->rows - at < ROWS_AT_A_TIME ? h->rows - at : ROWS_AT_A_TIME;
        err = file_pread(f, h->offset + at * (uint64_t)each, raw, n * each, e);
        if (!err)
            err = rows_turn(h, at, n, raw, row, out + (size_t)at * h->columns, file_path(f), e);
    }
    free(raw);
    free(row);
    return err;
}

static enum err head_read(struct file *f, struct npy *h, struct err_info *e)
{
    char bytes[NPY_HEAD_MAX];
    uint64_t size = 0;
    enum err err = file_size(f, &size, e);
    size_t n = size < sizeof bytes ? (size_t)size : sizeof bytes;
    if (!err)
        err = file_pread(f, 0, bytes, n, e);
    if (!err)
        err = npy_head((struct str){bytes, n}, file_path(f), h, e);
    if (!err && (size - h->offset) / (h->half ? 2 : 4) / h->columns < h->rows)
        err = err_set(e, ERR_SYNTAX, file_path(f), "is cut short: %u rows of %u numbers are more",
                      h->rows, h->columns);
    return err;
}

enum err npy_read(const char *path, struct npy *head, uint16_t **out, struct err_info *e)
{
    struct file *f = NULL;
    uint16_t *rows = NULL;
    enum err err = file_regular(path, e);
    if (!err)
        err = file_open(path, FILE_READ_ONLY, &f, e);
    if (!err)
        err = head_read(f, head, e);
    if (!err) { /* the file is as long as that */
        rows = xmalloc((size_t)head->rows * head->columns * sizeof *rows);
        err = rows_read(f, head, rows, e);
    }
    file_close(f);
    if (err)
        free(rows);
    else
        *out = rows;
    return err;
}
