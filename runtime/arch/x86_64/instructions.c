/* instructions.c - which instruction sets the processor has, and their names.
 */
#include "../arch.h"
#include "cpu.h"

static const struct {
  uint32_t leaf, part;
  unsigned number; /* of the register: eax, ebx, ecx, edx */
} words[ARCH_INSTRUCTION_WORDS] = {
#define INSTRUCTIONS(word, leaf, part, number) [word] = {leaf, part, number},
#include "instructions.def"
};

static const struct {
  unsigned word, bit;
  char name[24];
} sets[] = {
#define INSTRUCTION(word, bit, name) {word, bit, name},
#include "instructions.def"
};

void arch_instructions(uint32_t out[ARCH_INSTRUCTION_WORDS]) {
  uint32_t has[ARCH_INSTRUCTION_WORDS], highest[4], registers[4];
  for (unsigned i = 0; i < ARCH_INSTRUCTION_WORDS; i++) {
    out[i] = has[i] = 0;
    arch_cpuid(words[i].leaf & 0x80000000u, 0, highest);
    if (highest[0] < words[i].leaf)
      continue;
    arch_cpuid(words[i].leaf, words[i].part, registers);
    has[i] = registers[words[i].number];
  }
  for (unsigned i = 0; i < sizeof sets / sizeof *sets; i++)
    out[sets[i].word] |= has[sets[i].word] & 1u << sets[i].bit;
}

const char *arch_instruction_name(unsigned word, unsigned bit) {
  for (unsigned i = 0; i < sizeof sets / sizeof *sets; i++)
    if (sets[i].word == word && sets[i].bit == bit)
      return sets[i].name;
  return "unnamed";
}
