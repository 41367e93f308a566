// What is written in the wrong place or with arguments is said where it is.
// RUN: %clang -fhwckpt -std=c23 -fsyntax-only -ferror-limit=0 -Xclang -verify %s
// RUN: %clang -fhwckpt -std=c17 -fsyntax-only -ferror-limit=0 -Xclang -verify %s
// RUN: %clang -fhwckpt -x c++ -fsyntax-only -ferror-limit=0 -Xclang -verify %s

// expected-error-re@+1 {{'{{(hwckpt::)?}}nopoll' attribute only applies to functions}}
[[hwckpt::nopoll]] int variable;
// expected-error@+1 {{'hwckpt_nopoll' attribute only applies to functions}}
__attribute__((hwckpt_nopoll)) int gnu_variable;
// expected-error-re@+1 {{'{{(hwckpt::)?}}site' attribute only applies to functions and statements}}
[[hwckpt::site]] int site_variable;
struct fields {
  // expected-error-re@+1 {{'{{(hwckpt::)?}}nopoll' attribute only applies to functions}}
  [[hwckpt::nopoll]] int field;
};
// expected-error-re@+1 {{'{{(hwckpt::)?}}site' attribute only applies to functions and statements}}
struct [[hwckpt::site]] tagged {
  int field;
};
// expected-error-re@+1 {{'{{(hwckpt::)?}}site' attribute cannot be applied to types}}
typedef int [[hwckpt::site]] type;

// expected-error-re@+1 {{'{{(hwckpt::)?}}exclude' attribute only applies to variables of static storage duration}}
[[hwckpt::exclude]] void exclude_function(void);
// expected-error-re@+1 {{'{{(hwckpt::)?}}exclude' attribute only applies to variables of static storage duration}}
[[hwckpt::exclude]] static __thread int exclude_thread;
// expected-error@+1 {{'exclude_constant' is constant and cannot be left out of checkpoints}}
[[hwckpt::exclude]] const int exclude_constant[2] = {1};
// expected-error-re@+1 {{'{{(hwckpt::)?}}exclude' attribute takes no arguments}}
[[hwckpt::exclude(3)]] int exclude_argument;
struct exclude_fields {
  // expected-error-re@+1 {{'{{(hwckpt::)?}}exclude' attribute only applies to variables of static storage duration}}
  [[hwckpt::exclude]] int field;
};
// expected-error-re@+1 {{'{{(hwckpt::)?}}exclude' attribute only applies to variables of static storage duration}}
void exclude_parameter([[hwckpt::exclude]] int parameter);
void exclude_local(void) {
  // expected-error-re@+1 {{'{{(hwckpt::)?}}exclude' attribute only applies to variables of static storage duration}}
  [[hwckpt::exclude]] int local;
}
#ifdef __cplusplus
struct has_constructor {
  has_constructor();
};
// expected-warning@+1 {{'exclude_object' holds zeros after a restore, which no constructor of 'has_constructor' made}}
[[hwckpt::exclude]] has_constructor exclude_object;
#endif

// expected-error-re@+1 {{'{{(hwckpt::)?}}watch' attribute only applies to variables of static storage duration}}
[[hwckpt::watch]] void watch_function(void);
// expected-error-re@+1 {{'{{(hwckpt::)?}}watch' attribute only applies to variables of static storage duration}}
[[hwckpt::watch]] static __thread int watch_thread;
// expected-error@+1 {{'watch_constant' is constant and cannot be watched for writes}}
[[hwckpt::watch]] const int watch_constant[2] = {1};
// expected-error-re@+1 {{'{{(hwckpt::)?}}watch' attribute takes no arguments}}
[[hwckpt::watch(8)]] int watch_argument;
// expected-error@+1 {{'hwckpt_watch' attribute takes no arguments}}
__attribute__((hwckpt_watch(8))) int watch_gnu_argument;
struct watch_fields {
  // expected-error-re@+1 {{'{{(hwckpt::)?}}watch' attribute only applies to variables of static storage duration}}
  [[hwckpt::watch]] int field;
};
// expected-error-re@+1 {{'{{(hwckpt::)?}}watch' attribute only applies to variables of static storage duration}}
void watch_parameter([[hwckpt::watch]] int parameter);
void watch_local(int *p) {
  // expected-error-re@+1 {{'{{(hwckpt::)?}}watch' attribute only applies to variables of static storage duration}}
  [[hwckpt::watch]] int local;
  // expected-error-re@+1 {{'{{(hwckpt::)?}}watch' attribute only applies to variables of static storage duration}}
  [[hwckpt::watch]] *p = 1;
}
#ifdef __cplusplus
// expected-error@+1 {{'watch_reference' is a reference; mark the variable it refers to}}
[[hwckpt::watch]] int &watch_reference = watch_argument;
#endif
// Both make sense: a write is an event, the value does not come back.
[[hwckpt::exclude]] __attribute__((hwckpt_watch)) int watch_and_exclude;

