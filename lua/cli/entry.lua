--- One journal entry as a person reads it: a colour, a line, and what goes below it.
local M = {}

local hint = require('runsmith.tree.suggest').hint
local seconds = require('cli.terminal').seconds

local function said(text) return text and text ~= '' and text or nil end

local function rounded(number)
  if type(number) ~= 'number' then return '?' end
  return (number < 100 and '%.1f s' or '%.0f s'):format(number)
end

local function limit(number)
  return type(number) == 'number' and seconds(number) or tostring(number)
end

local function in_state(entry)
  return said(entry.state) and (" in '%s'"):format(entry.state) or ''
end

-- What was not kept, by constraint: limit, what was seen, where.
local BROKEN = {
  heartbeat = 'heartbeat %s: silent for %s%s',
  timeout = 'timeout %s: stayed for %s%s',
  transition = 'transition %s: under way for %s%s',
  launch = 'launch %s: not up after %s%s',
  stall = 'stall %s: ran for %s without a wait%s',
  shutdown = 'shutdown %s: still there after %s%s',
}

local WHY_KILLED = {
  violation = 'for the violation',
  shutdown = 'did not stop in time',
  operator = 'by an operator',
  now = 'all at once',
}

local WHY_RESTART = {
  failed = 'it failed',
  ended = 'it ended',
  strategy = "its sibling's failure",
  collateral = "another's fault",
  operator = 'by an operator',
  reload = 'it changed',
}

-- The frame of a traceback that is the user's, not the library's that it called.
local function own_frame(frames)
  for line in frames:gmatch '[^\n]+' do
    local frame = line:match '^%s*(.*)$'
    if not (frame:find '^runsmith/' or frame:find '^std/' or frame:find '^%[C%]') then
      return frame
    end
  end
  return frames:match '^%s*([^\n]*)'
end

-- The first line of a text, and the rest; of a traceback alone, where it was.
local function first_line(text)
  local frames = text:match '^stack traceback:\n(.+)$'
  if frames then return 'in ' .. own_frame(frames), frames:find '\n.' and frames end
  local first, rest = text:match '^([^\n]*)\n?(.*)$'
  return first, said(rest)
end

local KINDS = {}

