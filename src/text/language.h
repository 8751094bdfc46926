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
#include "text/languages.def"
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

/* Is this word, a TERM_WORD of term_analyze, one of the language's function words? 45 languages
 * have a list. */
bool term_is_stop(enum language language, struct str word);

/* ---- which language ---- */

struct language_detector;
/* `table`: the file that tools/eldc_to_table.py makes, 8 MB, read here and checked (some 40 ms); if
 * it is NULL, not there or damaged, languages are told by their scripts and function words alone,
 * which the log says. */
struct language_detector *language_detector_new(const char *table);
void language_detector_free(struct language_detector *d);
bool language_detector_has_table(const struct language_detector *d);

struct language_guess {
    enum language language; /* UNKNOWN if not sure: few words, numbers, code, a mixture */
    float confidence;       /* 0 to 1 */
};
/* Of a text, by its first 1,000 bytes or so. 1 us for a few words, 20 for a page. */
struct language_guess language_detect(const struct language_detector *d, struct str text);
/* By the title and the beginning and the middle of the text. */
struct language_guess language_detect_document(const struct language_detector *d, struct str title,
                                               struct str text);

#endif
