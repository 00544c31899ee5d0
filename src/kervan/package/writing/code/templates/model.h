/* A trained model in C99. Written by Kervan; do not edit.
 *
 * @@constants@@ bytes of constants, @@stack@@ bytes of stack for the work of one row; no heap, nothing that is
 * written outlives a call, no library but libm. Any number of threads may call these functions at once. */
#ifndef KERVAN_@@guard@@_H
#define KERVAN_@@guard@@_H

#ifdef __cplusplus
extern "C" {
#endif

#define @@guard@@_INPUTS @@inputs@@
#define @@guard@@_OUTPUTS @@outputs@@ /* @@gives@@ */
@@classes_counted@@

/* The names of the inputs in their order, what each is measured in ("" if nobody said), and whether it is
 * an integer, number, boolean or category. */
extern const char *const @@name@@_names[@@inputs@@];
extern const char *const @@name@@_units[@@inputs@@];
extern const char *const @@name@@_types[@@inputs@@];

/* What is predicted@@classes_comment@@. */
extern const char *const @@name@@_output;
@@classes_declared@@
/* Score one row. Numbers as they are, booleans as 0 and 1, categories by @@name@@_code; missing is NaN, or -1
 * for a category. */
void @@name@@_score(const double *input, double *output);

/* The place of a category, given as UTF-8; -1 if it is missing (NULL) or was not seen in training.
 * `column` counts from 0. */
int @@name@@_code(int column, const char *text);
@@label_declared@@
#ifdef __cplusplus
}
#endif

#endif
