/* The headers of a request, as libcurl takes them. */
#ifndef BATON_EXEC_HTTP_HEADERS_H
#define BATON_EXEC_HTTP_HEADERS_H

#include "base/value.h"

typedef struct HttpHeaders {
    Arena *arena;
    const char **lines; /* "Name: value" */
    size_t n, room;
} HttpHeaders;

/* Room for all of `map`, which may be no map, and for `more`. */
HttpHeaders http_headers(Arena *a, Value map, size_t more);
void http_header_add(HttpHeaders *h, Str name, Str value);
bool http_header_has(const HttpHeaders *h, Str name);
/* Of a map from names to values; null leaves one out. False: a name or a value has characters that none may have. */
bool http_headers_add(HttpHeaders *h, Value map);

#endif