function KINDS.started(entry)
  local parts = {}
  if (entry.incarnation or 0) > 0 then
    parts[1] = ('again (incarnation %d)'):format(entry.incarnation)
  end
  if said(entry.backend) then parts[#parts + 1] = entry.backend end
  if type(entry.pid) == 'number' and entry.pid > 0 then
    parts[#parts + 1] = ('pid %d'):format(entry.pid)
  end
  if entry.data == true then parts[#parts + 1] = 'given its data' end
  return nil, table.concat(parts, ', ')
end

function KINDS.transition(entry)
  if not said(entry.from) then return 'grey', ('→ %s'):format(tostring(entry.to)) end
  return 'grey',
    ('%s → %s (%s)'):format(entry.from, tostring(entry.to), tostring(entry.event))
end

function KINDS.ready() return 'green', '' end

-- Those whose `where` says what was wrong, not what the unit was doing.
local TELLS = { probe = true, protocol = true }

function KINDS.violation(entry)
  local form = BROKEN[entry.constraint]
  local text
  if form then
    text = form:format(limit(entry.limit), rounded(entry.observed), in_state(entry))
  else
    text = tostring(entry.constraint) .. in_state(entry)
  end
  local first, below = first_line(entry.where or '')
  if TELLS[entry.constraint] and said(first) then
    return 'red', ('%s: %s'):format(text, first), below
  end
  return 'red', text, said(entry.where)
end

function KINDS.exited(entry)
  local text = tostring(entry.reason)
  local below
  if entry.signal then
    text = ('%s: %s'):format(text, tostring(entry.signal))
  elseif type(entry.status) == 'number' and entry.status ~= 0 then
    text = ('%s: status %d'):format(text, entry.status)
  end
  local detail = said(entry.detail) or said(entry.where)
  if detail then
    local first
    first, below = first_line(detail)
    text = ('%s: %s'):format(text, first)
  end
  local good = entry.expected == true or entry.reason == 'ok'
  return not good and 'red' or nil, text, below
end

function KINDS.killed(entry)
  local why = WHY_KILLED[entry.why] or tostring(entry.why)
  return 'red', why
end

function KINDS.restart(entry)
  local delay = type(entry.delay) == 'number'
      and entry.delay > 0
      and 'in ' .. seconds(entry.delay)
    or 'now'
  local why = WHY_RESTART[entry.why] or tostring(entry.why)
  if said(entry.detail) then why = why .. ': ' .. tostring(entry.detail) end
  if entry.charged == false then why = why .. ', not charged' end
  return 'yellow', ('%s (%s)'):format(delay, why)
end

function KINDS.collateral(entry)
  local culprit = said(entry.culprit)
  return 'yellow', culprit and 'of ' .. tostring(culprit) or 'its runner died'
end

function KINDS.completed() return 'green', '' end

function KINDS.escalated(entry)
  local child = said(entry.child) and ' of ' .. entry.child or ''
  local within = entry.within and 'in ' .. limit(entry.within) or 'in its life'
  return 'red',
    ('gives up: more than %s restarts%s %s'):format(tostring(entry.max), child, within)
end

local VERDICTS = {
  alive = 'green', dead = 'red', failing = 'yellow', unknown = 'yellow',
}

function KINDS.probe(entry)
  local text = ('%s: %s'):format(tostring(entry.probe), tostring(entry.verdict))
  if said(entry.detail) then text = text .. ', ' .. tostring(entry.detail) end
  return VERDICTS[entry.verdict], text
end

function KINDS.output(entry)
  return nil, (entry.stream == 'stderr' and '! ' or '| ') .. tostring(entry.text)
end

local LEVELS = { debug = 'grey', warn = 'yellow', error = 'red' }

local function fields_text(fields)
  if type(fields) ~= 'table' then return '' end
  local parts = {}
  for key, value in pairs(fields) do
    if type(value) ~= 'table' then
      parts[#parts + 1] = ('%s=%s'):format(tostring(key), tostring(value))
    end
  end
  table.sort(parts)
  return #parts > 0 and '  ' .. table.concat(parts, ' ') or ''
end

function KINDS.log(entry)
  local level = entry.level ~= 'info' and tostring(entry.level) .. ': ' or ''
  local first, below = first_line(tostring(entry.text))
  return LEVELS[entry.level], level .. first .. fields_text(entry.fields), below
end

function KINDS.reload(entry)
  local counts = ('%s added, %s removed, %s changed, %s unchanged'):format(
    tostring(entry.added),
    tostring(entry.removed),
    tostring(entry.changed),
    tostring(entry.unchanged)
  )
  if entry.confirm then
    counts = ('%s; to be well within %s s'):format(counts, tostring(entry.confirm))
  end
  if not said(entry.why) then return nil, counts end
  return 'yellow', ('%s (%s)'):format(tostring(entry.why), counts)
end

function KINDS.stop(entry) return nil, said(entry.by) and 'by ' .. entry.by or '' end
KINDS.start = KINDS.stop

function KINDS.dropped(entry)
  local upto = entry.upto or entry.up_to or entry.to
  return 'yellow', upto and ('entries up to %s'):format(tostring(upto)) or 'entries'
end

local COMMON = {
  seq = true,
  time = true,
  mono = true,
  unit = true,
  incarnation = true,
  cause = true,
  kind = true,
  boot = true,
}

local function other(entry)
  local rest = {}
  for key, value in pairs(entry) do
    if not COMMON[key] then rest[key] = value end
  end
  return nil, (fields_text(rest):gsub('^ +', ''))
end

--- A check for kinds with commas between.
--- @param text string
--- @return string? text, string? fault
function M.kinds(text)
  if not text:find '[^,]' then return nil, "it must be a list: 'exited,restart'" end
  for kind in text:gmatch '[^,]+' do
    if not KINDS[kind] then
      return nil, 'there is no such kind: ' .. hint(kind, KINDS)
    end
  end
  return text
end

--- How an entry reads.
--- @param entry table decoded from the journal
--- @return string? colour, string text, string? below several lines
function M.read(entry) return (KINDS[entry.kind] or other)(entry) end

return M
