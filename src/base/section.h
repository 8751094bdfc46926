/* A section of a snapshot file: frames of [u32 bytes][u32 0][u64 checksum64][payload], at most 1
 * MiB of payload each, ended by a frame of 0 bytes whose checksum is that of all frames' checksums.
 * Numbers little-endian. A frame is verified before a byte of it is given out. One thread. */
#ifndef BASE_SECTION_H
#define BASE_SECTION_H

#include "base/err.h"
#include <stddef.h>
#include <stdint.h>

struct file;
struct section_writer;
struct section_writer *section_writer_new(struct file *f);
/* Errors are kept; section_writer_end tells the first. */
void section_put(struct section_writer *w, const void *p, size_t n);
void section_put_u32(struct section_writer *w, uint32_t v);
void section_put_u64(struct section_writer *w, uint64_t v);
/* Between the two, what is put stays in memory: nothing is written under a caller's lock. */
void section_hold(struct section_writer *w);
void section_let_go(struct section_writer *w);
/* Writes what is left and frees. */
enum err section_writer_end(struct section_writer *w, struct err_info *e) MUST_CHECK;

struct section_reader;
struct section_reader *section_reader_new(struct file *f, uint64_t offset);
/* Errors are kept, and what is read after one is zeros. */
void section_get(struct section_reader *r, void *p, size_t n);
uint32_t section_get_u32(struct section_reader *r);
uint64_t section_get_u64(struct section_reader *r);
/* A count of items of at least `item_bytes` each: 0 and ERR_CORRUPT if the rest of the file cannot
 * hold them. */
uint64_t section_get_count(struct section_reader *r, size_t item_bytes);
/* Floats, each of them finite: ERR_CORRUPT otherwise. */
void section_get_finite(struct section_reader *r, float *out, size_t n);
/* An upper bound of what is still to come: bytes that were not given out. */
uint64_t section_left(const struct section_reader *r);
void section_corrupt(struct section_reader *r, const char *what);
enum err section_error(const struct section_reader *r);
/* Reads the end frame; *offset is behind the section on success. Frees. */
enum err section_reader_end(struct section_reader *r, uint64_t *offset,
                            struct err_info *e) MUST_CHECK;

#endif
