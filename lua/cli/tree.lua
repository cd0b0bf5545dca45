--- A host's units as an aligned tree: who is ill, since when, why, and what comes next.
local entry_of = require 'cli.entry'
local span = require 'cli.span'
local terminal = require 'cli.terminal'

local M = {}

local COLOURS = {
  healthy = 'green', waiting = 'yellow', lingering = 'red', failed = 'red',
  stopped = 'grey', completed = 'grey',
}
local COLUMNS = { 'unit', 'state', 'backend', 'pid', 'up', 'restarts' }
local WIDTH_MAX, NOTE_MAX = 48, 120
local ORDER = { 'healthy', 'waiting', 'lingering', 'failed', 'stopped', 'completed' }

local clean = terminal.clean

-- Characters, not bytes.
local function width(text) return select(2, text:gsub('[^\128-\191]', '')) end

local function one_line(text)
  text = text:gsub('stack traceback:\n%s*', 'in ', 1)
  text = clean((text:gsub('\n.*', '')))
  if width(text) <= NOTE_MAX then return text end
  return text:sub(1, NOTE_MAX) .. '…'
end

--- What happened, in a few words.
--- @param entry table
--- @return string
function M.event(entry)
  local _, text = entry_of.read(entry)
  return one_line(text ~= '' and entry.kind .. ': ' .. text or entry.kind)
end

-- Whom it waits for, and what that one is at, where that is known.
local function awaited(unit, above)
  local path = unit.waits_for
  for _, list in ipairs { unit.children or {}, above and above.children or {} } do
    for _, other in ipairs(list) do
      if other.path == path then
        local at = other.life ~= 'up' and other.life ~= 'down' and other.life
          or other.health
        return ('%s (%s)'):format(clean(path), at)
      end
    end
  end
  return clean(path)
end

-- What it waits for, and until when at the latest.
local function next_step(unit, above)
  local left = unit['until'] and span.text(unit['until'])
  if unit.life == 'down' then
    if unit.waits_for then return 'waits for ' .. awaited(unit, above) end
    if left then return 'starts in ' .. left end
    if above and above.life == 'down' then
      return 'starts with ' .. clean(above.path)
    end
  elseif unit.life == 'starting' then
    if unit.waits_for then return 'waits for ' .. awaited(unit, above) end
    return left and ('to be ready within %s'):format(left)
  elseif unit.life == 'stopping' then
    local after = unit.waits_for and 'after ' .. awaited(unit, above)
    local force = left and ('ended by force in %s'):format(left)
    return after and force and after .. ', ' .. force or after or force
  elseif unit.life == 'interrupted' or unit.life == 'killed' then
    return 'its end is awaited'
  end
end

-- Probes that find nothing good, each in a few words.
local function ill(probe)
  local name, detail = clean(probe.probe), probe.detail and one_line(probe.detail)
  local text
  if probe.disabled then
    text = ('probe %s is disabled'):format(name)
  elseif probe.verdict == 'dead' then
    text = ('probe %s: dead for %s'):format(name, span.text(probe.since or 0))
  elseif (probe.failures or 0) > 0 then
    text = ('probe %s: failing'):format(name)
  elseif probe.verdict == 'unknown' and probe.since then
    text = ('probe %s: unknown for %s'):format(name, span.text(probe.since))
  end
  if not text then return nil end
  if detail then text = ('%s: %s'):format(text, detail) end
  if probe.next then text = ('%s (looks in %s)'):format(text, span.text(probe.next)) end
  return text
end

local function restarts(count)
  return count == 1 and '1 restart' or count .. ' restarts'
end

-- Who has half of the restarts behind it that its limit lets it have.
local function near(limit, whose)
  if not limit or limit.used == 0 or limit.used * 2 < limit.max then return nil end
  local within = limit.within and 'in ' .. span.text(limit.within) or 'in its life'
  local text = ('%s%d of %s %s'):format(
    whose, limit.used, restarts(limit.max), within
  )
  if limit.used >= limit.max then text = text .. ', one more and it gives up' end
  if limit['until'] then
    text = ('%s (%d in %s)'):format(text, limit.used - 1, span.text(limit['until']))
  end
  return text
end

local SAY = { starting = true, stopping = true, interrupted = true, killed = true }

-- "frames 3/64 +1 taken 120/s 0.2 s": how many wait, how fast they are dealt with, the
-- age of the oldest.
local function of_channel(channel)
  local text = ('%s %d/%d'):format(clean(channel.name), channel.depth, channel.capacity)
  if channel.taken > 0 then text = ('%s +%d taken'):format(text, channel.taken) end
  if channel.acked_rate > 0 then text = ('%s %d/s'):format(text, channel.acked_rate) end
  if channel.oldest_age then text = text .. ' ' .. span.text(channel.oldest_age) end
  return text
end

-- Since when it has been on its way, and what comes next.
local function at_present(unit, above)
  local parts = {}
  if unit.life == 'up' and unit.health == 'healthy' then
    parts[1] = unit.ready == false and 'not ready' or nil
    return parts
  end
  local at = SAY[unit.life] and unit.life or unit.health
  parts[1] = ('%s for %s'):format(at, span.text(unit.since))
  if unit.health == 'waiting' or SAY[unit.life] then
    parts[2] = next_step(unit, above)
  end
  return parts
end

--- The units that are on their way, in a few words each, the outer ones left out where
--- an inner one is what they wait for.
--- @param roots table[] as status gives them
--- @return { path: string, key: string, text: string }[]
function M.under_way(roots)
  local list = {}
  local function visit(unit, above)
    local before = #list
    for _, child in ipairs(unit.children or {}) do
      visit(child, unit)
    end
    local waits = unit.health == 'waiting' and (unit.waits_for or unit['until'])
    if #list > before or not (SAY[unit.life] or waits) then return end
    list[#list + 1] = {
      path = unit.path,
      key = ('%s %s %s'):format(unit.path, unit.life, unit.waits_for or ''),
      text = table.concat(at_present(unit, above), '; '),
    }
  end
  for _, root in ipairs(roots) do
    visit(root)
  end
  return list
