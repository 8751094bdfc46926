/* A collection's synonyms and stop words.
 *
 * (a b) means (x): x is a member of the groups of a and of b, so a document with x has both.
 * (a) means (x y): the group of a is parted into {a, x} and {a, y} of half its weight each: a or (x
 * and y) = (a or x) and (a or y). So the bound stays, a document with a has all of it, and one with
 * x and y too. Synonyms of synonyms are not followed.
 *
 * A rule is met by any form of its words: for each language that a query is read in there is a
 * table of the rules by their stems, made when it is first asked for. */
#include "index/words_impl.h"

#include <string.h>

#define SYNONYM_BOOST .9
#define SYNONYM_TERMS_MAX 16 /* words of one side of a rule */
#define COPIES_MAX 8         /* of a group */
#define MATCHES_MAX 256      /* rules that a query meets */

struct side {
    const struct str *terms;
    size_t count;
};
/* `key` stands for each of `targets` but itself. */
struct rule {
    const struct side *key, *targets;
    size_t target_count;
};
/* A rule by the forms that its key has in one language. */
struct rule_form {
    const struct rule *rule;
    struct side key;
    struct rule_form *next; /* whose key begins with a term of the same hash */
};
struct rule_forms {
    struct arena *arena;
    struct rule_form **buckets;
    size_t mask;
};
struct words_rules {
    _Atomic unsigned refs;
    struct arena *arena;
    struct words_analyzer analyzer;
    struct rule *rules;
    size_t rule_count;
    _Atomic(struct rule_forms *) forms[WORDS_LANGUAGES]; /* by language; 0: as they stand */
    struct str *stops;                                   /* hash table */
    size_t stops_mask;
};

/* ---- compiled ---- */

struct side_reading {
    struct arena *arena;
    struct str terms[SYNONYM_TERMS_MAX];
    size_t count;
};

static void side_add(void *ctx, const struct words_term *t)
{
    struct side_reading *r = ctx;
    if (!t->stem && t->phrase && r->count < SYNONYM_TERMS_MAX)
        r->terms[r->count++] = arena_str(r->arena, t->text);
}

static struct side side_read(struct arena *a, const struct words_analyzer *analyzer, void *session,
                             struct str text)
{
    struct side_reading r = {.arena = a};
    analyzer->analyze(session, 0, text, side_add, &r);
    struct str *terms = arena_array(a, r.count + 1, sizeof *terms);
    memcpy(terms, r.terms, r.count * sizeof *terms);
    return (struct side){terms, r.count};
}

static struct side *sides_read(struct arena *a, const struct words_analyzer *analyzer,
                               void *session, const struct str *texts, size_t count)
{
    struct side *sides = arena_array(a, count + 1, sizeof *sides);
    for (size_t i = 0; i < count; i++)
        sides[i] = side_read(a, analyzer, session, texts[i]);
    return sides;
}

static size_t table_size(size_t count)
{
    size_t size = 8;
    while (size < 2 * count)
        size *= 2;
    return size;
}

static void rule_add(struct words_rules *r, const struct side *key, const struct side *targets,
                     size_t count)
{
    if (key->count && count)
        r->rules[r->rule_count++] = (struct rule){key, targets, count};
}

static void synonym_add(struct words_rules *r, const struct words_analyzer *analyzer, void *session,
                        const struct words_synonym *s)
{
    struct side *keys = sides_read(r->arena, analyzer, session, s->words, s->word_count);
    struct side *targets =
        s->mean_count ? sides_read(r->arena, analyzer, session, s->means, s->mean_count) : keys;
    for (size_t i = 0; i < s->word_count; i++)
        rule_add(r, &keys[i], targets, s->mean_count ? s->mean_count : s->word_count);
}

static struct str *stop_place(const struct words_rules *r, struct str word)
{
    size_t at = str_hash(word) & r->stops_mask;
    while (r->stops[at].n && !str_eq(r->stops[at], word))
        at = (at + 1) & r->stops_mask;
    return &r->stops[at];
}

static void stop_add(struct words_rules *r, const struct words_analyzer *analyzer, void *session,
                     struct str word)
{
    struct side s = side_read(r->arena, analyzer, session, word);
    if (s.count == 1) /* of several words none alone is meant */
        *stop_place(r, s.terms[0]) = s.terms[0];
}

