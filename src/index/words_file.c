/* The word index in a snapshot: a section of its own (section.h), then lexical/'s. Numbers
 * little-endian.
 *
 *     u64 "AKWORD02"   u32 version of the analyzer
 *     u32 languages, and for each   u8 bytes, code   (the first is "", unknown)
 *     u32 tenants, and for each     u16 bytes, name   (by part; an empty one is nobody's)
 *     u64 numbers, and for each     u8: 0 no document, else the place of its language + 1 */
#include "index/words_impl.h"

#include "base/section.h"
#include <stdlib.h>
#include <string.h>

#define MAGIC UINT64_C(0x323044524F574B41) /* "AKWORD02" */
#define CODE_MAX 15

/* ---- save ---- */

static uint8_t *languages_copy(struct words *w, size_t *size)
{
    lock_take(&w->lock);
    *size = w->languages_size;
    uint8_t *copy = xmalloc(*size + 1);
    if (*size)
        memcpy(copy, w->languages, *size);
    lock_drop(&w->lock);
    return copy;
}

static void put_code(struct section_writer *s, const char *code)
{
    uint8_t n = (uint8_t)strlen(code);
    section_put(s, &n, 1);
    section_put(s, code, n);
}

/* Codes of the languages that occur, and the place of each in that list. */
static void put_codes(struct words *w, struct section_writer *s, const uint8_t *held, size_t size,
                      uint8_t place[WORDS_LANGUAGES + 1])
{
    bool occurs[WORDS_LANGUAGES + 1] = {false, true};
    uint32_t count = 0;
    for (size_t i = 0; i < size; i++)
        occurs[held[i]] = true;
    for (unsigned l = 1; l <= WORDS_LANGUAGES; l++)
        if (occurs[l])
            place[l] = (uint8_t)++count;
    section_put_u32(s, count);
    put_code(s, "");
    for (unsigned l = 2; l <= WORDS_LANGUAGES; l++)
        if (occurs[l])
            put_code(s, w->analyzer.language_code(l - 1));
}

static void put_tenants(struct words *w, struct section_writer *s)
{
    struct strbuf names;
    strbuf_init(&names, 0);
    lock_take(&w->lock);
    const struct words_tenants *t = &w->tenants;
    uint32_t count = (uint32_t)t->count;
    for (size_t i = 0; i < t->count; i++) {
        strbuf_add_char(&names, (char)t->all[i].name.n);
        strbuf_add_char(&names, (char)(t->all[i].name.n >> 8));
        strbuf_add_str(&names, t->all[i].name);
    }
    lock_drop(&w->lock);
    section_put_u32(s, count);
    section_put(s, names.buf, names.n);
    strbuf_release(&names);
}

enum err words_save(struct words *w, struct file *f, struct err_info *e)
{
    struct section_writer *s = section_writer_new(f);
    uint8_t place[WORDS_LANGUAGES + 1] = {0};
    size_t size;
    uint8_t *held = languages_copy(w, &size);
    section_put_u64(s, MAGIC);
    section_put_u32(s, w->analyzer.version);
    put_codes(w, s, held, size, place);
    put_tenants(w, s);
    section_put_u64(s, size);
    for (size_t i = 0; i < size; i++)
        held[i] = place[held[i]];
    section_put(s, held, size);
    free(held);
    enum err err = section_writer_end(s, e);
    return err ? err : lexical_save(w->lexical, f, e);
}

/* ---- load ---- */

/* The numbers that the languages have in this run, by their place in the file. */
static void get_codes(struct words *w, struct section_reader *s, uint8_t number[256])
{
    uint32_t count = section_get_u32(s);
    if (count == 0 || count > WORDS_LANGUAGES)
        section_corrupt(s, "the number of languages");
    for (uint32_t i = 0; i < count && !section_error(s); i++) {
        char code[CODE_MAX];
        uint8_t n = 0;
        section_get(s, &n, 1);
        if (n > CODE_MAX) {
            section_corrupt(s, "a language code is too long");
            return;
        }
        section_get(s, code, n);
        unsigned language =
            n && !section_error(s) ? w->analyzer.language_of((struct str){code, n}) : 0;
        number[i + 1] = (uint8_t)(language + 1);
    }
}

