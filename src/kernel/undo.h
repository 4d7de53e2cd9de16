/* Undo (undo.c): what ends failed or cancelled takes back what it did. Internal to the kernel. */
#ifndef BATON_KERNEL_UNDO_H
#define BATON_KERNEL_UNDO_H

#include "kernel/frame.h"

/* The first attempt of what can be taken back is wanted, or a group that can be is entered. Nothing if it has no undo. */
void undo_register(Run *r, Frame *f);
/* What is known of it: it happened; it did not, or is handed over for good. Nothing if it is not registered. */
void undo_happened(Frame *f);
void undo_drop(Run *r, Frame *f);
/* f ended ok: with an undo of its own it stands for all below; the root's are dropped. */
void undo_hand_over(Run *r, Frame *f);
/* f ends failed or is cancelled: takes back what is registered at it and below, when nothing there is in flight any more.
 * False if there is nothing. When all is undone frame_unwound() is called, unless f is final. */
bool undo_begin(Run *r, Frame *f);
/* f goes on when what was registered below it behind `since` is taken back: Shape.rolled_back. False if there is nothing. */
bool undo_since(Run *r, Frame *f, uint64_t since);
/* A frame at or below which something was loose has come to rest. */
void undo_go_on(Run *r, Frame *f);
/* Counts what is not at rest yet, at f and above. */
void undo_loosen(Frame *f, int change);
/* The step that undoes what f did ended; a failure is kept from ending before by undo_stuck(). */
void undo_ended(Run *r, Frame *f, Frame *step);
/* True: the undo has failed as often as it may and waits for a person. */
bool undo_stuck(Run *r, Frame *step, Value error);
bool undo_is_stuck(const Frame *step);
void undo_decided(Run *r, Frame *step, const Fact *fact);
/* What is inside is released, as if it had not been: nothing of it can be undone, or is waited for. */
void undo_forget_inside(Run *r, Frame *f);
/* Does what is registered have an undo in the plan? */
bool undo_is_known(const Frame *f);
/* Which of the effects with this business key it will be: those before it were undone. 0 without a key. */
uint32_t undo_generation(const Run *r, Str callee, Str key);
/* Is what this address did undone, or about to be? */
bool undo_takes_back(const Run *r, Str address);
/* The policy of an undo that declares none. */
extern const Retry undo_retry;
/* Is it, or does it stand in, a `probe` or an `undo`? */
bool undo_inside(const Frame *f);
/* What is undone is not up to clocks and retries of what it is undone for: they may be what has run out. */
bool undo_is_free_of(const Frame *f, const Frame *limited);
void undo_save(const Frame *f, Buf *b);
void undo_load(Run *r, Frame *f, Cursor *c);

#endif
