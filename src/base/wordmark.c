#include "base/wordmark.h"
#include <string.h>

#define HASH_START UINT64_C(0xcbf29ce484222325) /* FNV-1a over code points */
#define HASH_STEP UINT64_C(0x100000001b3)
#define HASH_SHIFT 50

enum { ENDS = WORDMARK_LETTERS / 2, LONG = 8, CLASSES = 15 };

void wordmark_add(struct wordmark *w, uint32_t c, bool digit)
{
    uint8_t letter = (uint8_t)(1 + c % CLASSES);
    w->hash = ((w->length ? w->hash : HASH_START) ^ c) * HASH_STEP;
    w->flags |= digit ? WORDMARK_DIGIT : 0;
    if (w->length < WORDMARK_LETTERS) {
        w->letters[w->length] = letter;
    } else {
        memmove(w->letters + ENDS, w->letters + ENDS + 1, ENDS - 1);
        w->letters[WORDMARK_LETTERS - 1] = letter;
    }
    w->length++;
}

uint64_t wordmark_end(struct wordmark *w)
{
    uint64_t mark = w->flags | (w->hash * UINT64_C(0x9e3779b97f4a7c15)) >> HASH_SHIFT << HASH_SHIFT;
    for (uint32_t i = 0; i < w->length && i < WORDMARK_LETTERS; i++)
        mark |= (uint64_t)w->letters[i] << 4 * i;
    *w = (struct wordmark){0};
    return mark;
}

static int letters_of(uint64_t mark, uint8_t out[WORDMARK_LETTERS])
{
    int n = 0;
    for (; n < WORDMARK_LETTERS && (mark >> 4 * n & 15); n++)
        out[n] = mark >> 4 * n & 15;
    return n;
}

int wordmark_letters(uint64_t mark)
{
    uint8_t letters[WORDMARK_LETTERS];
    return letters_of(mark, letters);
}

static int min(int a, int b)
{
    return a < b ? a : b;
}

/* Optimal string alignment (Damerau 1964): each letter is touched once at most. */
static int distance(const uint8_t *a, int n, const uint8_t *b, int m)
{
    int d[WORDMARK_LETTERS + 1][WORDMARK_LETTERS + 1];
    for (int i = 0; i <= n; i++)
        d[i][0] = i;
    for (int j = 0; j <= m; j++)
        d[0][j] = j;
    for (int i = 1; i <= n; i++)
        for (int j = 1; j <= m; j++) {
            d[i][j] =
                min(min(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = min(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[n][m];
}

bool wordmark_misspelt(uint64_t a, uint64_t b)
{
    uint8_t x[WORDMARK_LETTERS], y[WORDMARK_LETTERS];
    if ((a | b) & (WORDMARK_DIGIT | WORDMARK_DENSE))
        return false;
    int n = letters_of(a, x), m = letters_of(b, y), shorter = min(n, m);
    if (shorter < 3 || n - m > 2 || m - n > 2)
        return false;
    /* Of two edits at most one is at either end of a word. */
    if (x[0] != y[0] && x[1] != y[1] && x[n - 1] != y[m - 1] && x[n - 2] != y[m - 2])
        return false;
    if (shorter == 3 && n == 3 && m == 3) /* a swap leaves the same letters */
        return x[0] + x[1] + x[2] == y[0] + y[1] + y[2] && distance(x, n, y, m) <= 1;
    return distance(x, n, y, m) <= (shorter >= LONG ? 2 : 1);
}
