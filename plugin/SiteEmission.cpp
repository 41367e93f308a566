//===- SiteEmission.cpp - Poll sites --------------------------------------===//
//
// A site is inline assembly without operands, clobbers or memory that the
// program can see; anything more changes the code around it. Code generation
// may copy it (tail duplication) or merge it with an equal one, so its label is
// unique to each copy.
//
//===----------------------------------------------------------------------===//

#include "SiteEmission.h"
#include "Hooks.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"

using namespace llvm;
using namespace hwckpt;

/// What every site's text begins with.
static constexpr char SiteLabel[] = ".Lhwckpt_site";

StringRef hwckpt::siteSection(SiteKind Kind) {
  switch (Kind) {
  case SiteKind::Loop:
    return HWCKPT_SECTION_LOOP;
  case SiteKind::Recursion:
    return HWCKPT_SECTION_RECURSION;
  case SiteKind::Annotated:
    return HWCKPT_SECTION_ANNOTATED;
  }
  llvm_unreachable("unknown kind of site");
}

/// The label of a site and its entry. SHF_LINK_ORDER ("o") ties the entry to
/// the code it points at, and "?" puts it into the same group, so that they are
/// discarded together by --gc-sections and as comdat. Sections are told apart
/// by the symbol they are tied to; the function's first site in the text serves
/// all others, so that a function has one section and not one for each site.
/// The function itself cannot be named: that would count as taking its address.
std::string hwckpt::siteText(SiteKind Kind, const Twine &Function) {
  std::string Anchor = (".Lhwckpt_" + Function).str();
  std::string Site = std::string(SiteLabel) + "${:uid}";
  return (Site + Twine(":\n.ifndef ") + Anchor + "\n" + Anchor +
          ":\n"
          ".endif\n"
          ".pushsection " +
          siteSection(Kind) + ",\"ao?\",@progbits," + Anchor +
          "\n"
          ".p2align 2\n"
          ".long " +
          Site +
          "-.\n"
          ".popsection")
      .str();
}

bool hwckpt::isSiteText(StringRef Text) { return Text.starts_with(SiteLabel); }

void hwckpt::emitSite(const Site &S, uint64_t FunctionID) {
  IRBuilder<> Builder(S.Before);
  auto *Type = FunctionType::get(Builder.getVoidTy(), /*isVarArg=*/false);
  std::string Text =
      siteText(S.Kind, utohexstr(FunctionID, /*LowerCase=*/true));
  if (pollsAreInstructions(*S.Before->getFunction()))
    Text += "\n" + instructionText(/*Trap=*/false, HWCKPT_OP_POLL,
                                   static_cast<unsigned>(S.Kind));
  auto *Asm = InlineAsm::get(Type, Text, /*Constraints=*/"",
                             /*hasSideEffects=*/true);
  CallInst *Call = Builder.CreateCall(Asm);
  // Side effects keep the site where it is; that they are out of the program's
  // reach lets memory operations be optimised across it.
  Call->setDoesNotThrow();
  Call->setMemoryEffects(MemoryEffects::inaccessibleMemOnly());
}
