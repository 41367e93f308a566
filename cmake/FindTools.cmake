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
