# The core as a shared library, for specs that drive it through LuaJIT's FFI.
add_library(rs_core_shared SHARED ${CORE} spec/core/support/memory.c)
set_target_properties(rs_core_shared PROPERTIES C_EXTENSIONS OFF OUTPUT_NAME rs_core)
