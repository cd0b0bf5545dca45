--- runsmith plan: what a reload would do to the running host.
local remote = require 'cli.remote'
local show_mistakes = require 'cli.mistakes'
local terminal = require 'cli.terminal'
local uv = require 'luv'

local SIGNS = { start = '+', stop = '-', restart = '~', patch = '.' }
local COLOURS = { start = 'green', stop = 'red', restart = 'yellow', patch = 'blue' }
local WORDS = { 'start', 'stop', 'restart', 'patch', 'keep' }

local function show(result)
  local paint = terminal.painter(1)
  local width = 0
  for _, unit in ipairs(result.units) do
    width = math.max(width, #unit.path)
  end
  for _, unit in ipairs(result.units) do
    local why = #unit.why > 0 and table.concat(unit.why, ', ') .. ' changed' or ''
    local place = unit.file and ('%s:%d'):format(unit.file, unit.line) or ''
    local text = ('%s %-8s%-' .. width .. 's'):format(
      SIGNS[unit.effect],
      unit.effect,
      terminal.clean(unit.path)
    )
    local line = ('%s  %s  %s'):format(
      paint(COLOURS[unit.effect], text),
      why,
      paint('grey', terminal.clean(place))
    )
    io.stdout:write((line:gsub('%s+$', '')), '\n')
  end
  local parts = {}
  for _, word in ipairs(WORDS) do
    parts[#parts + 1] = ('%d to %s'):format(result[word], word)
  end
  io.stdout:write(table.concat(parts, ', '), '\n')
end

return {
  name = 'plan',
  summary = 'say what a reload would do to each unit of the running host, and why',
  args = { { 'FILE', "the tree script; else the host's", optional = true } },
  options = { remote.SOCKET, remote.JSON },
  run = function(given)
    local file, why
    if given.FILE then
      file, why = uv.fs_realpath(given.FILE)
      if not file then
        io.stderr:write(('runsmith plan: %s\n'):format(why))
        return 1
      end
    end
    return remote.with('plan', given, function(host)
      local result, err, raw = host:request('plan', { file = file })
      if given.json then remote.print(raw, err) end
      if err and err.mistakes and not given.json then show_mistakes(err.mistakes) end
      if err then return remote.complain('plan', err) end
      if not given.json then show(result) end
      return 0
    end)
  end,
}
