/* Snowball stems in 25 languages, with the most recent words' stems kept. One thread at a time. */
#ifndef TEXT_TERM_STEM_H
#define TEXT_TERM_STEM_H

#include "text/language.h"
#include "text/term_fold.h"

struct term_stemmer;
struct term_stemmer *term_stemmer_new(void);
void term_stemmer_free(struct term_stemmer *s);

/* The folded stem, a view that holds until the next call; `forms.folded` if the word has none.
 * Words of Latin letters in a text of a language that has others are taken for English. */
struct str term_stem(struct term_stemmer *s, enum language language,
                     const struct term_forms *forms);

#endif
