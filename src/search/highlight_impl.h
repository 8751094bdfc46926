/* Inside highlight.h: highlight.c finds the places, snippet.c chooses among them. */
#ifndef SEARCH_HIGHLIGHT_IMPL_H
#define SEARCH_HIGHLIGHT_IMPL_H

#include "search/highlight.h"
#include <stddef.h>

#define HIGHLIGHT_GROUPS 256

struct place {
    uint32_t start, end;
    uint8_t group; /* the query's word */
    bool pair;     /* two characters out of a run */
    bool sure;     /* stands for a word, not for a pair that also joins two others */
};

struct highlights {
    struct str text;
    struct place *places; /* in order of their start */
    size_t count, cap;
    struct text_range *words; /* of the text, if it is to be cut */
    size_t word_count, word_cap;
    float weights[HIGHLIGHT_GROUPS]; /* of groups */
};

#endif
