#include "engine/breaker.h"

#include "base/mutant.h"

const char *breaker_state_name(BreakerState s) {
    switch (s) {
    case BREAKER_CLOSED: return "closed";
    case BREAKER_OPEN: return "open";
    case BREAKER_HALF_OPEN: return "half open";
    }
    UNREACHABLE("state of a breaker");
}

int64_t breaker_ready_ms(Breaker *b, int64_t now_ms) {
    if (b->state == BREAKER_OPEN && now_ms >= b->until_ms) {
        b->state = BREAKER_HALF_OPEN;
        b->successes = 0;
        b->trying = false;
    }
    switch (b->state) {
    case BREAKER_CLOSED: return now_ms;
    case BREAKER_OPEN: return b->until_ms;
    case BREAKER_HALF_OPEN:
        return b->trying && !MUTANT(half_open_lets_all_through) ? INT64_MAX : now_ms;
    }
    UNREACHABLE("state of a breaker");
}

bool breaker_take(Breaker *b) {
    ASSERT(b->state != BREAKER_OPEN);
    if (b->state == BREAKER_CLOSED)
        return false;
    b->trying = true;
    return true;
}

void breaker_give_back(Breaker *b) { b->trying = false; }

typedef enum Verdict { SAYS_NOTHING, ANSWERED, OUT_OF_REACH } Verdict;

static Verdict verdict_of(const Completion *c) {
    if (c->outcome == OUTCOME_OK)
        return ANSWERED;
    switch (c->kind) {
    case KIND_UNAVAILABLE:
    case KIND_TIMEOUT:
    case KIND_CRASHED:
    case KIND_RATE_LIMITED: return OUT_OF_REACH;
    case KIND_CANCELLED: return SAYS_NOTHING;
    default: break;
    }
    if (c->outcome == OUTCOME_UNKNOWN)
        return OUT_OF_REACH;
    return c->sent == SENT_NO ? SAYS_NOTHING : ANSWERED;
}

static void open_it(Breaker *b, int64_t now_ms) {
    b->state = BREAKER_OPEN;
    b->until_ms = now_ms + b->rule.open_ms;
}

static void failed(Breaker *b, ErrorKind kind, bool tried, int64_t now_ms) {
    b->failures++;
    b->last = kind;
    bool enough = b->failures >= b->rule.failures && !MUTANT(breaker_never_opens);
    if (tried || (b->state == BREAKER_CLOSED && enough))
        open_it(b, now_ms);
}

static void answered(Breaker *b, bool tried) {
    if (b->state == BREAKER_CLOSED)
        b->failures = 0;
    if (!tried || b->state != BREAKER_HALF_OPEN || ++b->successes < b->rule.successes)
        return;
    b->state = BREAKER_CLOSED;
    b->failures = 0;
}

void breaker_told(Breaker *b, const Completion *c, bool tried, int64_t now_ms) {
    if (tried)
        b->trying = false;
    if (!b->rule.failures)
        return;
    switch (verdict_of(c)) {
    case SAYS_NOTHING: return;
    case ANSWERED: answered(b, tried); return;
    case OUT_OF_REACH: failed(b, c->kind, tried, now_ms); return;
    }
}
