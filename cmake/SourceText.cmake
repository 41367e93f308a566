# SourceText.cmake - targets that look at the source text: format, format-check
# and tidy.
#
# They cover what git knows, so that files of the build are never looked at.

set(check_source ${CMAKE_SOURCE_DIR}/cmake/check-source)
foreach(target IN ITEMS format format-check tidy)
  add_custom_target(${target}
    COMMAND ${CMAKE_COMMAND} -E env
      CLANG_FORMAT=${HWCKPT_CLANG_FORMAT} CLANG_TIDY=${HWCKPT_CLANG_TIDY}
      BUILD=${CMAKE_BINARY_DIR} PYTHON=${HWCKPT_PYTHON}
      ${check_source} ${target}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
    USES_TERMINAL VERBATIM)
endforeach()
