/* Which languages have a word among their function words. The lists are src/text/stop_lists.def. */
#ifndef TEXT_STOP_WORDS_H
#define TEXT_STOP_WORDS_H

#include "text/language.h"
#include <stdint.h>

/* The lists that hold `word`, a bit each: bit i is the list of stop_list_language(i). `folded`: the
 * word is a term of term_analyze; otherwise it is in lower case, accents as they are. */
uint64_t stop_lists_of(struct str word, bool folded);
unsigned stop_list_count(void); /* at most 64 */
enum language stop_list_language(unsigned list);

#endif
