--- runsmith check: evaluates a tree script, tells its mistakes or draws the tree.
local abi = require 'runsmith.abi'
local evaluate = require 'runsmith.evaluate'
local json = require 'cjson'
local options = require 'cli.options'
local show_mistakes = require 'cli.mistakes'
local terminal = require 'cli.terminal'
local units = require 'cli.units'

local function rules(unit)
  local parts = {}
  local function add(text, ...) parts[#parts + 1] = text:format(...) end
  if unit.kind == 'supervisor' then
    if unit.isolate then add 'isolated' end
    if unit.vms > 1 then add('%d VMs', unit.vms) end
    if unit.ordered then add 'in order' end
    local within = unit.intensity.within -- none: for life
    add(
      unit.intensity.max == 0 and 'no restarts' or '%s in %s',
      terminal.count(unit.intensity.max, 'restart'),
      within and terminal.seconds(within) or 'its life'
    )
    if unit.pool then add 'pool' end
    if unit.journal == 'brief' then add 'brief journal' end
    if unit.auto_shutdown ~= 'never' then add('ends on %s', unit.auto_shutdown) end
  elseif unit.restart ~= 'transient' then
    add('%s', unit.restart)
  end
  if unit.backoff then add('backoff %s', terminal.seconds(unit.backoff)) end
  if unit.after then add('after %s', table.concat(unit.after, ', ')) end
  for _, limit in ipairs { 'launch', 'heartbeat', 'stall' } do
    if unit[limit] then add('%s %s', limit, terminal.seconds(unit[limit])) end
  end
  if unit.shutdown == 'kill' then add 'killed, not asked' end
  if type(unit.shutdown) == 'number' then
    add('shutdown %s', terminal.seconds(unit.shutdown))
  end
  if unit.significant then add 'significant' end
  return table.concat(parts, ', ')
end

local function draw(view)
  local rows, paint = {}, terminal.painter(1)
  local widths = { 0, 0, 0, 0 }
  local function add(unit, lead, below)
    local how = unit.strategy or unit.backend or ''
    local row =
      { lead .. unit.name, unit.kind, how, unit.runs or '', rules(unit), unit }
    row.lead = #lead
    rows[#rows + 1] = row
    for i = 1, 4 do
      local length = select(2, row[i]:gsub('[^\128-\191]', ''))
      row[i + 10] = length
      widths[i] = math.min(40, math.max(widths[i], length))
    end
    for i, child in ipairs(unit.children or {}) do
      local last = i == #unit.children
      add(
        child,
        below .. (last and '└─ ' or '├─ '),
        below .. (last and '   ' or '│  ')
      )
    end
  end
  add(units.tree(view), '', '')
  local lines = {}
  for i, row in ipairs(rows) do
    local cells = {}
    for column = 1, 4 do
      local text = row[column]
      local gap = (' '):rep(math.max(0, widths[column] - row[column + 10]))
      if column == 1 then
        local lead = text:sub(1, row.lead)
        text = paint('grey', lead) .. paint('bold', text:sub(row.lead + 1))
      end
      cells[column] = text .. gap
    end
    cells[5] = paint('grey', row[5])
    lines[i] = (table.concat(cells, '  '):gsub('%s+$', '')) .. '\n'
  end
  return table.concat(lines)
end

return {
  name = 'check',
  summary = 'evaluate FILE, tell all its mistakes, or draw the tree',
  args = { { 'FILE', 'the tree script' } },
  options = {
    { 'json', nil, 'for programs' },
    {
      'eval-time',
      'SECONDS',
      'processor time of the evaluation',
      evaluate.CPU,
      options.seconds,
    },
    { 'eval-memory', 'SIZE', 'memory of the evaluation', '1G', options.size },
  },
  run = function(given)
    local memory = given['eval-memory'] ~= '1G' and given['eval-memory'] or nil
    local bytes, mistakes = evaluate.spawn(given.FILE, {
      cpu = given['eval-time'],
      memory = memory,
      command = given.command,
    })
    if not bytes and given.json then
      io.stdout:write(json.encode { ok = false, mistakes = mistakes }, '\n')
    elseif not bytes then
      show_mistakes(mistakes)
    elseif given.json then
      local tree = units.tree(abi.view(bytes))
      io.stdout:write(json.encode { ok = true, tree = tree }, '\n')
    else
      local view = abi.view(bytes)
      io.stdout:write(draw(view), units.summary(view), '\n')
    end
    return bytes and 0 or 1
  end,
}
