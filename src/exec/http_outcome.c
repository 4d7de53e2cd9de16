/* Definite not-done is a closed list: no connection, and the statuses below with which a server refuses before it acts.
 * Every other answer may stand for a request that was carried out, in whole or in part: a 500 after the row was written,
 * a 409 because the first attempt with this key still runs, a 303 that points at what was made. Where nothing can have
 * been done because the callee is pure or only reads, any answer below 500 is definite. */
#include "exec/http_outcome.h"

typedef struct StatusRule {
    int status;
    const char *name;
    ErrorKind kind;
    bool definite; /* for every effect class */
} StatusRule;

static const StatusRule rules[] = {
    { 301, "Moved Permanently", KIND_INVALID, false },
    { 302, "Found", KIND_INVALID, false },
    { 303, "See Other", KIND_INVALID, false },
    { 304, "Not Modified", KIND_INVALID, false },
    { 307, "Temporary Redirect", KIND_INVALID, false },
    { 308, "Permanent Redirect", KIND_INVALID, false },
    { 400, "Bad Request", KIND_INVALID, true },
    { 401, "Unauthorized", KIND_DENIED, true },
    { 402, "Payment Required", KIND_DENIED, false },
    { 403, "Forbidden", KIND_DENIED, true },
    { 404, "Not Found", KIND_NOT_FOUND, true },
    { 405, "Method Not Allowed", KIND_INVALID, true },
    { 406, "Not Acceptable", KIND_INVALID, false },
    { 408, "Request Timeout", KIND_TIMEOUT, false },
    { 409, "Conflict", KIND_CONFLICT, false },
    { 410, "Gone", KIND_NOT_FOUND, false },
    { 412, "Precondition Failed", KIND_CONFLICT, false },
    { 413, "Content Too Large", KIND_INVALID, true },
    { 415, "Unsupported Media Type", KIND_INVALID, true },
    { 422, "Unprocessable Content", KIND_INVALID, true },
    { 429, "Too Many Requests", KIND_RATE_LIMITED, true },
    { 451, "Unavailable For Legal Reasons", KIND_DENIED, false },
    { 500, "Internal Server Error", KIND_UNAVAILABLE, false },
    { 502, "Bad Gateway", KIND_UNAVAILABLE, false },
    { 503, "Service Unavailable", KIND_UNAVAILABLE, false },
    { 504, "Gateway Timeout", KIND_TIMEOUT, false },
    { 529, "Overloaded", KIND_UNAVAILABLE, false },
};

static const StatusRule *rule_of(int status) {
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (rules[i].status == status)
            return &rules[i];
    static const StatusRule below_500 = { 0, "", KIND_INVALID, false };
    static const StatusRule from_500 = { 0, "", KIND_UNAVAILABLE, false };
    return status < 500 ? &below_500 : &from_500;
}

const char *http_status_name(int status) { return rule_of(status)->name; }

static HttpOutcome of_status(int status, Effect effect) {
    if (status >= 200 && status < 300)
        return (HttpOutcome){ OUTCOME_OK, SENT_YES, KIND_NONE };
    const StatusRule *rule = rule_of(status);
    bool harmless = effect == EFFECT_PURE || effect == EFFECT_READ;
    if (rule->definite || (harmless && status < 500))
        return (HttpOutcome){ OUTCOME_FAILED, SENT_YES, rule->kind };
    return (HttpOutcome){ OUTCOME_UNKNOWN, status < 500 ? SENT_YES : SENT_MAYBE, rule->kind };
}

HttpOutcome http_outcome(HttpEnd end, bool sent, int status, Effect effect) {
    static const HttpOutcome not_sent = { OUTCOME_FAILED, SENT_NO, KIND_UNAVAILABLE };
    switch (end) {
    case HTTP_ANSWERED: return of_status(status, effect);
    case HTTP_DENIED: return (HttpOutcome){ OUTCOME_FAILED, SENT_NO, KIND_DENIED };
    case HTTP_REFUSED: return (HttpOutcome){ OUTCOME_FAILED, SENT_NO, KIND_INVALID };
    case HTTP_NO_CONNECTION: return not_sent;
    case HTTP_STALLED: return (HttpOutcome){ OUTCOME_UNKNOWN, SENT_MAYBE, KIND_TIMEOUT };
    case HTTP_DROPPED:
    case HTTP_CUT: return (HttpOutcome){ OUTCOME_UNKNOWN, SENT_MAYBE, KIND_UNAVAILABLE };
    case HTTP_TIMED_OUT: return (HttpOutcome){ OUTCOME_UNKNOWN, SENT_MAYBE, KIND_TIMEOUT };
    case HTTP_TOO_BIG: return (HttpOutcome){ OUTCOME_UNKNOWN, SENT_YES, KIND_LIMIT };
    case HTTP_STOPPED:
        return sent ? (HttpOutcome){ OUTCOME_UNKNOWN, SENT_MAYBE, KIND_CANCELLED }
                    : (HttpOutcome){ OUTCOME_FAILED, SENT_NO, KIND_CANCELLED };
    }
    UNREACHABLE("end of an HTTP call");
}
