/* `baton routes` and `baton routes fit`, which share a line of the table. */
#ifndef BATON_CLI_ROUTES_H
#define BATON_CLI_ROUTES_H

#include "cli/command.h"

/* Flags, by number. */
enum { ROUTES_LAST, ROUTES_PRECISION, ROUTES_STEP };

/* The words behind `fit`: FILE DATA. */
int routes_fit(Args *args);

#endif
