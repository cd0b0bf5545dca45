--- The core as a library: its headers for the FFI, and the shared object.
local ffi = require 'ffi'

local M = {}

local here = debug.getinfo(1, 'S').source:match '^@(.*)spec/core/support/lib.lua$'
local root = here == '' and '.' or here

local function declare(name)
  local file = assert(io.open(root .. '/host/' .. name))
  local text = file:read '*a'
  file:close()
  text = text:gsub('/%*.-%*/', ''):gsub('static inline.-\n}\n', '')
  text = text:gsub('#define[^\n]*\\\n[^\n]*', ''):gsub('#[^\n]*', '')
  text = text:gsub('_Noreturn', '')
  ffi.cdef(text)
end

declare 'abi/runsmith.h'
for _, name in ipairs { 'core', 'base', 'quota', 'backoff', 'late', 'unit' } do
  declare('core/' .. name .. '.h')
end
declare 'core/due.h'
declare 'core/index.h'
declare 'core/compare.h'
declare 'core/trial.h'
ffi.cdef [[
  extern size_t rs_spec_bytes;
  extern const rs_memory rs_spec_memory;
]]

local build = os.getenv 'RS_BUILD' or root .. '/build/release'
M.C = ffi.load(os.getenv 'RS_CORE' or build .. '/librs_core.so')
M.NEVER = 0x7fffffffffffffffLL
M.NONE = 0xffffffff

--- @param seconds number
--- @return ffi.cdata* nanoseconds
function M.time(seconds)
  if seconds == math.huge then return M.NEVER end
  return ffi.cast('int64_t', math.floor(seconds * 1e9 + 0.5))
end

return M
