/* Libraries that are loaded only by what needs them. Any thread; they are never unloaded. */
#ifndef BASE_LIBRARY_H
#define BASE_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

struct library_symbol {
    const char *name;
    void *to; /* a pointer to a function, which is filled in */
};

/* False: the library (a file name, as the loader looks it up) or a symbol of it is missing. */
bool library_load(const char *file, const struct library_symbol *symbols, size_t count);

#endif
