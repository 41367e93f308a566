//===- Hooks.cpp - How compiled code enters the runtime -------------------===//

#include "Hooks.h"
#include "intrinsics/hwckpt_isa.h"
#include "llvm/IR/Function.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"

using namespace llvm;
using namespace hwckpt;

static cl::opt<Hook> RequestedHook(
    "hwckpt-hook", cl::init(Hook::Trap), cl::Hidden,
    cl::desc("How checkpoint sites enter the runtime"),
    cl::values(
        clEnumValN(Hook::Trap, "trap", "traps; polls cost nothing"),
        clEnumValN(Hook::Instruction, "insn", "the checkpoint instruction"),
        clEnumValN(Hook::SystemCall, "syscall", "saves by a system call"),
        clEnumValN(Hook::Interrupt, "interrupt", "saves by int3"),
        clEnumValN(Hook::Automatic, "auto", "saves by what is cheapest")));

Hook hwckpt::requestedHook() { return RequestedHook; }

void hwckpt::noteHook(Function &F) {
  if (RequestedHook == Hook::Instruction)
    F.addFnAttr(HWCKPT_INSTRUCTION_ATTRIBUTE);
}

bool hwckpt::pollsAreInstructions(const Function &F) {
  return RequestedHook == Hook::Instruction ||
         F.hasFnAttribute(HWCKPT_INSTRUCTION_ATTRIBUTE);
}

std::string hwckpt::instructionText(bool Trap, unsigned Operation,
                                    unsigned Kind) {
  return formatv(".byte {0:x},{1:x},{2:x},{3:x}\n.long {4:x}",
                 HWCKPT_INSN_BYTE0, Trap ? HWCKPT_INSN_TRAP : HWCKPT_INSN_NOP,
                 HWCKPT_INSN_MODRM, HWCKPT_INSN_SIB,
                 HWCKPT_IMM(Operation, Kind))
      .str();
}
