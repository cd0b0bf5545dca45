# Every busted suite is one test; programs that test add themselves where they are made.
# A suite that loads our libraries into luajit needs the sanitizer's there before.
set(RS_PRELOAD "")
if(RS_SANITIZE MATCHES "address" AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
  execute_process(
    COMMAND ${CMAKE_C_COMPILER} -print-file-name=libasan.so
    OUTPUT_VARIABLE RS_PRELOAD OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()

set(RS_TEST_ENVIRONMENT
  RUNSMITH=${CMAKE_BINARY_DIR}/runsmith
  RS_BUILD=${CMAKE_BINARY_DIR}
  ASAN_OPTIONS=detect_leaks=0
  UBSAN_OPTIONS=print_stacktrace=1)
if(RS_SANITIZE)
  list(APPEND RS_TEST_ENVIRONMENT RS_PATIENCE=60 RS_SANITIZED=1)
endif()

# rs_suite(NAME folder [PRELOAD] [SERIAL])
function(rs_suite name folder)
  cmake_parse_arguments(with "PRELOAD;SERIAL" "" "" ${ARGN})
  file(GLOB_RECURSE specs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*_spec.lua)
  set(environment ${RS_TEST_ENVIRONMENT})
  if(with_PRELOAD AND RS_PRELOAD) # a fault of a program that we start is its own affair
    list(APPEND environment
      LD_PRELOAD=${RS_PRELOAD} ASAN_OPTIONS=detect_leaks=0:handle_segv=0)
  endif()
  add_test(
    NAME ${name} COMMAND ${LUAJIT_PROGRAM} ${BUSTED} -o TAP ${folder}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES
    ENVIRONMENT "${environment}" TIMEOUT 1800 RUN_SERIAL ${with_SERIAL} LABELS busted)
endfunction()

rs_suite(tidy spec/tidy)
rs_suite(core spec/core PRELOAD)
rs_suite(lua spec/lua PRELOAD)
rs_suite(host spec/host SERIAL)
rs_suite(conform spec/conform SERIAL)
rs_suite(examples examples SERIAL)
