/* What an index should hold, kept plainly; random documents and queries; and what each query should
 * find, by looking at every document. */
#ifndef TESTS_LEXICAL_WORLD_H
#define TESTS_LEXICAL_WORLD_H

#include "base/arena.h"
#include "base/rng.h"
#include "lexical/lexical.h"

#define WORDS_MAX 4000u

struct text {
    uint32_t number; /* 0: none */
    uint64_t revision;
    uint32_t lengths[LEXICAL_FIELDS];
    struct lexical_token *tokens;
    size_t count;
};
struct world {
    struct lexical *x;
    struct rng rng;
    struct text *texts; /* by number */
    uint32_t numbers;   /* those below are used */
    size_t live;
    unsigned words; /* in the vocabulary; low ones are frequent */
    unsigned length_max;
    uint64_t revision;
    char (*names)[24];
};

void world_init(struct world *w, uint64_t seed, uint32_t numbers, unsigned words,
                unsigned length_max);
void world_release(struct world *w);
struct str world_word(const struct world *w, unsigned i);
unsigned world_draw(struct world *w); /* a word, as frequent as it is */
void world_put(struct world *w, uint32_t number);
void world_delete(struct world *w, uint32_t number);
/* Its tokens, in memory of its own; released with free(t->tokens). */
struct text world_text(struct world *w, uint32_t number);
void text_put(struct lexical *x, const struct text *t);

/* Any query; in the arena. */
struct lexical_query world_query(struct world *w, struct arena *a);
double world_idf(const struct world *w, struct str term);
/* Documents that match and their scores, best first; in the arena. */
size_t world_search(const struct world *w, const struct lexical_query *q, struct arena *a,
                    struct lexical_hit **out);
void world_check_query(struct world *w, const struct lexical_query *q, struct arena *a);
/* All that the index says of itself. */
void world_check(struct world *w);

#endif
