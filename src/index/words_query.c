/* A query: its clauses, analysed -> groups -> what lexical/ is asked. */
#include "index/words_impl.h"

#include <string.h>

#define PAIR_WEIGHT .5   /* .25 to .75 are alike on Chinese and Thai; 1 is .005 worse */
#define STOP_WEIGHT .25  /* .1 to .5 are alike on English and German; 0 and 1 are worse */
#define TABLE_SIZE 1024u /* of at most LEXICAL_GROUPS_MAX words */
_Static_assert(TABLE_SIZE >= 2 * LEXICAL_GROUPS_MAX, "a table that is full has no end");

/* ---- words ---- */

static size_t table_place(struct query_builder *b, struct str word)
{
    size_t at = str_hash(word) & (TABLE_SIZE - 1);
    while (b->table[at] && !str_eq(b->groups[b->table[at] - 1].word, word))
        at = (at + 1) & (TABLE_SIZE - 1);
    return at;
}

struct group *group_find(struct query_builder *b, struct str word)
{
    uint16_t at = b->table[table_place(b, word)];
    return at ? &b->groups[at - 1] : NULL;
}

struct group *group_new(struct query_builder *b, struct str word)
{
    if (b->group_count == LEXICAL_GROUPS_MAX)
        return NULL;
    struct group *g = &b->groups[b->group_count++];
    *g = (struct group){.word = arena_str(b->arena, word), .weight = 1, .role = LEXICAL_SHOULD};
    return g;
}

static struct group *group_make(struct query_builder *b, const struct words_term *t)
{
    struct group *g = group_new(b, t->text);
    if (!g)
        return NULL;
    g->pair = t->pair;
    g->phrase = t->phrase;
    g->weight = t->pair && !t->word ? PAIR_WEIGHT : 1;
    group_member(b, g, t->text, 1);
    b->table[table_place(b, g->word)] = (uint16_t)b->group_count;
    return g;
}

struct reading {
    struct query_builder *b;
    struct group *g;  /* of the word that came last */
    size_t end;       /* of the clause */
    size_t word_end;  /* of the word that came last */
    unsigned stop_of; /* a language; 0: none */
};

static void sequence_add(struct query_builder *b, const struct group *g)
{
    if (b->sequence && b->sequence_count < SEQUENCE_MAX)
        b->sequence[b->sequence_count++] = g ? (uint16_t)(g - b->groups + 1) : 0;
}

static void read_word(void *ctx, const struct words_term *t)
{
    struct reading *r = ctx;
    struct query_builder *b = r->b;
    if (t->stem)
        return;
    if (t->word)
        r->word_end = t->end;
    struct group *g = group_find(b, t->text), *made = g ? g : group_make(b, t);
    if (made) { /* somewhere it is a word, or part of one */
        made->bridge = (!g || g->bridge) && t->end > r->word_end;
        made->weight = t->word ? 1 : made->weight;
    }
    g = made;
    if (g && t->phrase)
        sequence_add(b, g);
    if (g && !(t->pair && b->last) && t->end == r->end)
        b->last = g;
}

static void read_stem(void *ctx, const struct words_term *t)
{
    struct reading *r = ctx;
    const struct words_analyzer *analyzer = &r->b->w->analyzer;
    if (!t->stem) {
        r->g = group_find(r->b, t->text);
        if (r->g && analyzer->is_stop && analyzer->is_stop(r->stop_of, t->text))
            r->g->stop = true;
    } else if (r->g) {
        group_member(r->b, r->g, t->text, 1);
    }
}

/* Plain text: its words, then their stems in each language. */
static void text_read(struct query_builder *b, struct str text)
{
    struct reading r = {.b = b, .end = text.n};
    const struct words_analyzer *analyzer = &b->w->analyzer;
    b->last = NULL;
    analyzer->analyze(b->session, 0, text, read_word, &r);
    sequence_add(b, NULL);
    for (size_t i = 0; i < b->language_count; i++) {
        r.g = NULL;
        r.stop_of = b->languages[i];
        analyzer->analyze(b->session, r.stop_of, text, read_stem, &r);
    }
}

/* ---- phrases ---- */

struct phrase_reading {
    struct query_builder *b;
    struct lexical_group groups[PHRASE_WORDS_MAX];
    uint32_t offsets[PHRASE_WORDS_MAX];
    size_t count;
};

static void read_phrase_word(void *ctx, const struct words_term *t)
{
    struct phrase_reading *r = ctx;
    if (t->stem || !t->phrase || r->count == PHRASE_WORDS_MAX)
        return;
    struct group g = {0};
    group_member(r->b, &g, t->text, 1);
    r->groups[r->count] = (struct lexical_group){.terms = g.terms, .term_count = 1, .weight = 1};
    r->offsets[r->count++] = t->position;
}

