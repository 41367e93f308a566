/* restorer_state.h - included before all else in the restorer's files where
 * they are fuzzed: what they keep in static variables lies in a section of its
 * own, which is cleared between two inputs. */
#pragma clang section bss = "restorer_state"
