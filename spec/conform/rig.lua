-- rig.lua -- runs a theme's tree once and gives the trace of each unit of each case.

local columns = require 'conform.columns'
local harness = require 'host.support.harness'
local control = require 'host.support.control'
local json = require 'cjson'
local posix = require 'host.support.posix'
local trace = require 'conform.trace'

local M = {
  afterwards = 0.3, -- seconds in which nothing more may come
}

local ALL = 'all' -- turns
local HERE = 'spec/conform/'
local PATIENCE = tonumber(os.getenv 'RS_PATIENCE' or 20)


--- The cases, as the spec reads them: nothing of them is called here.
--- @param theme string
function M.read(theme)
  local chunk = assert(loadfile(('spec/conform/cases/%s.lua'):format(theme)))
  local function require_less(name)
    if name == 'deeds' then
      return {}
    end
    if name:find '^std%.' or name:find '^runsmith%.[^w]' then return {} end
    return require(name)
  end
  return setfenv(chunk, setmetatable({ require = require_less }, { __index = _G }))()
end

--- @class runsmith.spec.Part one unit of a case in a column
--- @field path string
--- @field expected string[]
--- @field lines string[] its trace so far
--- @field steps table[]

local function expected_of(case, unit, column)
  local differs = case.differs and case.differs[column.name]
  local text = differs or case.trace
  if type(text) == 'string' then text = { w = text } end
  return text[unit] and trace.lines(text[unit])
end

local function part_of(cases, turn, column, unit, path)
  local steps, case = {}, cases[turn]
  for _, step in ipairs(case.steps or {}) do
    if (step.unit or 'w') == unit then
      steps[#steps + 1] = { after = step[1], op = step[2], done = false }
    end
  end
  return {
    path = path, turn = turn, expected = expected_of(case, unit, column), lines = {},
    steps = steps, vague = case.vague or cases.vague,
  }
end

local function parts_of(cases)
  local parts = {}
  for _, column in ipairs(columns) do
    for turn, case in ipairs(cases) do
      if columns.has(column, case) then
        local group = ('plant/%s/%s'):format(column.name, columns.name(case))
        parts[group] = part_of(cases, turn, column, 'group', group)
        for _, unit in ipairs(columns.units(case)) do
          local path = group .. '/' .. unit[1]
          parts[path] = part_of(cases, turn, column, unit[1], path)
        end
      end
    end
  end
  return parts
end

local function reload_when_all(theatre)
  for _, part in pairs(theatre.parts) do
    for _, step in ipairs(part.steps) do
      if step.op == 'reload' and not step.done then return end
    end
  end
  theatre.host:write('second', '')
  theatre.client:send '{"op":"reload"}\n'
end

local function take_step(theatre, part, step)
  step.done = true
  if step.op == 'reload' then return reload_when_all(theatre) end
  local request = { op = step.op, path = part.path, wait = false }
  theatre.client:send(json.encode(request) .. '\n')
end

local function hear(theatre, entry)
  local part = theatre.parts[entry.unit or '']
  if not part then return end
  local line = trace.line(entry, part.vague)
  if not line then return end
  part.lines[#part.lines + 1] = line
  for _, step in ipairs(part.steps) do
    if step.after == line and not step.done then
      return take_step(theatre, part, step)
    end
  end
end

local function all_said(theatre, turn)
  for _, part in pairs(theatre.parts) do
    local waited_for = part.expected and (turn == ALL or part.turn == turn)
    if waited_for and #part.lines < #part.expected then return false end
  end
  return true
end

-- Until those of a turn have said what is expected of them; for so long at most.
local function listen(theatre, seconds, turn)
  local host, by = theatre.host, posix.now() + seconds
  while posix.now() < by and not (turn and all_said(theatre, turn)) do
    local open = host:read(by - posix.now())
    while theatre.heard < #host.entries do
      theatre.heard = theatre.heard + 1
      hear(theatre, host.entries[theatre.heard])
    end
    if not open then return end
  end
end

local function each_in_turn(theatre, count)
  for turn = 1, count do
    theatre.host:write('turn', tostring(turn))
    theatre.client:send '{"op":"reload"}\n'
    listen(theatre, PATIENCE, turn)
  end
end

local function files()
  local all = {}
  for _, name in ipairs { 'tree.lua', 'columns.lua', 'deeds.lua' } do
    all[name] = posix.slurp(HERE .. name)
  end
  for _, name in ipairs(posix.list(HERE .. 'cases')) do
    all['cases/' .. name] = posix.slurp(HERE .. 'cases/' .. name)
  end
  return all
end

--- Runs a theme.
--- @param theme string a file of cases/
--- @return table<string, runsmith.spec.Part> parts by path
function M.run(theme)
  local cases = M.read(theme)
  local all = files()
  all.turn = cases.alone and '0'
  local host = harness.start { files = all, env = { CONFORM_THEME = theme } }
  local theatre = { host = host, parts = parts_of(cases), heard = 0 }
  host:wait_for { kind = 'started' }
  theatre.client = control.open(host)
  if cases.alone then
    each_in_turn(theatre, #cases)
  else
    listen(theatre, PATIENCE, ALL)
  end
  listen(theatre, M.afterwards)
  theatre.client:close()
  host:finish()
  return theatre.parts
end

return M
