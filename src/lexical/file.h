/* The index in a snapshot. The payload of its section (base/section.h) is
 *
 *     u64 "AKLEX002"   u32 documents   u32 terms, about
 *     chunks: u32 bytes, then so many bytes of whole items; one of 0 bytes is the last
 *
 * and the items of all chunks, numbers as varints, seven bits a byte, the low ones first:
 *
 *     of each document      number and revision, as zigzag differences to the one before; length in
 *                           halves; its part. Documents are called by their place here, from 0 on
 *     of each term          1 + twice its bytes, and 1 more if it is of a part; then they; then
 * groups of at most BLOCK_MAX postings, each an item: their count, and for each the difference of
 * its document to the one before (the first: to -1) and its positions (internal.h). A group of 0
 * ends them. Terms are in no order 0 the end
 *
 * tf, df, mean length and what documents hold follow from that. */
#ifndef LEXICAL_FILE_H
#define LEXICAL_FILE_H

#define LEXICAL_MAGIC UINT64_C(0x32303058454C4B41) /* "AKLEX002" */

/* A file whose numbers are sparser than this is refused: the table of numbers would be larger than
 * all else, and to build so small an index anew costs little. */
#define NUMBERS_PER_DOCUMENT UINT64_C(1024)

#endif