struct words_rules *words_rules_new(const struct words_analyzer *analyzer,
                                    const struct words_synonym *synonyms, size_t synonym_count,
                                    const struct str *stop_words, size_t stop_count)
{
    struct arena *a = arena_new(0);
    struct words_rules *r = arena_zalloc(a, sizeof *r);
    size_t keys = 0;
    for (size_t i = 0; i < synonym_count; i++)
        keys += synonyms[i].word_count;
    r->refs = 1;
    r->arena = a;
    r->analyzer = *analyzer;
    r->rules = arena_array(a, keys + 1, sizeof *r->rules);
    r->stops_mask = table_size(stop_count) - 1;
    r->stops = arena_array(a, r->stops_mask + 1, sizeof *r->stops);
    void *session = analyzer->session_new();
    for (size_t i = 0; i < synonym_count; i++)
        synonym_add(r, analyzer, session, &synonyms[i]);
    for (size_t i = 0; i < stop_count; i++)
        stop_add(r, analyzer, session, stop_words[i]);
    analyzer->session_free(session);
    return r;
}

struct words_rules *words_rules_ref(struct words_rules *r)
{
    if (r)
        atomic_fetch_add(&r->refs, 1);
    return r;
}

void words_rules_unref(struct words_rules *r)
{
    if (!r || atomic_fetch_sub(&r->refs, 1) > 1)
        return;
    for (unsigned l = 0; l < WORDS_LANGUAGES; l++)
        if (r->forms[l])
            arena_free(r->forms[l]->arena);
    arena_free(r->arena);
}

/* ---- by the forms of a language ---- */

struct form_reading {
    struct arena *arena;
    struct str stem; /* empty: the word is its own */
};

static void form_read(void *ctx, const struct words_term *t)
{
    struct form_reading *r = ctx;
    if (t->stem)
        r->stem = arena_str(r->arena, t->text);
}

/* False: it is as it stands. */
static bool key_stem(struct words_rules *r, struct arena *a, unsigned language, void *session,
                     const struct side *key, struct side *out)
{
    struct str *terms = arena_array(a, key->count, sizeof *terms);
    bool other = false;
    for (size_t i = 0; i < key->count; i++) {
        struct form_reading f = {.arena = a, .stem = STR("")};
        r->analyzer.analyze(session, language, key->terms[i], form_read, &f);
        terms[i] = f.stem.n ? f.stem : key->terms[i];
        other |= f.stem.n > 0;
    }
    *out = (struct side){terms, key->count};
    return other;
}

static struct rule_forms *forms_new(struct words_rules *r, unsigned language, void *session)
{
    struct arena *a = arena_new(0);
    struct rule_forms *forms = arena_zalloc(a, sizeof *forms);
    forms->arena = a;
    forms->mask = table_size(r->rule_count) - 1;
    forms->buckets = arena_array(a, forms->mask + 1, sizeof(struct rule_form *));
    for (size_t i = 0; i < r->rule_count; i++) {
        struct side key = *r->rules[i].key;
        if (language && !key_stem(r, a, language, session, r->rules[i].key, &key))
            continue;
        struct rule_form *form = arena_alloc(a, sizeof *form);
        struct rule_form **bucket = &forms->buckets[str_hash(key.terms[0]) & forms->mask];
        *form = (struct rule_form){&r->rules[i], key, *bucket};
        *bucket = form;
    }
    return forms;
}

/* Two may make the same at once: one of them is kept. */
static const struct rule_forms *forms_of(struct words_rules *r, unsigned language, void *session)
{
    struct rule_forms *forms = atomic_load(&r->forms[language]), *none = NULL;
    if (forms)
        return forms;
    forms = forms_new(r, language, session);
    if (atomic_compare_exchange_strong(&r->forms[language], &none, forms))
        return forms;
    arena_free(forms->arena);
    return none;
}

/* ---- stop words ---- */

void rules_stop(struct query_builder *b)
{
    size_t left = b->phrase_count;
    for (size_t i = 0; i < b->group_count; i++) {
        struct group *g = &b->groups[i];
        g->left_out = !g->fixed && stop_place(b->options->rules, g->word)->n > 0;
        left += !g->left_out && g->role != LEXICAL_MUST_NOT;
    }
    for (size_t i = 0; i < b->group_count && !left; i++)
        b->groups[i].left_out = false;
}

/* ---- synonyms ---- */

struct match {
    const struct rule *rule;
    uint16_t groups[SYNONYM_TERMS_MAX]; /* index + 1 of those that the key is made of */
};

static bool is_form(const struct group *g, struct str term)
{
    for (size_t i = 0; i < g->term_count; i++)
        if (str_eq(g->terms[i].term, term))
            return true;
    return false;
}

