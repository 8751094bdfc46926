/* Training sets from the plain formats that public sets come in, a line at a time:
 *
 *   PLAIN_CSV      user, item, value, time; the last two may be missing. Divided by comma, tab,
 *                  semicolon, "::" or blanks, whatever the first line has; fields may stand in
 *                  double quotes. A first line that names columns is a header (user, user_id,
 *                  userId, ..., item, movieId, ..., rating, ..., timestamp, ...), and columns that
 *                  it names otherwise are not read. Times: seconds, milli- or microseconds since
 *                  1970, YYYY-MM-DD, or RFC 3339
 *   PLAIN_LISTS    a line of item numbers a reader, divided by blanks or commas
 *   PLAIN_COUNTED  the same with their count ahead (CiteULike's users.dat)
 *
 * A value above 0 or none is liked (weight 1), 0 says nothing, below 0 is not wanted (-1); with
 * `liked_from` what is below it is not read at all, as Liang et al. 2018 do with ratings. The same
 * reader and item again: the latest counts. Empty lines are skipped.
 *
 * One thread. */
#ifndef TRAIN_PLAIN_H
#define TRAIN_PLAIN_H

#include "base/err.h"
#include "base/str.h"
#include "recommend/training_set.h"

enum plain_format { PLAIN_CSV, PLAIN_LISTS, PLAIN_COUNTED };
struct plain_options {
    enum plain_format format;
    double liked_from; /* NaN: none */
};
struct plain;
struct plain *plain_new(const struct plain_options *o);
void plain_free(struct plain *p); /* NULL is allowed */
/* `path` and `number` are named by errors: ERR_INVALID, ERR_SYNTAX, ERR_TOO_LARGE (bounds of
 * training_set.h). After an error only plain_free. */
enum err plain_line(struct plain *p, struct str line, const char *path, unsigned long long number,
                    struct err_info *e) MUST_CHECK;

/* With the names that readers and items have in the file: "17", "isbn-x". */
struct plain_set {
    struct training_set *set;
    const char **users; /* readers */
    const char **items;
    struct arena *arena; /* of the names */
};
/* Item ids that are whole numbers below `rows` all of them (rows > 0, of a matrix of vectors): item
 * i is row i, and all rows are items. Else the items are those that are named, by number if all are
 * numbers, else by name. ERR_INVALID: nothing was liked, or an id has no row. */
enum err plain_end(struct plain *p, uint32_t rows, const char *path, struct plain_set *out,
                   struct err_info *e) MUST_CHECK;
void plain_set_free(struct plain_set *s);

/* ---- NumPy's .npy: a matrix of little-endian float16 or float32, rows of C order ---- */

struct npy {
    uint32_t rows, columns;
    bool half;       /* float16 */
    uint64_t offset; /* of the first number in the file */
};
/* From the first bytes of a file: NPY_HEAD_MAX of them, or as many as there are. ERR_SYNTAX,
 * ERR_UNSUPPORTED (another type or order), ERR_TOO_LARGE. */
#define NPY_HEAD_MAX 4096u
enum err npy_head(struct str bytes, const char *path, struct npy *out,
                  struct err_info *e) MUST_CHECK;
/* The whole file as rows of length 1, float16, free(). ERR_INVALID: a number that is not finite. */
enum err npy_read(const char *path, struct npy *head, uint16_t **out,
                  struct err_info *e) MUST_CHECK;

#endif
