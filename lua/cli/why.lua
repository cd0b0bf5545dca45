--- runsmith why: the chain of causes of a unit's state.
local entry_of = require 'cli.entry'
local lines = require 'cli.lines'
local remote = require 'cli.remote'
local terminal = require 'cli.terminal'
local tree = require 'cli.tree'

local clean = terminal.clean

local function place(of)
  if not of.file or of.file == '' then return '' end
  return ('%s:%d'):format(clean(of.file), of.line)
end

local function show(result)
  local paint = terminal.painter(1)
  local unit = result.unit
  local note = tree.note(setmetatable({ because = false }, { __index = unit }))
  if note == '' then note = unit.health end
  local text = ('%s: %s'):format(paint('bold', clean(unit.path)), note)
  io.stdout:write(text, '  ', paint('grey', place(unit)), '\n')
  for i, link in ipairs(result.chain) do
    local entry = link.entry
    local where = i == 1 and 'because' or 'because of'
    io.stdout:write(
      ('  %-10s  %s  #%d  %s  %s  %s\n'):format(
        where,
        lines.time_of_day(entry.time or ''),
        entry.seq,
        clean(entry.unit or 'the host'),
        tree.event(entry),
        paint('grey', place(link))
      )
    )
    local _, _, below = entry_of.read(entry)
    for line in (below or ''):gmatch '[^\n]+' do
      io.stdout:write('                ', paint('grey', clean(line)), '\n')
    end
  end
  if #result.chain > 0 then return end
  local lost = unit.cause and unit.cause > 0
  io.stdout:write(lost and '  the journal has no longer what led to it\n'
    or '  it is as its script says\n')
end

return {
  name = 'why',
  summary = 'say why a unit is as it is: the chain of causes',
  args = { { 'PATH', "the unit's path" } },
  options = { remote.SOCKET, remote.JSON },
  run = function(given)
    return remote.request('why', given, { op = 'why', path = given.PATH }, show)
  end,
}
