# Puts Lua sources, and the header that ffi.cdef reads, into a C file of byte arrays.
#
#   rs_embed(OUT FOLDER...)  a rule that makes OUT; a folder's files are named below it:
#                            lua/runsmith/abi.lua is runsmith.abi, x/init.lua is x

if(CMAKE_SCRIPT_MODE_FILE)
  function(bytes file array)
    file(READ ${file} hex HEX)
    string(REPEAT "." 64 row)
    string(REGEX REPLACE "(${row})"
           "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    file(APPEND ${OUT}.new "static const unsigned char ${array}[] = {\n${hex}0x00};\n")
  endfunction()

  file(WRITE ${OUT}.new "#include \"${HEADER}\"\n")
  set(rows "")
  set(number 0)
  string(REPLACE "|" ";" FOLDERS "${FOLDERS}")
  foreach(folder ${FOLDERS})
    file(GLOB_RECURSE files RELATIVE ${folder} ${folder}/*.lua)
    list(SORT files)
    foreach(file ${files})
      bytes(${folder}/${file} m${number})
      string(REGEX REPLACE "(/init)?\\.lua$" "" name ${file})
      string(REPLACE "/" "." name ${name})
      string(APPEND rows "  {\"${name}\", \"@${file}\", m${number}, ")
      string(APPEND rows "sizeof m${number} - 1},\n")
      math(EXPR number "${number} + 1")
    endforeach()
  endforeach()
  bytes(${ABI} abi)
  file(APPEND ${OUT}.new
       "const rs_embedded rs_embed_modules[] = {\n${rows}  {0, 0, 0, 0}};\n"
       "const rs_embedded rs_embed_abi = {\"abi\", \"@abi\", abi, sizeof abi - 1};\n")
  file(RENAME ${OUT}.new ${OUT})
  return()
endif()

set(RS_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(rs_embed out)
  set(sources "")
  foreach(folder ${ARGN})
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${folder}/*.lua)
    list(APPEND sources ${files})
  endforeach()
  set(abi ${CMAKE_SOURCE_DIR}/host/abi/runsmith.h)
  string(REPLACE ";" "|" folders "${ARGN}")
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} "-DFOLDERS=${folders}" -DABI=${abi}
            -DHEADER=${CMAKE_SOURCE_DIR}/host/runner/embed.h -P ${RS_EMBED_SCRIPT}
    DEPENDS ${sources} ${abi} ${RS_EMBED_SCRIPT}
    COMMENT "embedding Lua"
    VERBATIM)
endfunction()
