/* Folding by ICU, for what is not in term_chars.h and for making that table. */
#ifndef TEXT_TERM_FOLD_SLOW_H
#define TEXT_TERM_FOLD_SLOW_H

#include "text/term_fold.h"

void term_fold_slow_init(struct term_fold *f);
/* As term_forms, but for the apostrophes: those that are letters' neighbours are ' afterwards. */
struct term_forms term_forms_slow(struct term_fold *f, struct str word);

#endif
