/* What holds for every tokenizer, whatever the text: used by a fuzz target for each kind. */
#ifndef FUZZ_ENCODE_H
#define FUZZ_ENCODE_H

#include "base/file.h"
#include "base/json.h"
#include "text/passage.h"
#include "text/text.h"
#include "text/tokenizer.h"
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* That no passage is too long is not asked here: a token of these small vocabularies may hold many
 * unknown characters, of some of which only a part, so that there is no place to cut. */

/* One of the small tokenizers beside this file (FUZZ_DIR comes from the build). */
static struct tokenizer *fuzz_open(const char *name)
{
    struct tokenizer *t;
    struct err_info e = {0};
    char path[1000], *json;
    size_t n;
    snprintf(path, sizeof path, FUZZ_DIR "/tokenizers/%s.json", name);
    enum err err = file_read_all(path, 1 << 20, &json, &n, &e);
    if (!err)
        err = tokenizer_parse((struct str){json, n}, &t, &e);
    if (err)
        fprintf(stderr, "%s: %s: %s\n", path, e.field, e.message);
    assert(!err);
    free(json);
    return t;
}

static void fuzz_encode(const struct tokenizer *t, struct str text)
{
    struct tokens out;
    struct strbuf decoded;
    tokens_init(&out);
    strbuf_init(&decoded, 0);
    tokenizer_encode(t, text, true, &out);
    for (size_t i = 0; i < out.n; i++) {
        assert(out.ids[i] < tokenizer_vocab_size(t));
        assert(out.starts[i] <= out.ends[i] && out.ends[i] <= text.n);
    }
    tokenizer_decode(t, out.ids, out.n, true, &decoded);
    assert(utf8_valid(strbuf_str(&decoded)) == decoded.n);
    strbuf_release(&decoded);
    tokens_release(&out);
}

static void fuzz_passages(const struct tokenizer *t, struct str text, unsigned max)
{
    struct passage_options o = {.tokens_max = 8 + max % 16, .overlap_tokens = max % 4};
    struct arena *a = arena_new(0);
    struct passage *list;
    struct tokens alone;
    size_t n;
    tokens_init(&alone);
    enum err err = passages_split(t, text, &o, a, &list, &n, NULL);
    assert(!err && n);
    for (size_t i = 0; i < n; i++) {
        assert(list[i].start <= list[i].end && list[i].end <= text.n);
        assert(i == 0 || (list[i].start > list[i - 1].start && list[i].end > list[i - 1].end));
        struct str part = {text.s + list[i].start, list[i].end - list[i].start};
        tokenizer_encode(t, part, false, &alone);
        assert(alone.n == list[i].tokens || n == 1);
    }
    tokens_release(&alone);
    arena_free(a);
}

/* Any ids: the bytes in threes. */
static void fuzz_decode(const struct tokenizer *t, struct str bytes)
{
    struct strbuf out;
    uint32_t ids[256];
    size_t n = 0;
    strbuf_init(&out, 0);
    for (size_t i = 0; i + 1 < bytes.n && n < 256; i += 2)
        ids[n++] = (unsigned char)bytes.s[i] | (uint32_t)(bytes.s[i + 1] & 3) << 8;
    tokenizer_decode(t, ids, n, n % 2, &out);
    assert(utf8_valid(strbuf_str(&out)) == out.n);
    strbuf_release(&out);
}

/* The first byte says which of the tokenizers, the second how long a passage is. */
static inline int fuzz_all(struct tokenizer *const *list, size_t count, const uint8_t *data,
                           size_t n)
{
    if (n < 2)
        return 0;
    const struct tokenizer *t = list[data[0] % count];
    struct str text = {(const char *)data + 2, n - 2};
    fuzz_encode(t, text);
    fuzz_passages(t, text, data[1]);
    fuzz_decode(t, text);
    return 0;
}

#endif
