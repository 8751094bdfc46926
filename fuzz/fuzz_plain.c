/* Any bytes as a training set in a plain format, or as the head of a .npy file: what is read holds
 * together, and has no more rows than lines. */
#include "train/plain.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return 0;
}

static void must(bool x)
{
    if (!x)
        abort();
}

static void check(const struct plain_set *p)
{
    const struct training_set *s = p->set;
    for (uint32_t i = 1; i < s->items; i++)
        must(s->numbers[i - 1] < s->numbers[i]);
    for (uint32_t r = 0; r < s->readers; r++) {
        must(s->start[r] <= s->start[r + 1] && (!r || s->keys[r - 1] < s->keys[r]));
        must(strlen(p->users[r]) > 0);
        for (size_t i = s->start[r]; i < s->start[r + 1]; i++) {
            must(s->acts[i].item < s->items && fabsf(s->acts[i].weight) == 1);
            must(i == s->start[r] || s->acts[i - 1].time_us <= s->acts[i].time_us);
        }
    }
}

static void sets(unsigned flags, struct str text)
{
    struct plain_options o = {(enum plain_format)(flags % 3), flags & 4 ? 3 : NAN};
    struct plain *p = plain_new(&o);
    struct plain_set set;
    unsigned long long number = 0;
    enum err err = ERR_OK;
    while (text.n && !err) {
        const char *end = memchr(text.s, '\n', text.n);
        size_t n = end ? (size_t)(end - text.s) : text.n;
        err = plain_line(p, (struct str){text.s, n}, "f", ++number, NULL);
        n += end != NULL;
        text = (struct str){text.s + n, text.n - n};
    }
    if (!err && plain_end(p, flags & 8 ? 100 : 0, "f", &set, NULL) == ERR_OK) {
        check(&set);
        plain_set_free(&set);
    }
    plain_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct str text = {n ? (const char *)data + 1 : "", n ? n - 1 : 0};
    struct npy h = {0};
    sets(n ? data[0] : 0, text);
    if (npy_head(text, "f", &h, NULL) == ERR_OK)
        must(h.rows && h.columns && h.offset <= text.n);
    return 0;
}
