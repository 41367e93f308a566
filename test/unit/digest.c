/* The digests are those that others make. */
// RUN: %unit/digest
// RUN: %unit/sanitized/digest
#include "Inputs/unit.h"

#include "tools/tiers/digest.h"

static void check(const char *text, size_t length, const char *sha256,
                  const char *md5) {
  char got[DIGEST_SHA256_TEXT];
  digest_sha256(text, length, got);
  CHECK(strcmp(got, sha256) == 0);
  digest_md5(text, length, got);
  CHECK(strcmp(got, md5) == 0);
}

int main(void) {
  static char many[1000];
  memset(many, 'a', sizeof many);
  check("", 0,
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "d41d8cd98f00b204e9800998ecf8427e");
  check("abc", 3,
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "900150983cd24fb0d6963f7d28e17f72");
  check(many, 55,
        "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318",
        "ef1772b6dff9a122358552954ad0df65");
  check(many, 56,
        "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a",
        "3b0c8ac703f828b04c6c197006d17218");
  check(many, 63,
        "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34",
        "b06521f39153d618550606be297466d5");
  check(many, 64,
        "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb",
        "014842d480b571495a4a0363793f7367");
  check(many, 119,
        "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb",
        "8a7bd0732ed6a28ce75f6dabc90e1613");
  check(many, 120,
        "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c",
        "5f61c0ccad4cac44c75ff505e1f1e537");
  check(many, 1000,
        "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3",
        "cabe45dcc9ae5b66ba86600cca6b8ba8");
  return 0;
}