/* The words from `at` on are the key of the rule, in whatever form. */
static bool rule_matches(const struct query_builder *b, size_t at, const struct rule_form *form,
                         struct match *out)
{
    out->rule = form->rule;
    for (size_t i = 0; i < form->key.count; i++) {
        uint16_t g = at + i < b->sequence_count ? b->sequence[at + i] : 0;
        if (!g || !is_form(&b->groups[g - 1], form->key.terms[i]))
            return false;
        out->groups[i] = g;
    }
    return true;
}

static bool is_known(const struct match *matches, size_t count, const struct match *m)
{
    for (size_t i = 0; i < count; i++)
        if (matches[i].rule == m->rule && matches[i].groups[0] == m->groups[0])
            return true;
    return false;
}

static size_t matches_at(const struct query_builder *b, size_t at, const struct rule_forms *forms,
                         struct match *matches, size_t count)
{
    const struct group *g = &b->groups[b->sequence[at] - 1];
    for (size_t i = 0; i < g->term_count; i++) {
        const struct rule_form *form = forms->buckets[str_hash(g->terms[i].term) & forms->mask];
        for (; form && count < MATCHES_MAX; form = form->next)
            if (str_eq(form->key.terms[0], g->terms[i].term) &&
                rule_matches(b, at, form, &matches[count]) &&
                !is_known(matches, count, &matches[count]))
                count++;
    }
    return count;
}

static size_t matches_find(const struct query_builder *b, struct match *matches)
{
    size_t count = 0;
    for (size_t l = 0; l <= b->language_count; l++) {
        unsigned language = l ? b->languages[l - 1] : 0;
        const struct rule_forms *forms = forms_of(b->options->rules, language, b->session);
        for (size_t i = 0; i < b->sequence_count; i++)
            if (b->sequence[i] && !b->groups[b->sequence[i] - 1].left_out)
                count = matches_at(b, i, forms, matches, count);
    }
    return count;
}

static void means_word(struct query_builder *b, const struct match *m, struct str term)
{
    for (size_t i = 0; i < m->rule->key->count; i++) {
        struct group *g = &b->groups[m->groups[i] - 1];
        group_member(b, g, term, SYNONYM_BOOST);
        group_stems(b, g, term, SYNONYM_BOOST);
    }
}

static struct group *group_copy(struct query_builder *b, const struct group *g)
{
    struct group *copy = group_new(b, g->word);
    if (!copy)
        return NULL;
    *copy = *g;
    copy->terms = arena_array(b->arena, g->term_count + 4, sizeof *copy->terms);
    copy->term_cap = g->term_count + 4;
    memcpy(copy->terms, g->terms, g->term_count * sizeof *copy->terms);
    if (!copy->copy_of)
        copy->copy_of = (uint16_t)(g - b->groups + 1);
    return copy;
}

/* Parts a group into as many as the target has words. */
static void group_part(struct query_builder *b, struct group *g, const struct side *target)
{
    double weight = g->weight / (double)target->count;
    struct group *copies[SYNONYM_TERMS_MAX] = {g};
    if (LEXICAL_GROUPS_MAX - b->group_count < target->count)
        return;
    for (size_t i = 1; i < target->count; i++)
        copies[i] = group_copy(b, g);
    for (size_t i = 0; i < target->count; i++) {
        copies[i]->weight = weight;
        group_member(b, copies[i], target->terms[i], SYNONYM_BOOST);
        group_stems(b, copies[i], target->terms[i], SYNONYM_BOOST);
    }
}

static void means_words(struct query_builder *b, const struct match *m, const struct side *target)
{
    for (size_t i = 0; i < m->rule->key->count; i++) {
        size_t copies = 0, end = b->group_count;
        uint16_t of = m->groups[i];
        for (size_t j = 0; j < end; j++)
            copies += j + 1 == of || b->groups[j].copy_of == of;
        if (copies * target->count > COPIES_MAX)
            continue;
        for (size_t j = 0; j < end; j++)
            if (j + 1 == of || b->groups[j].copy_of == of)
                group_part(b, &b->groups[j], target);
    }
}

/* Single words first: a group that is parted later takes them along. */
void rules_synonyms(struct query_builder *b)
{
    struct match *matches = arena_alloc(b->arena, (MATCHES_MAX + 1) * sizeof *matches);
    size_t count = matches_find(b, matches);
    for (int several = 0; several < 2; several++)
        for (size_t i = 0; i < count; i++)
            for (size_t t = 0; t < matches[i].rule->target_count; t++) {
                const struct side *target = &matches[i].rule->targets[t];
                if (target == matches[i].rule->key || !target->count)
                    continue;
                if (!several && target->count == 1)
                    means_word(b, &matches[i], target->terms[0]);
                else if (several && target->count > 1)
                    means_words(b, &matches[i], target);
            }
}