/* Its words are words of the query too, with their stems; they must be there anyway. */
static void phrase_word_rank(struct query_builder *b, const struct lexical_group *word)
{
    const struct words_term t = {.text = word->terms[0].term, .phrase = true};
    struct group *g = group_find(b, t.text);
    if (!g)
        g = group_make(b, &t);
    if (g)
        group_stems(b, g, g->word, 1);
}

static void phrase_add(struct query_builder *b, const struct phrase_reading *r,
                       enum lexical_role role)
{
    if (b->phrase_count == PHRASES_MAX)
        return;
    struct lexical_group *groups = arena_array(b->arena, r->count, sizeof *groups);
    uint32_t *offsets = arena_array(b->arena, r->count, sizeof *offsets);
    for (size_t i = 0; i < r->count; i++) {
        groups[i] = r->groups[i];
        groups[i].role = role;
        offsets[i] = r->offsets[i] - r->offsets[0];
        if (role == LEXICAL_MUST)
            phrase_word_rank(b, &groups[i]);
    }
    b->phrases[b->phrase_count++] = (struct lexical_phrase){groups, offsets, r->count, role};
}

/* One word: a group that must (not) be there; in quotes only as it stands. It is not in the table:
 * the same word may stand in the query again, with its stems. */
static void word_add(struct query_builder *b, const struct phrase_reading *r, bool exact,
                     enum lexical_role role)
{
    struct group *g = group_new(b, r->groups[0].terms[0].term);
    if (!g)
        return;
    group_member(b, g, g->word, 1);
    if (!exact)
        group_stems(b, g, g->word, 1);
    g->role = role;
    g->fixed = true;
}

static void clause_read(struct query_builder *b, const struct clause *c)
{
    if (!c->phrase && !c->minus) {
        text_read(b, c->text);
        return;
    }
    enum lexical_role role = c->minus ? LEXICAL_MUST_NOT : LEXICAL_MUST;
    struct phrase_reading r = {.b = b};
    b->last = NULL;
    b->w->analyzer.analyze(b->session, 0, c->text, read_phrase_word, &r);
    if (r.count == 1)
        word_add(b, &r, c->phrase, role);
    else if (r.count > 1)
        phrase_add(b, &r, role);
}

/* ---- what is asked of them ---- */

static bool is_plain(const struct group *g)
{
    return !g->fixed && !g->left_out;
}

/* Words of a script without spaces by their pairs. */
static bool must_be_there(const struct group *g)
{
    return is_plain(g) && g->phrase && !g->bridge;
}

/* Stop words need not be there, unless there is nothing else. */
static void roles_set(struct query_builder *b)
{
    bool only_stops = true;
    if (!b->options->all)
        return;
    for (size_t i = 0; i < b->group_count; i++)
        only_stops &= b->groups[i].stop || !must_be_there(&b->groups[i]);
    for (size_t i = 0; i < b->group_count; i++) {
        struct group *g = &b->groups[i];
        if (must_be_there(g) && (only_stops || !g->stop))
            g->role = LEXICAL_MUST;
    }
}

/* Function words say little, and those of questions are rare in documents: their idf is too high. A
 * word that is being typed may become another. */
static void stops_weigh(struct query_builder *b)
{
    for (size_t i = 0; i < b->group_count; i++) {
        struct group *g = &b->groups[i];
        if (g->stop && !g->fixed && !(b->options->prefix && g->last))
            g->weight *= STOP_WEIGHT;
    }
}

static void groups_expand(struct query_builder *b)
{
    const struct words_options *o = b->options;
    unsigned corrected = 0;
    for (size_t i = 0; i < b->group_count; i++) {
        struct group *g = &b->groups[i];
        if (!is_plain(g))
            continue;
        if (o->prefix && g->last)
            group_continue(b, g);
        if (o->typos && corrected < CORRECTED_MAX && !group_frequency(b, g)) {
            group_correct(b, g);
            corrected++;
        }
    }
}

/* ---- the result ---- */

static struct lexical_group group_made(struct query_builder *b, const struct group *g)
{
    struct lexical_group out = {
        .terms = g->terms, .term_count = g->term_count, .weight = g->weight, .role = g->role};
    if (g->role != LEXICAL_MUST_NOT)
        out.idf = lexical_idf(b->w->lexical, b->part, group_frequency(b, g));
    return out;
}

