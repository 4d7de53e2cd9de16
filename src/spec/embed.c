#include "spec/embed.h"

#include <math.h>

/* A word weighs as many as it has letters, up to three; runs of letters are taken of longer ones only, and of those in capitals:
 * "how" and "the" say little of what a text is about, "API" much. */
#define WORD_WEIGHT_MAX 3
#define SHORT_LETTERS 3
#define GRAM_LETTERS 3
#define GRAM_WEIGHT 2
/* Longer ones are cut; nothing else has so many letters in a row. */
#define WORD_LETTERS_MAX 64
/* What is nearer than this says nothing, and makes long numbers. */
#define NEARNESS_STEPS 10000
#define WORD_EDGE 1 /* stands for what is before and behind a word; no letter */

/* ---- letters --------------------------------------------------------------------------------------------------------- */

/* The next character of what may be no UTF-8: a broken byte is a character of its own. */
static uint32_t next_character(Str s, size_t *at) {
    uint8_t b = (uint8_t)s.p[(*at)++];
    size_t more = b >= 0xf0 ? 3 : b >= 0xe0 ? 2 : b >= 0xc0 ? 1 : 0;
    uint32_t c = more == 3 ? b & 7 : more == 2 ? b & 15 : more == 1 ? b & 31 : b;
    if (more > s.len - *at)
        return b;
    for (size_t i = 0; i < more; i++)
        c = c << 6 | ((uint8_t)s.p[*at + i] & 63);
    *at += more;
    return c;
}

/* Of Latin, Greek and Cyrillic; others have one case, or are compared as they are. */
static uint32_t lower(uint32_t c) {
    bool by_32 = (c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
                 (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f);
    if (by_32)
        return c + 32;
    if (c >= 0x400 && c <= 0x40f)
        return c + 80;
    return c >= 0x100 && c <= 0x137 ? c | 1 : c;
}

static bool is_letter(uint32_t c) {
    if (c < 0x80)
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    bool mark = c < 0xc0 || c == 0xd7 || c == 0xf7 || (c >= 0x2000 && c <= 0x2bff) ||
                (c >= 0x3000 && c <= 0x303f) || (c >= 0xff00 && c <= 0xff0f);
    return !mark;
}

/* ---- terms ----------------------------------------------------------------------------------------------------------- */

static uint32_t mix(uint32_t h) {
    h ^= h >> 16;
    h *= 0x7feb352du;
    h ^= h >> 15;
    h *= 0x846ca68bu;
    return h ^ h >> 16;
}

/* FNV-1a over the letters. The sign keeps terms that meet in one place from adding up. */
static void add_term(Embedding *e, uint32_t kind, const uint32_t *letters, size_t n,
                     int32_t weight) {
    uint32_t h = 2166136261u ^ kind;
    for (size_t i = 0; i < n; i++)
        h = (h ^ letters[i]) * 16777619u;
    h = mix(h);
    e->of[h % EMBED_SIZE] += h >> 31 ? -weight : weight;
}

/* letters[0] and letters[n + 1] are room for the edges. */
static void add_word(Embedding *e, uint32_t *letters, size_t n, size_t capitals) {
    bool is_short = n <= SHORT_LETTERS && letters[1] < 0x80 && (n < 2 || capitals < n);
    add_term(e, 0, letters + 1, n, (int32_t)MIN(n, (size_t)WORD_WEIGHT_MAX));
    if (is_short)
        return;
    letters[0] = letters[n + 1] = WORD_EDGE;
    for (size_t i = 0; i + GRAM_LETTERS <= n + 2; i++)
        add_term(e, 1, letters + i, GRAM_LETTERS, GRAM_WEIGHT);
}

static void add_words(Embedding *e, Str text) {
    uint32_t letters[WORD_LETTERS_MAX + 2];
    size_t n = 0, capitals = 0;
    for (size_t at = 0; at < text.len;) {
        uint32_t written = next_character(text, &at), c = lower(written);
        if (is_letter(c) && n < WORD_LETTERS_MAX) {
            letters[++n] = c;
            capitals += c != written;
        } else if (!is_letter(c) && n) {
            add_word(e, letters, n, capitals);
            n = capitals = 0;
        }
    }
    if (n)
        add_word(e, letters, n, capitals);
}

/* ---- vectors --------------------------------------------------------------------------------------------------------- */

static int64_t dot(const Embedding *a, const Embedding *b) {
    int64_t sum = 0;
    for (size_t i = 0; i < EMBED_SIZE; i++)
        sum += (int64_t)a->of[i] * b->of[i];
    return sum;
}

void embed_text(Str text, Embedding *ret) {
    *ret = (Embedding){ 0 };
    add_words(ret, str_slice(text, 0, MIN(text.len, (size_t)EMBED_BYTES_MAX)));
    double length = sqrt((double)dot(ret, ret));
    for (size_t i = 0; i < EMBED_SIZE && length > 0; i++)
        ret->of[i] = (int32_t)((double)((int64_t)ret->of[i] * EMBED_UNIT) / length);
}

void embed_add(Embedding *sum, const Embedding *one) {
    for (size_t i = 0; i < EMBED_SIZE; i++)
        sum->of[i] += one->of[i];
}

double embed_cosine(const Embedding *a, const Embedding *b) {
    double lengths = sqrt((double)dot(a, a)) * sqrt((double)dot(b, b));
    return lengths > 0 ? (double)dot(a, b) / lengths : 0;
}

void embed_centre(const Str *texts, size_t n, Centre *ret) {
    Embedding one;
    double cosines = 0;
    *ret = (Centre){ 0 };
    for (size_t i = 0; i < n; i++) {
        embed_text(texts[i], &one);
        embed_add(&ret->sum, &one);
    }
    for (size_t i = 0; i < n; i++) {
        embed_text(texts[i], &one);
        cosines += embed_cosine(&one, &ret->sum);
    }
    ret->own = n ? cosines / (double)n : 0;
}

double embed_nearness(const Embedding *text, const Centre *c) {
    double share = c->own > 0 ? embed_cosine(text, &c->sum) / c->own : 0;
    return share < 0 ? 0 : MIN((double)llround(share * NEARNESS_STEPS) / NEARNESS_STEPS, 1);
}
