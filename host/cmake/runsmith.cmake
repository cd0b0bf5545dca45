# The program. Its symbols are exported: ffi.C finds rs_task_beat and the like in it.
find_path(LUV_INCLUDE luv/luv.h PATH_SUFFIXES lua5.1 REQUIRED)
find_library(LUV_LIBRARY NAMES liblua5.1-luv.a lua5.1-luv REQUIRED)
target_include_directories(rs_runner SYSTEM PRIVATE ${LUV_INCLUDE})
target_link_libraries(rs_runner PUBLIC ${LUV_LIBRARY} PkgConfig::UV PkgConfig::LUAJIT)

# std.http reads heads with http-parser; libssl's headers are for tls.c, which loads it.
find_library(HTTP_PARSER_LIBRARY NAMES libhttp_parser.a http_parser REQUIRED)
find_path(OPENSSL_INCLUDE openssl/ssl.h REQUIRED)
target_link_libraries(rs_runner PUBLIC ${HTTP_PARSER_LIBRARY} ${CMAKE_DL_LIBS})

rs_embed(${CMAKE_BINARY_DIR}/embedded.c ${CMAKE_SOURCE_DIR}/lua
  ${CMAKE_SOURCE_DIR}/stdlib)
add_executable(runsmith host/main.c ${CMAKE_BINARY_DIR}/embedded.c)
target_compile_definitions(runsmith PRIVATE RS_VERSION="${PROJECT_VERSION}")
target_link_libraries(runsmith PRIVATE rs_witness rs_engine rs_runner)
set_target_properties(runsmith PROPERTIES
  ENABLE_EXPORTS ON
  RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

# The functions that only Lua calls: the linker would leave them out.
target_link_options(runsmith PRIVATE
  -Wl,-u,rs_task_beat -Wl,-u,rs_task_stopping -Wl,-u,rs_hash -Wl,-u,rs_plan_check
  -Wl,-u,rs_channel_send -Wl,-u,rs_channel_attached)

include(GNUInstallDirs)
install(TARGETS runsmith RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
