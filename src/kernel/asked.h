/* A question to people, as its frame knows it: of a step, of a gate, of an agent. Internal to the kernel. */
#ifndef BATON_KERNEL_ASKED_H
#define BATON_KERNEL_ASKED_H

#include "kernel/frame.h"

/* What it is about, and how its frame hangs in the tree. */
typedef enum Role { ROLE_STEP, ROLE_GATE, ROLE_TOOL_GATE, ROLE_TOOL } Role;
Role asked_role(const Frame *f);
/* What the file says of it. */
const Ask *asked_ask(const Frame *f);
const Escalation *asked_escalation(const Frame *f);
/* The type of an answer or of an edited value; NULL: any. */
const Type *asked_type(const Frame *f);
/* Question, person, what is shown and what is agreed to, into f->human. False with the problem. */
bool asked_compose(Run *r, Frame *f, char problem[320]);
/* Of all that is shown, once it is composed or has been edited. */
void asked_hash(Run *r, Frame *f);
/* Makes a notice for each way by which those who are asked are reached. */
void asked_tell(Run *r, Frame *f, const char *about);
/* It is not waited for, and is kept until somebody has seen it. */
void asked_keep(Run *r, Frame *f);

#endif
