/* What people are told, as each kind of channel takes it. Of the request of an attempt that is a notice:
 *
 *   { id, made_ms, name, kind: webhook | chat | email | pager, url, sign, email, about, message }
 *
 * `message` is what want_ask() of kernel/run.h says. The texts are the same on every try. */
#ifndef BATON_EXEC_NOTICE_H
#define BATON_EXEC_NOTICE_H

#include "base/value.h"

/* ---- signatures (notice_sign.c) ---------------------------------------------------------------------------------------- */

/* The header `webhook-signature` of the Standard Webhooks rules: for each secret, separated by blanks, `v1,` and the HMAC of
 * id, time and body. A secret is base64, with or without `whsec_` before it; STR_NULL if one is not. */
Str notice_signature(Arena *a, Str secrets, Str id, int64_t seconds, Str body);

/* ---- texts (notice_text.c) --------------------------------------------------------------------------------------------- */

/* One line: "Asked (high), refund: Pay 120 EUR to Ann?" */
Str notice_title(Arena *a, Value request);
/* Some lines for people: who is asked what, by when, what it is about, and how to answer. */
Str notice_lines(Arena *a, Value request);
/* JSON texts of the bodies; STR_NULL if they are larger than a value may be. */
Str notice_webhook(Arena *a, Value request);
Str notice_chat(Arena *a, Value request);
Str notice_pager(Arena *a, Value request, Str key);
/* RFC 5322, with CRLF. */
Str notice_letter(Arena *a, Value request, Str from, int64_t seconds);

#endif
