--- A command wrote a line that matches, since the last look.

local M = {}

--- @param spec { pattern: string, stream?: string }
--- @param look { lines?: table }
function M.check(spec, _, look)
  local lines = look.lines
  for i = lines and lines.first or 1, lines and lines.last or 0 do
    local line = lines[i]
    local ours = not spec.stream or spec.stream == line.stream
    if ours and line.text:find(spec.pattern) then return true, line.text end
  end
  if lines and lines.missed > 0 then
    return nil, ('%d lines of output were too many to look at'):format(lines.missed)
  end
  return false, ('no line with %q'):format(spec.pattern)
end

return M
