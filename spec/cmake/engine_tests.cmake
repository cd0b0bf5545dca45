# The engine's parts by themselves; the whole is tested through the program.
file(GLOB specs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/spec/c/engine_*.c)
foreach(spec ${specs})
  get_filename_component(name ${spec} NAME_WE)
  add_executable(${name} ${spec})
  target_link_libraries(${name} PRIVATE rs_engine ${CMOCKA_LIBRARY})
  add_test(NAME host/${name} COMMAND ${name})
  set_tests_properties(host/${name} PROPERTIES
    TIMEOUT 300 ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0")
endforeach()