// expected-error-re@+1 {{'{{(hwckpt::)?}}nopoll' attribute takes no arguments}}
[[hwckpt::nopoll(1)]] void standard_argument(void);
// expected-error@+1 {{'hwckpt_nopoll' attribute takes no arguments}}
__attribute__((hwckpt_nopoll(1))) void gnu_argument(void);
// expected-error-re@+1 {{'{{(hwckpt::)?}}site' attribute takes no arguments}}
[[hwckpt::site("here")]] void site_argument(void);
// expected-error@+1 {{'hwckpt_nopoll' and 'hwckpt::site' attributes are not compatible}}
[[hwckpt::site]] __attribute__((hwckpt_nopoll)) void both(void);
// expected-error@+1 {{'hwckpt_site' and 'hwckpt::nopoll' attributes are not compatible}}
[[hwckpt::nopoll]] __attribute__((hwckpt_site)) void both_again(void);

// expected-warning-re@+1 {{unknown attribute '{{(hwckpt::)?}}nothing' ignored}}
[[hwckpt::nothing]] void unknown(void);

// expected-error@+1 {{'#pragma hwckpt site' must be followed by a statement}}
#pragma hwckpt site
void not_before_functions(int *p) {
  // expected-error-re@+1 {{'{{(hwckpt::)?}}nopoll' attribute only applies to functions}}
  [[hwckpt::nopoll]] while (*p)
    ;
  // expected-error-re@+1 {{'{{(hwckpt::)?}}site' attribute only applies to functions and statements}}
  [[hwckpt::site]] int local = 3;
  switch (*p) {
  // expected-error@+1 {{a site cannot be in front of a label; mark the statement behind it}}
  [[hwckpt::site]] case 3:
    *p = local;
  }
  // expected-error-re@+1 {{'{{(hwckpt::)?}}site' attribute takes no arguments}}
  [[hwckpt::site(2)]] *p = 1;

  // expected-warning@+1 {{missing word in '#pragma hwckpt'; expected 'site' - ignored}}
#pragma hwckpt
  // expected-warning@+1 {{unknown word in '#pragma hwckpt'; expected 'site' - ignored}}
#pragma hwckpt sight
  // expected-warning@+1 {{extra tokens at end of '#pragma hwckpt site' - ignored}}
#pragma hwckpt site now
  *p = 4;
  // expected-error@+1 {{'#pragma hwckpt site' must be followed by a statement}}
#pragma hwckpt site
  int another = *p +
  // expected-error@+1 {{expected expression}}
#pragma hwckpt site
                3;
#pragma hwckpt site
} // expected-error {{expected statement}}

// expected-error@+1 {{too many arguments to function call, expected 0, have 1}}
void poll_argument(void) { __builtin_ckpt_poll(1); }
// expected-error@+1 {{builtin functions must be directly called}}
void (*poll_address(void))(void) { return __builtin_ckpt_poll; }
int poll_value(void) {
  // expected-error-re@+1 {{{{.*}}type 'void'}}
  int value = __builtin_ckpt_poll();
  return value;
}
