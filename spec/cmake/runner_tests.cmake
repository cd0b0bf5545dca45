# The runner, driven by C that plays the engine.
rs_embed(${CMAKE_BINARY_DIR}/embedded_test.c ${CMAKE_SOURCE_DIR}/spec/c/runner_lua)
add_library(rs_runner_rig OBJECT
  ${CMAKE_SOURCE_DIR}/spec/c/runner_rig.c ${CMAKE_BINARY_DIR}/embedded_test.c)
target_link_libraries(rs_runner_rig PUBLIC rs_runner ${CMOCKA_LIBRARY})

file(GLOB specs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/spec/c/runner_*.c)
list(REMOVE_ITEM specs ${CMAKE_SOURCE_DIR}/spec/c/runner_rig.c)
foreach(spec ${specs})
  get_filename_component(name ${spec} NAME_WE)
  add_executable(${name} ${spec})
  target_link_libraries(${name} PRIVATE rs_runner_rig)
  set_target_properties(${name} PROPERTIES ENABLE_EXPORTS ON)
  if(RS_SANITIZE MATCHES "thread" AND name STREQUAL "runner_interrupt")
    continue() # that sanitizer holds signals back until the next call into libc
  endif()
  add_test(NAME host/${name} COMMAND ${name})
  set_tests_properties(host/${name} PROPERTIES
    TIMEOUT 300 ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0")
endforeach()
