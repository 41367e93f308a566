/* A program that looks as if it had the runtime: the symbol and a site table.
 */
#include "../../../intrinsics/hwckpt_isa.h"

#include <stdio.h>

__attribute__((section(HWCKPT_SECTION_LOOP), used)) static const int site = 0;

void __hwckpt_register_module(const struct hwckpt_module *module) {
  (void)module;
}

int main(void) {
  puts("ran");
  return 0;
}
