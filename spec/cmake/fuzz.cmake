# Fuzzers: tree scripts (in every test run), what commands say, plans, clients of the
# control socket; each for a while in the test run, for as long as one likes by hand.
add_test(NAME fuzz/scripts
  COMMAND ${LUAJIT_PROGRAM} spec/fuzz/scripts.lua 40
  WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
set(environment
  "RUNSMITH=${CMAKE_BINARY_DIR}/runsmith" "LUA_PATH=spec/?.lua\\;lua/?.lua\\;\\;"
  ASAN_OPTIONS=detect_leaks=0)
set_tests_properties(fuzz/scripts PROPERTIES TIMEOUT 300 ENVIRONMENT "${environment}")

if(RS_FUZZ)
  # rs_fuzz(NAME runs most-bytes option...)
  function(rs_fuzz name runs most)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME fuzz/${name}
      COMMAND fuzz_${name} -runs=${runs} -max_len=${most} -timeout=20 ${ARGN})
    set_tests_properties(fuzz/${name} PROPERTIES TIMEOUT 300)
  endfunction()

  foreach(name notify lines)
    add_executable(fuzz_${name} spec/fuzz/${name}.c)
    target_link_libraries(fuzz_${name} PRIVATE rs_engine)
    rs_fuzz(${name} 200000 70000)
  endforeach()

  # The tree is compiled by the program itself.
  add_executable(fuzz_runners spec/fuzz/runners.c)
  target_link_libraries(fuzz_runners PRIVATE rs_engine)
  target_link_options(fuzz_runners PRIVATE
    -Wl,--wrap=rs_server_make -Wl,--wrap=rs_families_end)
  add_dependencies(fuzz_runners runsmith)
  rs_fuzz(runners 4000 4000 -len_control=0)
  set(environment
    RUNSMITH=${CMAKE_BINARY_DIR}/runsmith ASAN_OPTIONS=detect_leaks=0
    RS_FUZZ_TREE=${CMAKE_SOURCE_DIR}/spec/fuzz/runners_tree.lua)
  set_tests_properties(fuzz/runners PROPERTIES ENVIRONMENT "${environment}")

  set(sim spec/core/sim)
  add_library(fuzz_draft STATIC spec/fuzz/draft.c ${sim}/plans.c ${sim}/sim_draft.c
    ${sim}/sim_choice.c)
  target_link_libraries(fuzz_draft PUBLIC rs_core)

  add_executable(fuzz_plan spec/fuzz/plan.c)
  target_link_libraries(fuzz_plan PRIVATE fuzz_draft)
  rs_fuzz(plan 20000 20000 -len_control=0)

  # The evaluator is its own.
  add_executable(fuzz_control spec/fuzz/control.c spec/fuzz/control_words.c)
  target_link_libraries(fuzz_control PRIVATE rs_engine fuzz_draft)
  target_link_options(fuzz_control PRIVATE
    -Wl,--wrap=rs_evaluate_for -Wl,--wrap=rs_evaluate_stop)
  rs_fuzz(control 5000 4000 -len_control=0)
endif()