static void get_tenants(struct words *w, struct section_reader *s)
{
    uint32_t count = section_get_u32(s);
    for (uint32_t i = 0; i < count && !section_error(s); i++) {
        uint8_t n[2] = {0}, name[WORDS_TENANT_MAX];
        section_get(s, n, sizeof n);
        struct str text = {(const char *)name, n[0] | (size_t)n[1] << 8};
        if (text.n > sizeof name)
            section_corrupt(s, "a tenant's name is too long");
        else
            section_get(s, name, text.n);
        if (section_error(s))
            return;
        if (text.n && tenant_part(w, text) != PART_UNKNOWN)
            section_corrupt(s, "a tenant is there twice");
        else if (text.n)
            tenant_part_add(w, text);
        else
            tenant_parts_take(w, i + 1);
    }
}

static void get_languages(struct words *w, struct section_reader *s)
{
    uint8_t number[256] = {0};
    get_codes(w, s, number);
    get_tenants(w, s);
    uint64_t size = section_get_count(s, 1);
    if (section_error(s))
        return;
    uint8_t *held = xmalloc(size + 1);
    section_get(s, held, size);
    for (uint64_t i = 0; i < size && !section_error(s); i++) {
        if (held[i] && !number[held[i]])
            section_corrupt(s, "a language that is not on the list");
        else
            words_language_set(w, (uint32_t)i, number[held[i]], 0, 0);
    }
    free(held);
}

/* What documents say of their tenants, once both are there. */
static void tenants_count(struct words *w)
{
    for (size_t i = 0; i < w->languages_size; i++) {
        uint32_t part = w->languages[i] ? lexical_part(w->lexical, (uint32_t)i) : 0;
        if (!part)
            continue;
        tenant_parts_take(w, part);
        tenant_count_add(&w->tenants, part, w->languages[i] - 1u, 1);
    }
}

static enum err head_load(struct words *w, struct file *f, uint64_t *offset, struct err_info *e)
{
    struct section_reader *s = section_reader_new(f, *offset);
    uint64_t magic = section_get_u64(s);
    uint32_t version = section_get_u32(s);
    if (magic != MAGIC)
        section_corrupt(s, "not a word index");
    else if (version != w->analyzer.version)
        section_corrupt(s, "its words were made by another version of the analysis");
    if (!section_error(s))
        get_languages(w, s);
    return section_reader_end(s, offset, e);
}

enum err words_load(struct file *f, uint64_t *offset, const struct words_analyzer *analyzer,
                    struct words **out, struct err_info *e)
{
    struct words *w = words_new(analyzer);
    struct lexical *lexical = NULL;
    enum err err = head_load(w, f, offset, e);
    if (!err)
        err = lexical_load(f, offset, &lexical, e);
    if (err) {
        words_free(w);
        return err;
    }
    lexical_free(w->lexical);
    w->lexical = lexical;
    tenants_count(w);
    *out = w;
    return 0;
}

/* ---- check ---- */

static enum err check_tenants(struct words *w, struct err_info *e)
{
    const struct words_tenants *t = &w->tenants;
    uint32_t *counts = xcalloc(t->count + 1, sizeof *counts);
    enum err err = 0;
    for (size_t i = 0; i < w->languages_size && !err; i++) {
        uint32_t part = w->languages[i] ? lexical_part(w->lexical, (uint32_t)i) : 0;
        if (part > t->count)
            err = err_set(e, ERR_CORRUPT, NULL, "document %zu is of a tenant without a name", i);
        else
            counts[part]++;
    }
    for (size_t i = 0; i < t->count && !err; i++) {
        uint32_t counted = 0;
        for (unsigned l = 0; l < WORDS_LANGUAGES && t->all[i].counts; l++)
            counted += t->all[i].counts[l];
        if (counts[i + 1] != counted || counted != lexical_documents(w->lexical, (uint32_t)i + 1))
            err = err_set(e, ERR_CORRUPT, NULL, "the documents of a tenant are counted wrongly");
    }
    free(counts);
    return err;
}

enum err words_check(struct words *w, struct err_info *e)
{
    uint32_t counts[WORDS_LANGUAGES] = {0};
    enum err err = lexical_check(w->lexical, e);
    for (size_t i = 0; i < w->languages_size && !err; i++) {
        bool held = w->languages[i] > 0;
        if (held != (lexical_revision(w->lexical, (uint32_t)i) != 0))
            err = err_set(e, ERR_CORRUPT, NULL, "document %zu has %s, and %s", i,
                          held ? "a language" : "no language", held ? "no words" : "words");
        if (held)
            counts[w->languages[i] - 1]++;
    }
    for (unsigned l = 0; l < WORDS_LANGUAGES && !err; l++)
        if (counts[l] != atomic_load(&w->counts[l]))
            err = err_set(e, ERR_CORRUPT, NULL, "documents in language \"%s\" are counted wrongly",
                          l ? w->analyzer.language_code(l) : "");
    return err ? err : check_tenants(w, e);
}
