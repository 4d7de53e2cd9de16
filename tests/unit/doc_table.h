/* The tables of docs/effects.md and docs/models.md, row by row: what a page says of an outcome is what the program does. */
#ifndef BATON_TESTS_DOC_TABLE_H
#define BATON_TESTS_DOC_TABLE_H

#include "kernel/fact.h"

#include <stdio.h>
#include <string.h>

#define DOC_CELLS 6

typedef struct DocRow {
    char cells[DOC_CELLS][240]; /* without the blanks around them */
    int n;
} DocRow;

static inline void doc_read_row(const char *line, DocRow *r) {
    *r = (DocRow){ 0 };
    for (const char *at = line + 1; r->n < DOC_CELLS && *at && *at != '\n'; r->n++) {
        size_t len = strcspn(at, "|\n");
        size_t from = strspn(at, " "), to = len;
        while (to > from && at[to - 1] == ' ')
            to--;
        snprintf(r->cells[r->n], sizeof r->cells[0], "%.*s", (int)(to > from ? to - from : 0),
                 at + from);
        at += len + (at[len] == '|');
    }
}

/* Gives each row below the heading to `look`, without the head of the table; how many there were. */
static inline int doc_each_row_of(const char *page, const char *heading,
                                  void (*look)(const DocRow *r)) {
    FILE *f = fopen(page, "r");
    char line[1024];
    int rows = 0;
    bool here = false, body = false;
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        DocRow r;
        if (line[0] == '#')
            here = !strncmp(line, heading, strlen(heading)) && line[strlen(heading)] == '\n';
        if (line[0] != '|')
            body = false;
        bool rule = !strncmp(line, "|---", 4);
        if (here && body && !rule) {
            doc_read_row(line, &r);
            look(&r);
            rows++;
        }
        body |= rule;
    }
    fclose(f);
    return rows;
}

static inline int doc_each_row(const char *heading, void (*look)(const DocRow *r)) {
    return doc_each_row_of(SOURCE_ROOT "/docs/effects.md", heading, look);
}

static inline const char *doc_outcome(Outcome o) {
    return o == OUTCOME_OK ? "ok" : o == OUTCOME_FAILED ? "failed" : "unknown";
}

static inline const char *doc_sent(Sent s) {
    return s == SENT_NO ? "no" : s == SENT_MAYBE ? "maybe" : "yes";
}

/* Cells: how it ended, outcome, sent, kind. */
static inline void doc_check(const DocRow *r, Outcome outcome, Sent sent, ErrorKind kind) {
    const char *k = kind ? error_kind_name(kind) : "";
    if (strcmp(r->cells[1], doc_outcome(outcome)) || strcmp(r->cells[2], doc_sent(sent)) ||
        strcmp(r->cells[3], k))
        fail_msg("`%s`: the table says %s, %s, %s; the program %s, %s, %s", r->cells[0],
                 r->cells[1], r->cells[2], r->cells[3], doc_outcome(outcome), doc_sent(sent), k);
}

#endif
