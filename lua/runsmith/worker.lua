--- What a worker's module requires: worker.define { lifecycle = …, functions … }.
local M = {}

local definitions = setmetatable({}, { __mode = 'k' })

--- @class runsmith.DefinitionPlace
--- @field file? string with `line`: where it was made
--- @field line? integer
--- @field caller? runsmith.Place who seems to have called, if that is no C function
--- @field lines table<string, integer> its functions' files, the first line in each

-- `return worker.define {…}` is a tail call, which leaves no line of its own: the
-- functions of the definition have some, and tell whether the caller's is right.
local function place_of(definition, caller)
  local place = { lines = {} }
  for _, value in pairs(definition) do
    local info = type(value) == 'function' and debug.getinfo(value, 'S')
    if info and info.what == 'Lua' then
      local file = info.source:gsub('^@', '')
      place.lines[file] = math.min(place.lines[file] or math.huge, info.linedefined)
    end
  end
  if not caller or caller.currentline < 1 then return place end
  local file = caller.source:gsub('^@', '')
  place.caller = { file = file, line = caller.currentline }
  if place.lines[file] then
    place.file, place.line = file, caller.currentline
  end
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

--- What is known of where a definition was made; nil for what is none.
--- @param value any
--- @return runsmith.DefinitionPlace?
function M.place(value) return definitions[value] end

return M
