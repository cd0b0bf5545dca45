# A program that does as it is told, for the specs.
add_executable(command_program spec/host/support/command_program.c)
set_target_properties(command_program PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
