//===- Ignorelist.cpp - Files and functions left without sites ------------===//
//
// "src:" is matched with the name of the file that is compiled, as it was
// given, "fun:" with the name of the function in the object file.
//
//===----------------------------------------------------------------------===//

#include "Ignorelist.h"
#include "intrinsics/hwckpt_isa.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/SpecialCaseList.h"
#include "llvm/Support/VirtualFileSystem.h"

using namespace llvm;

static cl::list<std::string>
    Files("hwckpt-ignorelist", cl::Hidden,
          cl::desc("File that names sources and functions without poll sites"));

/// The section of the lists that is for us, besides those for all.
static constexpr char Section[] = "hwckpt";

/// Marks a module whose lists were taken into account, or found wrong.
static constexpr char DoneMetadata[] = "hwckpt.ignorelist";

bool hwckpt::applyIgnorelist(Module &M) {
  if (Files.empty() || M.getNamedMetadata(DoneMetadata))
    return false;
  M.getOrInsertNamedMetadata(DoneMetadata);
  std::string Error;
  std::unique_ptr<SpecialCaseList> List =
      SpecialCaseList::create(Files, *vfs::getRealFileSystem(), Error);
  if (!List) {
    M.getContext().emitError("-fhwckpt-ignorelist: " + Error);
    return true;
  }
  bool All = List->inSection(Section, "src", M.getSourceFileName());
  for (Function &F : M)
    if (!F.isDeclaration() &&
        (All || List->inSection(Section, "fun", F.getName())))
      F.addFnAttr(HWCKPT_NOPOLL_ATTRIBUTE, HWCKPT_NOPOLL_LISTED);
  return true;
}
