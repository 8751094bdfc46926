#include "text/stop_words.h"
#include "base/arena.h"
#include "text/term_fold.h"
#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    enum language language;
    const char *words;
} lists[] = {
#define STOPS(code, words) {LANGUAGE_##code, words},
#include "text/stop_lists.def"
#undef STOPS
};

enum { LISTS = sizeof lists / sizeof *lists, SLOTS = 8192 };
_Static_assert(LISTS <= 64, "a bit a list");

/* Made at the first call and never freed: 130 kB each. */
struct word_set {
    struct {
        uint32_t at; /* in `text` */
        uint32_t n;  /* 0: free */
        uint64_t lists;
    } slots[SLOTS];
    struct strbuf text;
    unsigned count;
};
static struct word_set *plain_words, *folded_words;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static size_t slot_of(const struct word_set *set, struct str word)
{
    size_t at = str_hash(word) % SLOTS;
    while (set->slots[at].n &&
           !str_eq(word, (struct str){set->text.buf + set->slots[at].at, set->slots[at].n}))
        at = (at + 1) % SLOTS;
    return at;
}

static void set_add(struct word_set *set, struct str word, unsigned list)
{
    size_t at = slot_of(set, word);
    if (!set->slots[at].n) {
        set->slots[at].at = (uint32_t)set->text.n;
        set->slots[at].n = (uint32_t)word.n;
        strbuf_add_str(&set->text, word);
        set->count++;
        assert(set->count < SLOTS * 3 / 4);
    }
    set->slots[at].lists |= UINT64_C(1) << list;
}

static struct word_set *set_new(void)
{
    struct word_set *set = xcalloc(1, sizeof *set);
    strbuf_init(&set->text, 0);
    return set;
}

static void sets_make(void)
{
    struct term_fold *fold = xcalloc(1, sizeof *fold);
    term_fold_init(fold);
    plain_words = set_new();
    folded_words = set_new();
    for (unsigned i = 0; i < LISTS; i++)
        for (const char *at = lists[i].words; *at;) {
            struct str word = {at, strcspn(at, " ")};
            set_add(plain_words, word, i);
            set_add(folded_words, term_fold(fold, word), i);
            at += word.n + (at[word.n] == ' ');
        }
    free(fold);
}

uint64_t stop_lists_of(struct str word, bool folded)
{
    pthread_once(&once, sets_make);
    const struct word_set *set = folded ? folded_words : plain_words;
    return word.n ? set->slots[slot_of(set, word)].lists : 0;
}

unsigned stop_list_count(void)
{
    return LISTS;
}

enum language stop_list_language(unsigned list)
{
    assert(list < LISTS);
    return lists[list].language;
}

bool term_is_stop(enum language language, struct str word)
{
    uint64_t of = language ? stop_lists_of(word, true) : 0;
    for (; of; of &= of - 1)
        if (lists[__builtin_ctzll(of)].language == language)
            return true;
    return false;
}
