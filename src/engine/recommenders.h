/* The trained models of a collection as they live in this process, beside recommender_take of
 * recommend_impl.h. Files: DATA/recommenders/<collection>/<id>.model.
 *
 * The active one is in memory from the start on; others are read when somebody asks for them, and
 * at most LOADED_MAX of them are kept. A file that cannot be read is refused: the one that serves
 * goes on serving, and at a start the one that was retired last takes its place. */
#ifndef ENGINE_RECOMMENDERS_H
#define ENGINE_RECOMMENDERS_H

#include "engine/internal.h"

#define RECOMMENDERS_KEPT 5 /* of a collection and label, the active one among them */

struct recommenders;
struct recommenders *recommenders_new(struct collection *c);
void recommenders_free(struct recommenders *r); /* NULL is allowed; nobody holds one any more */
/* Makes what is kept in memory what the store says. The applier, or before it starts. */
enum err recommenders_follow(struct collection *c, struct err_info *e) MUST_CHECK;

/* "DIR/recommenders/<collection>/<id>.model" in the arena; id 0: the folder. */
char *recommender_path(struct collection *c, uint32_t id, struct arena *a);
/* Is it in memory, or can it be brought there? ERR_CORRUPT, ERR_UNSUPPORTED, ERR_NOT_FOUND. */
enum err recommender_check(struct collection *c, uint32_t id, struct err_info *e) MUST_CHECK;
/* A recommender's act, in effect when it returns. */
enum err recommender_act(struct engine *x, struct store_act *act, struct err_info *e) MUST_CHECK;
/* Deletes those of its label beyond RECOMMENDERS_KEPT, the oldest first; neither the active one,
 * nor that which a rollback would take, nor one of a running experiment, nor `made`. One that could
 * not be deleted goes the next time. */
void recommenders_trim(struct collection *c, uint32_t made);
/* The one of a label that was retired last before `before` (NULL: of all); NULL: none. */
const struct recommender_record *recommender_retired(const struct recommender_record *rows,
                                                     size_t count, struct str label,
                                                     const struct recommender_record *before);
/* At a start: files without a record, records of candidates without a file, folders of collections
 * that are no more. */
void recommenders_tidy(struct engine *x);

#endif
