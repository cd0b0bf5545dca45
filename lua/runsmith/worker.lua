--- What a worker's module requires: worker.define { lifecycle = …, functions … }.
local M = {}

local definitions = setmetatable({}, { __mode = 'k' })

--- Declares a worker: its lifecycle and one function a state.
--- @generic T: table
--- @param definition T
--- @return T definition the same table, marked
function M.define(definition)
  if type(definition) ~= 'table' then
    local text = 'worker.define takes a table { lifecycle = …, functions … }, not a %s'
    error(text:format(type(definition)), 2)
  end
  if getmetatable(definition) ~= nil then
    error('worker.define takes a plain table; this one has a metatable', 2)
  end
  if definition.lifecycle ~= nil and type(definition.lifecycle) ~= 'table' then
    error(('lifecycle is a %s; it must be a list of rows'):format(
      type(definition.lifecycle)), 2)
  end
  local info = debug.getinfo(2, 'Sl')
  definitions[definition] = { file = info.source:gsub('^@', ''), line = info.currentline }
  return definition
end

--- Where a definition was made; nil for what is none.
--- @param value any
--- @return runsmith.Place?
function M.place(value) return definitions[value] end

return M
