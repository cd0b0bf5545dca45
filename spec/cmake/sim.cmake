# The simulator: the core on a virtual clock against an oracle, 20,000 seeds in the test
# run. With RS_SANITIZE set, core and simulator are both instrumented.
file(GLOB SIM CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/spec/core/sim/*.c)
add_executable(rs_sim ${SIM})
target_link_libraries(rs_sim PRIVATE rs_core)
add_test(NAME sim COMMAND rs_sim --seeds 1..20000 --cover
         WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
set_tests_properties(sim PROPERTIES TIMEOUT 900)
# Decisions that once led to a fault, of the core or of the oracle.
file(GLOB stories CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/spec/core/sim/*.story)
foreach(story ${stories})
  get_filename_component(name ${story} NAME_WE)
  add_test(NAME sim/${name} COMMAND rs_sim --replay ${story})
endforeach()
