/* event_checks.h - whether an event can be watched for on this machine, asked
 * before the program starts. */
#ifndef HWCKPT_EVENT_CHECKS_H
#define HWCKPT_EVENT_CHECKS_H

#include "runtime/interface/rules.h"

/* 0, or the failure that the runtime would meet. */
int event_check(const struct rule *rule, struct hwckpt_error *error);

#endif
