/* Codings of bodies: gzip and zstd, of requests and of answers. What a request expands to is
 * bounded by whoever asks for it and, beyond the first MiB, by RATIO_MAX times what came in, so
 * that nobody makes us work for hours with a few bytes. No I/O. Private to http/ (its tests and
 * fuzz target include it). An expander belongs to one thread at a time. */
#ifndef HTTP_CODING_H
#define HTTP_CODING_H

#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stddef.h>

enum coding { CODING_IDENTITY, CODING_GZIP, CODING_ZSTD };

enum {
    RATIO_MAX = 200,
    RATIO_FREE = 1 << 20,
    EXPANDER_BYTES = 16 << 10,
    CODED_MIN = 1024,    /* shorter answers are sent as they are */
    CODED_MAX = 8 << 20, /* longer ones too: they would hold a thread for too long */
};

/* Content-Encoding; empty is identity. False: unknown, or several. */
bool coding_parse(struct str text, enum coding *out);
/* The best of Accept-Encoding that we have, at equal q zstd before gzip; identity if in doubt. */
enum coding coding_choose(struct str accept);
const char *coding_name(enum coding c);

struct expander;
struct expander *expander_new(enum coding c);
void expander_free(struct expander *x); /* NULL is allowed */
/* Where the next bytes of the coded body go: at most EXPANDER_BYTES, once expander_take made 0. */
char *expander_room(struct expander *x);
void expander_fed(struct expander *x, size_t n);
/* *made 0: feed more. ERR_SYNTAX: broken, or bytes behind its end; ERR_TOO_LARGE: see above. */
enum err expander_take(struct expander *x, void *out, size_t size, size_t *made,
                       struct err_info *e) MUST_CHECK;
/* The body has ended; ERR_SYNTAX: the coding has not. */
enum err expander_end(const struct expander *x, struct err_info *e) MUST_CHECK;

/* A body that is made in pieces. One thread at a time. */
struct packer;
struct packer *packer_new(enum coding c);
void packer_free(struct packer *p); /* NULL is allowed */
/* Takes of `in` what it can, *made bytes of it into `out`; with `end` nothing follows. Call again
 * while there is input left, or, with `end`, until packer_ended. ERR_IO: no memory. */
enum err packer_step(struct packer *p, struct str *in, bool end, void *out, size_t size,
                     size_t *made, struct err_info *e) MUST_CHECK;
bool packer_ended(const struct packer *p);

/* malloc'd; NULL if it would not become shorter. Quick rather than small. */
char *coding_pack(enum coding c, struct str text, size_t *n);

#endif
