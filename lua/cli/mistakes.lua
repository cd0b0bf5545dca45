--- How mistakes in a tree script are told.
local terminal = require 'cli.terminal'

--- Writes them to stderr, one a line, and how many there were.
--- @param mistakes runsmith.Mistake[]
return function(mistakes)
  local paint = terminal.painter(2)
  local lines = {}
  for i, item in ipairs(mistakes) do
    local path = item.path ~= '' and paint('bold', terminal.clean(item.path)) .. ': '
      or ''
    local place = ('%s:%d'):format(terminal.clean(item.file), item.line)
    lines[i] = ('%s: %s%s\n'):format(place, path, terminal.clean(item.message))
  end
  lines[#lines + 1] = paint('red', terminal.count(#mistakes, 'mistake')) .. '\n'
  io.stderr:write(table.concat(lines))
end
