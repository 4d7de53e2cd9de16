#include "sim.h"

static uint64_t split_mix(uint64_t *state) {
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint32_t tape_choose(Tape *t, uint32_t below) {
    if (t->at == t->n) {
        if (t->n == t->room) {
            t->room = MAX(256, t->room * 2);
            t->choices = xrealloc(t->choices, t->room * sizeof(uint32_t));
        }
        t->choices[t->n++] = t->frozen ? 0 : (uint32_t)split_mix(&t->state);
    }
    uint32_t c = t->choices[t->at++];
    return below ? c % below : 0;
}
