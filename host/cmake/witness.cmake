# The witness is an archive of its own: libc alone.
file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/host/witness/*.c)
add_library(rs_witness STATIC ${sources})
