# Puts Lua, compiled, and the header that ffi.cdef reads, into a C file of byte arrays.
#
#   rs_embed(OUT FOLDER...)  a rule that makes OUT (embed.c says how)
add_executable(rs_embed_tool ${CMAKE_CURRENT_LIST_DIR}/embed.c)
target_link_libraries(rs_embed_tool PRIVATE PkgConfig::LUAJIT)

function(rs_embed out)
  set(sources "")
  foreach(folder ${ARGN})
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${folder}/*.lua)
    list(APPEND sources ${files})
  endforeach()
  set(abi ${CMAKE_SOURCE_DIR}/host/abi/runsmith.h)
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0
            $<TARGET_FILE:rs_embed_tool> ${out}
            ${CMAKE_SOURCE_DIR}/host/runner/embed.h ${abi} ${ARGN}
    DEPENDS ${sources} ${abi} rs_embed_tool
    COMMENT "embedding Lua"
    VERBATIM)
endfunction()
