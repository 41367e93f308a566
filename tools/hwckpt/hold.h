/* hold.h - one `hwckpt` stands by for an application at a time. */
#ifndef HWCKPT_HOLD_H
#define HWCKPT_HOLD_H

#include "runtime/error.h"

/* Locks the application's directory, which is there, for as long as *lock is
 * open; E311 when another `hwckpt` holds it. Writers of the cache lock a file
 * in it instead. */
int hold_application(const char *cache, const char *application, int *lock,
                     struct hwckpt_error *error);

/* Whether what is locked is still what is there by that name; E107 when it was
 * removed meanwhile, or another is in its place. */
int hold_is_kept(const char *cache, const char *application, int lock,
                 struct hwckpt_error *error);

#endif
