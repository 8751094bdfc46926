/* Short texts of many kinds and languages, by which int8 is calibrated. Changing one changes the
 * vectors of int8 models. */
#ifndef EMBED_CALIBRATION_TEXTS_H
#define EMBED_CALIBRATION_TEXTS_H

#include <stddef.h>

extern const char *const calibration_texts[];
extern const size_t calibration_text_count;

#endif
