-- trace.lua -- a unit's journal as lines that are alike in every backend: incarnation,
-- kind and what matters of it; no pids, no times.

local M = {}

local LONGEST = 76 -- of a line, so that expectations fit theirs

local function first_line(text)
  local line = (text or ''):match '^[^\n]*'
  return (line:gsub('[^ ]+%.lua:%d+: ', ''))
end

local function words(...)
  local list = {}
  for i = 1, select('#', ...) do
    local word = select(i, ...)
    if word and word ~= '' then list[#list + 1] = tostring(word) end
  end
  return table.concat(list, ' ')
end

-- Does it name the code of a case?
local function told(where)
  if not where then return nil end
  for _, place in ipairs { 'cases/', 'deeds%.lua', '^between two steps' } do
    if where:find(place) then return '(where)' end
  end
  return '(nowhere)'
end

local LINES = {}

function LINES.started(entry)
  return words('started', entry.data and 'with data' or nil)
end

function LINES.transition(entry)
  if not entry.from then return entry.to end
  return ('%s -%s-> %s'):format(entry.from, entry.event, entry.to)
end

function LINES.violation(entry)
  local state = entry.state and 'in ' .. entry.state
  return words('violation', entry.constraint, state)
end

function LINES.exited(entry)
  local reason = entry.signal or entry.reason
  local expected = entry.expected and 'expected' or nil
  return words('exited', reason, expected, told(entry.where), first_line(entry.detail))
end

function LINES.killed(entry) return words('killed', entry.why) end

function LINES.restart(entry)
  return words('restart', entry.why, entry.charged and 'charged' or nil)
end

function LINES.log(entry)
  local fields = {}
  for name, value in pairs(entry.fields or {}) do
    fields[#fields + 1] = name .. '=' .. tostring(value)
  end
  table.sort(fields)
  return words('log', entry.level, first_line(entry.text), table.concat(fields, ' '))
end

function LINES.output(entry) return words('output', first_line(entry.text)) end

function LINES.escalated(entry) return words('escalated', entry.max) end

-- On a slow machine the interrupt may come too late; then the ladder's next rung ends
-- it.
local function told_vaguely(text)
  if text == 'killed violation' then return nil end
  text = text:gsub('^exited KILL .*', 'exited interrupted')
  return (text:gsub(' %(n?o?where%)$', ''))
end

--- @param entry table of the journal
--- @param vague? boolean how the ladder ended it does not matter
--- @return string? line
function M.line(entry, vague)
  local line = LINES[entry.kind]
  local text = line and line(entry) or entry.kind
  if vague then text = told_vaguely(text) end
  if not text then return nil end
  local whole = words(entry.incarnation, text)
  return (whole:sub(1, LONGEST):gsub(' +$', ''))
end

--- What a case expects, one line each; `|` begins a remark.
--- @param text string
--- @return string[]
function M.lines(text)
  local list = {}
  for line in text:gmatch '[^\n]+' do
    line = line:gsub('%s*|.*', ''):match '^%s*(.-)%s*$'
    if line ~= '' then list[#list + 1] = line end
  end
  return list
end

return M
