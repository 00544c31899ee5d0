/* Scores what comes in on stdin with the model beside this file; see kervan.package.writing.code.driver. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

static double input[MODEL_INPUTS];
static double output[MODEL_OUTPUTS];

static void take(void *to, size_t size) {
    if (fread(to, 1, size, stdin) != size) {
        exit(3);
    }
}

static void give(const void *from, size_t size) {
    if (fwrite(from, 1, size, stdout) != size) {
        exit(4);
    }
}

static void score(void) {
    while (fread(input, sizeof input, 1, stdin) == 1) {
        model_score(input, output);
        give(output, sizeof output);
    }
}

static double read_value(int column, int tag) {
    const int is_category = strcmp(model_types[column], "category") == 0;
    if (tag == 2) {
        double number;
        take(&number, sizeof number);
        return number;
    }
    if (tag == 3) {
        uint8_t boolean;
        take(&boolean, 1);
        return boolean;
    }
    if (tag == 4) {
        uint32_t size;
        take(&size, sizeof size);
        char *text = malloc((size_t)size + 1);
        if (text == NULL) {
            exit(5);
        }
        take(text, size);
        text[size] = '\0';
        const int code = model_code(column, text);
        free(text);
        return code;
    }
    return is_category ? model_code(column, NULL) : NAN;
}

static uint32_t label(void) {
#ifdef MODEL_CLASSES
    const char *best = model_label(output);
    for (uint32_t place = 0; place < MODEL_OUTPUTS; place++) {
        if (model_classes[place] == best) {
            return place;
        }
    }
    exit(6);
#else
    return 0;
#endif
}

static void predict(void) {
    for (;;) {
        for (int column = 0; column < MODEL_INPUTS; column++) {
            const int tag = getchar();
            if (tag == EOF) {
                return;
            }
            input[column] = read_value(column, tag);
        }
        model_score(input, output);
        const uint8_t accepted = 1;
        const uint32_t place = label();
        give(&accepted, 1);
        give(&place, sizeof place);
        give(output, sizeof output);
    }
}

int main(int count, char **arguments) {
    if (count == 2 && strcmp(arguments[1], "predict") == 0) {
        predict();
    } else {
        score();
    }
    return fflush(stdout) == 0 ? 0 : 4;
}
