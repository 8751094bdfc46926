/* The dictionary in order, for prefixes and near words. */
#include "lexical/internal.h"

void dictionary_added(struct lexical *x, struct term *t)
{
}

void dictionary_dropped(struct lexical *x, struct term *t)
{
}

void dictionary_free(struct lexical *x)
{
}
