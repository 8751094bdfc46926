/* The graph in a snapshot, piece by piece, so that who saves can let changes in between pieces and
 * put what he knows of the slots beside them (graph_save and graph_load do it in one go).
 *
 * The payload of its section (section.h), numbers little-endian:
 *
 *     u64 "AKGRAPH1"   u32 dims   u32 slots   u64 changes
 *     u32 centroids   u64 slots, u64 changes when they were made   f32 spread
 *     centroids x dims x f32
 *
 * and for each block of GRAPH_BLOCK_SLOTS slots, the last one shorter, zeros where one is free:
 *
 *     slots x u8 state (free, held, linked, twin)   slots x u8 refined
 *     slots x line   slots x links   slots x code   slots x row
 *
 * Changes between two blocks make a file that fits itself only loosely: a link may lead to what was
 * deleted meanwhile. Loading drops such links; a twin whose list broke becomes held again, and its
 * owner inserts it. */
#ifndef GRAPH_BLOCKS_H
#define GRAPH_BLOCKS_H

#include "graph/graph.h"

#define GRAPH_BLOCK_SLOTS 4096u

struct section_writer;
struct section_reader;

/* Writer. `slots`: graph_slots_end at the start; later slots are not saved. A block of 384
 * dimensions is 5.5 MB. */
void graph_save_head(const struct graph *g, struct section_writer *w, uint32_t slots);
void graph_save_block(const struct graph *g, struct section_writer *w, uint32_t from,
                      uint32_t count);

/* NULL and an error in `r` if it is no graph. *slots: how many will come. */
struct graph *graph_load_head(struct section_reader *r, uint32_t *slots);
void graph_load_block(struct graph *g, struct section_reader *r, uint32_t from, uint32_t count);
/* When all blocks are there, before anything else is done with the graph. */
void graph_load_end(struct graph *g, struct section_reader *r);

#endif
