/* What is read of the answers of an object storage, and how keys are written.
 */
// RUN: %unit/s3_text
// RUN: %unit/sanitized/s3_text
#include "Inputs/unit.h"

#include "tools/tiers/s3_text.h"

static void decodes(const char *content, const char *wanted) {
  char text[256], got[64];
  snprintf(text, sizeof text, "<Key>%s</Key>rest", content);
  const char *behind = s3_element(text, NULL, "Key", got, sizeof got);
  CHECK(behind && !strcmp(behind, "rest"));
  CHECK(strcmp(got, wanted) == 0);
}

int main(void) {
  char room[64];
  decodes("plain", "plain");
  decodes("a&amp;b&lt;c&gt;&quot;&apos;", "a&b<c>\"'");
  decodes("&#38;&#x26;&#X;&#x4a;&#65;", "&&&#X;JA");
  decodes("&amp;lt;", "&lt;");
  /* What stands for nothing that is known, or not for ASCII, stays. */
  decodes("&nbsp;&;&&#;&#0;&#x;&#xfc;&#128;&amp",
          "&nbsp;&;&&#;&#0;&#x;&#xfc;&#128;&amp");
  decodes("&#6", "&#6");
  decodes("&#65 x;&#65x;", "&#65 x;&#65x;");
  decodes("\xc3\xbc", "\xc3\xbc");
  CHECK(s3_element("<Key>longer</Key>", NULL, "Key", room, 6) == NULL);
  CHECK(s3_element("<Key>open", NULL, "Key", room, sizeof room) == NULL);

  /* An answer whose root is an error, whatever its status. */
  CHECK(s3_is_error("<Error><Code>A</Code></Error>"));
  CHECK(s3_is_error(" <?xml version='1.0'?>\r\n \n<Error a='b'>"));
  CHECK(!s3_is_error("") && !s3_is_error("<?xml") && !s3_is_error("<Errors>"));
  CHECK(!s3_is_error("<List><Key><Error></Key></List>"));

  CHECK(s3_encode("a/b c+%~\xc3\xbc", false, room, sizeof room));
  CHECK(strcmp(room, "a/b%20c%2B%25~%C3%BC") == 0);
  CHECK(s3_encode("a/b", true, room, sizeof room));
  CHECK(strcmp(room, "a%2Fb") == 0);
  CHECK(!s3_encode("abcdef", true, room, 6));
  return 0;
}
