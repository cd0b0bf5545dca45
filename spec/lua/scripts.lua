--- Tree scripts in a folder of their own, evaluated in this process.
local abi = require 'runsmith.abi'
local core_library = require 'lua.core_library'
local evaluate = require 'runsmith.tree.evaluate'

local M = {}

local PRELUDE =
  "local rs = require 'runsmith'; local worker = require 'runsmith.worker'; "

--- A worker's module that is right.
M.BEATER = [[
local worker = require 'runsmith.worker'
return worker.define {
  lifecycle = {
    { 'opening', timeout = 10, on = { opened = 'running', error = 'crashed' } },
    { 'running', heartbeat = 2, every = 0.5,
      on = { stop = { 'closing', timeout = 1 }, error = 'crashed' } },
    { 'closing', on = { closed = 'stopped', error = 'crashed' } },
    { 'stopped', ends = 'ok' },
    { 'crashed', ends = 'error' },
  },
  running = function() return 'keepalive' end,
}
]]

--- Writes files into a new folder; tree.lua gets its requires on its first line.
--- @param files table<string, string>
--- @return string dir ends with a slash
function M.folder(files)
  local dir = os.tmpname()
  os.remove(dir)
  assert(os.execute('mkdir ' .. dir) == 0)
  for name, text in pairs(files) do
    local below = name:match '^(.*)/'
    if below then assert(os.execute(('mkdir -p %s/%s'):format(dir, below)) == 0) end
    local file = assert(io.open(dir .. '/' .. name, 'w'))
    file:write(name == 'tree.lua' and PRELUDE or '', text)
    file:close()
  end
  return dir .. '/'
end

--- Removes it.
--- @param dir string
function M.remove(dir) os.execute('rm -r ' .. dir) end

--- Evaluates a script: the plan's view, or its mistakes as 'LINE: PATH: message'.
--- @param script string
--- @param files? table<string, string> beside it
--- @return runsmith.View? view, string[] mistakes
function M.evaluate(script, files)
  core_library.use()
  local all = { ['tree.lua'] = script, ['beater.lua'] = M.BEATER }
  for name, text in pairs(files or {}) do
    all[name] = text
  end
  local dir = M.folder(all)
  local plan, mistakes = evaluate.here(dir .. 'tree.lua')
  M.remove(dir)
  local texts = {}
  for i, item in ipairs(mistakes or {}) do
    local file = item.file:gsub('^' .. dir:gsub('%p', '%%%0'), '')
    if file == 'tree.lua' then
      file = ''
    else
      file = file .. ':'
    end
    local path = item.path == '' and '' or item.path .. ': '
    texts[i] = ('%s%d: %s%s'):format(file, item.line, path, item.message)
  end
  if not plan then return nil, texts end
  local bytes = plan:bytes()
  return abi.view(bytes), texts, bytes
end

return M
