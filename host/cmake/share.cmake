# What is installed beside the program: the manual page, completion, and definitions for
# editors. The program writes them itself, from the tables that it goes by.
set(RS_SHARE ${CMAKE_BINARY_DIR}/share)
set(RS_LIBRARY runsmith/library)

# rs_written(FILE WORD...)  FILE below share, as the program called with WORD... says it
function(rs_written file)
  get_filename_component(folder ${RS_SHARE}/${file} DIRECTORY)
  add_custom_command(
    OUTPUT ${RS_SHARE}/${file}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
    COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0
            $<TARGET_FILE:runsmith> ${ARGN} > ${RS_SHARE}/${file}
    DEPENDS runsmith
    COMMENT "writing ${file}"
    VERBATIM)
  set(RS_WRITTEN ${RS_WRITTEN} ${RS_SHARE}/${file} PARENT_SCOPE)
  get_filename_component(place ${CMAKE_INSTALL_DATADIR}/${file} DIRECTORY)
  install(FILES ${RS_SHARE}/${file} DESTINATION ${place})
endfunction()

rs_written(man/man1/runsmith.1 __manual)
rs_written(bash-completion/completions/runsmith completion bash)
rs_written(zsh/site-functions/_runsmith completion zsh)
rs_written(fish/vendor_completions.d/runsmith.fish completion fish)
rs_written(${RS_LIBRARY}/runsmith.lua __definitions)

# What carries its definitions in its comments.
file(GLOB_RECURSE sources RELATIVE ${CMAKE_SOURCE_DIR}/stdlib CONFIGURE_DEPENDS
  ${CMAKE_SOURCE_DIR}/stdlib/std/*.lua)
foreach(source ${sources}
    runsmith/worker.lua runsmith/vm/context.lua runsmith/client.lua)
  set(from ${CMAKE_SOURCE_DIR}/stdlib/${source})
  if(NOT EXISTS ${from})
    set(from ${CMAKE_SOURCE_DIR}/lua/${source})
  endif()
  configure_file(${from} ${RS_SHARE}/${RS_LIBRARY}/${source} COPYONLY)
  set(place ${CMAKE_INSTALL_DATADIR}/${RS_LIBRARY}/${source})
  get_filename_component(place ${place} DIRECTORY)
  install(FILES ${from} DESTINATION ${place})
endforeach()

add_custom_target(share ALL DEPENDS ${RS_WRITTEN})
