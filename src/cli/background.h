/* `baton serve --exit-when-idle` in the background. */
#ifndef BATON_CLI_BACKGROUND_H
#define BATON_CLI_BACKGROUND_H

#include "cli/command.h"

/* Starts it in a session of its own, logging to DIR/log, and waits until it answers; nothing to do if an engine is there.
 * An exit code with a message, or 0. */
int background_serve(const Args *args);

#endif
