# A channel's memory, with processes and threads of the test's own.
add_library(rs_channel_rig OBJECT ${CMAKE_SOURCE_DIR}/spec/c/channel_rig.c)
target_link_libraries(rs_channel_rig PUBLIC rs_shm ${CMOCKA_LIBRARY} Threads::Threads)

foreach(name channel_kill channel_step channel_threads channel_damage)
  add_executable(${name} ${CMAKE_SOURCE_DIR}/spec/c/${name}.c)
  target_link_libraries(${name} PRIVATE rs_channel_rig)
  add_test(NAME host/${name} COMMAND ${name})
  set_tests_properties(host/${name} PROPERTIES
    TIMEOUT 300 ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0")
endforeach()
if(RS_SANITIZE) # some twenty times as many instructions
  set_tests_properties(host/channel_step PROPERTIES
    ENVIRONMENT "ASAN_OPTIONS=detect_leaks=0;RS_CHANNEL_STRIDE=3989")
endif()
set_tests_properties(host/channel_threads PROPERTIES LABELS threads)
