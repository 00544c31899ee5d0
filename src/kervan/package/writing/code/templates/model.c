/* A trained model in C99. Written by Kervan; do not edit. See @@name@@.h. */
#include "@@name@@.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

@@constants@@
@@kernels@@
void @@name@@_score(const double *input, double *output) {
    double w[@@work@@];
    int32_t i;
    for (i = 0; i < @@inputs@@; i++) {
        w[i] = input[i];
    }
@@calls@@
    for (i = 0; i < @@outputs@@; i++) {
        output[i] = w[@@answer@@ + i];
    }
}

const char *const @@name@@_names[@@inputs@@] = {@@names@@};
const char *const @@name@@_units[@@inputs@@] = {@@units@@};
const char *const @@name@@_types[@@inputs@@] = {@@types@@};
const char *const @@name@@_output = @@output@@;
@@classes_defined@@
@@lookups@@