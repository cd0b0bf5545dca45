# A program that does as it is told, for the specs; fuzzers of what commands say.
add_executable(command_program spec/host/command_program.c)
set_target_properties(command_program PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

add_executable(bench_spawn_floor spec/bench/spawn_floor.c)

if(RS_FUZZ)
  foreach(name notify lines)
    add_executable(fuzz_${name} spec/fuzz/${name}.c)
    target_link_libraries(fuzz_${name} PRIVATE rs_engine)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    add_test(NAME fuzz/${name} COMMAND fuzz_${name} -runs=200000 -max_len=70000)
    set_tests_properties(fuzz/${name} PROPERTIES TIMEOUT 300)
  endforeach()
endif()
