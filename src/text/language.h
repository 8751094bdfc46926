/* Languages: their names (ISO 639-1), the one that a text is written in, their stop words.
 * No state but the detector's table, which is read once; every function may be called by any
 * thread. */
#ifndef TEXT_LANGUAGE_H
#define TEXT_LANGUAGE_H

#include "base/str.h"
#include <stdbool.h>

/* Numbers hold within one run only: what is kept is the code. Languages without a name here are
 * LANGUAGE_UNKNOWN. */
enum language {
    LANGUAGE_UNKNOWN,
#define LANGUAGE(code, name) LANGUAGE_##code,
#include "text/languages.h"
#undef LANGUAGE
    LANGUAGE_COUNT
};

/* "en"; "" if unknown. */
const char *language_code(enum language language);
/* "English"; "" if unknown. */
const char *language_name(enum language language);
/* Of a language tag (BCP 47): "pt-BR" is Portuguese; also the three letters of ISO 639-2 ("deu",
 * "ger"). Case does not matter. */
enum language language_of_tag(struct str tag);

#endif
