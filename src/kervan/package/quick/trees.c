/* Sums of decision trees, for rows of 64-bit numbers.

   A node asks whether x[feature] <= threshold, or == threshold where `is_equal`; a missing value goes where
   `missing_yes` says. Yes leads to the node `yes`, no to the one behind that. A leaf leads to itself, so that
   several walks can go side by side, each for as many steps as the deepest needs: the processor waits for
   memory in all of them at once. A leaf adds `count` pairs of target and weight, from `first` on. */

#include <stdint.h>

typedef struct {
    double threshold;
    int32_t yes;
    uint16_t feature;
    uint8_t missing_yes;
    uint8_t is_equal;
} Node;

typedef struct {
    int32_t first;
    int32_t count;
} Leaf;

enum { LANES = 8 };

static inline int32_t next(const Node *nodes, int32_t place, const double *x)
{
    const Node *node = nodes + place;
    double v = x[node->feature];
    int yes = (node->is_equal ? v == node->threshold : v <= node->threshold) | ((v != v) & node->missing_yes);
    return node->yes + !yes;
}

static inline void add(const Leaf *leaf, const int32_t *targets, const double *weights, double *sums)
{
    for (int32_t k = leaf->first; k < leaf->first + leaf->count; k++)
        sums[targets[k]] += weights[k];
}

/* x has shape (rows, width), sums (rows, outputs) and holds the base values when this begins. `depths` are
   the most steps that a tree takes. */
void kervan_sum_trees(const Node *nodes, const Leaf *leaves, const int32_t *roots, const int32_t *depths,
                      int64_t trees, const int32_t *targets, const double *weights, const double *x,
                      int64_t rows, int64_t width, int64_t outputs, double *sums)
{
    int64_t r = 0;
    for (; r + LANES <= rows; r += LANES) {
        const double *row = x + r * width;
        for (int64_t t = 0; t < trees; t++) {
            int32_t at[LANES];
            for (int k = 0; k < LANES; k++)
                at[k] = roots[t];
            for (int32_t step = 0; step < depths[t]; step++)
                for (int k = 0; k < LANES; k++)
                    at[k] = next(nodes, at[k], row + k * width);
            for (int k = 0; k < LANES; k++)
                add(leaves + at[k], targets, weights, sums + (r + k) * outputs);
        }
    }
    for (; r < rows; r++) {
        const double *row = x + r * width;
        int64_t t = 0;
        for (; t < trees; t += LANES) {
            int32_t at[LANES], depth = 0;
            int many = trees - t < LANES ? (int)(trees - t) : LANES;
            for (int k = 0; k < LANES; k++) {
                int64_t tree = t + (k < many ? k : 0);
                at[k] = roots[tree];
                if (depths[tree] > depth)
                    depth = depths[tree];
            }
            for (int32_t step = 0; step < depth; step++)
                for (int k = 0; k < LANES; k++)
                    at[k] = next(nodes, at[k], row);
            for (int k = 0; k < many; k++)
                add(leaves + at[k], targets, weights, sums + r * outputs);
        }
    }
}

/* So that who loads this file can tell whether it is the one that belongs to it. */
int32_t kervan_trees_form(void) { return 1; }
