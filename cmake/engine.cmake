# The witness is an archive of its own: libc alone.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/host/witness/*.c)
add_library(rs_witness STATIC ${sources})

# The engine's parts by themselves; the whole is tested through the program.
find_library(CMOCKA_LIBRARY cmocka REQUIRED)
file(GLOB specs CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/spec/host/engine_*.c)
foreach(spec ${specs})
  get_filename_component(name ${spec} NAME_WE)
  add_executable(${name} ${spec})
  target_link_libraries(${name} PRIVATE rs_engine ${CMOCKA_LIBRARY})
  add_test(NAME host/${name} COMMAND ${name})
  set_tests_properties(host/${name} PROPERTIES
    TIMEOUT 120 ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0")
endforeach()
