/* entries.h - which way into the runtime code takes that carries them all
 * (-fhwckpt-hook=auto). */
#ifndef HWCKPT_INTERFACE_ENTRIES_H
#define HWCKPT_INTERFACE_ENTRIES_H

/* Sets it from the value of the option `hook`; "auto" measures. In the main
 * thread, before the program begins. */
void entries_choose(const char *hook);

#endif
