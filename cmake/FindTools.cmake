# FindTools.cmake - LLVM and the programs the build calls.
#
# LLVM comes through its own CMake package; every other tool of it is taken from
# the same installation, never from another version on PATH.

# Its package accepts only an exact minor version, so ours is asked afterwards.
# What it looks for on the way (CURL, LibEdit) does not concern us: not shown.
set(CMAKE_MESSAGE_LOG_LEVEL NOTICE)
find_package(LLVM REQUIRED CONFIG HINTS /usr/lib/llvm-${HWCKPT_LLVM}/lib/cmake/llvm)
if(NOT LLVM_VERSION_MAJOR EQUAL HWCKPT_LLVM)
  message(FATAL_ERROR "LLVM ${HWCKPT_LLVM} is needed, found ${LLVM_PACKAGE_VERSION} in ${LLVM_DIR}")
endif()
find_package(Clang REQUIRED CONFIG HINTS ${LLVM_DIR}/../clang)
unset(CMAKE_MESSAGE_LOG_LEVEL)
message(STATUS "LLVM ${LLVM_PACKAGE_VERSION} in ${LLVM_TOOLS_BINARY_DIR}")

# The compilers that plugins are built for: the base and what else is there of
# HWCKPT_LLVM_MORE. One CMake project cannot import the targets of two LLVM
# packages, and none are needed: a plugin is linked with nothing of LLVM's. So
# each version is asked with its llvm-config, which gives, for version N,
#
#   HWCKPT_LLVM_N_TOOLS        folder of its programs
#   HWCKPT_LLVM_N_INCLUDE      folder of its headers and Clang's
#   HWCKPT_LLVM_N_DEFINITIONS  -D options that the headers want
#   HWCKPT_LLVM_N_FLANG        its Fortran compiler, or NOTFOUND
set(HWCKPT_LLVM_VERSIONS)
foreach(version IN LISTS HWCKPT_LLVM HWCKPT_LLVM_MORE)
  find_program(HWCKPT_LLVM_${version}_CONFIG
    NAMES llvm-config llvm-config-${version}
    HINTS /usr/lib/llvm-${version}/bin NO_DEFAULT_PATH)
  find_program(HWCKPT_LLVM_${version}_CONFIG llvm-config-${version})
  set(config ${HWCKPT_LLVM_${version}_CONFIG})
  if(NOT config)
    message(STATUS "LLVM ${version} is not here: no plugins for it")
    continue()
  endif()
  foreach(question IN ITEMS bindir includedir cppflags)
    execute_process(COMMAND ${config} --${question}
      OUTPUT_VARIABLE ${question} OUTPUT_STRIP_TRAILING_WHITESPACE
      COMMAND_ERROR_IS_FATAL ANY)
  endforeach()
  if(NOT EXISTS ${includedir}/clang/Basic/Version.h OR NOT EXISTS ${bindir}/clang)
    message(STATUS "LLVM ${version} is here without Clang or its headers: no plugins for it")
    continue()
  endif()
  separate_arguments(cppflags NATIVE_COMMAND "${cppflags}")
  list(FILTER cppflags INCLUDE REGEX "^-D")
  list(APPEND HWCKPT_LLVM_VERSIONS ${version})
  set(HWCKPT_LLVM_${version}_TOOLS ${bindir})
  set(HWCKPT_LLVM_${version}_INCLUDE ${includedir})
  set(HWCKPT_LLVM_${version}_DEFINITIONS ${cppflags})
  find_program(HWCKPT_LLVM_${version}_FLANG NAMES flang flang-new
    HINTS ${bindir} NO_DEFAULT_PATH)
endforeach()
if(NOT HWCKPT_LLVM IN_LIST HWCKPT_LLVM_VERSIONS)
  message(FATAL_ERROR "LLVM ${HWCKPT_LLVM} is needed whole; install what cmake/install-packages --list names")
endif()
list(JOIN HWCKPT_LLVM_VERSIONS ", " versions)
message(STATUS "plugins for LLVM ${versions}")

# The distribution's Python: lit and the nanopb generator need its modules,
# which another one that comes first on PATH would not have.
find_program(HWCKPT_PYTHON python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(HWCKPT_PYTHON python3 REQUIRED)

find_program(HWCKPT_LIT lit.py
  HINTS ${LLVM_BUILD_MAIN_SRC_DIR}/utils/lit
        ${LLVM_TOOLS_BINARY_DIR}/../build/utils/lit
  NO_DEFAULT_PATH)
if(NOT HWCKPT_LIT)
  message(FATAL_ERROR "lit.py is missing beside LLVM ${LLVM_PACKAGE_VERSION}; install llvm-${HWCKPT_LLVM}-tools")
endif()

foreach(tool IN ITEMS clang-format clang-tidy)
  string(TOUPPER ${tool} variable)
  string(REPLACE - _ variable HWCKPT_${variable})
  find_program(${variable} ${tool}
    HINTS ${LLVM_TOOLS_BINARY_DIR} NO_DEFAULT_PATH)
endforeach()

find_program(HWCKPT_LD ld REQUIRED)
find_program(HWCKPT_OBJCOPY objcopy REQUIRED)
find_program(HWCKPT_NM nm REQUIRED)
