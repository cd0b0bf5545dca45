--- The constructors' common ground: plain tables that remember the line that made them.
--- Nothing is checked here, so that runsmith.check can tell all mistakes in one go.
local M = {}

local getinfo, setmetatable, type = debug.getinfo, setmetatable, type

--- @class runsmith.Place
--- @field file string
--- @field line integer

--- @class runsmith.Node a supervisor, worker, command, channel, backend or probe
--- @field kind string by its metatable
--- @field name any what the script gave; false: none, as for a template
--- @field fields any the table that the script gave
--- @field at runsmith.Place

--- @type table<string, table> metatable of each kind
M.KINDS = {}
local ALL = { 'supervisor', 'worker', 'command', 'channel', 'backend', 'probe' }
for _, kind in ipairs(ALL) do
  M.KINDS[kind] = { __index = { kind = kind }, node = kind }
end

--- What the script declares without putting it into the tree; M.forget empties both.
M.backends = {}
M.probe_kinds = {}

local places = setmetatable({}, { __mode = 'k' })

-- `return rs.supervisor {…}` is a tail call: nobody is left who called, and C is above.
local function place_of(info)
  if info.currentline < 0 and M.script then return { file = M.script, line = 1 } end
  local lines = places[info.func]
  if not lines then
    lines = { file = getinfo(info.func, 'S').source:gsub('^@', '') }
    places[info.func] = lines
  end
  local place = lines[info.currentline]
  if not place then
    place = { file = lines.file, line = info.currentline }
    lines[info.currentline] = place
  end
  return place
end

--- The file and line that called, `level` functions up.
--- @param level integer
--- @return runsmith.Place
function M.place(level)
  local info = getinfo(level + 1, 'lf')
  return place_of(info)
end

--- The constructor of a kind: 'name' {fields}, or {fields} where there is no name.
--- @param kind string
--- @return fun(name_or_fields): any
function M.constructor(kind)
  local meta = M.KINDS[kind]
  return function(name)
    local at = place_of(getinfo(2, 'lf'))
    if type(name) == 'table' then
      return setmetatable({ name = false, fields = name, at = at }, meta)
    end
    return function(fields)
      return setmetatable({ name = name, fields = fields, at = at }, meta)
    end
  end
end

--- Which kind of node a value is; nil: none.
--- @param value any
--- @return string?
function M.kind(value)
  local meta = type(value) == 'table' and getmetatable(value)
  return meta and type(meta) == 'table' and meta.node or nil
end

--- Forgets what an evaluation before declared.
--- @param script? string the file that is evaluated now
function M.forget(script)
  M.backends, M.probe_kinds, M.script = {}, {}, script
end

return M
