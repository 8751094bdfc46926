#include "text/forms.h"
#include "base/arena.h"
#include "text/bert_chars.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>

enum { UNICODE_VERSION = 9, SORT_SHORT = 64 };

static bool newer(uint32_t c)
{
    UVersionInfo age;
    u_charAge((UChar32)c, age);
    return age[0] > UNICODE_VERSION;
}

unsigned form_decompose(uint32_t c, bool compatible, uint32_t out[FORM_DECOMPOSITION_MAX])
{
    UErrorCode code = U_ZERO_ERROR;
    UChar wide[2 * FORM_DECOMPOSITION_MAX];
    out[0] = c;
    if (c < 0xa0)
        return 1;
    const UNormalizer2 *form =
        compatible ? unorm2_getNFKDInstance(&code) : unorm2_getNFDInstance(&code);
    int32_t n = unorm2_getDecomposition(form, (UChar32)c, wide, 2 * FORM_DECOMPOSITION_MAX, &code);
    assert(U_SUCCESS(code));
    if (n < 0 || newer(c))
        return 1;
    unsigned count = 0;
    for (int32_t at = 0; at < n; count++)
        U16_NEXT(wide, at, n, out[count]);
    return count;
}

static void sort_short(struct form_char *run, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct form_char x = run[i];
        size_t at = i;
        for (; at > 0 && run[at - 1].class > x.class; at--)
            run[at] = run[at - 1];
        run[at] = x;
    }
}

void form_sort(struct form_char *run, size_t n)
{
    size_t starts[256] = {0}, at = 0;
    if (n <= SORT_SHORT) {
        sort_short(run, n);
        return;
    }
    struct form_char *copy = xmalloc(n * sizeof *copy);
    for (size_t i = 0; i < n; i++)
        starts[run[i].class]++;
    for (unsigned k = 0; k < 256; k++) {
        size_t count = starts[k];
        starts[k] = at;
        at += count;
    }
    for (size_t i = 0; i < n; i++)
        copy[starts[run[i].class]++] = run[i];
    memcpy(run, copy, n * sizeof *copy);
    free(copy);
}

/* Runs of characters with a combining class, sorted by it; what decomposes says that all but its
 * first character are new. */
struct pieces {
    struct form_char *list;
    size_t n, cap, sorted; /* [sorted, n) is the run that is still open */
};

static void run_sort(struct pieces *p)
{
    if (p->n > p->sorted)
        form_sort(p->list + p->sorted, p->n - p->sorted);
    p->sorted = p->n;
}

static void put(struct pieces *p, uint32_t c, int32_t delta)
{
    uint8_t class = bert_class(c);
    if (class == 0)
        run_sort(p);
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 256;
        p->list = xrealloc(p->list, p->cap * sizeof *p->list);
    }
    p->list[p->n++] = (struct form_char){c, delta, class};
    if (class == 0)
        p->sorted = p->n;
}

static void decompose(struct view from, bool compatible, struct pieces *p)
{
    uint32_t parts[FORM_DECOMPOSITION_MAX];
    for (size_t at = 0; at < from.n;) {
        unsigned n = form_decompose(utf8_get(from.bytes, &at), compatible, parts);
        for (unsigned i = 0; i < n; i++)
            put(p, parts[i], i > 0);
    }
    run_sort(p);
}

static void apply(const struct pieces *p, struct view from, struct normal *to)
{
    struct changes x = {0};
    for (size_t i = 0; i < p->n; i++)
        changes_add(&x, p->list[i].c, p->list[i].delta);
    changes_apply(&x, from, 0, to);
    changes_release(&x);
}

static uint32_t compose(uint32_t a, uint32_t b)
{
    UErrorCode code = U_ZERO_ERROR;
    const UNormalizer2 *nfc = unorm2_getNFCInstance(&code);
    UChar32 c = unorm2_composePair(nfc, (UChar32)a, (UChar32)b);
    assert(U_SUCCESS(code));
    return c < 0 || newer((uint32_t)c) ? 0 : (uint32_t)c;
}

/* In place. A character composes with the last starter unless one of its class or a higher one
 * stands between; what it became stands for both. */
static void recompose(struct pieces *p)
{
    size_t n = 0, starter = SIZE_MAX;
    unsigned last = 0; /* class of the one before, if it stayed behind the starter */
    bool between = false;
    for (size_t i = 0; i < p->n; i++) {
        struct form_char x = p->list[i];
        bool blocked = starter == SIZE_MAX || (between && last >= x.class);
        uint32_t c = blocked ? 0 : compose(p->list[starter].c, x.c);
        if (c) {
            p->list[starter].c = c;
            p->list[starter].delta += x.delta - 1;
            continue;
        }
        if (x.class == 0)
            starter = n;
        between = x.class != 0 && starter != SIZE_MAX;
        last = x.class;
        p->list[n++] = x;
    }
    p->n = n;
}

static bool is_ascii(struct view v)
{
    unsigned char all = 0;
    for (size_t i = 0; i < v.n; i++)
        all |= v.bytes[i];
    return all < 0x80;
}

void form_nfd(struct view from, bool compatible, struct normal *to)
{
    struct pieces p = {0};
    to->n = 0;
    if (is_ascii(from)) {
        normal_put_view(to, from);
        return;
    }
    decompose(from, compatible, &p);
    apply(&p, from, to);
    free(p.list);
}

void form_nfc(struct view from, bool compatible, struct normal *to)
{
    struct pieces p = {0};
    to->n = 0;
    if (is_ascii(from)) {
        normal_put_view(to, from);
        return;
    }
    decompose(from, compatible, &p);
    recompose(&p);
    apply(&p, from, to);
    free(p.list);
}