static void query_finish(struct query_builder *b, struct words_query *q)
{
    struct lexical_group *groups = arena_array(b->arena, b->group_count + 1, sizeof *groups);
    size_t n = 0;
    for (size_t i = 0; i < b->group_count; i++) {
        const struct group *g = &b->groups[i];
        if (g->left_out)
            continue;
        groups[n++] = group_made(b, g);
        q->excludes |= g->role == LEXICAL_MUST_NOT;
        q->requires |= g->role == LEXICAL_MUST;
        if (g->role != LEXICAL_MUST_NOT)
            q->bound += groups[n - 1].weight * groups[n - 1].idf;
    }
    for (size_t i = 0; i < b->phrase_count; i++) {
        q->excludes |= b->phrases[i].role == LEXICAL_MUST_NOT;
        q->requires |= b->phrases[i].role == LEXICAL_MUST;
    }
    q->query = (struct lexical_query){.groups = groups,
                                      .group_count = n,
                                      .phrases = b->phrases,
                                      .phrase_count = b->phrase_count,
                                      .part = b->part};
}

static void terms_add(struct words_query *q, const struct lexical_group *g)
{
    for (size_t i = 0; i < g->term_count && g->role != LEXICAL_MUST_NOT; i++) {
        size_t at = str_hash(g->terms[i].term) & q->terms_mask;
        while (q->terms[at].n && !str_eq(q->terms[at], g->terms[i].term))
            at = (at + 1) & q->terms_mask;
        q->terms[at] = g->terms[i].term;
    }
}

static void terms_collect(struct words_query *q, struct arena *a)
{
    size_t count = 0, size = 8;
    for (size_t i = 0; i < q->query.group_count; i++)
        count += q->query.groups[i].term_count;
    for (size_t i = 0; i < q->query.phrase_count; i++)
        count += q->query.phrases[i].count;
    while (size < 2 * count)
        size *= 2;
    q->terms = arena_array(a, size, sizeof *q->terms);
    q->terms_mask = size - 1;
    for (size_t i = 0; i < q->query.group_count; i++)
        terms_add(q, &q->query.groups[i]);
    for (size_t i = 0; i < q->query.phrase_count; i++)
        for (size_t j = 0; j < q->query.phrases[i].count; j++)
            terms_add(q, &q->query.phrases[i].groups[j]);
}

/* The text itself where nothing in it is syntax. */
static struct str positive_text(const struct clause *clauses, size_t count, struct str text,
                                struct arena *a)
{
    struct strbuf b;
    if (count == 1 && !clauses[0].phrase && !clauses[0].minus)
        return text;
    strbuf_init(&b, 0);
    for (size_t i = 0; i < count; i++) {
        struct str part = str_trim(clauses[i].text);
        if (clauses[i].minus || !part.n)
            continue;
        if (b.n)
            strbuf_add_char(&b, ' ');
        strbuf_add_str(&b, part);
    }
    struct str out = b.n ? arena_str(a, strbuf_str(&b)) : STR("");
    strbuf_release(&b);
    return out;
}

static void builder_init(struct query_builder *b, struct words *w, const struct words_options *o,
                         struct arena *a)
{
    *b =
        (struct query_builder){.w = w, .part = tenant_part(w, o->tenant), .options = o, .arena = a};
    b->groups = arena_alloc(a, LEXICAL_GROUPS_MAX * sizeof *b->groups);
    b->table = arena_array(a, TABLE_SIZE, sizeof *b->table);
    b->phrases = arena_alloc(a, PHRASES_MAX * sizeof *b->phrases);
    if (o->rules)
        b->sequence = arena_alloc(a, SEQUENCE_MAX * sizeof *b->sequence);
    b->language_count = words_languages(w, b->part, b->languages);
}

const struct words_query *words_query(struct words *w, struct str text,
                                      const struct words_options *o, struct arena *a)
{
    struct query_builder b;
    struct clause *clauses = arena_alloc(a, CLAUSES_MAX * sizeof *clauses);
    struct words_query *q = arena_zalloc(a, sizeof *q);
    struct str read = {text.s, str_utf8_cut(text, QUERY_BYTES_MAX)};
    size_t count = clauses_parse(read, clauses);
    builder_init(&b, w, o, a);
    b.session = words_session_take(w);
    for (size_t i = 0; i < count; i++)
        clause_read(&b, &clauses[i]);
    if (b.last)
        b.last->last = true;
    if (o->rules)
        rules_stop(&b);
    roles_set(&b);
    stops_weigh(&b);
    if (o->rules)
        rules_synonyms(&b);
    groups_expand(&b);
    words_session_give(w, b.session);
    query_finish(&b, q);
    terms_collect(q, a);
    q->text = positive_text(clauses, count, text, a);
    return q;
}

/* ---- what it says ---- */

double words_query_bound(const struct words_query *q)
{
    return q->bound;
}

bool words_query_selects(const struct words_query *q)
{
    return q->requires || q->excludes;
}

bool words_query_has(const struct words_query *q, struct str term)
{
    if (!term.n)
        return false;
    size_t at = str_hash(term) & q->terms_mask;
    while (q->terms[at].n && !str_eq(q->terms[at], term))
        at = (at + 1) & q->terms_mask;
    return q->terms[at].n > 0;
}

struct str words_query_text(const struct words_query *q)
{
    return q->text;
}
