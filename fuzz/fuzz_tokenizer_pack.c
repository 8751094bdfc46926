/* A packed tokenizer of each kind with bytes of it changed: what is not refused works within its
 * memory, and comes to an end. */
#include "encode.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { KINDS = 4, PATCH = 8 };
static const char *const names[KINDS] = {"wordpiece_bert", "unigram_bytes", "bpe_roberta",
                                         "bpe_llama2"};
static struct str good[KINDS][TOKENIZER_PARTS];

static char *copy_of(struct str s)
{
    char *copy = aligned_alloc(64, s.n / 64 * 64 + 64);
    assert(copy);
    if (s.n)
        memcpy(copy, s.s, s.n);
    return copy;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    json_setup();
    for (unsigned k = 0; k < KINDS; k++) {
        struct tokenizer_part parts[TOKENIZER_PARTS];
        struct tokenizer *t = fuzz_open(names[k]);
        tokenizer_parts(t, parts);
        for (unsigned i = 0; i < TOKENIZER_PARTS; i++)
            good[k][i] = (struct str){copy_of(parts[i].bytes), parts[i].bytes.n};
        tokenizer_free(t);
    }
    return 0;
}

/* Eight bytes: which part, what is done to it, where (3), and what is put there (3). */
static void patch(struct str parts[TOKENIZER_PARTS], const uint8_t *p)
{
    struct str *s = &parts[p[0] % TOKENIZER_PARTS];
    size_t at = p[2] | (size_t)p[3] << 8 | (size_t)p[4] << 16;
    if (p[1] % 4 == 3) /* shorter, but of a size that may be one */
        s->n = s->n / 2 - (p[1] == 3 && s->n >= 2);
    else if (p[1] % 4 == 2 && s->n)
        s->n -= at % s->n;
    else if (s->n >= 4)
        memcpy((char *)s->s + at % (s->n / 4) * 4, p + 5, 3);
}

static void run(const struct tokenizer *t, struct str text)
{
    struct tokens out;
    struct strbuf decoded;
    uint32_t ids[64];
    tokens_init(&out);
    strbuf_init(&decoded, 1 << 20);
    tokenizer_encode(t, text, true, &out);
    for (size_t i = 0; i < out.n; i++)
        assert(out.ids[i] < tokenizer_vocab_size(t) && out.ends[i] <= text.n);
    tokenizer_decode(t, out.ids, out.n, true, &decoded);
    for (uint32_t i = 0; i < 64; i++) {
        ids[i] = i * 5;
        (void)tokenizer_id(t, tokenizer_token(t, ids[i]));
    }
    tokenizer_decode(t, ids, 64, false, &decoded);
    strbuf_release(&decoded);
    tokens_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str parts[TOKENIZER_PARTS];
    struct tokenizer *t = NULL;
    if (size < 2)
        return 0;
    for (unsigned i = 0; i < TOKENIZER_PARTS; i++) {
        const struct str *from = &good[data[0] % KINDS][i];
        parts[i] = (struct str){copy_of(*from), from->n};
    }
    size_t patches = data[1] % 8, at = 2;
    for (; patches && at + PATCH <= size; patches--, at += PATCH)
        patch(parts, data + at);
    if (tokenizer_map(parts, &t, NULL) == ERR_OK)
        run(t, (struct str){(const char *)data + at, size - at});
    tokenizer_free(t);
    for (unsigned i = 0; i < TOKENIZER_PARTS; i++)
        free((char *)parts[i].s);
    return 0;
}
