# SanitizerCommon.cmake - target hwckpt_sanitizer_common: compiler-rt's
# sanitizer_common as a static library, of which the runtime takes what it needs.
#
# The source is of the same LLVM release as the compiler, from the Debian source
# package or from -DHWCKPT_COMPILER_RT_DIR=; it is never part of this tree.

set(HWCKPT_COMPILER_RT_DIR "" CACHE PATH
  "Source of compiler-rt ${LLVM_PACKAGE_VERSION}; empty: fetched from the Debian source package")

set(compiler_rt ${HWCKPT_COMPILER_RT_DIR})
if(NOT compiler_rt)
  set(compiler_rt ${CMAKE_BINARY_DIR}/compiler-rt)
  execute_process(
    COMMAND ${CMAKE_SOURCE_DIR}/cmake/fetch-compiler-rt ${compiler_rt}
    RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "no source of compiler-rt; fetch it by hand and give -DHWCKPT_COMPILER_RT_DIR=")
  endif()
endif()
set(sanitizer_common ${compiler_rt}/lib/sanitizer_common)
if(NOT EXISTS ${sanitizer_common}/sanitizer_flag_parser.h)
  message(FATAL_ERROR "HWCKPT_COMPILER_RT_DIR=${compiler_rt} holds no lib/sanitizer_common")
endif()

# Every file that has code for Linux on x86-64, without coverage and what only
# a sanitizer with shadow memory wants.
set(sources
  allocator allocator_checks allocator_report common common_libcdep
  deadlock_detector1 deadlock_detector2 dl errno file flags flag_parser
  libc libignore linux linux_libcdep mutex
  platform_limits_linux platform_limits_posix posix posix_libcdep printf
  procmaps_common procmaps_linux range stackdepot stack_store
  chained_origin_depot stacktrace stacktrace_libcdep stacktrace_printer
  stoptheworld_linux_libcdep suppressions symbolizer
  symbolizer_libbacktrace symbolizer_libcdep symbolizer_markup
  symbolizer_posix_libcdep symbolizer_report termination
  thread_arg_retval thread_registry tls_get_addr type_traits
  unwind_linux_libcdep)
list(TRANSFORM sources PREPEND ${sanitizer_common}/sanitizer_)
list(TRANSFORM sources APPEND .cpp)

add_library(hwckpt_sanitizer_common STATIC EXCLUDE_FROM_ALL ${sources})
set_target_properties(hwckpt_sanitizer_common PROPERTIES
  ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
target_include_directories(hwckpt_sanitizer_common SYSTEM PUBLIC
  ${compiler_rt}/lib ${compiler_rt}/include)
# Another project's code: its warnings are not ours.
target_compile_options(hwckpt_sanitizer_common
  PRIVATE -w
  PUBLIC $<$<COMPILE_LANGUAGE:CXX>:-fPIC -fno-rtti -fno-exceptions -fno-builtin
    -fno-stack-protector -fvisibility=hidden -nostdinc++ -fno-sanitize=all
    -fno-lto -ffunction-sections>)
