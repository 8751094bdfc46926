/* The texts on which a precision is tried (private to embed/): queries of at
 * least one word, titles, sentences, paragraphs, in several scripts, of 3 to some 150 tokens. None
 * of them is among the calibration texts. */
#ifndef EMBED_TRIAL_TEXTS_H
#define EMBED_TRIAL_TEXTS_H

#include <stddef.h>

size_t trial_text_count(void);
const char *const *trial_texts(void); /* for the life of the process */

#endif
