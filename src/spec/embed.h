/* Texts as vectors, so that near texts have near vectors: a local embedding by the letters alone. No model, no network, the same
 * everywhere and for ever: what a router chose by it yesterday it chooses again when the run is derived again.
 *
 *   text --words, and runs of three letters in them--> hashed, with a sign and a weight, into EMBED_SIZE numbers --> length 1
 *
 * It knows "refund" from "refunded" and from a typing error, and knows nothing of what words mean: "money back" is far from
 * "refund" unless an exemplar says so. */
#ifndef BATON_SPEC_EMBED_H
#define BATON_SPEC_EMBED_H

#include "base/str.h"

#define EMBED_SIZE 1024
/* A vector of length 1, in whole numbers: sums of these are the same on every machine. */
#define EMBED_UNIT 16384
/* Of a text the rest is not looked at: what a request is about stands at its beginning. */
#define EMBED_BYTES_MAX (16 * 1024)

typedef struct Embedding {
    int32_t of[EMBED_SIZE];
} Embedding;

/* All zero where a text has no letters and digits. */
void embed_text(Str text, Embedding *ret);
void embed_add(Embedding *sum, const Embedding *one);
/* From -1 to 1; 0 if one of them is all zero. Lengths do not matter. */
double embed_cosine(const Embedding *a, const Embedding *b);

/* What several texts have in common: their mean, and how near to it they are themselves. */
typedef struct Centre {
    Embedding sum;
    double own; /* the mean of their cosines with it; 0: no text says anything */
} Centre;
void embed_centre(const Str *texts, size_t n, Centre *ret);
/* 0 to 1: the cosine with the mean, as a share of what its own texts reach. So 0.8 says the same of two texts as of twenty. */
double embed_nearness(const Embedding *text, const Centre *c);

#endif