end

--- What there is to say of a unit that is not just well; ''.
--- @param unit table as status gives it
--- @param above? table its supervisor
--- @return string
function M.note(unit, above)
  local parts = at_present(unit, above)
  if unit.because then parts[#parts + 1] = M.event(unit.because) end
  if unit.life ~= 'down' then
    parts[#parts + 1] = near(unit.intensity, '')
    for _, probe in ipairs(unit.probes or {}) do
      parts[#parts + 1] = ill(probe)
    end
  end
  parts[#parts + 1] = near(unit.own_intensity, 'its own limit: ')
  if unit.status then parts[#parts + 1] = one_line(unit.status) end
  for _, channel in ipairs(unit.channels or {}) do
    parts[#parts + 1] = of_channel(channel)
  end
  return table.concat(parts, '; ')
end

-- What it is at, in a word.
local function state_of(unit)
  if unit.life == 'down' or not unit.state then
    return SAY[unit.life] and unit.life or unit.health
  end
  return unit.state
end

local function row_of(unit, above, lead)
  return {
    lead = lead,
    health = SAY[unit.life] and 'waiting' or unit.health,
    note = M.note(unit, above),
    clean(unit.name),
    clean(state_of(unit)),
    unit.backend or unit.kind,
    unit.pid and tostring(unit.pid) or '',
    unit.uptime and span.text(unit.uptime) or '',
    unit.restarts > 0 and tostring(unit.restarts) or '',
  }
end

local function add(rows, unit, above, lead, below)
  rows[#rows + 1] = row_of(unit, above, lead)
  local children = unit.children or {}
  for i, child in ipairs(children) do
    local last = i == #children
    add(rows, child, unit, below .. (last and '└─ ' or '├─ '),
      below .. (last and '   ' or '│  '))
  end
end

local RIGHT = { [4] = true, [5] = true, [6] = true }

local function line_of(row, widths, paint)
  local cells = {}
  for i = 1, #COLUMNS do
    local text = row[i]
    local length = width(text) + (i == 1 and width(row.lead) or 0)
    local gap = (' '):rep(math.max(0, widths[i] - length))
    if i == 1 then
      text = paint('grey', row.lead) .. paint(row.health and 'bold' or 'grey', text)
    elseif i == 2 then
      text = paint(COLOURS[row.health] or 'grey', text)
    elseif not row.health then
      text = paint('grey', text)
    end
    cells[i] = RIGHT[i] and gap .. text or text .. gap
  end
  if row.note ~= '' then
    cells[#cells + 1] = paint(COLOURS[row.health], row.note)
  end
  return (table.concat(cells, '  '):gsub('%s+$', ''))
end

--- How many units there are, and how they are.
--- @param roots table[]
--- @return string
function M.summary(roots)
  local counts, all = {}, 0
  local function count(unit)
    all = all + 1
    counts[unit.health] = (counts[unit.health] or 0) + 1
    for _, child in ipairs(unit.children or {}) do
      count(child)
    end
  end
  for _, root in ipairs(roots) do
    count(root)
  end
  local parts = {}
  for _, health in ipairs(ORDER) do
    if counts[health] then parts[#parts + 1] = counts[health] .. ' ' .. health end
  end
  return ('%s: %s'):format(terminal.count(all, 'unit'), table.concat(parts, ', '))
end

--- What is to be known of a reload that has to prove itself; nil: there is none.
--- @param roots table[] as status gives them
--- @return string?
function M.confirm(roots)
  local confirm = roots[1] and roots[1].confirm
  if not confirm then return nil end
  local left = span.text(confirm['until'])
  if confirm.ill == 0 then
    return ('reload %d: all that it changed is well; it is kept in %s'):format(
      confirm.seq, left)
  end
  local names = {}
  for i, path in ipairs(confirm.waits_for) do
    names[i] = clean(path)
  end
  if confirm.ill > #names then
    names[#names + 1] = ('%d more'):format(confirm.ill - #names)
  end
  return ('reload %d is taken back in %s unless these are well: %s'):format(
    confirm.seq, left, table.concat(names, ', '))
end

--- What is to be known of processes that are no unit's; nil: there are none.
--- @param roots table[] as status gives them
--- @return string?
function M.strays(roots)
  local strays = roots[1] and roots[1].strays
  if not strays then return nil end
  local texts = {}
  for i, stray in ipairs(strays) do
    texts[i] = ('%d (%s)'):format(stray.pid, clean(stray.command))
  end
  return ('of no unit, ended with the host: %s'):format(table.concat(texts, ', '))
end

--- The tree as lines.
--- @param roots table[] as status gives them
--- @param paint fun(colour: string?, text: string): string
--- @return string[]
function M.draw(roots, paint)
  local rows = { { lead = '', note = '', unpack(COLUMNS) } }
  for _, root in ipairs(roots) do
    local name = root.name
    root.name = root.path
    add(rows, root, nil, '', '')
    root.name = name
  end
  local widths, lines = { 0, 0, 0, 0, 0, 0 }, {}
  for _, row in ipairs(rows) do
    for i = 1, #COLUMNS do
      local length = width(row[i]) + (i == 1 and width(row.lead) or 0)
      widths[i] = math.max(widths[i], math.min(WIDTH_MAX, length))
    end
  end
  for i, row in ipairs(rows) do
    lines[i] = line_of(row, widths, paint)
  end
  return lines
end

return M
