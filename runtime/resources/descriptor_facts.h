/* descriptor_facts.h - what is known of the program's descriptors whatever
 * their kinds: their numbers, their open files, and which share one. */
#ifndef HWCKPT_RESOURCES_DESCRIPTOR_FACTS_H
#define HWCKPT_RESOURCES_DESCRIPTOR_FACTS_H

#include "resource.h"

/* Fills sink->facts. Afterwards, facts_let_go(), also where it failed. */
int facts_gather(struct resource_sink *sink, struct hwckpt_error *error);
void facts_let_go(const struct resource_sink *sink);
/* Adds those on their way. After facts_gather(); afterwards, info_let_go(). */
int facts_gather_flights(struct resource_sink *sink,
                         struct hwckpt_error *error);

/* All of the message but what only a kind knows, and same_as: -1. A negative
 * errno when it cannot be told. */
long facts_describe(const struct resource_sink *sink,
                    const struct descriptor_fact *fact, Descriptor *message);
const struct descriptor_kind *facts_recognise(const struct resource_sink *sink,
                                              const Descriptor *message);
/* Of the descriptor of that number; null: it is not open. */
const struct descriptor_fact *facts_find(const struct resource_sink *sink,
                                         int32_t number);
/* The lowest descriptor with the same open file, -1: none. Asked for each fact
 * in turn, from 0 on, with *files = 0 at first. */
int32_t facts_same_as(const struct resource_sink *sink, size_t index,
                      size_t *files);

#endif
