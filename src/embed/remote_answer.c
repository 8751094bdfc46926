#include "embed/remote_answer.h"
#include "base/arena.h"
#include "base/json.h"
#include "math/dot.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define JSON_NUMBER_BYTES 128u /* of memory for a number of an array, and its text */
#define ANSWER_FIXED_BYTES ((size_t)1 << 20)
#define REASON_BODY_MAX ((size_t)64 << 10)

static enum err wrong(struct err_info *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static enum err wrong(struct err_info *e, const char *fmt, ...)
{
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return err_set(e, ERR_INVALID, NULL, "%s", text);
}

/* One vector into `out`, of length 1. */
static enum err vector_read(const json_t *v, size_t row, unsigned dims, float *out,
                            struct err_info *e)
{
    double sum = 0;
    for (unsigned i = 0; i < dims; i++) {
        const json_t *x = json_array_get(v, i);
        if (!json_is_number(x))
            return wrong(e, "has something that is no number in vector %zu at %u", row, i);
        out[i] = (float)json_number_value(x);
        if (!isfinite(out[i]))
            return wrong(e, "has a number in vector %zu at %u that is not finite as a float", row,
                         i);
        sum += (double)out[i] * (double)out[i];
    }
    if (!(sum > 0))
        return wrong(e, "has a vector (%zu) that is all zeros", row);
    /* In double: the squares of what a float can hold pass a float's range. */
    double scale = 1 / sqrt(sum);
    for (unsigned i = 0; i < dims; i++)
        out[i] = (float)((double)out[i] * scale);
    normalise_f32(out, dims);
    return ERR_OK;
}

/* The text that an item of "data" is the vector of. */
static enum err index_read(const json_t *item, size_t at, size_t count, size_t *out,
                           struct err_info *e)
{
    const json_t *index = json_object_get(item, "index");
    *out = at;
    if (!index)
        return ERR_OK; /* some leave it out; then the order is that of the texts */
    if (!json_is_integer(index) || json_integer_value(index) < 0 ||
        (uint64_t)json_integer_value(index) >= count)
        return wrong(e, "has an \"index\" in data[%zu] that is none of 0 to %zu", at, count - 1);
    *out = (size_t)json_integer_value(index);
    return ERR_OK;
}

static enum err item_check(const json_t *item, size_t at, unsigned *dims, struct err_info *e)
{
    const json_t *v = json_object_get(item, "embedding");
    size_t n = json_array_size(v);
    if (json_is_string(v))
        return wrong(e, "has base64 in data[%zu].embedding; floats were asked for", at);
    if (!json_is_array(v) || n == 0)
        return wrong(e, "has no numbers in data[%zu].embedding", at);
    if (*dims == 0) {
        if (n > REMOTE_DIMS_MAX)
            return wrong(e, "has a vector of %zu numbers; akin takes at most %u", n,
                         REMOTE_DIMS_MAX);
        *dims = (unsigned)n;
    }
    if (n != *dims)
        return err_set(e, ERR_INVALID, REMOTE_OTHER_DIMS,
                       "has a vector of %zu numbers in data[%zu]; expected are %u", n, at, *dims);
    return ERR_OK;
}

static enum err data_read(const json_t *data, size_t count, struct remote_answer *out,
                          struct err_info *e)
{
    bool *seen = xcalloc(count, sizeof *seen);
    enum err err = ERR_OK;
    for (size_t i = 0; i < count && !err; i++) {
        const json_t *item = json_array_get(data, i);
        size_t row = 0;
        err = item_check(item, i, &out->dims, e);
        if (!err && !out->vectors)
            out->vectors = xcalloc(count * out->dims, sizeof *out->vectors);
        if (!err)
            err = index_read(item, i, count, &row, e);
        if (!err && seen[row])
            err = wrong(e, "has two vectors for text %zu", row);
        if (!err)
            err = vector_read(json_object_get(item, "embedding"), row, out->dims,
                              out->vectors + row * out->dims, e);
        if (!err)
            seen[row] = true;
    }
    free(seen);
    return err;
}

static uint64_t usage_read(const json_t *root)
{
    const json_t *usage = json_object_get(root, "usage"),
                 *tokens = json_object_get(usage, "prompt_tokens");
    if (!json_is_integer(tokens))
        tokens = json_object_get(usage, "total_tokens");
    int64_t n = json_is_integer(tokens) ? json_integer_value(tokens) : 0;
    return n > 0 && n <= UINT32_MAX ? (uint64_t)n : 0;
}

static enum err root_read(const json_t *root, size_t count, struct remote_answer *out,
                          struct err_info *e)
{
    const json_t *data = json_object_get(root, "data");
    if (!json_is_array(data))
        return wrong(e, "%s",
                     json_object_get(root, "error") ? "is an error, with status 200"
                                                    : "has no array \"data\"");
    if (json_array_size(data) != count)
        return wrong(e, "has %zu vectors for %zu texts", json_array_size(data), count);
    enum err err = data_read(data, count, out, e);
    if (!err)
        out->tokens = usage_read(root);
    return err;
}

enum err remote_answer_parse(struct str body, size_t count, unsigned dims,
                             struct remote_answer *out, struct err_info *e)
{
    json_t *root = NULL;
    struct remote_answer a = {.dims = dims};
    size_t bytes = count * (dims ? dims : REMOTE_DIMS_MAX) * JSON_NUMBER_BYTES;
    enum err err = json_parse_within(body, bytes + ANSWER_FIXED_BYTES, &root, NULL);
    if (err) /* the parser's reason would quote from it */
        return err_set(e, ERR_SYNTAX, NULL, "is no readable JSON (%zu bytes)", body.n);
    err = root_read(root, count, &a, e);
    json_decref(root);
    if (err)
        free(a.vectors);
    else
        *out = a;
    return err;
}

/* ---- reasons ---- */

static struct str reason_of(const json_t *root)
{
    static const char *const keys[] = {"message", "detail", "error"};
    const json_t *error = json_object_get(root, "error");
    const json_t *from = json_is_object(error) ? error : root;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const json_t *v = json_object_get(from, keys[i]);
        if (json_is_string(v))
            return json_str(v);
    }
    return STR("");
}

/* Every occurrence of the key becomes stars before anything is cut, so that no part of it stays. */
static void key_hide(struct strbuf *b, const char *key)
{
    size_t n = key ? strlen(key) : 0;
    if (n < 4 || !b->n)
        return;
    for (char *at = b->buf; (at = memmem(at, b->n - (size_t)(at - b->buf), key, n)); at += n)
        memset(at, '*', n);
}

void remote_answer_reason(struct str body, const char *key, char out[REMOTE_REASON])
{
    json_t *root = NULL;
    struct strbuf b;
    if (body.n > REASON_BODY_MAX)
        body.n = REASON_BODY_MAX;
    strbuf_init(&b, 0);
    if (json_parse(body, &root, NULL) == ERR_OK)
        strbuf_add_str(&b, reason_of(root));
    else if (body.n && body.s[0] != '<') /* a page is no reason */
        strbuf_add_str(&b, body);
    json_decref(root);
    key_hide(&b, key);
    size_t n = str_utf8_cut(str_trim(strbuf_str(&b)), REMOTE_REASON - 1);
    struct str text = str_trim(strbuf_str(&b));
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)text.s[i] < ' ' || text.s[i] == 0x7f ? ' ' : text.s[i];
    out[n] = 0;
    strbuf_release(&b);
}
