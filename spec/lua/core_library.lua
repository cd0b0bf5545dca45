--- The C core for specs that run outside the program: RUNSMITH_CORE, else that of the
--- build in RS_BUILD, else the newest build's, else one that is compiled for this run.
local abi = require 'runsmith.abi'
local ffi = require 'ffi'

local M = {}

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local function built()
  local own = os.getenv 'RS_BUILD'
  own = own and own .. '/librs_core.so'
  if own and exists(own) then return own end
  local list = io.popen 'ls -t build/*/librs_core.so build*/librs_core.so 2>/dev/null'
  local path = list:read '*l'
  list:close()
  return path and './' .. path
end

local function compile()
  local path = os.tmpname()
  local command = 'cc -shared -fPIC -O1 -std=c11 -o %s host/core/*.c'
  assert(os.execute(command:format(path)) == 0, 'the core does not compile')
  return path, true
end

--- Loads the library, once, and has runsmith.abi use it.
--- @param options? { keep: boolean } leave a compiled one in place until `forget`
function M.use(options)
  if not M.library then
    local path, temporary = os.getenv 'RUNSMITH_CORE', false
    if not path or not exists(path) then path = built() end
    if not path then
      path, temporary = compile()
    end
    M.path, M.library, M.temporary = path, ffi.load(path), temporary
  end
  abi.use(M.library)
  if M.temporary and not (options and options.keep) then M.forget() end
  return M.library
end

--- Removes what was compiled; it stays loaded.
function M.forget()
  if M.temporary and exists(M.path) then os.remove(M.path) end
end

return M
