/* plugin_note.h - which LLVM a plugin is for. */
#ifndef HWCKPT_CLANG_PLUGIN_NOTE_H
#define HWCKPT_CLANG_PLUGIN_NOTE_H

/* LLVM's major version in the note of the plugin at path; 0 if the file cannot
 * be read or has no such note. */
unsigned plugin_note_llvm(const char *path);

#endif
