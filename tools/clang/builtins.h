/* builtins.h - what clang -fhwckpt -E includes first.
 *
 * The preprocessor alone asks no plugin for builtins; with this
 * __has_builtin(__builtin_ckpt_save) says the same as when it compiles.
 */
#pragma __hwckpt_builtins
