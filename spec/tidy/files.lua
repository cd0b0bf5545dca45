-- files.lua -- the project's files, as the tidy specs walk them.

local uv = require 'luv'

local M = {}

--- Lines of a command's output.
--- @param command string
--- @return string[]
function M.lines_of(command)
  local pipe, lines = assert(io.popen(command)), {}
  for line in pipe:lines() do
    lines[#lines + 1] = line
  end
  pipe:close()
  return lines
end

local all

--- Paths that match a pattern: those in git, and those that could be added to it.
--- @param pattern string
--- @return string[]
function M.named(pattern)
  all = all or M.lines_of 'git ls-files -co --exclude-standard | sort -u'
  local found = {}
  for _, path in ipairs(all) do
    if path:find(pattern) and uv.fs_stat(path) then found[#found + 1] = path end
  end
  return found
end

--- @return string text
function M.read(path)
  local file = assert(io.open(path, 'rb'))
  local text = file:read '*a'
  file:close()
  return text
end

--- Calls `visit(path, number, line)` for each line of each file that matches.
function M.each_line(pattern, visit)
  for _, path in ipairs(M.named(pattern)) do
    local number = 0
    for line in (M.read(path) .. '\n'):gmatch '([^\n]*)\n' do
      number = number + 1
      visit(path, number, line)
    end
  end
end

--- Lines of files that have a pattern, as `path:number: line`.
--- @param pattern string of files
--- @param banned string of what no line may have
--- @param except? fun(path: string, line: string): boolean
--- @return string[]
function M.grep(pattern, banned, except)
  local found = {}
  M.each_line(pattern, function(path, number, line)
    if line:find(banned) and not (except and except(path, line)) then
      found[#found + 1] = ('%s:%d: %s'):format(path, number, line)
    end
  end)
  return found
end

return M
