--- What a worker's module requires: worker.define { lifecycle = …, functions … }.
local M = {}

local definitions = setmetatable({}, { __mode = 'k' })

-- `return worker.define {…}` is a tail call, which leaves no line of its own: the first
-- function of the definition has one, and tells whether the caller's is the right one.
-- Else the place is `near`: the definition begins at or before it, if there is a line.
local function place_of(definition, caller)
  local place = {}
  for _, value in pairs(definition) do
    local info = type(value) == 'function' and debug.getinfo(value, 'S')
    if
      info
      and info.what == 'Lua'
      and (not place.line or info.linedefined < place.line)
    then
      place.source, place.line = info.source, info.linedefined
    end
  end
  place.near = true
  if caller and caller.source == place.source and caller.currentline > 0 then
    place.line, place.near = caller.currentline, nil
  end
  place.file = place.source and place.source:gsub('^@', '')
  return place
end

--- Declares a worker: its lifecycle and one function a state.
--- @generic T: runsmith.Definition
--- @param definition T
--- @return T definition the same table, marked
function M.define(definition)
  if type(definition) ~= 'table' then
    local text =
      'worker.define takes a table { lifecycle = …, functions … }, not a %s'
    error(text:format(type(definition)), 2)
  end
  if getmetatable(definition) ~= nil then
    error('worker.define takes a plain table; this one has a metatable', 2)
  end
  if definition.lifecycle ~= nil and type(definition.lifecycle) ~= 'table' then
    error(
      ('lifecycle is a %s; it must be a list of rows'):format(
        type(definition.lifecycle)
      ),
      2
    )
  end
  definitions[definition] = place_of(definition, debug.getinfo(2, 'Sl'))
  return definition
end

--- Where a definition was made (file and line, if known); nil for what is none.
--- @param value any
--- @return runsmith.Place?
function M.place(value) return definitions[value] end

return M
