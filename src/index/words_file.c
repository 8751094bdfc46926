#include "index/words_impl.h"

/* ---- check ---- */

enum err words_check(struct words *w, struct err_info *e)
{
    uint32_t counts[WORDS_LANGUAGES] = {0};
    enum err err = 0;
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
    return err;
}
