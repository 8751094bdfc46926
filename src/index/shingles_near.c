/* Is one text the other with small edits? From the words that only one of them has. */
#include "base/wordmark.h"
#include "index/shingles.h"

/* Misspelt words are looked for among so many of each side. */
enum { LISTED_MAX = 256, SHORT_WORDS = 20, SHORT_LETTERS = 6 };
static const double pairs_min = .3;

/* A word of one text that is there more often than in the other. */
struct only {
    uint64_t word;
    uint32_t here, there; /* how often; misspelt ones are taken from `here` */
};

/* The words that only one side has. */
struct side {
    struct only list[LISTED_MAX];
    size_t listed, count;
    bool digits;
};

struct difference {
    struct side a, b;
    size_t misspelt;
};

static void side_add(struct side *s, uint64_t word, size_t here, size_t there)
{
    if (here <= there)
        return;
    if (s->listed < LISTED_MAX)
        s->list[s->listed++] = (struct only){word, (uint32_t)here, (uint32_t)there};
    s->count += here - there;
    s->digits |= (word & WORDMARK_DIGIT) != 0;
}

static size_t run(const uint64_t *x, size_t at, size_t n, uint64_t word)
{
    size_t end = at;
    while (end < n && x[end] == word)
        end++;
    return end - at;
}

static void difference_words(struct difference *d, const struct shingles *a,
                             const struct shingles *b)
{
    size_t i = 0, j = 0;
    while (i < a->word_count || j < b->word_count) {
        bool left = j == b->word_count || (i < a->word_count && a->words[i] <= b->words[j]);
        uint64_t word = left ? a->words[i] : b->words[j];
        size_t n = run(a->words, i, a->word_count, word), m = run(b->words, j, b->word_count, word);
        side_add(&d->a, word, n, m);
        side_add(&d->b, word, m, n);
        i += n;
        j += m;
    }
}

static uint32_t more(const struct only *o)
{
    return o->here - o->there;
}

/* How often must one word have taken the place of another to be a name in a mould? */
static size_t often(size_t words)
{
    return 2 + words / 400;
}

/* Has nearly every place of the word another one in the other text? Single characters come and go
 * more easily than words. */
static bool gone(const struct only *o, size_t words)
{
    size_t least = often(words) + ((o->word & WORDMARK_DENSE) != 0);
    return more(o) >= least && 2 * o->there <= more(o);
}

/* A short word that is misspelt throughout is another word. */
static bool misspelt(const struct only *x, const struct only *y, size_t words)
{
    return wordmark_misspelt(x->word, y->word) &&
           !(gone(x, words) && gone(y, words) && wordmark_letters(x->word) < SHORT_LETTERS);
}

/* Takes misspelt words from both sides. */
static void difference_misspelt(struct difference *d, size_t words)
{
    for (size_t i = 0; i < d->a.listed; i++) {
        struct only *x = &d->a.list[i];
        for (size_t j = 0; j < d->b.listed && more(x); j++) {
            struct only *y = &d->b.list[j];
            if (!more(y) || !misspelt(x, y, words))
                continue;
            uint32_t both = more(x) < more(y) ? more(x) : more(y);
            x->here -= both;
            y->here -= both;
            d->a.count -= both;
            d->b.count -= both;
            d->misspelt += both;
        }
    }
}

/* Has one word taken the place of another throughout? */
static bool difference_renamed(const struct difference *d, size_t words)
{
    for (size_t i = 0; i < d->a.listed; i++)
        for (size_t j = 0; j < d->b.listed && gone(&d->a.list[i], words); j++)
            if (gone(&d->b.list[j], words))
                return true;
    return false;
}

static double pairs_in_common(const struct shingles *a, const struct shingles *b)
{
    size_t i = 0, j = 0, common = 0, n = a->pair_count, m = b->pair_count;
    while (i < n && j < m) {
        common += a->pairs[i] == b->pairs[j];
        bool left = a->pairs[i] <= b->pairs[j];
        j += b->pairs[j] <= a->pairs[i];
        i += left;
    }
    return n + m ? (double)common / (double)(n + m - common) : 1;
}

bool shingles_near(const struct shingles *a, const struct shingles *b)
{
    const struct shingles *longer = a->word_count > b->word_count ? a : b,
                          *shorter = longer == a ? b : a;
    size_t n = longer->word_count;
    if (shorter->word_count * 10 < n * 6)
        return false;
    struct difference d = {0};
    difference_words(&d, a, b);
    difference_misspelt(&d, n);
    size_t replaced = d.a.count < d.b.count ? d.a.count : d.b.count,
           more = d.a.count + d.b.count - 2 * replaced;
    if (8 * d.misspelt > n + 8)
        return false;
    if (n - longer->dense_count / 2 < SHORT_WORDS) {
        if (replaced || 6 * more > n || d.a.digits || d.b.digits)
            return false;
    } else if (10 * replaced > n || 10 * more > 3 * n || difference_renamed(&d, n)) {
        return false;
    }
    return pairs_in_common(a, b) >= pairs_min;
}
