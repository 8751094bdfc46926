/* Of many rows the largest weights each, as they come piece by piece, so that no whole row need be
 * there at once. Items come rising in each row; of equal sizes the first stay. A row is offered to
 * by one thread at a time. */
#ifndef TRAIN_LARGEST_H
#define TRAIN_LARGEST_H

#include "recommend/item_model.h"

struct largest_entry {
    uint32_t to;
    float weight;
};
struct largest {
    uint32_t rows;
    unsigned kept, room;
    uint32_t *count;               /* rows */
    float *bound;                  /* rows: no more than this is not wanted */
    struct largest_entry *entries; /* rows x room */
};

void largest_init(struct largest *l, uint32_t rows, unsigned kept);
void largest_release(struct largest *l);
/* weights[i] of `row` for from + i, i < count; 0 is not kept. */
void largest_offer(struct largest *l, uint32_t row, uint32_t from, const float *weights,
                   uint32_t count);
/* Once all was offered: the kept ones of a row, rising. Returns how many. Each row by any thread.
 */
uint32_t largest_take(struct largest *l, uint32_t row);
/* Of rows that were taken; of as many items. */
struct item_model *largest_model(const struct largest *l, unsigned threads);
size_t largest_bytes(uint32_t rows, unsigned kept);

#endif
