//===- LLVMVersion.cpp - Which LLVM a plugin is for -----------------------===//
//
// Part of each plugin. Says which LLVM it was compiled for, in a note that the
// driver reads, and ends a program of another LLVM: its classes differ, and the
// loader finds many of their functions by name all the same.
//
//===----------------------------------------------------------------------===//

#include "intrinsics/hwckpt_isa.h"
#include "llvm-c/Core.h"
#include "llvm/Config/llvm-config.h"
#include <cstdint>
#include <cstdio>
#include <cstdlib>

// Not there in programs that LLVM is linked into without its C interface.
extern "C" __attribute__((weak)) void LLVMGetVersion(unsigned *, unsigned *,
                                                     unsigned *);

/// An ELF note, the name padded to words.
struct Note {
  uint32_t NameSize, DescriptorSize, Type;
  char Name[(sizeof(HWCKPT_NOTE_NAME) + 3) / 4 * 4];
  uint32_t LLVMMajor;
};

__attribute__((section(HWCKPT_NOTE_SECTION), used,
               aligned(4))) static const Note PluginNote = {
    sizeof(HWCKPT_NOTE_NAME), sizeof(uint32_t), HWCKPT_NOTE_LLVM,
    HWCKPT_NOTE_NAME, LLVM_VERSION_MAJOR};

/// Before any object of a class of LLVM's is constructed.
__attribute__((constructor(101))) static void checkLLVM() {
  unsigned Major = LLVM_VERSION_MAJOR, Minor, Patch;
  if (LLVMGetVersion)
    LLVMGetVersion(&Major, &Minor, &Patch);
  if (Major == LLVM_VERSION_MAJOR)
    return;
  fprintf(stderr,
          "error: this plugin of hwckpt's is for LLVM %d, but this program is "
          "of LLVM %u\n",
          LLVM_VERSION_MAJOR, Major);
  _Exit(1);
}
