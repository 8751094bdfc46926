/* Asking lexical/ what a query wants. */
#include "index/words_impl.h"

static struct lexical_query asked(const struct words_query *q, const struct docset *within)
{
    struct lexical_query out = q->query;
    out.within = within;
    return out;
}

static struct word_hit hit_of(const struct lexical_hit *h)
{
    return (struct word_hit){h->number, h->revision, h->score};
}

size_t words_search(struct words *w, const struct words_query *q, size_t k,
                    const struct docset *within, struct arena *a, struct word_hit **out)
{
    struct lexical_query asking = asked(q, within);
    struct lexical_hit *hits = NULL;
    size_t count = lexical_search(w->lexical, &asking, k, a, &hits);
    *out = arena_array(a, count + 1, sizeof **out);
    for (size_t i = 0; i < count; i++)
        (*out)[i] = hit_of(&hits[i]);
    return count;
}

void words_score(struct words *w, const struct words_query *q, const uint32_t *numbers,
                 size_t count, struct arena *a, struct word_hit *out)
{
    struct lexical_query asking = asked(q, NULL);
    struct lexical_hit *hits = arena_array(a, count + 1, sizeof *hits);
    lexical_score(w->lexical, &asking, numbers, count, a, hits);
    for (size_t i = 0; i < count; i++)
        out[i] = hit_of(&hits[i]);
}

void words_match(struct words *w, const struct words_query *q, const struct docset *within,
                 struct arena *a, struct docset *out)
{
    struct lexical_query asking = asked(q, within);
    lexical_match(w->lexical, &asking, a, out);
}

size_t words_count(struct words *w, const struct words_query *q, const struct docset *within,
                   struct arena *a)
{
    struct docset found;
    docset_init(&found);
    words_match(w, q, within, a, &found);
    size_t count = found.count;
    docset_release(&found);
    return count;
}

/* ---- what must and must not be there ---- */

static void exclude(struct words *w, const struct lexical_query *asking, struct arena *a,
                    struct docset *from)
{
    struct docset found;
    docset_init(&found);
    lexical_match(w->lexical, asking, a, &found);
    docset_minus(from, &found);
    docset_release(&found);
}

/* What must not be there, asked for one by one as if it were looked for. */
static void exclude_all(struct words *w, const struct words_query *q, struct arena *a,
                        struct docset *from)
{
    for (size_t i = 0; i < q->query.group_count; i++) {
        struct lexical_group g = q->query.groups[i];
        if (g.role != LEXICAL_MUST_NOT)
            continue;
        g.role = LEXICAL_SHOULD;
        g.idf = g.weight = 1;
        exclude(w, &(struct lexical_query){.groups = &g, .group_count = 1, .part = q->query.part},
                a, from);
    }
    for (size_t i = 0; i < q->query.phrase_count; i++) {
        struct lexical_phrase p = q->query.phrases[i];
        if (p.role != LEXICAL_MUST_NOT)
            continue;
        p.role = LEXICAL_MUST;
        exclude(w, &(struct lexical_query){.phrases = &p, .phrase_count = 1, .part = q->query.part},
                a, from);
    }
}

void words_select(struct words *w, const struct words_query *q, struct arena *a, struct docset *out)
{
    if (q->requires) {
        words_match(w, q, NULL, a, out);
        return;
    }
    lexical_all(w->lexical, q->query.part, out);
    exclude_all(w, q, a, out);
}
